"""What most system tests begin with: a gateway between a push end and a mailbox, and mails to send."""
import email.message
import email.policy
import os
import smtplib
import unittest

from gateway import BUILD, DOMAIN, Gateway
from peers import PATIENCE_S, Phone, PushEnd, SmtpSink
from photo import photo

ONE, TWO, THREE = "+447700900001", "+447700900002", "+447700900003"
SENDER, MAILBOX = "sender@example.org", "mailbox@example.com"

STATUS = {"Expired": 0x80, "Retrieved": 0x81, "Rejected": 0x82, "Deferred": 0x83, "Unrecognised": 0x84, "Indeterminate": 0x85, "Unreachable": 0x87}


def the_photo():
    return photo(os.path.join(BUILD, "photo.jpg"))


def mail(subject="A subject", text="Some text.", to=f"{ONE}@{DOMAIN}", sender=SENDER, attachments=(), **headers):
    """A mail as octets; attachments are (media type, file name, octets)."""
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"], message["Message-ID"] = "Thu, 01 Jan 2026 12:00:00 +0000", "<1@client.example.org>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    for media, name, octets in attachments:
        maintype, _, subtype = media.partition("/")
        message.add_attachment(octets, maintype=maintype, subtype=subtype, filename=name)
    return message.as_bytes()


def phone_address(number):
    return f"{number}/TYPE=PLMN"


class Case(unittest.TestCase):
    """`self.push`, `self.sink`, `self.gateway`; `OPTIONS` are sections of the configuration."""

    OPTIONS = {}

    def setUp(self):
        self.push, self.sink = self.enterContext(PushEnd()), self.enterContext(SmtpSink())
        self.gateway = self.start()

    def start(self, **more):
        options = {name: dict(keys) if isinstance(keys, dict) else keys for name, keys in self.OPTIONS.items()}
        for name, keys in more.items():
            if isinstance(keys, dict):
                options.setdefault(name, {}).update(keys)
            else:
                options[name] = keys
        return Shown.enter(self, Gateway(push=self.push, relay=self.sink.port, **options))

    def client(self, ehlo=True):
        client = smtplib.SMTP(*self.gateway.smtp, local_hostname="client.example.org", timeout=PATIENCE_S)
        self.addCleanup(client.close)
        if ehlo:
            client.ehlo()
        return client

    def send_mail(self, octets, to=(f"{ONE}@{DOMAIN}",), sender=SENDER, mail_options=(), rcpt_options=()):
        """Hands a mail in; gives the reply to its end."""
        client = self.client()
        code, text = client.mail(sender, mail_options)
        self.assertEqual(code, 250, text)
        for address in to:
            code, text = client.rcpt(address, rcpt_options)
            self.assertEqual(code, 250, text)
        code, text = client.data(octets)
        self.assertEqual(code, 250, text)
        client.quit()
        return text.decode()

    def phone(self, number=ONE):
        return Phone(self.gateway, number)

    def fetched(self, number=ONE, count=1, timeout=PATIENCE_S):
        """The M-Retrieve.conf behind the latest of `count` notifications to a number, fetched and confirmed."""
        push = self.push.wait_pushes(count, number, timeout)[count - 1]
        return self.phone(number).fetch(push.pdu)

    def only_message(self, *arguments):
        """The only message in the queue."""
        queue = self.gateway.queue(*arguments)
        self.assertEqual(len(queue), 1, queue)
        return queue[0]


class Shown:
    """Prints the gateway's log when the test that it belongs to has failed."""

    @staticmethod
    def enter(case, gateway):
        def leave():
            result = case._outcome.result
            failed = not getattr(result, "clean", True) or any(test is case for test, _ in result.errors + result.failures)
            gateway.__exit__(AssertionError if failed else None, None, None)
        case.addCleanup(leave)
        return gateway
