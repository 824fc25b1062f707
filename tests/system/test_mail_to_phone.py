"""Mail becomes a multimedia message on a phone."""
import hashlib
import subprocess
import unittest

import pdu
from case import DOMAIN, MAILBOX, ONE, SENDER, TWO, Case, mail, phone_address, the_photo


class MailToPhone(Case):
    OPTIONS = {"application": [{"id": "MEM", "networks": ["127.0.0.0/8"]}]}

    def test_text_and_subject_keep_their_characters(self):
        self.send_mail(mail("Grüße aus Köln \u2600", "Zwölf Boxkämpfer \u2013 größer.\nZweite Zeile.\n"))
        push = self.push.notification(ONE)
        notification = push.pdu
        self.assertEqual(notification.type, "m-notification-ind")
        self.assertEqual(notification["X-Mms-Message-Class"], 0x80)
        self.assertEqual(notification["X-Mms-Expiry"][0], "rel")
        mm = self.phone().fetch(notification)
        self.assertEqual(mm["Subject"], "Grüße aus Köln \u2600")
        self.assertIn("sender@example.org", mm["From"])
        self.assertIn("Zwölf Boxkämpfer \u2013 größer.", mm.part("text/plain").text())
        self.assertEqual(mm["X-Mms-Transaction-ID"], notification["X-Mms-Transaction-ID"])
        self.assertLessEqual(len(notification["X-Mms-Content-Location"]), 100)

    def test_every_written_form_of_a_number_reaches_the_phone(self):
        forms = ["+447700900001", "447700900001", "07700900001", "+447700900001/TYPE=PLMN"]
        for count, form in enumerate(forms, 1):
            with self.subTest(form):
                self.send_mail(mail(f"form {count}"), to=[f"{form}@{DOMAIN}"])
                self.assertEqual(self.fetched(count=count)["Subject"], f"form {count}")

    def test_a_photograph_arrives_octet_for_octet(self):
        photo = the_photo()
        self.send_mail(mail("A picture", "Look:", attachments=[("image/jpeg", "lake.jpg", photo)]))
        push = self.push.notification(ONE)
        mm = self.phone().fetch(push.pdu)
        picture = mm.part("image/jpeg")
        self.assertEqual(hashlib.sha256(picture.data).hexdigest(), hashlib.sha256(photo).hexdigest())
        self.assertEqual(mm.content_type, "application/vnd.wap.multipart.related")
        smil = mm.part("application/smil").text()
        self.assertIn("<smil", smil)
        location = picture.headers.get("Content-Location")
        content_id = picture.headers.get("Content-ID", "").strip("<>")
        self.assertTrue(f'"{location}"' in smil or f'"cid:{content_id}"' in smil, (smil, picture.headers))
        self.assertGreaterEqual(push.pdu["X-Mms-Message-Size"], len(photo))

    def test_octets_that_look_like_lines_stay(self):
        octets = b"\xff\xd8\r\n.\r\n\n\n\r\r\n..\r\n\x00\x1a" + bytes(range(256)) * 9 + b"\n.\n\xff\xd9"
        self.send_mail(mail(attachments=[("image/jpeg", "odd.jpg", octets)]))
        self.assertEqual(self.fetched().part("image/jpeg").data, octets)

    def test_html_becomes_text_that_reads_well(self):
        octets = mail().replace(b"Content-Type: text/plain", b"Content-Type: text/html").replace(
            b"Some text.", b"<html><head><style>p{x:y}</style></head><body><p>First &amp; foremost</p><p>second<br>third</p><script>evil()</script></body></html>")
        self.send_mail(octets)
        text = self.fetched().part("text/plain").text()
        self.assertIn("First & foremost", text)
        self.assertRegex(text, r"second\s*\n\s*third")
        for unwanted in ("evil", "p{x:y}", "<"):
            self.assertNotIn(unwanted, text)

    def test_swaks_hands_in_a_mail(self):
        port = str(self.gateway.smtp[1])
        done = subprocess.run(["swaks", "--server", "127.0.0.1", "--port", port, "--from", SENDER, "--to", f"{ONE[1:]}@{DOMAIN},{TWO}@{DOMAIN}",
                               "--ehlo", "client.example.org", "--header", "Subject: by swaks", "--body", "swaks was here", "--pipeline"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for number in (ONE, TWO):
            mm = self.fetched(number)
            self.assertEqual(mm["Subject"], "by swaks")
            self.assertIn("swaks was here", mm.part("text/plain").text())

    def test_each_recipient_has_a_secret_url_of_its_own(self):
        self.send_mail(mail(), to=[f"{ONE}@{DOMAIN}", f"{TWO}@{DOMAIN}"])
        one, two = self.push.notification(ONE).pdu, self.push.notification(TWO).pdu
        self.assertNotEqual(one["X-Mms-Content-Location"], two["X-Mms-Content-Location"])
        self.assertNotEqual(one["X-Mms-Transaction-ID"], two["X-Mms-Transaction-ID"])
        # One phone's answer ends its own delivery and nobody else's.
        self.phone(ONE).fetch(one)
        queue_id = self.only_message("--all")["id"]
        self.gateway.until(lambda: sorted(self.gateway.states(queue_id).values()) == ["delivered", "notified"], "one delivered, the other told")
        self.phone(TWO).fetch(two)
        self.gateway.until(lambda: set(self.gateway.states(queue_id).values()) == {"delivered"}, "both delivered")

    def test_to_and_cc_are_all_named_and_bcc_is_not(self):
        octets = mail(to=f"{ONE}@{DOMAIN}, Somebody <{MAILBOX}>", Cc=f"{TWO}@{DOMAIN}")
        self.send_mail(octets, to=[f"{ONE}@{DOMAIN}", f"{TWO}@{DOMAIN}", f"+447700900003@{DOMAIN}"])
        mm = self.fetched(ONE)
        self.assertEqual([address.split("@")[0].split("/")[0] for address in mm["To"]][0], ONE)
        self.assertIn(MAILBOX, mm["To"][1])
        self.assertTrue(mm["Cc"][0].startswith(TWO))
        self.assertNotIn("+447700900003", str(mm.fields))
        self.assertEqual(self.fetched("+447700900003")["To"], mm["To"])

    def test_the_url_is_the_only_key(self):
        self.send_mail(mail())
        notification = self.push.notification(ONE).pdu
        url = notification["X-Mms-Content-Location"]
        # Another subscriber's identity with the right URL, and a URL that is nobody's, get the same answer.
        answers = []
        for phone, location in ((self.phone(TWO), url), (self.phone(ONE), url[:-4] + "AAAA"), (self.phone(ONE), "http://mmsc.example/1")):
            status, conf = phone.get(location)
            answers.append((status, conf.type, conf["X-Mms-Retrieve-Status"], conf.body))
        self.assertEqual(answers[0][:3], (404, "m-retrieve-conf", 0xE2))
        self.assertEqual(len(set(answers)), 1, answers)
        # Without an identity the URL suffices, and twice is no harm.
        nobody = self.phone(ONE)
        nobody.header = None
        self.assertEqual(nobody.get(url)[0], 200)
        self.assertEqual(self.phone(ONE).get(url)[0], 200)
        self.phone(ONE).answer(notification)
        self.gateway.until(lambda: "delivered" in str(self.gateway.queue("--all")), "the end")
        # Used up: as if it had never been.
        status, conf = self.phone(ONE).get(url)
        self.assertEqual((status, conf["X-Mms-Retrieve-Status"]), (404, 0xE2))

    def test_applic_id_of_a_permitted_sender_and_its_body(self):
        body = b'<emn mailbox="mailat:box@mail.example"  timestamp="2026-11-20T09:00:00Z"/>\r\n \t\r\n'
        octets = (b"From: sender@example.org\r\nTo: x@example.net\r\nSubject: n\r\nApplic-ID: MEM\r\nMIME-Version: 1.0\r\n"
                  b"Content-Type: text/vnd.wap.emn+xml; charset=utf-8\r\n\r\n" + body)
        self.send_mail(octets)
        notification = self.push.notification(ONE).pdu
        self.assertEqual(notification["X-Mms-Applic-ID"], "MEM")
        mm = self.phone().fetch(notification)
        self.assertEqual(mm["X-Mms-Applic-ID"], "MEM")
        self.assertEqual(len(mm.parts), 1)
        self.assertEqual(mm.parts[0].data, body)

    def test_applic_id_of_anybody_else_is_dropped(self):
        self.send_mail(mail(Applic_ID="EVIL"))
        self.assertNotIn("X-Mms-Applic-ID", self.fetched().fields)

    def test_deferred_keeps_it_waiting(self):
        self.send_mail(mail())
        notification = self.push.notification(ONE).pdu
        self.phone().answer(notification, status=0x83)
        queue_id = self.only_message()["id"]
        self.gateway.wait_log(r"(?i)deferred")
        self.assertEqual(set(self.gateway.states(queue_id).values()), {"notified"})
        # Fetched later, and confirmed by M-Acknowledge.ind this time.
        status, mm = self.phone().get(notification["X-Mms-Content-Location"])
        self.assertEqual(status, 200)
        status, _, body = self.phone().post(pdu.acknowledge(notification["X-Mms-Transaction-ID"]))
        self.assertEqual((status, body), (200, b""))
        self.gateway.until(lambda: set(self.gateway.states(queue_id).values()) == {"delivered"}, "the end")

    def test_rejected_ends_it(self):
        self.send_mail(mail())
        notification = self.push.notification(ONE).pdu
        queue_id = self.only_message()["id"]
        self.phone().answer(notification, status=0x82)
        self.gateway.until(lambda: set(self.gateway.states(queue_id).values()) == {"rejected"}, "the end")
        # The sender of the mail is told once, with a status that says so.
        report = self.sink.wait_mails(1)[0]
        self.assertEqual((report.sender, report.recipients), ("", [SENDER]))
        self.assertIn("message/delivery-status", report.data.decode())

    def test_a_phone_to_a_phone(self):
        conf = self.phone(ONE).send([phone_address(TWO), ONE[:-1] + "3"], subject="hello", parts=[
            pdu.Part("text/plain", "Über".encode(), {"charset": "utf-8"}, {"Content-Location": "t.txt"})])
        self.assertEqual(conf["X-Mms-Response-Status"], 0x80)
        notification = self.push.notification(TWO).pdu
        self.assertTrue(notification["From"].startswith(ONE))
        mm = self.phone(TWO).fetch(notification)
        self.assertEqual(mm["Message-ID"], conf["Message-ID"])
        self.assertEqual(mm.part("text/plain").text(), "Über")
        self.assertEqual(mm["From"], phone_address(ONE))


if __name__ == "__main__":
    unittest.main()
