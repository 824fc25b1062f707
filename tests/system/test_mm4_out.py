"""A phone's MM to a phone of another operator: the request, its response or the lack of one, and the reports about it."""
import hashlib
import threading
import unittest

import pdu
import smtp_end
from case import DOMAIN, ONE, STATUS, TWO, the_photo
from mm4_builder import STANDARD, Dialect
from mm4_case import B, BEN, BOB, CAROL, READ, UNREAD, YES, Mm4Case, text_part
from mm4_peer import Answer


class Exchange(Mm4Case):
    def test_an_mm_arrives_whole_and_both_reports_come_back(self):
        photo = the_photo()
        message_id = self.send_mm([BOB], subject="Grüße", related="<s>", Delivery_Report=YES, Read_Report=YES, Priority=0x82, parts=[
            pdu.Part("application/smil", b'<smil><body><par><img src="lake.jpg"/></par></body></smil>', {}, {"Content-ID": "<s>"}),
            pdu.Part("image/jpeg", photo, {"name": "lake.jpg"}, {"Content-ID": "<p>", "Content-Location": "lake.jpg"}), text_part("zwölf")])
        received = self.b.forwards()[0]
        message = received.message
        self.assertEqual(received.envelope.recipients, [f"{BOB}/TYPE=PLMN@{B}"])
        self.assertEqual(message.message_id, message_id)
        self.assertEqual((message["From"].addr_spec, message["To"][0].addr_spec), (f"{ONE}/TYPE=PLMN@{DOMAIN}", f"{BOB}/TYPE=PLMN@{B}"))
        self.assertEqual((message["Subject"], message["X-Mms-Priority"], message["X-Mms-Delivery-Report"], message["X-Mms-Read-Reply"], message.ack),
                         ("Grüße", "High", True, True, True))
        self.assertEqual(hashlib.sha256(message.part("image/jpeg").data).digest(), hashlib.sha256(photo).digest())
        self.assertEqual(message.part("text/plain").text(), "zwölf")
        self.assertEqual(message.root.type, "application/smil")
        self.assertTrue(self.b.wait_answered()[0].taken)
        self.wait_state(self.outgoing()[0], BOB, "relayed")

        self.taken(self.b.report_on(received, BOB, ack=True))
        report = self.wait_reports()[0]
        self.assertEqual((report["Message-ID"].strip('"<>'), report["To"], report["X-Mms-Status"]),
                         (message_id, [f"{BOB}/TYPE=PLMN"], STATUS["Retrieved"]))
        self.assertEqual(self.b.wait_for("MM4_delivery_report.RES")[0].message.status, "Ok")
        self.wait_state(self.outgoing()[0], BOB, "delivered")
        self.taken(self.b.read_report_on(received, BOB, ack=True))
        read = self.wait_reports(kind="m-read-orig-ind")[0]
        self.assertEqual((read["Message-ID"].strip('"<>'), read["X-Mms-Read-Status"]), (message_id, READ))
        self.assertEqual(self.b.wait_for("MM4_read_reply_report.RES")[0].message.status, "Ok")

    def test_what_was_not_asked_for_is_not_asked_for(self):
        self.send_mm()
        message = self.b.forwards()[0].message
        self.assertEqual((message.get("X-Mms-Delivery-Report", False), message.get("X-Mms-Read-Reply", False)), (False, False))

    def test_a_blind_recipient_stays_blind_and_a_hidden_sender_is_named_to_the_relay(self):
        self.phone().send([f"{BOB}/TYPE=PLMN"], cc=[f"{CAROL}/TYPE=PLMN"], bcc=[f"{BEN}/TYPE=PLMN"], parts=[text_part()], Sender_Visibility=0x80)
        received = self.b.forwards()[0]
        self.assertEqual(sorted(received.recipients), [BOB, BEN])
        self.assertNotIn(BEN.encode(), received.message.octets)
        self.assertEqual([to.user for to in received.message["To"]] + [cc.user for cc in received.message["Cc"]], [BOB, CAROL])
        self.assertEqual((received.message["X-Mms-Sender-Visibility"], received.message["From"].user), ("Hide", ONE))

    def test_a_read_report_of_a_message_deleted_unread(self):
        self.send_mm(Read_Report=YES)
        received = self.b.forwards()[0]
        for text in ("Deleted without being read", "deleted-without-being-read"):   # the second one changes nothing any more
            self.taken(self.b.read_report_on(received, BOB, text))
        self.assertEqual(self.wait_reports(kind="m-read-orig-ind")[0]["X-Mms-Read-Status"], UNREAD)
        self.wait_counter("read_reports_in", 1)


class Responses(Mm4Case):
    OPTIONS = {**Mm4Case.OPTIONS, "mm4": {**Mm4Case.OPTIONS["mm4"], "response_timeout": "2s", "resend": 2}}

    def test_each_status_has_its_truthful_outcome(self):
        refusals = {"Error-service-denied": ("Rejected",), "Error-content-not-accepted": ("Rejected",), "Error-unsupported-message": ("Rejected",),
                    "Error-message-format-corrupt": ("Rejected",), "Error-sending-address-unresolved": ("Unreachable",),
                    "Error-message-not-found": tuple(STATUS),
                    "Error-permanent-of-some-kind": tuple(STATUS), "Error-of-no-kind": tuple(STATUS)}
        for status, outcomes in refusals.items():
            with self.subTest(status):
                self.push.pushes.clear()
                self.b.answer = lambda received, status=status: Answer(status, text="no such luck")
                message_id = self.send_mm(subject=status, Delivery_Report=YES)
                report = self.wait_reports()[0]
                self.assertEqual(report["Message-ID"].strip('"<>'), message_id)
                self.assertIn(report["X-Mms-Status"], [STATUS[outcome] for outcome in outcomes])
                self.assertNotIn(report["X-Mms-Status"], (STATUS["Retrieved"], STATUS["Deferred"]))
                recipient = self.wait_state(self.outgoing()[-1], BOB, "rejected", "failed")
                self.assertIn(status, recipient["reason"])

    def test_a_refusal_is_told_in_words_when_no_report_was_asked_for(self):
        self.b.answer = lambda received: Answer("Error-service-denied")
        self.send_mm()
        self.assertIn(BOB, self.fetched().part("text/plain").text())

    def test_what_is_transient_is_tried_again(self):
        for status in ("Error-network-problem", "Error-unspecified", "Error-transient-failure"):
            with self.subTest(status):
                before = len(self.b.of("MM4_forward.REQ"))
                self.b.answer = lambda received: Answer(status if len(self.b.of("MM4_forward.REQ")) == before + 1 else "Ok")
                message_id = self.send_mm(subject=status)
                first, second = self.b.forwards(before + 2)[before:]
                self.assertEqual((first.message.message_id, second.message.message_id), (message_id, message_id))
                self.assertNotEqual(first.message.transaction_id, second.message.transaction_id)   # which has had its answer
                self.wait_state(self.outgoing()[-1], BOB, "relayed", "delivered")

    def test_other_spellings_of_ok(self):
        for status in ("OK", "0", "200"):
            with self.subTest(status):
                self.b.answer = lambda received: Answer(status)
                self.send_mm(subject=status)
                self.b.forwards()
                self.gateway.until(lambda: all(m["state"] in ("relayed", "delivered") for m in self.gateway.queue("--all")), "the response to count")

    def test_without_a_response_the_same_request_comes_again_and_then_fails(self):
        self.b.answer = lambda received: None
        message_id = self.send_mm(Delivery_Report=YES)
        received = self.b.forwards(3)
        self.assertEqual({r.message.message_id for r in received}, {message_id})
        self.assertEqual(len({r.message.raw("X-Mms-Transaction-ID") for r in received}), 1)
        report = self.wait_reports()[0]
        self.assertIn(report["X-Mms-Status"], (STATUS["Indeterminate"], STATUS["Expired"], STATUS["Unreachable"]))
        self.wait_state(self.outgoing()[0], BOB, "failed")
        self.assertEqual(self.counter("mm4_unanswered"), 1)
        self.assertEqual(self.counter("mm4_resent"), 2)
        # A response that comes now is too late to change anything.
        self.b.respond(received[0], Answer())
        self.wait_counter("mm4_alien", 1)
        self.assertEqual(self.gateway.states(self.outgoing()[0])[self.address_of(BOB)], "failed")
        self.assertEqual(len(self.b.of("MM4_forward.REQ")), 3)

    def address_of(self, number):
        return next(address for address in self.gateway.states(self.outgoing()[0]) if address.startswith(number))

    def test_a_response_to_the_second_copy_counts(self):
        self.b.answer = lambda received: Answer() if len(self.b.of("MM4_forward.REQ")) == 2 else None
        self.send_mm()
        self.b.forwards(2)
        self.wait_state(self.outgoing()[0], BOB, "relayed", "delivered")
        self.assertEqual(self.counter("mm4_unanswered"), 0)

    def test_a_second_response_changes_nothing(self):
        self.b.answer = lambda received: [Answer(times=2)]
        self.send_mm()
        self.b.wait_answered(2)
        self.wait_counter("mm4_alien", 1)
        self.b.respond(self.b.received[0], Answer("Error-service-denied"))
        self.wait_counter("mm4_alien", 2)
        self.assertIn(self.gateway.states(self.outgoing()[0])[self.address_of(BOB)], ("relayed", "delivered"))

    def test_an_alien_transaction_is_no_response(self):
        self.b.answer = lambda received: Answer(transaction_id='"somebody-else@mms.b.example"')
        self.send_mm()
        self.b.forwards(2)   # what it was about is asked again
        self.wait_counter("mm4_alien", 1)
        self.b.answer = lambda received: Answer()
        self.wait_state(self.outgoing()[0], BOB, "relayed", "delivered")

    def test_another_relay_cannot_respond(self):
        self.b.answer = lambda received: None
        self.send_mm()
        received = self.b.forwards()[0]
        forged = self.c.writer().response("MM4_forward.RES", received.message.raw("X-Mms-Transaction-ID"), received.message.raw("X-Mms-Message-ID"),
                                          "Error-service-denied",
                                          received.message.answer_to)
        self.c.send(forged)
        self.wait_counter("mm4_alien", 1)
        self.b.answer = lambda received: Answer()
        self.wait_state(self.outgoing()[0], BOB, "relayed", "delivered")

    def test_a_relay_may_call_the_message_by_a_name_of_its_own(self):
        self.b.answer = lambda received: Answer(message_id='"theirs-7"')
        message_id = self.send_mm(Delivery_Report=YES)
        received = self.b.forwards()[0]
        self.wait_state(self.outgoing()[0], BOB, "relayed")
        draft = self.b.report_on(received, BOB).set("X-Mms-Message-ID", '"theirs-7"')
        self.taken(draft)
        self.assertEqual(self.wait_reports()[0]["Message-ID"].strip('"<>'), message_id)

    def test_a_response_may_be_about_some_recipients_only(self):
        self.b.answer = lambda received: [Answer("Error-service-denied", recipients=f"{BOB}/TYPE=PLMN@{B}"),
                                          Answer("Ok", recipients=f"{BEN}/TYPE=PLMN@{B}")]
        self.send_mm([BOB, BEN])
        self.wait_state(self.outgoing()[0], BOB, "rejected", "failed")
        self.wait_state(self.outgoing()[0], BEN, "relayed", "delivered")

    def test_ids_are_compared_without_quotes(self):
        self.b.answer = lambda received: Answer(transaction_id=received.message.transaction_id, message_id=f"<{received.message.message_id}>")
        self.send_mm()
        self.wait_state(self.outgoing()[0], BOB, "relayed", "delivered")

    def test_a_bounce_of_a_request_is_its_failure(self):
        self.b.answer = lambda received: None
        self.send_mm(Delivery_Report=YES)
        received = self.b.forwards()[0]
        bounce = (f"From: MAILER-DAEMON@{B}\r\nTo: {received.message.answer_to}\r\nSubject: failed\r\nMIME-Version: 1.0\r\n"
                  'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n--x\r\n\r\nfailed\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n'
                  f"Reporting-MTA: dns;mx.{B}\r\n\r\nFinal-Recipient: rfc822;{BOB}/TYPE=PLMN@{B}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
                  "--x\r\nContent-Type: text/rfc822-headers\r\n\r\n").encode() + received.message.octets.partition(b"\r\n\r\n")[0] + b"\r\n\r\n--x--\r\n"
        outcome = smtp_end.send(self.gateway.smtp, "", [received.envelope.sender], bounce, source="127.0.1.2")
        self.assertTrue(outcome.taken, outcome.replies)
        self.wait_state(self.outgoing()[0], BOB, "failed")
        self.assertIn(self.wait_reports()[0]["X-Mms-Status"], (STATUS["Rejected"], STATUS["Unreachable"], STATUS["Indeterminate"]))


class Reports(Mm4Case):
    def test_each_status_as_the_phone_may_know_it(self):
        rows = (("Retrieved", ("Retrieved",), None), ("Rejected", ("Rejected",), "Rejection-by-MMS-Recipient"), ("Expired", ("Expired",), None),
                ("Forwarded", ("Forwarded", "Deferred", "Indeterminate"), None), ("Indeterminate", ("Indeterminate",), None),
                ("Unrecognised", ("Indeterminate", "Unreachable"), None),
                ("Unrecognized", ("Indeterminate", "Unreachable"), None), ("Unreachable", ("Unreachable",), None),
                ("retrieved", ("Retrieved",), None),
                ("Eaten-by-the-dog", ("Indeterminate",), None))
        known = dict(STATUS, Forwarded=0x86)
        for status, wanted, extension in rows:
            with self.subTest(status):
                self.push.pushes.clear()
                self.b.received.clear()
                message_id = self.send_mm(subject=status, Delivery_Report=YES)
                received = self.b.forwards()[0]
                self.taken(self.b.report_on(received, BOB, status, MM_Status_Extension=extension))
                report = self.wait_reports()[0]
                self.assertEqual(report["Message-ID"].strip('"<>'), message_id)
                self.assertIn(report["X-Mms-Status"], [known[name] for name in wanted])
                if wanted != ("Retrieved",):
                    self.assertNotEqual(self.gateway.show(self.outgoing()[-1])["recipients"][0]["state"], "delivered")

    def test_deferred_is_no_end(self):
        self.send_mm(Delivery_Report=YES)
        received = self.b.forwards()[0]
        self.taken(self.b.report_on(received, BOB, "Deferred"))
        self.taken(self.b.report_on(received, BOB, "Retrieved"))
        self.push.wait(lambda: any(report["X-Mms-Status"] == STATUS["Retrieved"] for report in self.reports()), "the end")

    def test_the_second_end_of_a_recipient_is_none(self):
        self.send_mm(Delivery_Report=YES)
        received = self.b.forwards()[0]
        self.taken(self.b.report_on(received, BOB, "Rejected"))
        self.wait_reports()
        before = self.counter("mm4_reports_in") + self.counter("mm4_alien") + self.counter("mm4_repeated")
        for status in ("Retrieved", "Rejected"):
            self.taken(self.b.report_on(received, BOB, status))
        self.gateway.until(lambda: self.counter("mm4_reports_in") + self.counter("mm4_alien") + self.counter("mm4_repeated") >= before + 2,
                           "both to be read")
        self.assertEqual([report["X-Mms-Status"] for report in self.reports()], [STATUS["Rejected"]])

    def test_reports_that_nobody_asked_for_reach_nobody(self):
        self.send_mm()
        received = self.b.forwards()[0]
        self.taken(self.b.report_on(received, BOB, "Retrieved"))
        self.taken(self.b.read_report_on(received, BOB))
        self.send_mm(Delivery_Report=YES, Read_Report=YES, number=TWO)
        other = self.b.forwards(2)[1]
        self.taken(self.b.report_on(other, BOB, "Retrieved"))
        self.wait_reports(number=TWO)
        self.assertEqual([push for push in self.push.pushes if push.number == ONE], [])

    def test_a_report_for_relays_only_stays_with_relays(self):
        for count, (status, state) in enumerate((("Retrieved", "delivered"), ("Rejected", "rejected"), ("Expired", "expired")), 1):
            with self.subTest(status):
                self.send_mm(subject=status, Delivery_Report=YES)
                self.taken(self.b.report_on(self.b.forwards(count)[-1], BOB, status, forward_to_user=False))
                self.wait_state(self.outgoing(count)[-1], BOB, state)
        # What may be told is told, and nothing before it was.
        self.send_mm([CAROL], Delivery_Report=YES)
        self.taken(self.c.report_on(self.c.forwards()[0], CAROL), self.c)
        self.assertEqual([report["To"] for report in self.wait_reports()], [[f"{CAROL}/TYPE=PLMN"]])

    def test_a_report_about_nothing_is_answered_so(self):
        draft = self.b.writer().report("MM4_delivery_report.REQ", '"never-sent@mms.example.net"', BOB, ONE, DOMAIN, "Retrieved", ack=True)
        self.taken(draft)
        self.assertEqual(self.b.wait_for("MM4_delivery_report.RES")[0].message.status, "Error-message-not-found")
        self.wait_counter("mm4_alien", 1)


class ReportsForUs(Mm4Case):
    PEER_B = {"relay_reports": True}

    def test_a_report_for_the_relay_alone_stays_here(self):
        self.send_mm()
        received = self.b.forwards()[0]
        asked = (received.message["X-Mms-Originator-R/S-Delivery-Report"], received.message["X-Mms-Delivery-Report"])
        self.assertEqual(asked, (True, False))
        self.taken(self.b.report_on(received, BOB, "Retrieved", forward_to_user=False))
        self.wait_state(self.outgoing()[0], BOB, "delivered")
        self.assertEqual(self.reports(), [])


class Delivery(Mm4Case):
    """The hop: refusals at each stage, lost answers."""

    def scripted(self, *replies, verb):
        left = list(replies)
        self.b.server.script = lambda envelope, seen, argument: left.pop(0) if seen == verb and left else None

    def test_what_is_refused_for_now_comes_later(self):
        for verb in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."):
            with self.subTest(verb):
                before = len(self.b.of("MM4_forward.REQ"))
                self.scripted("451 4.3.0 later", verb=verb)
                self.send_mm(subject=verb)
                self.b.forwards(before + 1)
                self.wait_state(self.outgoing()[-1], BOB, "relayed", "delivered")

    def test_what_is_refused_for_good_fails(self):
        for verb in ("MAIL", "RCPT", "."):
            with self.subTest(verb):
                self.push.pushes.clear()
                self.scripted("550 5.1.1 never", verb=verb)
                self.send_mm(subject=verb, Delivery_Report=YES)
                self.assertIn(self.wait_reports()[0]["X-Mms-Status"], (STATUS["Rejected"], STATUS["Unreachable"]))
                self.assertIn("550 5.1.1 never", self.wait_state(self.outgoing()[-1], BOB, "failed", "rejected")["reason"])
        self.assertEqual(self.b.of("MM4_forward.REQ"), [])

    def test_each_recipient_has_its_own_reply(self):
        def script(envelope, verb, argument):
            return "550 5.1.1 nobody" if verb == "RCPT" and BEN in argument else None
        self.b.server.script = script
        self.send_mm([BOB, BEN])
        self.assertEqual(self.b.forwards()[0].recipients, [BOB])
        self.wait_state(self.outgoing()[0], BEN, "failed", "rejected")
        self.wait_state(self.outgoing()[0], BOB, "relayed", "delivered")

    def test_a_lost_answer_repeats_the_request_as_it_was(self):
        self.scripted("close", verb=".")
        self.b.answer = lambda received: Answer() if len(self.b.of("MM4_forward.REQ")) > 1 else None
        self.send_mm()
        first, second = self.b.forwards(2)
        for name in ("X-Mms-Transaction-ID", "X-Mms-Message-ID"):
            self.assertEqual(first.message.raw(name), second.message.raw(name))
        self.wait_state(self.outgoing()[0], BOB, "relayed", "delivered")

    def test_the_report_on_a_request_whose_reply_was_lost(self):
        self.again(mm4={**self.OPTIONS["mm4"], "retry": ["1h"]})
        self.scripted("close", verb=".")
        self.b.answer = lambda received: None
        self.send_mm(Delivery_Report=YES, Read_Report=YES)
        received = self.b.forwards()[0]
        self.wait_state(self.outgoing()[0], BOB, "deferred")
        self.taken(self.b.read_report_on(received, BOB))
        self.wait_reports(kind="m-read-orig-ind")
        self.taken(self.b.report_on(received, BOB))
        self.assertEqual(self.wait_reports()[0]["X-Mms-Status"], STATUS["Retrieved"])
        self.assertEqual(self.wait_state(self.outgoing()[0], BOB, "delivered")["attempts"], 1)

    def test_a_request_outlives_a_kill(self):
        late = threading.Event()
        self.b.answer = lambda received: Answer(after=late)
        self.send_mm(Delivery_Report=YES)
        received = self.b.forwards()[0]
        self.gateway.restart()
        self.b.gateway = self.c.gateway = self.gateway.smtp
        late.set()
        self.wait_state(self.outgoing()[0], BOB, "relayed")
        self.taken(self.b.report_on(received, BOB))
        self.assertEqual(self.wait_reports()[0]["X-Mms-Status"], STATUS["Retrieved"])


class Limits(Mm4Case):
    SERVER_B = {"size": 200_000}
    PEER_B = {"connections": 1, "recipients": 2, "message_size": "1M"}

    def test_agreed_limits_are_kept(self):
        numbers = [f"+486000001{i:02}" for i in range(5)]
        message_id = self.send_mm(numbers)
        received = self.b.forwards(3)
        self.assertEqual(sorted(number for r in received for number in r.recipients), numbers)
        self.assertEqual({r.message.message_id for r in received}, {message_id})
        self.assertEqual(len({r.message.transaction_id for r in received}), 3)
        self.assertEqual({len(r.message["To"]) for r in received}, {5})
        for i in range(4):
            self.send_mm(subject=f"more {i}")
        self.b.forwards(7)
        self.assertEqual(self.b.server.most_open, 1)

    def test_what_is_larger_than_the_peer_takes_fails_without_a_try(self):
        self.send_mm(parts=[pdu.Part("image/jpeg", bytes(400_000))], Delivery_Report=YES)
        self.assertEqual(self.wait_reports()[0]["X-Mms-Status"], STATUS["Rejected"])
        self.wait_state(self.outgoing()[0], BOB, "failed", "rejected")
        self.assertEqual(self.b.received, [])


def dialect_case(name, keys, expected):
    """What each switch of [[peer]] makes of what we write; tearDown holds every message against it."""

    class Written(Mm4Case):
        PEER_B, EXPECTED_B = keys, expected

        def runTest(self):
            self.send_mm(Delivery_Report=YES, Read_Report=YES, Adaptation_Allowed=0x80, subject="Größe")
            received = self.b.forwards()[0]
            if keys.get("ack") is False:
                self.assertFalse(received.message.ack)
            self.wait_state(self.outgoing()[0], BOB, "relayed", "delivered")
            if keys.get("relay_reports"):
                self.assertTrue(received.message["X-Mms-Originator-R/S-Delivery-Report"] or received.message["X-Mms-Delivery-Report"])
            self.taken(self.b.report_on(received, BOB, ack=True))
            self.wait_reports()
            self.b.wait_for("MM4_delivery_report.RES")
            self.taken(self.draft(delivery_report=True, read_reply=True))
            notification = self.wait_notifications()[0]
            self.phone().fetch(notification)
            self.b.wait_for("MM4_forward.RES")
            self.b.wait_for("MM4_delivery_report.REQ")

        def shortDescription(self):
            return name

    return Written()


WRITTEN = (
    ("rel-4", {"version": "4.11.0"}, Dialect(version="4.11.0", rel6=False)),
    ("rel-5 by preset", {"preset": "rel5"}, Dialect(version="5.3.0", rel6=False)),
    ("no fields of Rel-6", {"rel6": False}, Dialect(rel6=False)),
    ("bare ids", {"quote_ids": False}, Dialect(ids="bare")),
    ("expiry in seconds", {"expiry": "delta"}, Dialect(expiry="seconds")),
    ("addresses without domain", {"addresses": "bare"}, Dialect(addresses="bare")),
    ("system address as envelope sender", {"mail_from": "system"}, Dialect(mail_from="system")),
    ("null sender", {"mail_from": "null"}, Dialect(mail_from="null")),
    ("no response asked for", {"ack": False}, STANDARD),
    ("reports for ourselves", {"relay_reports": True}, STANDARD),
)


def load_tests(loader, tests, pattern):
    tests.addTests(dialect_case(*row) for row in WRITTEN)
    return tests


if __name__ == "__main__":
    unittest.main()
