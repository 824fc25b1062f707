"""A real Postfix before us and behind us."""
import email
import email.policy
import os
import smtplib
import unittest

import pdu
from case import DOMAIN, ONE, SENDER, Case, mail, the_photo
from postfix import Postfix


class BesidePostfix(Case):
    OPTIONS = {"queue": {"retry": ["1s"]}}

    def setUp(self):
        if os.getuid() != 0:
            self.skipTest("Postfix's master wants to be started by root")
        super().setUp()
        self.postfix = self.enterContext(Postfix({DOMAIN: self.gateway.smtp[1]}))
        self.gateway.configure(mail={"relay": f"127.0.0.1:{self.postfix.port}"})
        self.gateway.mmq("reload")

    def hand_in(self, octets, to, sender):
        with smtplib.SMTP("127.0.0.1", self.postfix.port, local_hostname="client.example.org", timeout=30) as client:
            client.sendmail(sender, to, octets)

    def test_postfix_hands_in_a_photograph_and_takes_one(self):
        photo = the_photo()
        self.hand_in(mail("Through Postfix", attachments=[("image/jpeg", "lake.jpg", photo)]), [f"{ONE}@{DOMAIN}"], SENDER)
        mm = self.fetched()
        self.assertEqual(mm["Subject"], "Through Postfix")
        self.assertEqual(mm.part("image/jpeg").data, photo)
        self.phone().send(["mailbox@example.com"], subject="Grüße zurück", parts=[
            pdu.Part("image/jpeg", photo, {"name": "lake.jpg"}, {"Content-Location": "lake.jpg"}),
            pdu.Part("text/plain", "ä\r\n.\r\nb".encode(), {"charset": "utf-8"}, {"Content-Location": "t.txt"})])
        octets = self.gateway.until(lambda: self.postfix.mails("mailbox"), "mail in the maildir")[0]
        message = email.message_from_bytes(octets, policy=email.policy.default)
        self.assertEqual(message["Subject"], "Grüße zurück")
        pictures = [part.get_payload(decode=True) for part in message.walk() if part.get_content_type() == "image/jpeg"]
        self.assertEqual(pictures, [photo])

    def test_the_sender_gets_one_notification_when_the_phone_refuses(self):
        self.hand_in(mail("Refused"), [f"{ONE}@{DOMAIN}"], "sender@example.com")
        self.phone().answer(self.push.notification(ONE).pdu, status=0x82)
        octets = self.gateway.until(lambda: self.postfix.mails("sender"), "the report in the maildir")[0]
        self.assertIn(b"message/delivery-status", octets)
        self.assertIn(b"Return-Path: <>", octets)

    def test_an_unknown_mailbox_comes_back_as_a_message_to_the_phone(self):
        self.phone().send(["nobody@example.com"], subject="lost", parts=[pdu.Part("text/plain", b"x")])
        text = self.fetched().part("text/plain").text()
        self.assertIn("nobody@example.com", text)

    def test_postfix_bounces_what_we_refuse(self):
        self.hand_in(mail("nowhere"), [f"+15550001@{DOMAIN}"], "sender@example.com")
        octets = self.gateway.until(lambda: self.postfix.mails("sender"), "Postfix's own report")[0]
        self.assertRegex(octets, rb"550[- ]5\.1\.")


if __name__ == "__main__":
    unittest.main()
