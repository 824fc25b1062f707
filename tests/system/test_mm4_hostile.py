"""A peer that is one of ours and means ill, or has gone mad: what it sends costs it more than us, and moves nobody else's message."""
import unittest

import smtp_end
from case import DOMAIN, ONE, STATUS, TWO
from mm4_case import B, BOB, C, YES, Mm4Case
from mm4_peer import Answer


class Hostile(Mm4Case):
    PEER_B = {"inbound_rate": 100_000, "inbound_connections": 100}

    def still_works(self):
        """Whoever else sends and fetches notices nothing."""
        self.push.pushes.clear()
        self.taken(self.draft([TWO], subject="as ever"))
        self.phone(TWO).fetch(self.wait_notifications(number=TWO)[0])

    def test_a_flood_of_responses_ends_nothing(self):
        self.b.answer = lambda received: None
        self.send_mm([BOB], Delivery_Report=YES)
        received = self.b.forwards()[0]
        message = received.message
        for number in range(200):
            draft = self.b.writer().response("MM4_forward.RES", f'"forged-{number}@{DOMAIN}"', message.raw("X-Mms-Message-ID"), "Error-service-denied", message.answer_to)
            self.taken(draft)
        self.wait_counter("mm4_alien", 200)
        self.assertEqual(self.gateway.show(self.outgoing()[0])["recipients"][0]["state"], "deferred")
        self.b.respond(received, Answer())
        self.wait_state(self.outgoing()[0], BOB, "relayed")
        self.still_works()

    def test_a_flood_of_reports_about_nothing_leaves_nothing(self):
        for number in range(100):
            self.taken(self.b.writer().report("MM4_delivery_report.REQ", f'"never-{number}@{DOMAIN}"', BOB, ONE, DOMAIN, "Retrieved"))
        self.wait_counter("mm4_alien", 100)
        self.assertEqual((self.gateway.queue("--all"), self.push.pushes), ([], []))
        self.still_works()

    def test_headers_without_end_are_refused_whole(self):
        long = "x" * 900
        rows = (("one field of many lines", "X-Mms-Fee-Code: " + f"{long}\r\n " * 2000 + "x\r\n"),
                ("many fields", "X-Mms-Fee-Code: 1\r\n" * 50_000),
                ("many recipients in To", "To: " + ",\r\n ".join(f"+44770{number:07}/TYPE=PLMN@{DOMAIN}" for number in range(50_000)) + "\r\n"),
                ("many hosts", "Received: from a by b; Fri, 20 Nov 2026 09:00:00 +0000\r\n" * 200))
        for name, header in rows:
            with self.subTest(name):
                draft = self.draft()
                outcome = smtp_end.send(self.b.gateway, draft.mail_from, draft.recipients, header.encode() + draft.octets(), source=self.b.address, name=B)
                self.assertRegex(outcome.text, "55[024] 5")
        self.assertEqual(self.gateway.queue("--all"), [])
        self.still_works()

    def test_a_thousand_recipients_are_one_message_or_refused(self):
        numbers = [f"+4477009{number:05}" for number in range(1000)]
        outcome = self.b.send(self.draft(numbers))
        taken = [stage for stage, code, text in outcome.replies if stage.startswith("RCPT") and code == 250]
        late = [(code, text) for stage, code, text in outcome.replies if stage.startswith("RCPT") and code != 250]
        self.assertTrue(all(code == 452 for code, _ in late), late[:3])   # the rest comes with another transaction
        self.assertLessEqual(len(self.incoming()), 1)
        self.still_works()

    def test_two_relays_that_ask_one_another_for_answers_do_not_go_on_for_ever(self):
        """Reports with a request for a response, about a response, about a report."""
        self.send_mm([BOB], Delivery_Report=YES)
        received = self.b.forwards()[0]
        self.taken(self.b.report_on(received, BOB, ack=True))
        self.wait_reports()
        response = self.b.wait_for("MM4_delivery_report.RES")[0]
        self.taken(self.b.writer().response("MM4_delivery_report.RES", response.message.raw("X-Mms-Transaction-ID"), response.message.raw("X-Mms-Message-ID"), "Ok",
                                            response.message.answer_to))
        self.wait_counter("mm4_alien", 1)
        self.assertEqual(len(self.b.received), 2)
        self.assertEqual([report["X-Mms-Status"] for report in self.reports()], [STATUS["Retrieved"]])


if __name__ == "__main__":
    unittest.main()
