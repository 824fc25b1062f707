"""An MM of another operator's phone to ours: what is taken, what is answered, what is reported."""
import hashlib
import re
import time
import unittest

from case import DOMAIN, ONE, STATUS, THREE, TWO, the_photo
from mm4_builder import DIALECTS, STANDARD, fresh, slides
from mm4_case import B, BOB, C, CAROL, NEVER, UNREAD, Mm4Case, read_rec

HTTP_DATE = "Fri, 20 Nov 2026 10:00:00 GMT"


class Exchange(Mm4Case):
    def test_an_mm_reaches_the_phone_and_both_reports_go_back(self):
        photo = the_photo()
        draft = self.draft(parts=slides("zwölf", photo), subject="Grüße", delivery_report=True, read_reply=True, priority="High")
        self.taken(draft)
        response = self.b.wait_for("MM4_forward.RES")[0]
        self.assertEqual(response.envelope.recipients, [self.b.system])
        self.assertEqual((response.message.raw("X-Mms-Transaction-ID"), response.message.raw("X-Mms-Message-ID"), response.message.status),
                         (draft.get("X-Mms-Transaction-ID"), draft.get("X-Mms-Message-ID"), "Ok"))
        notification = self.wait_notifications()[0]
        self.assertEqual(self.b.of("MM4_delivery_report.REQ"), [])   # nobody has it yet
        mm = self.phone().fetch(notification)
        self.assertEqual((mm["From"], mm["To"], mm["Subject"], mm["X-Mms-Priority"], mm["X-Mms-Delivery-Report"], mm["X-Mms-Read-Report"]),
                         (f"{BOB}/TYPE=PLMN", [f"{ONE}/TYPE=PLMN"], "Grüße", 0x82, 0x80, 0x80))
        self.assertEqual(hashlib.sha256(mm.part("image/jpeg").data).digest(), hashlib.sha256(photo).digest())
        self.assertEqual(mm.part("text/plain").text(), "zwölf")
        self.assertEqual(mm.content_type, "application/vnd.wap.multipart.related")
        report = self.b.wait_for("MM4_delivery_report.REQ")[0].message
        self.assertEqual((report.status, report["From"].user, report["To"][0].user, report.raw("X-Mms-Message-ID"),
                          report.get("X-Mms-Forward-To-Originator-UA")),
                         ("Retrieved", ONE, BOB, draft.get("X-Mms-Message-ID"), True))
        self.phone().post(read_rec(mm["Message-ID"], mm["From"]))
        read = self.b.wait_for("MM4_read_reply_report.REQ")[0].message
        self.assertEqual((read.status, read["From"].user, read.raw("X-Mms-Message-ID")), ("Read", ONE, draft.get("X-Mms-Message-ID")))

    def test_the_response_says_that_it_was_taken_not_that_it_was_read(self):
        self.taken(self.draft(ack=False, delivery_report=True))
        self.phone().fetch(self.wait_notifications()[0])
        self.b.wait_for("MM4_delivery_report.REQ")
        self.assertEqual(self.b.of("MM4_forward.RES"), [])   # none was asked for

    def test_what_the_phone_did_is_what_is_reported(self):
        rows = ((0x82, "Rejected"), (0x84, "Unrecognised"), (0x81, "Retrieved"))
        for status, wanted in rows:
            with self.subTest(wanted):
                self.b.received.clear()
                self.push.pushes.clear()
                self.taken(self.draft(delivery_report=True))
                self.phone().answer(self.wait_notifications()[0], status)
                report = self.b.wait_for("MM4_delivery_report.REQ")[0].message
                self.assertEqual(report.status, wanted)
                if wanted == "Rejected":
                    self.assertEqual(report.get("X-Mms-MM-Status-Extension", "Rejection-by-MMS-Recipient"), "Rejection-by-MMS-Recipient")

    def test_deferred_and_then_retrieved(self):
        self.taken(self.draft(delivery_report=True))
        notification = self.wait_notifications()[0]
        statuses = lambda: [report.message.status for report in self.b.of("MM4_delivery_report.REQ")]
        self.phone().answer(notification, STATUS["Deferred"])
        self.b.wait(lambda: statuses() == ["Deferred"], "that it is postponed")
        self.phone().answer(notification, STATUS["Deferred"])
        self.phone().fetch(notification)
        self.b.wait(lambda: "Retrieved" in statuses(), "the end")
        self.assertEqual(statuses(), ["Deferred", "Retrieved"])   # at most one of the first

    def test_that_it_is_postponed_is_told_only_where_a_report_is_wanted(self):
        self.taken(self.draft())
        self.phone().answer(self.wait_notifications()[0], STATUS["Deferred"])
        self.taken(self.draft([TWO], delivery_report=True))
        self.phone(TWO).answer(self.wait_notifications(number=TWO)[0], STATUS["Deferred"], report_allowed=False)
        self.taken(self.draft([THREE], delivery_report=True))
        self.phone(THREE).answer(self.wait_notifications(number=THREE)[0], STATUS["Deferred"])
        self.b.wait_for("MM4_delivery_report.REQ")
        self.assertEqual([report.message["From"].user for report in self.b.of("MM4_delivery_report.REQ")], [THREE])

    def test_a_phone_that_denies_the_report_is_not_reported_on(self):
        self.taken(self.draft(delivery_report=True))
        self.phone().fetch(self.wait_notifications()[0], report_allowed=False)
        self.taken(self.draft([TWO], delivery_report=True))
        self.phone(TWO).fetch(self.wait_notifications(number=TWO)[0])
        self.b.wait_for("MM4_delivery_report.REQ")
        self.assertEqual([report.message["From"].user for report in self.b.of("MM4_delivery_report.REQ") if report.message.status == "Retrieved"],
                         [TWO])

    def test_no_report_that_was_not_asked_for(self):
        self.taken(self.draft())
        mm = self.phone().fetch(self.wait_notifications()[0])
        self.phone().post(read_rec(mm["Message-ID"], mm["From"]))
        self.taken(self.draft([TWO], delivery_report=True))
        self.phone(TWO).fetch(self.wait_notifications(number=TWO)[0])
        reports = self.b.wait_for("MM4_delivery_report.REQ")
        self.assertEqual([report.message["From"].user for report in reports], [TWO])
        self.assertEqual(self.b.of("MM4_read_reply_report.REQ"), [])

    def test_a_relay_that_wants_a_report_for_itself(self):
        draft = self.draft().set("X-Mms-Originator-R/S-Delivery-Report", "Yes")
        self.taken(draft)
        self.phone().fetch(self.wait_notifications()[0])
        report = self.b.wait_for("MM4_delivery_report.REQ")[0].message
        self.assertEqual((report.status, report.get("X-Mms-Forward-To-Originator-UA")), ("Retrieved", False))

    def test_class_auto_is_never_answered_by_reports(self):
        self.taken(self.draft(delivery_report=True, read_reply=True).set("X-Mms-Message-Class", "Auto"))
        self.phone().fetch(self.wait_notifications()[0])
        self.taken(self.draft([TWO], delivery_report=True))
        self.phone(TWO).fetch(self.wait_notifications(number=TWO)[0])
        self.assertEqual([report.message["From"].user for report in self.b.wait_for("MM4_delivery_report.REQ")], [TWO])

    def test_deleted_without_being_read(self):
        self.taken(self.draft(read_reply=True))
        mm = self.phone().fetch(self.wait_notifications()[0])
        self.phone().post(read_rec(mm["Message-ID"], mm["From"], UNREAD))
        self.assertEqual(self.b.wait_for("MM4_read_reply_report.REQ")[0].message.raw("X-Mms-Read-Status"), "Deleted without being read")


class Dialects(Mm4Case):
    def test_each_dialect_is_understood(self):
        photo = bytes(range(256)) * 40
        for name, dialect in DIALECTS.items():
            if dialect.encoding == "binary":
                continue   # it is for those who announce BINARYMIME, which the gateway does not
            with self.subTest(name):
                self.push.pushes.clear()
                self.b.received.clear()
                draft = self.draft(dialect=dialect, subject="Grüße", parts=slides("Größe: 5", photo), delivery_report=True)
                self.taken(draft)
                response = self.b.wait_for("MM4_forward.RES")[0]
                self.assertEqual((response.message.status, response.message.raw("X-Mms-Transaction-ID")), ("Ok", draft.get("X-Mms-Transaction-ID")))
                mm = self.phone().fetch(self.wait_notifications()[0])
                self.assertEqual((mm["From"], mm["Subject"], mm["X-Mms-Delivery-Report"]), (f"{BOB}/TYPE=PLMN", "Grüße", 0x80))
                self.assertEqual(mm.part("image/jpeg").data, photo)
                self.assertEqual(mm.part("text/plain").text().replace("\r\n", "\n").strip(), "Größe: 5")
                report = self.b.wait_for("MM4_delivery_report.REQ")[0]
                self.assertEqual(report.message.raw("X-Mms-Message-ID"), draft.get("X-Mms-Message-ID"))

    def test_what_is_no_multipart(self):
        for parts in ([slides()[1]], []):
            self.push.pushes.clear()
            draft = self.draft(dialect=STANDARD, parts=parts)
            draft.dialect = type(STANDARD)(structure="single")
            self.taken(draft)
            mm = self.phone().fetch(self.wait_notifications()[0])
            if parts:
                self.assertEqual(mm.part("text/plain").text().strip(), "Grüße")

    def test_expiry_in_each_form(self):
        soon = time.time() + 7200
        rows = (("7200", 7200), (time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(soon)), 7200),
                (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(soon)), 7200),
                ("whenever", None), ("", None), ("99999999999999", None))
        for text, wanted in rows:
            with self.subTest(text):
                self.push.pushes.clear()
                self.taken(self.draft().set("X-Mms-Expiry", text))
                kind, seconds = self.wait_notifications()[0]["X-Mms-Expiry"]
                self.assertEqual(kind, "rel")
                if wanted:
                    self.assertLess(abs(seconds - wanted), 60)
                else:
                    self.assertLessEqual(seconds, 7 * 86400)

    def test_what_is_past_is_expired_and_nobody_hears_of_it(self):
        self.taken(self.draft(delivery_report=True).set("X-Mms-Expiry", "Fri, 20 Nov 2020 10:00:00 GMT"))
        self.assertEqual(self.b.wait_for("MM4_delivery_report.REQ")[0].message.status, "Expired")
        self.assertEqual(self.notifications(), [])

    def test_unknown_values_and_fields_do_no_harm(self):
        draft = self.draft().set("X-Mms-Message-Class", "Test").add("X-Mms-Fee-Code", "7").add("X-Mms-Reply-Charging",
                                                                                               "Requested").add("X-Mms-Delivery-Time", "3600")
        self.taken(draft.add("X-Mms-Content-Class", "hologram").add("X-Mms-Priority", "Low").set("X-Mms-3GPP-MMS-Version", "6.99.0"))
        notification = self.wait_notifications()[0]
        self.assertIn(notification["X-Mms-Message-Class"], (0x80, "Test"))
        self.assertEqual(notification.get("X-Mms-Priority", 0x81), 0x81)   # the first of two counts
        self.assertNotIn("X-Mms-Fee-Code", notification.fields)
        self.assertEqual(self.b.wait_for("MM4_forward.RES")[0].message.status, "Ok")

    def test_forwarding_history(self):
        draft = self.draft().add("X-Mms-Forward-Counter", "1").add("X-Mms-Previously-sent-by", f"0, {CAROL}/TYPE=PLMN@{C}")
        self.taken(draft.add("X-Mms-Previously-sent-date-and-time", f"0, {HTTP_DATE}"))
        self.phone().fetch(self.wait_notifications()[0])
        self.taken(self.draft([TWO]).add("X-Mms-Forward-Counter", "11"))
        self.assertEqual(self.b.wait_for("MM4_forward.RES", 2)[1].message.status, "Error-service-denied")
        self.assertEqual(self.notifications(TWO), [])


class Duplicates(Mm4Case):
    def test_the_same_request_is_answered_from_the_record(self):
        draft = self.draft(delivery_report=True)
        for count in (1, 2):
            self.taken(draft)
            self.b.wait_for("MM4_forward.RES", count)
        mm = self.phone().fetch(self.wait_notifications()[0])
        self.assertEqual(mm["Subject"], "A subject")
        self.b.wait_for("MM4_delivery_report.REQ")
        self.taken(draft)   # and after its end
        responses = [received.message for received in self.b.wait_for("MM4_forward.RES", 3)]
        self.assertEqual({(r.status, r.raw("X-Mms-Transaction-ID"), r.raw("X-Mms-Message-ID")) for r in responses},
                         {("Ok", draft.get("X-Mms-Transaction-ID"), draft.get("X-Mms-Message-ID"))})
        self.assertEqual(len(self.notifications()), 1)
        self.assertEqual(len(self.incoming()), 1)
        self.assertEqual(self.counter("mm4_repeated"), 2)

    def test_a_refusal_is_repeated_too(self):
        draft = self.draft().add("X-Mms-Forward-Counter", "11")
        for count in (1, 2):
            self.taken(draft)
            self.assertEqual(self.b.wait_for("MM4_forward.RES", count)[-1].message.status, "Error-service-denied")
        self.assertEqual(self.notifications(), [])

    def test_the_same_message_in_another_transaction_is_not_delivered_twice(self):
        message_id = fresh("m", B)
        self.taken(self.draft(message_id=message_id))
        self.wait_notifications()
        self.taken(self.draft(message_id=message_id))
        self.taken(self.draft([ONE, TWO], message_id=message_id))
        self.wait_notifications(number=TWO)
        self.assertEqual({received.message.status for received in self.b.wait_for("MM4_forward.RES", 3)}, {"Ok"})
        self.assertEqual((len(self.notifications()), len(self.notifications(TWO))), (1, 1))

    def test_after_a_kill_it_is_still_known(self):
        draft = self.draft()
        self.taken(draft)
        self.b.wait_for("MM4_forward.RES")
        self.gateway.restart()
        self.b.gateway = self.gateway.smtp
        self.taken(draft)
        self.b.wait_for("MM4_forward.RES", 2)
        self.assertEqual(len(self.incoming()), 1)

    def test_the_same_ids_of_another_relay_are_another_message(self):
        ids = {"transaction_id": "the-same", "message_id": "the-same"}
        self.taken(self.draft(**ids))
        self.taken(self.draft([TWO], self.c, CAROL, **ids), self.c)
        self.wait_notifications()
        self.wait_notifications(number=TWO)


class Refusals(Mm4Case):
    def test_each_mandatory_field_is_missed(self):
        for name in ("X-Mms-Message-ID", "From", "To", "Date", "Content-Type"):
            with self.subTest(name):
                before = len(self.b.of("MM4_forward.RES"))
                draft = self.draft().drop(name)
                if name == "X-Mms-Message-ID":
                    draft.drop("Message-ID")   # which would stand in for it
                octets = draft.octets()
                if name == "Content-Type":
                    octets = re.sub(rb"Content-Type: multipart[^\r]*\r\n", b"", octets, count=1)
                draft.octets = lambda: octets
                outcome = self.b.send(draft)
                if outcome.taken:
                    self.assertEqual(self.b.wait_for("MM4_forward.RES", before + 1)[before].message.status, "Error-message-format-corrupt")
                else:
                    self.assertEqual(outcome.code, 554, outcome.replies)
        self.refused("554", self.draft().drop("X-Mms-Transaction-ID"))
        self.assertEqual(self.notifications(), [])

    def test_a_message_id_may_be_missing_where_the_mail_has_one_and_a_version_where_it_is_agreed(self):
        for name in ("X-Mms-Message-ID", "X-Mms-3GPP-MMS-Version"):
            self.push.pushes.clear()
            self.taken(self.draft().drop(name))
            self.wait_notifications()

    def test_what_cannot_be_read_is_corrupt(self):
        octets = self.draft(parts=slides(photo=b"x" * 3000)).octets()
        rows = (("no closing boundary", octets[:-60]), ("broken base64", octets.replace(b"eHh4eHh4", b"!!!!====", 1)))
        for name, broken in rows:
            with self.subTest(name):
                draft = self.draft()
                draft.octets = lambda: broken
                outcome = self.b.send(draft)
                if not outcome.taken:
                    self.assertEqual(outcome.code, 554, outcome.replies)

    def test_types_that_nobody_knows(self):
        draft = self.draft().set("X-Mms-Message-Type", "MM4_capability_negotiation.REQ")
        outcome = self.b.send(draft)
        self.assertIn(outcome.code, (250, 554), outcome.replies)
        self.taken(self.draft([TWO]))
        self.wait_notifications(number=TWO)
        self.assertEqual(self.notifications(), [])

    def test_recipients_that_are_not_ours(self):
        self.refused(r"RCPT: 550 5\.1\.1|RCPT: 550 5\.7\.1", self.draft([NEVER]))
        self.refused(r"RCPT: 55[01]", self.draft([CAROL]))   # another peer's: no transit was agreed
        self.refused(r"RCPT: 550", self.draft(recipients=["somebody@example.com"]))

    def test_only_the_envelope_decides_who_gets_it(self):
        draft = self.draft([ONE, TWO, f"{CAROL}/TYPE=PLMN@{C}"], bcc=[], recipients=[f"{number}/TYPE=PLMN@{DOMAIN}" for number in (ONE, THREE)])
        self.taken(draft)
        mm = self.phone().fetch(self.wait_notifications()[0])
        self.assertEqual(sorted(address.split("/")[0] for address in mm["To"]), sorted([ONE, TWO, CAROL]))
        blind = self.phone(THREE).fetch(self.wait_notifications(number=THREE)[0])
        self.assertEqual(sorted(blind["To"]), sorted(mm["To"]))
        self.assertNotIn(THREE, str(mm.fields))
        self.assertEqual(self.notifications(TWO), [])
        self.assertEqual(self.c.received, [])

    def test_a_hundred_and_one_relays_are_a_loop(self):
        draft = self.draft()
        for _ in range(101):
            draft.first("Received", "from x by y; Fri, 20 Nov 2026 09:00:00 +0000")
        self.refused(r"5\.4\.6", draft)

    def test_a_size_beyond_the_agreement(self):
        self.again(peer=[{**self.b.keys("b", prefixes=["+48600"]), "message_size": "64k"}, self.peers()[1]])
        outcome = self.b.send(self.draft(), mail_options=["SIZE=2000000"])
        self.assertEqual(outcome.of("MAIL"), [552], outcome.replies)
        draft = self.draft(parts=slides(photo=bytes(200_000)))
        outcome = self.b.send(draft)
        if outcome.taken:
            self.assertEqual(self.b.wait_for("MM4_forward.RES")[0].message.status, "Error-content-not-accepted")
        else:
            self.assertEqual(outcome.code, 552)
        self.assertEqual(self.notifications(), [])

    def test_rates_of_a_peer(self):
        self.again(peer=[{**self.b.keys("b", prefixes=["+48600"]), "inbound_rate": 1}, self.peers()[1]])
        outcomes = [self.b.send(self.draft(ack=False)) for _ in range(10)]
        refused = [outcome for outcome in outcomes if not outcome.taken]
        self.assertTrue(refused)
        self.assertTrue(all(451 in [code for _, code, _ in outcome.replies] for outcome in refused), refused[0].replies)
        self.taken(self.draft([TWO], self.c, CAROL), self.c)   # others are not concerned

    def test_a_hidden_sender_stays_hidden_from_the_phone(self):
        self.taken(self.draft().set("X-Mms-Sender-Visibility", "Hide"))
        notification = self.wait_notifications()[0]
        mm = self.phone().fetch(notification)
        self.assertNotIn(BOB, str(notification.fields) + str({name: value for name, value in mm.fields.items() if name != "Message-ID"}))


if __name__ == "__main__":
    unittest.main()
