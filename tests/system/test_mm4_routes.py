"""Where a number goes: own ranges, prefixes, peers' domains, ENUM, portability, a default relay; and who may pass through."""
import http.server
import json
import threading
import unittest
import urllib.parse

import name_server
import schema
from case import DOMAIN, ONE, SENDER, STATUS, TWO, mail
from mm4_builder import slides
from mm4_case import B, BOB, C, CAROL, NEVER, YES, Mm4Case, text_part
from mm4_peer import Answer, Mm4Peer
from name_server import NameServer, naptr
from peers import Waiter

ZONE = "e164enum.example"
REJECTED_AT_ONCE = 0xE3


class Routes(Mm4Case):
    def tearDown(self):
        # Who serves a number is what these tests choose.
        for peer in (self.b, self.c):
            peer.problems = [problem for problem in peer.problems if "is not served here" not in problem]
        super().tearDown()

    def goes_to(self, peer, number, **message):
        """An MM to a number reaches this relay, written for its domain."""
        before = len(peer.of("MM4_forward.REQ"))
        self.send_mm([number], **message)
        received = peer.forwards(before + 1)[before]
        self.assertEqual(received.envelope.recipients, [f"{number}/TYPE=PLMN@{peer.domain}"])
        return received

    def explained(self, address):
        return self.gateway.mmq("route", address).stdout

    def assert_explained(self, address, word):
        self.assertIn(word, self.gateway.mmq("route", address, check=False).stdout)

    def refused_at_once(self, number):
        conf = self.phone().send([f"{number}/TYPE=PLMN"], parts=[text_part()])
        self.assertEqual(conf["X-Mms-Response-Status"], REJECTED_AT_ONCE, conf)


class Prefixes(Routes):
    OPTIONS = {**Mm4Case.OPTIONS, "ported": [{"number": "+48600000077", "peer": "c"}, {"number": "+48600000078", "peer": ""},
                                             {"number": "+447700900099", "peer": "b"}]}

    def peers(self):
        return [self.b.keys("b", prefixes=["+48600", "+3360"], domains=["mms.b-two.example"]), self.c.keys("c", prefixes=["+33600", "+4860099"])]

    def test_the_longest_prefix_wins(self):
        self.goes_to(self.b, BOB)
        self.goes_to(self.c, CAROL)
        self.goes_to(self.b, "+33601000001")
        self.goes_to(self.c, "+48600990001")
        self.refused_at_once(NEVER)

    def test_a_single_ported_number_goes_before_all_else(self):
        self.goes_to(self.c, "+48600000077")
        self.goes_to(self.b, "+447700900099")
        self.send_mm(["+48600000078"])
        self.wait_notifications(number="+48600000078")

    def test_national_and_international_forms(self):
        self.phone().send(["0048600000002/TYPE=PLMN"], parts=[text_part()])
        self.assertEqual(self.b.forwards()[0].recipients, [BOB])

    def test_a_domain_of_a_peer_names_it(self):
        for domain in (B, "mms.b-two.example"):
            with self.subTest(domain):
                before = len(self.b.of("MM4_forward.REQ"))
                self.phone().send([f"+99900000001@{domain}"], parts=[text_part()])
                self.assertEqual(self.b.forwards(before + 1)[before].recipients, ["+99900000001"])

    def test_each_choice_is_explained(self):
        rules = schema.load()
        for address, words in ((BOB, ("b", "+48600")), (CAROL, ("c", "+33600")), (ONE, ("+447700",)), ("+48600000077", ("c", "ported")),
                               ("somebody@example.com", ("mail",))):
            with self.subTest(address):
                text = self.explained(address)
                for word in words:
                    self.assertIn(word, text)
                value = json.loads(self.gateway.mmq("route", address, "--json").stdout.splitlines()[0])
                self.assertEqual(schema.problems(value, rules["$defs"]["route"], rules), [])
        self.assertNotEqual(self.gateway.mmq("route", NEVER, check=False).returncode, 0)
        self.assertEqual((self.gateway.queue("--all"), self.b.received), ([], []))


class Default(Routes):
    OPTIONS = {**Mm4Case.OPTIONS, "mm4": {**Mm4Case.OPTIONS["mm4"], "default_peer": "c"}}

    def test_what_nobody_knows_goes_to_the_default(self):
        self.goes_to(self.c, NEVER)
        self.goes_to(self.b, BOB)
        self.assert_explained(NEVER, "default")


class Transit(Routes):
    OPTIONS = {**Mm4Case.OPTIONS}
    PEER_B = {"transit": True}

    def test_an_agreed_peer_passes_through_with_all_its_fields(self):
        draft = self.b.writer().forward(BOB, [CAROL], their_domain=C, parts=slides(), delivery_report=True,
                                        recipients=[f"{CAROL}/TYPE=PLMN@{DOMAIN}"])
        draft.add("X-Mms-Fee-Code", "7").add("X-Mms-Return-Route", "hub=9")
        self.taken(draft)
        received = self.c.forwards()[0]
        # Unknown fields are kept for those to whom they mean something; the envelope's sender is ours, who answer for what passes through.
        self.c.problems = [problem for problem in self.c.problems if "is no field of" not in problem and "MAIL FROM" not in problem]
        self.assertEqual((received.recipients, received.message.raw("X-Mms-Fee-Code"), received.message.raw("X-Mms-Return-Route")),
                         ([CAROL], "7", "hub=9"))
        self.assertEqual(received.message["From"].user, BOB)
        self.assertEqual(self.b.wait_for("MM4_forward.RES")[0].message.status, "Ok")
        self.taken(self.c.report_on(received, CAROL), self.c, recipients=[received.message.answer_to])
        report = self.b.wait_for("MM4_delivery_report.REQ")[0].message
        self.assertEqual((report.status, report["From"].user, report.raw("X-Mms-Message-ID")), ("Retrieved", CAROL, draft.get("X-Mms-Message-ID")))

    def test_what_came_twice_is_answered_twice_and_goes_once(self):
        """The same MM in a new request of the same peer: its relay did not get our response, and has lost the transaction."""
        for count in (1, 2):
            self.taken(self.b.writer().forward(BOB, [CAROL], their_domain=C, parts=slides(), message_id="once", recipients=[f"{CAROL}/TYPE=PLMN@{DOMAIN}"]))
            self.assertEqual([r.message.status for r in self.b.wait_for("MM4_forward.RES", count)], ["Ok"] * count)
        self.c.forwards()
        self.wait_counter("mm4_repeated", 1)
        self.c.problems = [problem for problem in self.c.problems if "MAIL FROM" not in problem]
        self.assertEqual((len(self.c.of("MM4_forward.REQ")), len(self.incoming())), (1, 1))

    def test_what_comes_back_by_another_way_is_a_loop(self):
        hub = self.enterContext(Mm4Peer("mms.hub.example", "127.0.1.4"))
        self.again(peer=[*self.peers(), hub.keys("hub", originators=["+"], transit=True)])
        hub.gateway = self.gateway.smtp
        round_trip = {"their_domain": C, "parts": slides(), "message_id": "round", "recipients": [f"{CAROL}/TYPE=PLMN@{DOMAIN}"]}
        self.taken(self.b.writer().forward(BOB, [CAROL], **round_trip))
        self.c.forwards()
        self.taken(hub.writer().forward(BOB, [CAROL], **round_trip).set("From", f"{BOB}/TYPE=PLMN"), hub)
        self.assertEqual(hub.wait_for("MM4_forward.RES")[0].message.status, "Error-network-problem")
        self.assertIn("routing-loop", self.gateway.wait_log("mm4-refused"))
        self.c.problems = [problem for problem in self.c.problems if "MAIL FROM" not in problem]
        self.assertEqual(len(self.c.of("MM4_forward.REQ")), 1)

    def test_never_back_to_where_it_came_from(self):
        draft = self.b.writer().forward("+48600000003", [BOB], their_domain=B, parts=slides(), recipients=[f"{BOB}/TYPE=PLMN@{DOMAIN}"])
        self.refused("5[0-9]{2}", draft)
        self.assertEqual(self.b.of("MM4_forward.REQ"), [])

    def test_who_has_not_agreed_does_not_pass(self):
        # What makes a relay look again for who serves the number: it may have moved.
        self.refused(r"550 5\.1\.1", self.draft([BOB], self.c, CAROL, recipients=[f"{BOB}/TYPE=PLMN@{DOMAIN}"]), self.c)


@unittest.skipUnless(name_server.INSTALLED, "unbound is not installed")
class Enum(Routes):
    """Numbers of +41 have no prefix of anybody: the zone knows."""

    CALLED = "+4179000000{}"

    def setUp(self):
        to = lambda domain: f"!^(.*)$!mailto:\\1/TYPE=PLMN@{domain}!"
        of = self.CALLED.format
        records = [naptr(of(1), ZONE, to(B)), naptr(of(2), ZONE, to(C), "E2U+sip+mms:mailto"), naptr(of(3), ZONE, to(C), "mms+E2U"),
                   naptr(of(4), ZONE, to(C), order=200), naptr(of(4), ZONE, to(B), order=100, preference=20),
                   naptr(of(4), ZONE, to("mms.nobody.example"), "E2U+sip"),
                   naptr(of(5), ZONE, "!^.*$!mailto:%2B41790000005%2FTYPE=PLMN@mms.b.example?subject=x!"),
                   naptr(of(6), ZONE, to("mms.nobody.example")), naptr(of(7), ZONE, "!^(((((.*)*)*)*)*)$!mailto:\\1@x!"),
                   naptr(of(8), ZONE, "no expression"),
                   naptr("+48600000050", ZONE, to(C))]
        self.names = self.enterContext(NameServer(records))
        super().setUp()

    def start(self, **more):
        return super().start(enum=[{"zone": ZONE, "prefixes": ["+41", "+48"], "servers": [f"127.0.0.1:{self.names.port}"]}], **more)

    def test_each_service_and_form_that_leads_to_a_peer(self):
        self.goes_to(self.b, self.CALLED.format(1))
        self.goes_to(self.c, self.CALLED.format(2))
        self.goes_to(self.c, self.CALLED.format(3))
        self.goes_to(self.b, self.CALLED.format(4))   # the lowest order
        self.goes_to(self.b, self.CALLED.format(5))
        self.assert_explained(self.CALLED.format(1), "ENUM")

    def test_the_zone_knows_better_than_a_prefix_and_a_prefix_than_nothing(self):
        self.goes_to(self.c, "+48600000050")
        self.goes_to(self.b, BOB)

    def test_what_leads_nowhere_fails_and_hurts_nobody(self):
        for number in (6, 7, 8, 9):
            with self.subTest(number):
                self.push.pushes.clear()
                conf = self.phone().send([self.CALLED.format(number) + "/TYPE=PLMN"], parts=[text_part()], Delivery_Report=YES)
                if conf["X-Mms-Response-Status"] == 0x80:
                    self.assertIn(self.wait_reports()[0]["X-Mms-Status"], (STATUS["Rejected"], STATUS["Unreachable"], STATUS["Indeterminate"]))
        self.goes_to(self.b, self.CALLED.format(1))

    def test_a_name_server_that_is_silent_delays_only_its_own_numbers(self):
        self.names.stop()
        self.send_mm([self.CALLED.format(1)])
        self.goes_to(self.c, CAROL)
        self.send_mm([TWO])
        self.wait_notifications(number=TWO)


class Service(Waiter):
    """A portability service; `answers` are number: (status, text)."""

    def __init__(self, answers):
        super().__init__()
        self.answers, self.asked = answers, []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                number = urllib.parse.unquote(self.path.rpartition("/")[2])
                with service.changed:
                    service.asked.append((number, self.headers.get("Authorization")))
                    service.changed.notify_all()
                status, text = service.answers.get(number, (404, ""))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text.encode())

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/number/{{number}}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Portability(Routes):
    def setUp(self):
        self.service = Service({"+48600000061": (200, "c\n"), "+48600000062": (200, C), "+48600000063": (200, DOMAIN + "\n"),
                                "+48600000064": (200, "nobody-we-know"),
                                "+48600000065": (500, "broken"), "+48600000066": (200, "x" * 100_000), "+447700900061": (200, "b")})
        self.addCleanup(self.service.close)
        super().setUp()

    def start(self, **more):
        return super().start(portability={"url": self.service.url, "user": "gate", "password": "secret", "prefixes": ["+48", "+44770090006"]}, **more)

    def test_the_service_knows_better_than_a_prefix(self):
        self.goes_to(self.c, "+48600000061")
        self.goes_to(self.c, "+48600000062")
        self.goes_to(self.b, BOB)   # 404: it has not moved
        self.goes_to(self.b, "+447700900061")   # of our own range, which it is asked about
        self.send_mm(["+48600000063"])
        self.wait_notifications(number="+48600000063")
        self.goes_to(self.c, CAROL)
        self.assertNotIn(CAROL, [number for number, _ in self.service.asked])
        self.assertTrue(all(authorization and authorization.startswith("Basic ") for _, authorization in self.service.asked))
        self.assert_explained("+48600000061", "portability")

    def test_an_answer_is_remembered(self):
        for _ in range(3):
            self.goes_to(self.c, "+48600000061")
        self.assertEqual([number for number, _ in self.service.asked], ["+48600000061"])

    def test_an_operator_who_is_no_peer_is_out_of_reach(self):
        self.phone().send(["+48600000064/TYPE=PLMN"], parts=[text_part()], Delivery_Report=YES)
        self.assertIn(self.wait_reports()[0]["X-Mms-Status"], (STATUS["Rejected"], STATUS["Unreachable"]))

    def test_a_broken_service_delays_and_loses_nothing(self):
        for number in ("+48600000065", "+48600000066"):
            self.send_mm([number])
            self.service.wait(lambda: number in [asked for asked, _ in self.service.asked], "the question")
        self.goes_to(self.c, CAROL)
        for number in ("+48600000065", "+48600000066"):
            self.service.answers[number] = (404, "")
        received = self.b.forwards(2, timeout=60)
        self.assertEqual(sorted(number for r in received for number in r.recipients), ["+48600000065", "+48600000066"])


class Worlds(Mm4Case):
    """Mail to phones of others, and reports across the worlds."""

    def test_mail_to_a_peers_phone_and_its_notification(self):
        self.send_mail(mail("By mail", "Some text.", to=f"{BOB}@{DOMAIN}"), [f"{BOB}@{DOMAIN}"],
                       rcpt_options=["NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;{BOB.replace('+', '+2B')}@{DOMAIN}"])
        received = self.b.forwards()[0]
        self.assertEqual((received.recipients, received.message["Subject"], received.message["From"].addr_spec), ([BOB], "By mail", SENDER))
        self.assertTrue(received.message["X-Mms-Delivery-Report"])
        self.assertEqual([m for m in self.sink.mails if m.sender == ""], [])
        self.taken(self.b.writer().report("MM4_delivery_report.REQ", received.message.raw("X-Mms-Message-ID"), BOB, SENDER, "", "Retrieved"),
                   recipients=[received.message.answer_to])
        dsn = self.sink.wait(lambda: next((m for m in self.sink.mails if m.sender == ""), None), "a notification")
        self.assertEqual(dsn.recipients, [SENDER])
        self.assertRegex(dsn.data, rb"(?i)Action: (delivered|relayed)")

    def test_a_refusal_bounces_to_the_mailbox(self):
        self.b.answer = lambda received: Answer("Error-service-denied")
        self.send_mail(mail("By mail", to=f"{BOB}@{DOMAIN}"), [f"{BOB}@{DOMAIN}"])
        dsn = self.sink.wait(lambda: next((m for m in self.sink.mails if m.sender == ""), None), "a bounce")
        self.assertIn(b"Action: failed", dsn.data)
        self.assertIn(BOB.encode(), dsn.data)

    def test_mail_from_elsewhere_reaches_no_peer(self):
        self.again(mm4={**self.OPTIONS["mm4"], "mail_networks": []})
        client = self.client()
        client.mail(SENDER)
        code, text = client.rcpt(f"{BOB}@{DOMAIN}")
        self.assertEqual(code // 100, 5, text)

    def test_a_disposition_notification_for_what_was_read(self):
        self.send_mail(mail("Read me", to=f"{BOB}@{DOMAIN}", Disposition_Notification_To=SENDER), [f"{BOB}@{DOMAIN}"])
        received = self.b.forwards()[0]
        self.assertTrue(received.message.get("X-Mms-Read-Reply"))
        self.taken(self.b.writer().report("MM4_read_reply_report.REQ", received.message.raw("X-Mms-Message-ID"), BOB, SENDER, "", "Read"),
                   recipients=[received.message.answer_to])
        mdn = self.sink.wait(lambda: next((m for m in self.sink.mails if b"disposition-notification" in m.data), None), "a disposition notification")
        self.assertEqual(mdn.recipients, [SENDER])
        self.assertIn(b"displayed", mdn.data)


if __name__ == "__main__":
    unittest.main()
