"""A multimedia message becomes mail, or reaches several kinds of recipients at once."""
import hashlib
import unittest

import pdu
from case import DOMAIN, MAILBOX, ONE, THREE, TWO, Case, phone_address, the_photo


def text_part(text, name="t.txt"):
    return pdu.Part("text/plain", text.encode(), {"charset": "utf-8"}, {"Content-ID": f"<{name}>", "Content-Location": name})


class PhoneToMail(Case):
    def leaves(self, mail):
        return [part for part in mail.message.walk() if not part.is_multipart()]

    def test_text_first_pictures_inline_slides_in_order(self):
        photo = the_photo()
        smil = (b'<smil><body><par><text src="second.txt"/></par><par><img src="cid:lake"/><text src="first.txt"/></par></body></smil>')
        conf = self.phone().send([MAILBOX], subject="Grüße", related="<smil>", parts=[
            pdu.Part("application/smil", smil, {}, {"Content-ID": "<smil>"}),
            text_part("text of the second slide", "first.txt"),
            pdu.Part("image/jpeg", photo, {"name": "lake.jpg"}, {"Content-ID": "<lake>", "Content-Location": "lake.jpg"}),
            text_part("text of the first slide", "second.txt"),
            pdu.Part("audio/amr", b"#!AMR\n" + bytes(200), {}, {"Content-Location": "../../etc/passwd"}),
        ])
        self.assertEqual(conf["X-Mms-Response-Status"], 0x80)
        mail = self.sink.wait_mails(1)[0]
        message = mail.message
        self.assertEqual(mail.recipients, [MAILBOX])
        self.assertIn(f"{ONE}@{DOMAIN}", message["From"])
        self.assertEqual(message["Subject"], "Grüße")
        for header in ("Date", "Message-ID", "MIME-Version", "To"):
            self.assertEqual(len(message.get_all(header, [])), 1, header)
        leaves = self.leaves(mail)
        self.assertEqual(leaves[0].get_content_type(), "text/plain")
        text = leaves[0].get_content()
        self.assertLess(text.index("text of the first slide"), text.index("text of the second slide"))
        picture = next(part for part in leaves if part.get_content_type() == "image/jpeg")
        self.assertEqual(hashlib.sha256(picture.get_payload(decode=True)).hexdigest(), hashlib.sha256(photo).hexdigest())
        self.assertEqual(picture.get_content_disposition(), "inline")
        audio = next(part for part in leaves if part.get_content_type() == "audio/amr")
        self.assertEqual(audio.get_content_disposition(), "attachment")
        self.assertNotIn("/", audio.get_filename())
        self.assertNotIn("..", audio.get_filename())
        self.assertNotIn("application/smil", [part.get_content_type() for part in leaves])
        self.assertTrue(all(len(line) <= 998 for line in mail.data.split(b"\r\n")))
        self.assertNotIn(b"\n", mail.data.replace(b"\r\n", b""))

    def test_to_cc_bcc_in_any_mix(self):
        conf = self.phone(ONE).send([phone_address(TWO), "first@example.com"], cc=["second@example.com"], bcc=["hidden@example.com", phone_address(THREE)],
                                    subject="mix", parts=[text_part("to all")])
        self.assertEqual(conf["X-Mms-Response-Status"], 0x80)
        for number in (TWO, THREE):
            mm = self.fetched(number)
            self.assertNotIn("hidden", str(mm.fields))
            self.assertNotIn(THREE, str(mm.fields))
        mails = self.gateway.until(lambda: (found := list(self.sink.mails)) and
                                   {r for mail in found for r in mail.recipients} == {"first@example.com", "second@example.com", "hidden@example.com"} and found,
                                   "mail to all three")
        for mail in mails:
            self.assertNotIn(b"hidden@", mail.data)
            self.assertIn("first@example.com", mail.message["To"])
            self.assertIn(TWO, mail.message["To"])
            self.assertIn("second@example.com", mail.message["Cc"])
        queue_id = self.only_message("--all")["id"]
        self.gateway.until(lambda: set(self.gateway.states(queue_id).values()) <= {"delivered", "relayed"}, "the end of all five")
        self.assertEqual(len(self.gateway.states(queue_id)), 5)

    def test_the_same_transaction_again_is_the_same_message(self):
        message = {"subject": "once", "parts": [text_part("once")]}
        first = self.phone(ONE).send([MAILBOX], transaction_id="same", **message)
        again = self.phone(ONE).send([MAILBOX], transaction_id="same", **message)
        other = self.phone(TWO).send([MAILBOX], transaction_id="same", **message)
        self.assertEqual(first["Message-ID"], again["Message-ID"])
        self.assertNotEqual(first["Message-ID"], other["Message-ID"])
        mails = self.sink.wait_mails(2)
        self.gateway.until(lambda: len(self.gateway.queue("--all")) == 2, "two messages")
        self.assertEqual(sorted(f"{number}@{DOMAIN}" in mail.message["From"] for mail in mails for number in (ONE,)), [False, True])

    def test_the_sender_is_whom_the_proxy_names(self):
        conf = self.phone(ONE).send([MAILBOX], sender=phone_address(TWO), parts=[text_part("not from two")])
        if conf["X-Mms-Response-Status"] == 0x80:
            mail = self.sink.wait_mails(1)[0]
            self.assertIn(ONE, mail.message["From"])
            self.assertNotIn(TWO, mail.data.decode())
        for header, value in ((None, ""), ("X-MSISDN", "+15550001"), ("X-MSISDN", f"{ONE}, {TWO}"), ("X-Forwarded-For", ONE), ("X-WAP-MSISDN", ONE)):
            with self.subTest(header=header, value=value):
                phone = self.phone(value)
                phone.header = header
                conf = phone.send([MAILBOX], parts=[text_part("from nobody")])
                self.assertEqual(conf["X-Mms-Response-Status"], 0xE1)
                self.assertNotIn("Message-ID", conf.fields)
        self.assertFalse([mail for mail in self.sink.mails if b"from nobody" in mail.data])

    def test_a_line_that_ends_the_data_is_content(self):
        text = "one\r\n.\r\nMAIL FROM:<evil@example.org>\r\n.two\n.\nthree\r.\rfour"
        self.phone().send([MAILBOX], parts=[text_part(text)])
        mail = self.sink.wait_mails(1)[0]
        content = self.leaves(mail)[0].get_content().replace("\r\n", "\n")
        for line in ("one", ".", "MAIL FROM:<evil@example.org>", ".two", "three", "four"):
            self.assertIn(line, content.replace("\r", "\n").split("\n"))
        self.assertEqual(len(self.sink.mails), 1)

    def test_header_fields_cannot_be_smuggled_in(self):
        evil = "Hi\r\nBcc: victim@example.com\r\n\r\nbody"
        self.phone().send([MAILBOX], subject=evil, parts=[
            pdu.Part("text/plain", b"x", {"name": "a\r\nX-Evil: 1"}, {"Content-Location": "a\r\nX-Evil: 2", "Content-ID": "<a\r\nX-Evil: 3>"})])
        mail = self.sink.wait_mails(1)[0]
        self.assertEqual(mail.recipients, [MAILBOX])
        for part in mail.message.walk():
            self.assertIsNone(part["Bcc"])
            self.assertIsNone(part["X-Evil"])

    def test_what_cannot_be_sent_is_refused_at_once(self):
        phone = self.phone()
        rows = (
            ("no recipient", dict(to=[]), 0xE3),
            ("no such number here", dict(to=["+15550001/TYPE=PLMN"]), 0xE3),
        )
        for name, message, status in rows:
            with self.subTest(name):
                self.assertEqual(phone.send(parts=[text_part("x")], **message)["X-Mms-Response-Status"], status)

    def test_delivery_reports_of_mail_come_when_asked_for(self):
        conf = self.phone(ONE).send([MAILBOX], parts=[text_part("x")], Delivery_Report=0x80)
        report = self.push.notification(ONE).pdu
        self.assertEqual(report.type, "m-delivery-ind")
        self.assertEqual(report["Message-ID"], conf["Message-ID"])
        self.assertEqual(report["To"], [MAILBOX])
        self.assertIn(report["X-Mms-Status"], (0x81, 0x83, 0x85))

    def test_an_answer_to_what_the_gateway_sent_reaches_its_operator(self):
        self.phone(ONE).send([f"postmaster@{DOMAIN}"], parts=[text_part("Why was it not delivered?")])
        mail = self.sink.wait_mails(1)[0]
        self.assertEqual((mail.recipients, mail.message["To"]), (["ops@example.net"], "ops@example.net"))

    def test_delivery_reports_of_phones_come_when_asked_for_and_allowed(self):
        for allowed in (None, True):
            with self.subTest(allowed=allowed):
                self.push.pushes.clear()
                conf = self.phone(ONE).send([phone_address(TWO)], parts=[text_part("x")], Delivery_Report=0x80)
                self.phone(TWO).fetch(self.push.notification(TWO).pdu, report_allowed=allowed)
                report = self.push.notification(ONE).pdu
                self.assertEqual((report.type, report["Message-ID"]), ("m-delivery-ind", conf["Message-ID"]))
                self.assertTrue(report["To"][0].startswith(TWO))
                self.assertEqual(report["X-Mms-Status"], 0x81)

    def test_a_phone_that_allows_no_report_is_not_reported_on(self):
        conf = self.phone(ONE).send([phone_address(TWO)], parts=[text_part("x")], Delivery_Report=0x80)
        self.phone(TWO).fetch(self.push.notification(TWO).pdu, report_allowed=False)
        # A later report to the same phone shows that none came before it.
        later = self.phone(ONE).send([phone_address(TWO)], parts=[text_part("y")], Delivery_Report=0x80)
        self.phone(TWO).fetch(self.push.wait_pushes(2, TWO)[-1].pdu, report_allowed=True)
        self.assertEqual(self.push.notification(ONE).pdu["Message-ID"], later["Message-ID"])
        self.assertNotEqual(conf["Message-ID"], later["Message-ID"])


if __name__ == "__main__":
    unittest.main()
