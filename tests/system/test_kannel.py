"""Kannel's push proxy gateway takes our notifications, and its SMS centre sees them as a phone would."""
import os
import re
import shutil
import smtplib
import socket
import subprocess
import tempfile
import threading
import unittest
import urllib.parse

import namespace
from case import DOMAIN, ONE, SENDER, mail
from gateway import Gateway
from peers import Phone, PushEnd, SmtpSink, Waiter

CONF = """group = core
admin-port = 13000
admin-password = admin
smsbox-port = 13001
wapbox-port = 13002
box-allow-ip = 127.0.0.1
wdp-interface-name = 127.0.0.1
log-file = {folder}/bearerbox.log
log-level = 0

group = smsc
smsc = fake
smsc-id = FAKE
port = 10000
connect-allow-ip = 127.0.0.1

group = wapbox
bearerbox-host = 127.0.0.1
log-file = {folder}/wapbox.log
log-level = 0

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = 13013
log-file = {folder}/smsbox.log
log-level = 0

group = sendsms-user
username = mmgate
password = secret
max-messages = 10
concatenation = true

group = sms-service
keyword = default
text = none
max-messages = 0

group = ppg
ppg-url = /wappush
ppg-port = 8080
concurrent-pushes = 100
users = 1024
trusted-pi = false
ppg-allow-ip = 127.0.0.1
service-name = ppg
default-smsc = FAKE
global-sender = 1234

group = wap-push-user
wap-push-user = ppguser
ppg-username = mmgate
ppg-password = secret
allow-ip = 127.0.0.1
country-prefix = 44
default-smsc = FAKE
"""


def setUpModule():
    namespace.enter()


class Kannel(Waiter):
    """bearerbox, wapbox, smsbox, and fakesmsc behind them; collects what the SMS centre was handed."""

    TOOLS = "/usr/lib/kannel/test"

    def __init__(self):
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="mmgate-kannel-")
        self.processes, self.messages = [], []
        conf = os.path.join(self.folder, "kannel.conf")
        with open(conf, "w") as file:
            file.write(CONF.format(folder=self.folder))
        self.spawn("bearerbox", conf)
        for port in (13000, 13001, 13002, 10000):
            self.wait_port(port)
        smsc = self.spawn(os.path.join(self.TOOLS, "fakesmsc"), "-H", "127.0.0.1", "-r", "10000", "-i", "3600", "-m", "100", "100 200 text hello",
                          pipe=True)
        threading.Thread(target=self.read, args=(smsc,), daemon=True).start()
        self.spawn("wapbox", conf)
        self.spawn("smsbox", conf)
        for port in (8080, 13013):
            self.wait_port(port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def spawn(self, *argv, pipe=False):
        with open(os.path.join(self.folder, os.path.basename(argv[0]) + ".out"), "wb") as out:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if pipe else out, stderr=subprocess.STDOUT,
                                       cwd=self.folder)
        self.processes.append(process)
        return process

    def wait_port(self, port):
        def open_now():
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return True
            except OSError:
                return False
        with self.changed:
            for _ in range(150):
                if open_now():
                    return
                self.changed.wait(0.1)
        raise AssertionError(f"nothing listens on port {port} of Kannel")

    def read(self, process):
        for line in process.stdout:
            with self.changed:
                self.messages.append(line.decode("latin-1"))
                self.changed.notify_all()

    def sms(self):
        """(receiver, user data header, user data) of each SMS that arrived at the centre."""
        found = []
        for line in list(self.messages):
            if match := re.search(r"Got message \d+: <\S+ (\S+) udh (\S+) data (\S+)>", line):
                header, data = (urllib.parse.unquote_to_bytes(text.replace("+", " ")) for text in match.groups()[1:])
                found.append((match[1], header, data))
        return found


def joined(messages):
    """The WSP push that the parts of one SMS make."""
    parts = {}
    for _, header, data in messages:
        at, number = 1, 1
        while at < len(header):
            element, length = header[at], header[at + 1]
            if element == 0x00:
                number = header[at + 4]
            if element == 0x05:
                assert header[at + 2:at + 6] == bytes.fromhex("0b8423f0"), header.hex()
            at += 2 + length
        parts[number] = data
    return b"".join(parts[number] for number in sorted(parts))


class Push(unittest.TestCase):
    def setUp(self):
        self.kannel = self.enterContext(Kannel())
        self.sink = self.enterContext(SmtpSink())

    def run_through(self, **push):
        gateway = self.enterContext(Gateway(relay=self.sink.port, start=False))
        gateway.configure(push=push)
        gateway.start()
        with smtplib.SMTP(*gateway.smtp, local_hostname="client.example.org") as client:
            client.sendmail(SENDER, [f"{ONE}@{DOMAIN}"], mail("Through Kannel", "Some text."))
        messages = self.kannel.wait(lambda: (found := self.kannel.sms()) and self.complete(found) and found, "the SMS at the centre")
        self.assertIn(messages[0][0].lstrip("+"), ONE.lstrip("+"))
        frame = joined(messages)
        notification = PushEnd.read("/", {"X-Kannel-To": ONE}, frame)[0].pdu
        self.assertEqual(notification.type, "m-notification-ind")
        self.assertEqual(Phone(gateway, ONE).fetch(notification)["Subject"], "Through Kannel")
        self.assertLessEqual(len(messages), 2)

    @staticmethod
    def complete(messages):
        totals = [header[header.index(b"\x00\x03") + 3] for _, header, _ in messages if b"\x00\x03" in header]
        return len(messages) >= (totals[0] if totals else 1)

    def test_pap_to_the_push_proxy_gateway(self):
        self.run_through(kind="pap", url="http://127.0.0.1:8080/wappush", user="mmgate", password="secret")

    def test_sendsms(self):
        self.run_through(kind="kannel", url="http://127.0.0.1:13013/cgi-bin/sendsms", user="mmgate", password="secret", **{"from": "1234"})


if __name__ == "__main__":
    unittest.main()
