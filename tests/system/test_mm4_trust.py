"""Who may say what over MM4: each attempt to speak for somebody else is refused or without effect, and stands in the log."""
import unittest

import smtp_end
from case import DOMAIN, MAILBOX, STATUS, TWO
from certificates import Authority
from mm4_builder import slides
from mm4_case import B, BEN, BOB, C, CAROL, YES, Mm4Case
from mm4_peer import Answer

DENIED = r"55\d 5\.7\.1"


class Senders(Mm4Case):
    def blocked(self, draft, peer=None, pattern=DENIED, **options):
        """Refused in the dialogue, or by a response; either way logged, and nobody gets it."""
        seen, responses = len(self.gateway.lines), len(self.b.of("MM4_forward.RES"))
        outcome = (peer or self.b).send(draft, **options)
        if outcome.taken:
            self.assertEqual((peer or self.b).wait_for("MM4_forward.RES", responses + 1)[responses].message.status, "Error-service-denied")
        else:
            self.assertRegex("\n".join(f"{number} {text}" for _, number, text in outcome.replies if number >= 400), pattern)
        self.gateway.wait_log(r"(?i)peer|mm4", after=seen)
        self.assertEqual(self.notifications() + self.notifications(TWO), [])

    def test_an_envelope_sender_of_a_foreign_domain(self):
        for sender in (f"{BOB}/TYPE=PLMN@{C}", f"system-user@{C}", "somebody@example.org"):
            with self.subTest(sender):
                draft = self.draft()
                draft.mail_from = sender
                self.blocked(draft)

    def test_our_own_number_or_domain_as_sender(self):
        for originator in (TWO, f"{TWO}/TYPE=PLMN@{DOMAIN}", f"{BOB}/TYPE=PLMN@{DOMAIN}"):
            with self.subTest(originator):
                self.blocked(self.draft(originator=originator))

    def test_a_number_of_another_operator_as_sender(self):
        self.blocked(self.draft(originator=CAROL))

    def test_a_from_that_differs_from_the_envelope(self):
        for originator in (CAROL, TWO, f"{CAROL}/TYPE=PLMN@{C}"):
            with self.subTest(originator):
                draft = self.draft()
                draft.set("From", self.b.writer().shown(originator))
                self.blocked(draft)

    def test_a_system_address_of_a_foreign_domain_gets_no_answer(self):
        for field in ("X-Mms-Originator-System", "Sender"):
            with self.subTest(field):
                draft = self.draft().set(field, f"system-user@{C}")
                if field == "Sender":
                    draft.drop("X-Mms-Originator-System")
                outcome = self.b.send(draft)
                if not outcome.taken:
                    self.assertRegex(outcome.text, "550 5.7.1")
        self.taken(self.draft([TWO]))
        self.wait_notifications(number=TWO)
        self.b.wait_for("MM4_forward.RES")
        self.assertEqual(self.c.received, [])
        self.assertEqual({address for r in self.b.received for address in r.envelope.recipients}, {self.b.system})


class Answers(Mm4Case):
    """Responses and reports from those whom the message was not sent to."""

    def setUp(self):
        super().setUp()
        self.message_id = self.send_mm([BOB], Delivery_Report=YES, Read_Report=YES)
        self.to_b = self.b.forwards()[0]
        self.wait_state(self.outgoing()[0], BOB, "relayed")
        self.alien = self.counter("mm4_alien")

    def unmoved(self):
        self.wait_counter("mm4_alien", self.alien + 1)
        self.assertEqual(self.gateway.show(self.outgoing()[0])["recipients"][0]["state"], "relayed")
        self.assertEqual(self.reports() + self.reports(kind="m-read-orig-ind"), [])
        self.taken(self.b.report_on(self.to_b, BOB))   # the true one still counts
        self.assertEqual([report["X-Mms-Status"] for report in self.wait_reports()], [STATUS["Retrieved"]])

    def test_a_report_of_another_relay(self):
        seen = len(self.gateway.lines)
        self.c.send(self.c.report_on(self.to_b, CAROL, "Rejected"))
        self.gateway.wait_log("(?i)mm4|peer", after=seen)
        self.unmoved()

    def test_a_report_of_another_relay_in_the_name_of_the_recipient(self):
        draft = self.c.report_on(self.to_b, BOB, "Rejected").set("From", f"{BOB}/TYPE=PLMN@{B}")
        outcome = self.c.send(draft)
        if outcome.taken:
            self.unmoved()
        else:
            self.assertRegex(outcome.text, r"5\.7\.1")

    def test_a_read_report_of_another_relay(self):
        self.c.send(self.c.read_report_on(self.to_b, CAROL))
        self.unmoved()

    def test_a_report_about_somebody_who_did_not_get_it(self):
        self.taken(self.b.report_on(self.to_b, BEN, "Rejected"))
        self.unmoved()

    def test_a_report_about_another_relays_message(self):
        self.send_mm([CAROL], number=TWO, Delivery_Report=YES)
        to_c = self.c.forwards()[0]
        self.taken(self.b.report_on(to_c, BOB, "Rejected"))
        self.wait_counter("mm4_alien", self.alien + 1)
        self.taken(self.c.report_on(to_c, CAROL), self.c)
        self.assertEqual([report["X-Mms-Status"] for report in self.wait_reports(number=TWO)], [STATUS["Retrieved"]])

    def test_a_report_to_another_originator_than_the_messages(self):
        draft = self.b.report_on(self.to_b, BOB, "Rejected").set("To", f"{TWO}/TYPE=PLMN@{DOMAIN}")
        draft.recipients = [f"{TWO}/TYPE=PLMN@{DOMAIN}"]
        self.b.send(draft)
        self.taken(self.b.report_on(self.to_b, BOB))
        self.wait_reports()
        self.assertEqual(self.reports(TWO), [])

    def test_one_relay_of_a_group_cannot_end_the_other_ones_recipient(self):
        self.push.pushes.clear()
        self.send_mm([BOB, CAROL], Delivery_Report=YES)
        to_b, to_c = self.b.forwards(2)[1], self.c.forwards()[0]
        self.taken(self.b.report_on(to_b, BOB).set("From", f"{CAROL}/TYPE=PLMN@{C}"))
        self.wait_counter("mm4_alien", self.alien + 1)
        self.taken(self.c.report_on(to_c, CAROL, "Rejected"), self.c)
        self.assertEqual([(report["To"], report["X-Mms-Status"]) for report in self.wait_reports()], [([f"{CAROL}/TYPE=PLMN"], STATUS["Rejected"])])


class MailDoor(Mm4Case):
    """What is no peer: mail stays mail."""

    def mail_in(self, draft, sender="somebody@example.org", **options):
        return smtp_end.send(self.gateway.smtp, sender, draft.recipients, draft.octets(), source="127.0.0.1", **options)

    def test_a_request_by_mail_is_mail(self):
        draft = self.draft(parts=slides("Hello"), read_reply=True, delivery_report=True).set("From",
                                                                                             "somebody@example.org").set("X-Mms-Message-Class",
                                                                                                                         "Advertisement")
        draft.add("X-Mms-Applic-ID", "com.example.wallet").add("X-Mms-Fee-Code", "999").set("Sender", "somebody@example.org")
        self.assertTrue(self.mail_in(draft).taken)
        notification = self.wait_notifications()[0]
        mm = self.phone().fetch(notification)
        self.assertEqual((mm["From"], mm["Subject"]), ("somebody@example.org", "A subject"))
        for fields in (notification.fields, mm.fields):
            self.assertNotIn("X-Mms-Applic-ID", fields)
            self.assertNotIn("X-Mms-Fee-Code", fields)
            self.assertEqual((fields.get("X-Mms-Message-Class", 0x80), fields.get("X-Mms-Delivery-Report", 0x81),
                              fields.get("X-Mms-Read-Report", 0x81)), (0x80, 0x81, 0x81))
        self.assertNotEqual(mm.get("Message-ID", "").strip('"<>'), draft.get("X-Mms-Message-ID").strip('"'))
        self.assertEqual({m["interface"] for m in self.gateway.queue("--all")}, {"mail"})
        self.assertEqual(self.b.received, [])

    def test_mail_cannot_respond_or_report(self):
        self.b.answer = lambda received: None
        self.send_mm([BOB], Delivery_Report=YES)
        received = self.b.forwards()[0]
        response = self.b.writer().response("MM4_forward.RES", received.message.raw("X-Mms-Transaction-ID"),
                                            received.message.raw("X-Mms-Message-ID"), "Error-service-denied",
                                            received.message.answer_to)
        for draft in (response, self.b.report_on(received, BOB, "Rejected"), self.b.read_report_on(received, BOB)):
            for sender in ("somebody@example.org", draft.mail_from, ""):
                with self.subTest(draft.get("X-Mms-Message-Type"), sender=sender):
                    self.mail_in(draft, sender)
        self.b.respond(received, Answer())
        self.wait_state(self.outgoing()[0], BOB, "relayed")
        self.assertEqual(self.reports(), [])

    def test_a_phone_that_mails_keeps_nothing_of_mm4(self):
        self.send_mm([MAILBOX])
        self.assertNotIn(b"MM4_", self.sink.wait_mails(1)[0].data)


class Identity(Mm4Case):
    """Peers that must show who they are, beside where they call from."""

    @classmethod
    def setUpClass(cls):
        cls.authority = Authority()
        cls.addClassCleanup(cls.authority.__exit__)
        cls.ours, cls.theirs, cls.strange = (cls.authority.issue(name) for name in (f"gw1.{DOMAIN}", B, C))

    def peers(self):
        tls = {"tls_ca": self.authority.path, "tls_certificate": self.ours.path, "tls_key": self.ours.key}
        return [self.b.keys("b", prefixes=["+48600"]) | self.PEER_B | tls, self.c.keys("c", prefixes=["+33600"])]

    def start(self, **more):
        return super().start(smtp={"tls": {"certificate": self.ours.path, "key": self.ours.key, "mode": "opportunistic"}}, **more)

    def denied(self, **options):
        outcome = self.b.send(self.draft(), **options)
        self.assertFalse(outcome.taken, outcome.replies)
        self.assertEqual(self.notifications(), [])

    def with_tls(self, certificate=None):
        return {"tls": self.authority.client(certificate), "server_name": f"gw1.{DOMAIN}"}


class MustUseTls(Identity):
    PEER_B = {"tls": "must"}

    def test_in_clear_it_is_nobody(self):
        self.denied()
        self.taken(self.draft(), **self.with_tls())
        self.wait_notifications()


class MustShowACertificate(Identity):
    PEER_B = {"tls": "mutual", "tls_names": [B]}

    def test_only_the_right_certificate_counts(self):
        self.denied()
        self.denied(**self.with_tls())
        self.denied(**self.with_tls(self.strange))
        self.taken(self.draft(), **self.with_tls(self.theirs))
        self.wait_notifications()


class MustHaveThePin(Identity):
    def peers(self):
        found = super().peers()
        found[0].update(tls="mutual", tls_pins=[self.theirs.pin], tls_ca=None)
        return found

    def test_only_the_pinned_key_counts(self):
        self.denied(**self.with_tls(self.strange))
        self.taken(self.draft(), **self.with_tls(self.theirs))
        self.wait_notifications()


class MustKnowThePassword(Identity):
    PEER_B = {"tls": "must", "accept_user": "relay-b", "accept_password": "secret"}

    def test_only_who_knows_it_is_the_peer(self):
        self.denied()
        self.denied(**self.with_tls())
        self.denied(**self.with_tls(), user="relay-b", password="guess")
        for mechanism in ("PLAIN", "LOGIN"):
            self.taken(self.draft(), **self.with_tls(), user="relay-b", password="secret", mechanism=mechanism)
        self.wait_notifications(2)


class NobodyIsAllowed(Mm4Case):
    """A peer without addresses cannot call."""

    def peers(self):
        return [{"name": "b", "domain": B, "prefixes": ["+48600"], "next_hop": self.b.next_hop, "networks": ["192.0.2.0/24"], "tls": "none"},
                self.c.keys("c", prefixes=["+33600"])]

    def start(self, **more):
        return super().start(smtp={"networks": []}, **more)

    def test_an_address_outside_of_the_networks_is_nobody(self):
        self.refused("5.7.1", self.draft())
        self.taken(self.draft([TWO], self.c, CAROL), self.c)


if __name__ == "__main__":
    unittest.main()
