"""Mail to next hops that nobody here wrote: smtp-sink in every mood, and mail hosts that a real name server names."""
import email
import glob
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
import unittest

import name_server
import pdu
from case import MAILBOX, Case, the_photo
from gateway import Gateway
from name_server import NameServer, answers, free_port
from peers import SmtpSink, Waiter

ENDS = {"delivered", "relayed", "failed", "expired", "rejected"}


def text_part(text):
    return pdu.Part("text/plain", text.encode(), {"charset": "utf-8"}, {"Content-Location": "t.txt"})


class RealSink(Waiter):
    """Postfix's smtp-sink; `mails()` are what it has taken."""

    def __init__(self, *options):
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="mmgate-sink-")
        self.port = free_port()
        as_user = []
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            as_user = ["-u", "nobody"]
        self.process = subprocess.Popen([shutil.which("smtp-sink", path="/usr/sbin:/usr/bin:" + os.environ["PATH"]), *as_user, *options, "-d", os.path.join(self.folder, "mail."),
                                         f"127.0.0.1:{self.port}", "128"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not answers(self.port, self):
            raise AssertionError("smtp-sink ended at once")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def mails(self):
        found = []
        for path in sorted(glob.glob(os.path.join(self.folder, "mail.*"))):
            with open(path, "rb") as file:
                found.append(file.read())
        return found


class MailOut(Case):
    OPTIONS = {"queue": {"retry": ["1h"], "service_messages": False}}

    def outcome(self, gateway, to=MAILBOX, parts=None):
        """How the only recipient of a new message fares at its first attempt."""
        before = {message["id"] for message in gateway.queue("--all")}
        self.phone_of(gateway).send([to], parts=parts or [text_part("hello")])
        def tried():
            for message in gateway.queue("--all"):
                if message["id"] not in before and message["recipients"][0]["attempts"] > 0:
                    return gateway.show(message["id"])["recipients"][0]
        return gateway.until(tried, f"an attempt to reach {to}")

    def phone_of(self, gateway):
        self.gateway = gateway
        return self.phone()


@unittest.skipUnless(shutil.which("smtp-sink", path="/usr/sbin:/usr/bin"), "smtp-sink is not installed")
class ToSmtpSink(MailOut):
    def setUp(self):
        pass

    def test_every_mood(self):
        rows = [
            # (options, state, beginning of the reply, mails taken)
            (("-N",), "delivered", "250 2.0.0 Ok", 1),
            ((), "relayed", "250 2.0.0 Ok", 1),
            (("-e",), "delivered", "250 2.0.0 Ok", 1),
            (("-p", "-8"), "relayed", "250 2.0.0 Ok", 1),
            (("-P",), "delivered", "250 2.0.0 Ok", 1),
            (("-T", "1000"), "relayed", "250 2.0.0 Ok", 1),
            (("-w", "1"), "relayed", "250 2.0.0 Ok", 1),
            (("-r", "CONNECT"), "deferred", "450", 0),
            (("-f", "CONNECT"), "deferred", "500", 0),
            (("-f", "EHLO", "-N"), "delivered", "250 2.0.0 Ok", 1),
            (("-f", "EHLO,HELO"), "deferred", "500", 0),
            (("-r", "MAIL"), "deferred", "450 4.3.0", 0),
            (("-f", "MAIL"), "failed", "500 5.3.0", 0),
            (("-r", "RCPT"), "deferred", "450 4.3.0", 0),
            (("-f", "RCPT", "-B", "550 5.1.1 nobody here"), "failed", "550 5.1.1 nobody here", 0),
            (("-r", "DATA"), "deferred", "450 4.3.0", 0),
            (("-f", "DATA"), "failed", "500 5.3.0", 0),
            (("-r", "."), "deferred", "450 4.3.0", None),   # what it refuses there it has kept
            (("-f", "."), "failed", "500 5.3.0", None),
            (("-q", "CONNECT"), "deferred", "451 4.4.2", 0),
            (("-q", "EHLO"), "deferred", "451 4.4.2", 0),
            (("-q", "MAIL"), "deferred", "451 4.4.2", 0),
            (("-q", "RCPT"), "deferred", "451 4.4.2", 0),
            (("-q", "DATA"), "deferred", "451 4.4.2", 0),
            (("-q", "."), "deferred", "451 4.4.2", None),   # the mail may have arrived
            (("-Q", "MAIL"), "deferred", "421", 0),
            (("-Q", "."), "deferred", "421", None),
        ]
        with self.enterContext(RealSink()) as sink, Gateway(relay=sink.port, **self.OPTIONS) as gateway:
            for options, state, reply, count in rows:
                with self.subTest(options=options), RealSink(*options) as sink:
                    gateway.configure(mail={"relay": f"127.0.0.1:{sink.port}"})
                    gateway.mmq("reload")
                    recipient = self.outcome(gateway)
                    self.assertEqual(recipient["state"], state, recipient)
                    self.assertTrue(recipient["reason"].startswith(reply), recipient["reason"])
                    if count is not None:
                        self.assertEqual(len(sink.mails()), count)
                    if options == ("-q", "."):
                        gateway.wait_log("possible-duplicate")

    def test_a_photograph_is_whole(self):
        octets = the_photo()
        with RealSink() as sink, Gateway(relay=sink.port, **self.OPTIONS) as gateway:
            recipient = self.outcome(gateway, parts=[pdu.Part("image/jpeg", octets, {"name": "photo.jpg"}, {"Content-Location": "photo.jpg"})])
            self.assertIn(recipient["state"], ENDS, recipient)
            mail, = sink.mails()
            pictures = [part.get_payload(decode=True) for part in email.message_from_bytes(mail).walk() if part.get_content_type() == "image/jpeg"]
            self.assertEqual([hashlib.sha256(picture).hexdigest() for picture in pictures], [hashlib.sha256(octets).hexdigest()])


@unittest.skipUnless(name_server.INSTALLED, "unbound is not installed")
class ToMailHosts(MailOut):
    RECORDS = ["walk.example. MX 10 dead.hosts.example.", "walk.example. MX 20 busy.hosts.example.", "walk.example. MX 30 good.hosts.example.",
               "dead.hosts.example. A 127.0.0.4", "busy.hosts.example. A 127.0.0.2", "good.hosts.example. A 127.0.0.3",
               "implicit.example. A 127.0.0.3", "null.example. MX 0 .", "text.example. TXT nothing"]

    def setUp(self):
        self.good = self.enterContext(SmtpSink(host="127.0.0.3"))
        self.busy = self.enterContext(SmtpSink(script=lambda session, verb, argument: "421 4.3.2 busy" if verb == "connect" else None, host="127.0.0.2", port=self.good.port))
        self.names = self.enterContext(NameServer(self.RECORDS, refused=["refused.example"]))

    def gateway_with(self, **mail):
        return Gateway(mail={"relay": None, "port": self.good.port, **mail}, dns={"servers": [f"127.0.0.1:{self.names.port}"]}, **self.OPTIONS)

    def test_the_walk(self):
        rows = [
            ("a@walk.example", "delivered", "250"),
            ("a@implicit.example", "delivered", "250"),
            ("a@[127.0.0.3]", "delivered", "250"),
            ("a@null.example", "failed", "556 5.1.10"),
            ("a@gone.example", "failed", "550 5.1.2"),
            ("a@text.example", "failed", "550 5.1.2"),
            ("a@refused.example", "deferred", "451 4.4.3"),
        ]
        with self.gateway_with(private_mx=True) as gateway:
            for to, state, reply in rows:
                with self.subTest(to=to):
                    recipient = self.outcome(gateway, to)
                    self.assertEqual(recipient["state"], state, recipient)
                    self.assertTrue(recipient["reason"].startswith(reply), recipient["reason"])
            self.assertGreater(self.busy.sessions, 0)
            self.assertEqual([mail.recipients for mail in self.good.mails], [["a@walk.example"], ["a@implicit.example"], ["a@[127.0.0.3]"]], gateway.log())

    def test_what_waits_for_a_relay_goes_to_the_mail_host_once_there_is_none(self):
        with self.gateway_with(private_mx=True, relay="127.0.0.4:25") as gateway:
            self.assertEqual(self.outcome(gateway, "a@walk.example")["state"], "deferred")
            gateway.configure(mail={"relay": None})
            gateway.mmq("reload")
            gateway.mmq("flush", "walk.example")
            self.good.wait_mails(1)
            self.assertEqual(self.good.mails[0].recipients, ["a@walk.example"])

    def test_our_own_networks_are_not_for_others_to_name(self):
        with self.gateway_with() as gateway:
            for to, state in (("a@implicit.example", "deferred"), ("a@walk.example", "deferred"), ("a@[127.0.0.3]", "failed")):
                with self.subTest(to=to):
                    self.assertEqual(self.outcome(gateway, to)["state"], state)
        self.assertEqual((self.good.sessions, self.busy.sessions), (0, 0))


if __name__ == "__main__":
    unittest.main()
