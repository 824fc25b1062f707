"""A number that its relay does not know may have moved since somebody said who serves it: who serves it is asked once more."""
import json
import unittest

import name_server
from case import DOMAIN, STATUS
from mm4_case import B, BOB, C, YES, Mm4Case
from mm4_peer import Answer
from name_server import NameServer, naptr
from test_mm4_routes import ZONE, Routes, Service

MOVED, OTHER, STAYS = "+48600000071", "+48600000072", "+48600000073"
UNRESOLVED = "Error-sending-address-unresolved"


def unknown_at_rcpt(*numbers):
    """The script of a relay's host that does not know these numbers."""
    return lambda envelope, verb, argument: "550 5.1.1 no such number" if verb == "RCPT" and any(number in argument for number in numbers) else None


class Moves(Routes):
    def requests_about(self, queue_id, address):
        return [event["what"] for event in map(json.loads, self.gateway.mmq("trace", queue_id, "--json").stdout.splitlines())
                if event["what"] == "looked-up-again" and event["recipient"].startswith(address)]

    def assert_told_once(self, number):
        """The end of this number was told, and is not told again while the end of a later MM is."""
        self.assertIn(self.wait_reports()[0]["X-Mms-Status"], (STATUS["Rejected"], STATUS["Unreachable"]))
        self.b.server.script = lambda envelope, verb, argument: "550 5.7.1 not now" if verb == "MAIL" else None
        self.send_mm([BOB], Delivery_Report=YES)
        self.assertEqual([report["To"] for report in self.wait_reports(2)], [[f"{number}/TYPE=PLMN"], [f"{BOB}/TYPE=PLMN"]])


class Portability(Moves):
    """All numbers are at b, as the service said, and as is remembered."""

    def setUp(self):
        self.service = Service({number: (200, "b") for number in (MOVED, OTHER, STAYS)})
        self.addCleanup(self.service.close)
        super().setUp()
        for number in (MOVED, STAYS):
            self.goes_to(self.b, number)
        self.before = len(self.b.of("MM4_forward.REQ"))

    def start(self, **more):
        return super().start(portability={"url": self.service.url, "prefixes": ["+4860000007"]}, **more)

    def questions(self, number=MOVED):
        return [asked for asked, _ in self.service.asked].count(number)

    def moved_to(self, where, number=MOVED):
        self.service.answers[number] = (200, where)
        self.b.server.script = unknown_at_rcpt(number)

    def test_the_host_does_not_know_it_any_more(self):
        self.moved_to("c")
        message_id = self.send_mm([MOVED], Delivery_Report=YES)
        received = self.c.forwards()[0]
        self.assertEqual((received.message.message_id, received.envelope.recipients), (message_id, [f"{MOVED}/TYPE=PLMN@{C}"]))
        self.assertEqual([to.domain for to in received.message["To"]], [C])
        self.taken(self.c.report_on(received, MOVED), self.c)
        self.assertEqual([report["X-Mms-Status"] for report in self.wait_reports()], [STATUS["Retrieved"]])
        self.assertEqual((self.questions(), len(self.b.of("MM4_forward.REQ"))), (2, self.before))

    def test_the_relay_does_not_know_it_any_more(self):
        self.moved_to("c")
        self.b.server.script = lambda envelope, verb, argument: None
        self.b.answer = lambda received: Answer(UNRESOLVED)
        message_id = self.send_mm([MOVED], Delivery_Report=YES)
        at_b, at_c = self.b.forwards(self.before + 1)[self.before], self.c.forwards()[0]
        self.assertEqual({at_b.message.message_id, at_c.message.message_id}, {message_id})
        self.assertNotEqual(at_b.message.transaction_id, at_c.message.transaction_id)
        self.wait_state(self.outgoing()[-1], MOVED, "relayed")
        # Who did not know the number has nothing more to say about it.
        aliens = self.counter("mm4_alien")
        self.b.respond(at_b, Answer("Error-service-denied"))
        self.taken(self.b.report_on(at_b, MOVED, "Rejected"))
        self.wait_counter("mm4_alien", aliens + 2)
        self.taken(self.c.report_on(at_c, MOVED), self.c)
        self.assertEqual([report["X-Mms-Status"] for report in self.wait_reports()], [STATUS["Retrieved"]])

    def test_it_has_come_to_us(self):
        self.moved_to(DOMAIN)
        self.send_mm([MOVED])
        self.wait_notifications(number=MOVED)
        self.assertEqual(self.c.received, [])

    def ends(self, words):
        self.send_mm([MOVED], Delivery_Report=YES)
        queue_id = self.outgoing(3)[-1]
        self.assertIn(words, self.wait_state(queue_id, MOVED, "failed")["reason"])
        self.assertEqual((self.requests_about(queue_id, MOVED), self.questions(), self.c.received), (["looked-up-again"], 2, []))
        self.assert_told_once(MOVED)

    def test_the_same_answer_is_the_end(self):
        self.moved_to("b")
        self.ends("550 5.1.1 no such number")

    def test_the_same_answer_is_the_end_for_its_relay_too(self):
        self.b.answer = lambda received: Answer(UNRESOLVED)
        self.ends(UNRESOLVED)

    def test_two_relays_that_do_not_know_it_are_enough(self):
        self.moved_to("c")
        self.c.server.script = unknown_at_rcpt(MOVED)
        self.send_mm([MOVED], Delivery_Report=YES)
        queue_id = self.outgoing(3)[-1]
        self.wait_state(queue_id, MOVED, "failed")
        self.assertEqual(self.requests_about(queue_id, MOVED), ["looked-up-again"])
        self.assert_told_once(MOVED)

    def test_a_service_that_is_silent_meanwhile(self):
        self.moved_to("c")
        self.service.answers[MOVED] = (503, "")
        self.send_mm([MOVED], Delivery_Report=YES)
        self.service.wait(lambda: self.questions() >= 2, "the question")
        self.service.answers[MOVED] = (200, "c")
        self.assertEqual(self.c.forwards(timeout=60)[0].recipients, [MOVED])
        self.assertEqual(self.reports(), [])

    def test_the_others_of_its_request_stay_where_they_are(self):
        self.moved_to("c")
        message_id = self.send_mm([STAYS, MOVED])
        self.assertEqual(self.b.forwards(self.before + 1)[self.before].recipients, [STAYS])
        self.assertEqual((self.c.forwards()[0].recipients, self.c.forwards()[0].message.message_id), ([MOVED], message_id))
        for number in (STAYS, MOVED):
            self.wait_state(self.outgoing()[-1], number, "relayed", "delivered")

    def test_where_nobody_can_know_better_it_fails_at_once(self):
        self.b.server.script = unknown_at_rcpt(BOB)
        self.send_mm([BOB], Delivery_Report=YES)
        self.assertIn(self.wait_reports()[0]["X-Mms-Status"], (STATUS["Rejected"], STATUS["Unreachable"]))
        self.assertEqual(self.requests_about(self.outgoing()[-1], BOB), [])

    def test_it_outlives_a_kill(self):
        self.moved_to("c")
        self.service.answers[MOVED] = (503, "")
        self.send_mm([MOVED])
        self.service.wait(lambda: self.questions() >= 2, "the question")
        self.gateway.restart()
        self.b.gateway = self.c.gateway = self.gateway.smtp
        self.service.answers[MOVED] = (200, "c")
        self.assertEqual(self.c.forwards(timeout=60)[0].recipients, [MOVED])


@unittest.skipUnless(name_server.INSTALLED, "unbound is not installed")
class Enum(Moves):
    def setUp(self):
        self.names = self.enterContext(NameServer(self.records(B)))
        super().setUp()

    def records(self, domain):
        return [naptr(MOVED, ZONE, f"!^(.*)$!mailto:\\1/TYPE=PLMN@{domain}!")]

    def start(self, **more):
        return super().start(enum=[{"zone": ZONE, "prefixes": ["+48"], "servers": [f"127.0.0.1:{self.names.port}"]}], **more)

    def test_the_zone_says_something_else_now(self):
        self.goes_to(self.b, MOVED)
        self.names.change(self.records(C))
        self.b.server.script = unknown_at_rcpt(MOVED)
        self.send_mm([MOVED], Delivery_Report=YES)
        self.assertEqual(self.c.forwards()[0].recipients, [MOVED])
        self.assertEqual(self.reports(), [])

    def test_the_zone_says_the_same(self):
        self.b.server.script = unknown_at_rcpt(MOVED)
        self.send_mm([MOVED], Delivery_Report=YES)
        self.assert_told_once(MOVED)


class Together(Mm4Case):
    """Recipients of one request that have to wait come back as one request."""

    NUMBERS = [f"+486000001{i:02}" for i in range(8)]

    def came_back(self, copies):
        self.assertEqual([sorted(r.recipients) for r in self.b.forwards(copies)], [self.NUMBERS] * copies)
        for number in self.NUMBERS:
            self.wait_state(self.outgoing()[0], number, "relayed", "delivered")
        self.assertEqual(len(self.b.of("MM4_forward.REQ")), copies)

    def test_each_recipient_is_asked_to_wait(self):
        waiting = set(self.NUMBERS)

        def script(envelope, verb, argument):
            number = next((number for number in waiting if verb == "RCPT" and number in argument), None)
            waiting.discard(number)
            return "451 4.2.1 later" if number else None
        self.b.server.script = script
        self.send_mm(self.NUMBERS)
        self.came_back(1)

    def test_the_relay_asks_them_all_to_wait(self):
        self.b.answer = lambda received: Answer("Error-network-problem" if len(self.b.of("MM4_forward.REQ")) == 1 else "Ok")
        self.send_mm(self.NUMBERS)
        self.came_back(2)


if __name__ == "__main__":
    unittest.main()
