"""A real Postfix before us and behind us."""
import email
import email.policy
import glob
import os
import pwd
import shutil
import smtplib
import socket
import subprocess
import tempfile
import unittest

import pdu
from case import DOMAIN, ONE, SENDER, Case, mail, the_photo
from peers import Waiter

MAIN = """compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.com
mydomain = example.com
mydestination =
mynetworks = 127.0.0.0/8
disable_dns_lookups = yes
smtp_host_lookup = native
smtputf8_enable = no
alias_maps =
alias_database =
local_recipient_maps =
message_size_limit = 20000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
virtual_mailbox_domains = example.com
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ mailbox@example.com=mailbox/, sender@example.com=sender/ }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
transport_maps = inline:{{ {domain}=smtp:[127.0.0.1]:{gateway} }}
relay_domains = {domain}
minimal_backoff_time = 1s
queue_run_delay = 1s
"""

MASTER = """127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
tlsmgr unix - - n 1000? 1 tlsmgr
"""


class Postfix(Waiter):
    """A private instance on loopback that delivers example.com into maildirs and our domain to the gateway."""

    def __init__(self, gateway_port):
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="mmgate-postfix-")
        os.chmod(self.folder, 0o755)
        owner = pwd.getpwnam("postfix")
        self.etc = os.path.join(self.folder, "etc")
        for name in ("etc", "queue", "data", "mail"):
            os.mkdir(os.path.join(self.folder, name))
        os.chown(os.path.join(self.folder, "data"), owner.pw_uid, owner.pw_gid)
        os.chown(os.path.join(self.folder, "mail"), owner.pw_uid, owner.pw_gid)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        with open(os.path.join(self.etc, "main.cf"), "w") as file:
            file.write(MAIN.format(folder=self.folder, uid=owner.pw_uid, gid=owner.pw_gid, domain=DOMAIN, gateway=gateway_port))
        with open(os.path.join(self.etc, "master.cf"), "w") as file:
            file.write(MASTER.format(port=self.port))
        self.run("postfix", "-c", self.etc, "start")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print(self.log()[-4000:])
        self.run("postfix", "-c", self.etc, "stop", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *argv, check=True):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=dict(os.environ, MAIL_CONFIG=self.etc))
        if check and done.returncode:
            raise AssertionError(f"{argv} ended with {done.returncode}: {done.stdout}{done.stderr}{self.log()}")
        return done

    def log(self):
        path = os.path.join(self.folder, "maillog")
        return open(path, errors="replace").read() if os.path.exists(path) else ""

    def mails(self, mailbox):
        found = []
        for path in sorted(glob.glob(os.path.join(self.folder, "mail", mailbox, "new", "*"))):
            with open(path, "rb") as file:
                found.append(file.read())
        return found


class BesidePostfix(Case):
    OPTIONS = {"queue": {"retry": ["1s"]}}

    def setUp(self):
        if os.getuid() != 0:
            self.skipTest("Postfix's master wants to be started by root")
        super().setUp()
        self.postfix = self.enterContext(Postfix(self.gateway.smtp[1]))
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
