"""What waits, what is tried again, what fails, and who is told."""
import email
import unittest

import pdu
from case import DOMAIN, MAILBOX, ONE, SENDER, TWO, Case, mail, phone_address


def text_part(text):
    return pdu.Part("text/plain", text.encode(), {"charset": "utf-8"}, {"Content-Location": "t.txt"})


def status_fields(report):
    """The field groups of message/delivery-status: the message's, then one for each recipient."""
    part = next(part for part in report.message.walk() if part.get_content_type() == "message/delivery-status")
    return part.get_payload()


class Queue(Case):
    OPTIONS = {"queue": {"retry": ["1s"], "lifetime": "1h", "report_delay": "1s"}}

    def dsn(self, count=1):
        return [mail for mail in self.sink.wait_mails(count) if mail.sender == ""][-1]

    def test_a_relay_that_is_busy_is_tried_again(self):
        replies = iter(["451 4.3.0 later", "421 4.7.0 later still"])
        self.sink.script = lambda session, verb, argument: next(replies, None) if verb == "MAIL" else None
        self.phone().send([MAILBOX], parts=[text_part("patience")])
        self.sink.wait_mail(b"patience")
        queue_id = self.only_message("--all")["id"]
        self.gateway.until(lambda: set(self.gateway.states(queue_id).values()) <= {"delivered", "relayed"}, "the end")
        recipient = self.gateway.show(queue_id)["recipients"][0]
        self.assertEqual(recipient["attempts"], 3)
        trace = self.gateway.mmq("trace", queue_id).stdout
        self.assertIn("451 4.3.0", trace)

    def test_each_recipient_of_a_mail_has_its_own_outcome(self):
        def script(session, verb, argument):
            if verb == "RCPT" and "never" in argument:
                return "550 5.1.1 no such user"
            if verb == "RCPT" and "later" in argument and not script.done:
                script.done = True
                return "450 4.2.1 later"
            return None
        script.done = False
        self.sink.script = script
        self.phone().send(["good@example.com", "never@example.com", "later@example.com"], parts=[text_part("three")])
        mails = self.sink.wait_mails(2)
        self.assertEqual(sorted(r for mail in mails for r in mail.recipients), ["good@example.com", "later@example.com"])
        queue_id = [m for m in self.gateway.queue("--all") if m["interface"] == "mm1"][0]["id"]
        states = self.gateway.until(lambda: (s := self.gateway.states(queue_id)) and s["later@example.com"] in ("delivered", "relayed") and s, "the end")
        self.assertEqual(states["never@example.com"], "failed")
        # The phone asked for no report: a short message says what did not reach whom.
        service = self.fetched()
        text = service.part("text/plain").text()
        self.assertIn("never@example.com", text)
        self.assertNotIn("good@example.com", text)

    def test_no_service_message_for_class_auto_or_when_switched_off(self):
        self.sink.script = lambda session, verb, argument: "550 5.1.1 no" if verb == "RCPT" else None
        self.phone().send([MAILBOX], parts=[text_part("automatic")], Message_Class=0x83)
        self.gateway.until(lambda: [m for m in self.gateway.queue("--all") if m["state"] == "failed"], "the failure")
        self.gateway.configure(queue={"service_messages": False})
        self.gateway.mmq("reload")
        self.phone().send([MAILBOX], parts=[text_part("switched off")])
        self.gateway.until(lambda: len([m for m in self.gateway.queue("--all") if m["state"] == "failed"]) == 2, "the second failure")
        # Something that is wanted comes after them; nothing came before it.
        self.send_mail(mail("after both"))
        self.assertEqual(self.fetched()["Subject"], "after both")
        self.assertEqual(len(self.push.pushes), 1)

    def test_delivery_report_tells_of_failure_when_asked_for(self):
        self.sink.script = lambda session, verb, argument: "550 5.1.1 no such user" if verb == "RCPT" else None
        conf = self.phone().send([MAILBOX], parts=[text_part("x")], Delivery_Report=0x80, version=0x92)
        report = self.push.notification(ONE).pdu
        self.assertEqual((report.type, report["Message-ID"]), ("m-delivery-ind", conf["Message-ID"]))
        self.assertIn(report["X-Mms-Status"], (0x82, 0x87))

    def test_a_phone_that_never_fetches_expires_and_the_sender_of_the_mail_is_told_once(self):
        self.gateway.stop()
        self.gateway.configure(queue={"lifetime": "3s"})
        self.gateway.start()
        self.send_mail(mail("never fetched"), mail_options=["RET=HDRS", "ENVID=env+2Bid"] if self.client().has_extn("dsn") else [])
        self.push.notification(ONE)
        report = self.dsn()
        self.assertEqual(report.recipients, [SENDER])
        message = report.message
        self.assertEqual(message.get_content_type(), "multipart/report")
        self.assertEqual(message.get_param("report-type"), "delivery-status")
        groups = status_fields(report)
        self.assertEqual(groups[1]["Action"], "failed")
        self.assertTrue(groups[1]["Status"].startswith(("4.", "5.")), groups[1]["Status"])
        self.assertIn(ONE, groups[1]["Final-Recipient"])
        self.assertTrue(groups[0]["Reporting-MTA"].endswith("gw1." + DOMAIN))
        returned = next(part for part in message.walk() if part.get_content_type() in ("text/rfc822-headers", "message/rfc822"))
        self.assertIn("never fetched", returned.as_string())
        self.assertEqual(message["Auto-Submitted"], "auto-replied")
        queue_id = [m for m in self.gateway.queue("--all") if m["interface"] == "mail" and m["state"] == "expired"][0]["id"]
        self.assertEqual(set(self.gateway.states(queue_id).values()), {"expired"})
        # The URL is dead.
        status, conf = self.phone().get(self.push.pushes[0].url)
        self.assertEqual(status, 404)
        self.assertEqual(len(self.sink.mails), 1)

    def test_expiry_asked_by_the_sender_holds(self):
        self.phone(ONE).send([phone_address(TWO)], parts=[text_part("short life")], Expiry=("rel", 3), Delivery_Report=0x80)
        notification = self.push.notification(TWO).pdu
        self.assertLessEqual(notification["X-Mms-Expiry"][1], 60)
        report = self.push.notification(ONE, timeout=90).pdu
        self.assertEqual((report.type, report["X-Mms-Status"]), ("m-delivery-ind", 0x80))

    def test_notifications_repeat_unchanged_until_fetched(self):
        self.gateway.stop()
        self.gateway.configure(queue={"notify_again": ["1s"]})
        self.gateway.start()
        self.send_mail(mail())
        pushes = self.push.wait_pushes(3, ONE)
        self.assertEqual(len({push.octets for push in pushes}), 1)
        self.phone().fetch(pushes[0].pdu)
        queue_id = self.only_message("--all")["id"]
        self.gateway.until(lambda: set(self.gateway.states(queue_id).values()) == {"delivered"}, "the end")

    def test_a_push_end_that_is_down_is_tried_again(self):
        down = iter([(503, "text/plain", "no"), (500, "text/plain", "no")])
        self.push.script = lambda push: next(down, None)
        self.send_mail(mail("at last"))
        self.assertEqual(self.fetched()["Subject"], "at last")
        self.assertEqual(len(self.push.refused), 2)

    def test_a_push_end_that_knows_no_such_phone_ends_it(self):
        bad = ('<?xml version="1.0"?><pap><push-response push-id="x"><response-result code="2002" desc="Address Error"/></push-response></pap>')
        self.push.script = lambda push: (202, "application/xml", bad)
        self.send_mail(mail("nobody there"))
        report = self.dsn()
        self.assertEqual(status_fields(report)[1]["Action"], "failed")
        self.assertTrue(status_fields(report)[1]["Status"].startswith("5."))

    def test_the_null_sender_gets_no_report(self):
        bad = ('<?xml version="1.0"?><pap><push-response push-id="x"><response-result code="2002" desc="Address Error"/></push-response></pap>')
        self.push.script = lambda push: (202, "application/xml", bad)
        octets = mail("from nobody")
        client = self.client()
        client.mail("")
        code, text = client.rcpt(f"{ONE}@{DOMAIN}")
        if code == 250:   # refused at once is as good
            client.data(octets)
        self.gateway.until(lambda: not [m for m in self.gateway.queue() if m["state"] in ("queued", "active", "deferred")], "rest")
        self.send_mail(mail("from somebody"))
        report = self.dsn()
        self.assertIn(b"from somebody", report.data)
        self.assertEqual(len(self.sink.mails), 1)

    def test_hold_release_delete_and_restart(self):
        self.sink.script = lambda session, verb, argument: "451 4.3.0 closed" if verb == "MAIL" and not opened else None
        opened = []
        for name in ("keep", "drop"):
            self.phone().send([MAILBOX], parts=[text_part(name)], subject=name)
        self.gateway.until(lambda: [m["state"] for m in self.gateway.queue()] == ["deferred"] * 2, "both deferred")
        keep, drop = (m["id"] for m in self.gateway.queue())
        self.gateway.mmq("hold", keep)
        self.assertEqual(set(self.gateway.states(keep).values()), {"held"})
        self.gateway.mmq("delete", drop)
        self.gateway.restart()
        self.assertEqual(set(self.gateway.states(keep).values()), {"held"})
        self.assertEqual(set(self.gateway.states(drop).values()), {"deleted"})
        opened.append(True)
        self.gateway.mmq("retry", keep, check=False)
        self.gateway.mmq("release", keep)
        self.assertIn(b"keep", self.sink.wait_mails(1)[0].data)
        self.assertEqual(self.gateway.mmq("show", "0000000000000", check=False).returncode, 66)
        self.assertEqual(self.gateway.mmq("hold", check=False).returncode, 64)

    def test_a_report_about_our_mail_ends_its_delivery_and_is_no_mm(self):
        self.phone(ONE).send([MAILBOX], parts=[text_part("out")], Delivery_Report=0x80)
        mail_out = self.sink.wait_mails(1)[0]
        first = self.push.notification(ONE).pdu if self.push.pushes else None
        report = email.message_from_string(
            "From: MAILER-DAEMON@example.com\r\nTo: x@example.net\r\nSubject: Undelivered\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n\r\nNo.\r\n--b\r\n'
            "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n"
            f"Final-Recipient: rfc822; {MAILBOX}\r\nAction: failed\r\nStatus: 5.2.2\r\nDiagnostic-Code: smtp; 552 5.2.2 full\r\n\r\n--b\r\n"
            f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: {mail_out.message['Message-ID']}\r\nSubject: x\r\n\r\n--b--\r\n").as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        client = self.client()
        client.mail("")
        self.assertEqual(client.rcpt(mail_out.sender)[0], 250)
        code, text = client.data(report)
        self.assertIn(code, (250,), text)
        queue_id = [m for m in self.gateway.queue("--all") if m["interface"] == "mm1" and "X" not in m["id"][:0]][0]["id"]
        self.gateway.until(lambda: set(self.gateway.states(queue_id).values()) <= {"failed", "delivered"}, "the outcome")
        for push in self.push.pushes:
            self.assertEqual(push.pdu.type, "m-delivery-ind")
        del first


if __name__ == "__main__":
    unittest.main()
