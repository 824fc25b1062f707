"""One MM to many: over two relays, to phones of ours and to mailboxes, each with a fate and a report of its own."""
import unittest

from case import DOMAIN, MAILBOX, ONE, STATUS, THREE, TWO
from mm4_builder import slides
from mm4_case import B, BEN, BOB, C, CAROL, YES, Mm4Case
from mm4_peer import Answer

SECOND_MAILBOX = "second@example.net"
EVERYONE = [BOB, TWO, CAROL, BEN, THREE, MAILBOX, SECOND_MAILBOX]


class Group(Mm4Case):
    def test_each_recipient_has_its_own_report(self):
        self.sink.script = lambda session, verb, argument: "550 5.1.1 nobody" if verb == "RCPT" and SECOND_MAILBOX in argument else None
        message_id = self.send_mm(EVERYONE, Delivery_Report=YES)
        to_b, to_c = self.b.forwards()[0], self.c.forwards()[0]
        # One transaction for each relay; the same message and the same disclosed recipients everywhere.
        self.assertEqual((sorted(to_b.recipients), to_c.recipients), ([BOB, BEN], [CAROL]))
        self.assertNotEqual(to_b.message.transaction_id, to_c.message.transaction_id)
        self.assertEqual({to_b.message.message_id, to_c.message.message_id}, {message_id})
        disclosed = [(BOB, B), (TWO, DOMAIN), (CAROL, C), (BEN, B), (THREE, DOMAIN)]
        for received in (to_b, to_c):
            found = [(to.user, to.domain) for to in received.message["To"]]
            self.assertEqual(found[:5], disclosed)
            self.assertEqual([to.addr_spec for to in received.message["To"]][5:], [MAILBOX, SECOND_MAILBOX])
        self.sink.wait_mails(1)

        self.taken(self.b.report_on(to_b, BOB, "Retrieved"))
        self.taken(self.b.report_on(to_b, BEN, "Expired"))
        self.taken(self.c.report_on(to_c, CAROL, "Rejected"), self.c)
        self.phone(TWO).fetch(self.wait_notifications(number=TWO)[0])
        self.phone(THREE).answer(self.wait_notifications(number=THREE)[0], STATUS["Rejected"])
        reports = self.wait_reports(7)
        self.assertEqual({report["Message-ID"].strip('"<>') for report in reports}, {message_id})
        found = {report["To"][0].split("/")[0]: report["X-Mms-Status"] for report in reports}
        self.assertEqual(len(reports), 7)
        self.assertEqual({number: found[number] for number in (BOB, BEN, CAROL, TWO, THREE)},
                         {BOB: STATUS["Retrieved"], BEN: STATUS["Expired"], CAROL: STATUS["Rejected"], TWO: STATUS["Retrieved"],
                          THREE: STATUS["Rejected"]})
        self.assertIn(found[SECOND_MAILBOX], (STATUS["Rejected"], STATUS["Unreachable"]))
        self.assertNotIn(found[MAILBOX], (STATUS["Rejected"], STATUS["Unreachable"], STATUS["Expired"]))

    def test_one_relay_that_refuses_costs_the_others_nothing(self):
        self.b.answer = lambda received: Answer("Error-service-denied")
        self.c.down()
        self.send_mm(EVERYONE, Delivery_Report=YES)
        self.phone(TWO).fetch(self.wait_notifications(number=TWO)[0])
        self.sink.wait_mails(1)
        queue_id = self.outgoing()[0]
        for number in (BOB, BEN):
            self.wait_state(queue_id, number, "rejected", "failed")
        self.wait_state(queue_id, CAROL, "deferred")
        self.wait_state(queue_id, TWO, "delivered")
        self.c.up()
        self.wait_state(queue_id, CAROL, "relayed")

    def test_a_group_from_outside(self):
        draft = self.b.writer().forward(BOB, [ONE, TWO], cc=[f"{CAROL}/TYPE=PLMN@{C}"], their_domain=DOMAIN, parts=slides(), delivery_report=True,
                                        recipients=[f"{number}/TYPE=PLMN@{DOMAIN}" for number in (ONE, TWO)])
        self.taken(draft)
        self.phone(ONE).fetch(self.wait_notifications(number=ONE)[0])
        self.phone(TWO).answer(self.wait_notifications(number=TWO)[0], STATUS["Rejected"])
        reports = self.b.wait_for("MM4_delivery_report.REQ", 2)
        self.assertEqual({report.message["From"].user: report.message.status for report in reports}, {ONE: "Retrieved", TWO: "Rejected"})
        self.assertEqual(len({report.message.transaction_id for report in reports}), 2)
        self.assertEqual(self.c.received, [])


if __name__ == "__main__":
    unittest.main()
