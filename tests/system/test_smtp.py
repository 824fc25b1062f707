"""The SMTP door from outside: who may, what is announced, what is refused, and that nothing can be smuggled."""
import os
import re
import shutil
import smtplib
import socket
import ssl
import subprocess
import tempfile
import unittest

from case import DOMAIN, ONE, SENDER, TWO, Case, mail

TO = f"RCPT TO:<{ONE}@{DOMAIN}>\r\n".encode()
MAIL = f"MAIL FROM:<{SENDER}>\r\n".encode()


class Wire:
    """A connection on which octets are octets."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=20)
        self.stream = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def reply(self):
        """One reply, "" when the connection is closed."""
        text = b""
        try:
            while line := self.stream.readline():
                text += line
                if line[3:4] != b"-":
                    break
        except ConnectionResetError:
            pass
        return text.decode("latin-1")

    def say(self, octets):
        self.socket.sendall(octets)
        return self.reply()

    def all(self):
        """Every reply until the connection is closed."""
        replies = []
        while reply := self.reply():
            replies.append(reply)
        return replies

    def begin(self):
        self.reply()
        self.say(b"EHLO client.example.org\r\n")
        self.say(MAIL)
        self.say(TO)
        return self.say(b"DATA\r\n")


class Smtp(Case):
    OPTIONS = {"limits": {"message_size": 100_000, "recipients": 3}}

    def wire(self):
        return self.enterContext(Wire(self.gateway.smtp))

    def test_what_ehlo_announces(self):
        client = self.client()
        for keyword in ("pipelining", "8bitmime", "enhancedstatuscodes", "size"):
            self.assertTrue(client.has_extn(keyword), keyword)
        self.assertFalse(client.has_extn("starttls"))
        self.assertEqual(int(client.esmtp_features["size"]), int(100_000 * 1.4) + 64 * 1024)

    def test_the_dialogue(self):
        rows = (   # what is sent, the code and enhanced status that come
            (MAIL, "503 5.5.1"), (b"EHLO client.example.org\r\n", "250"), (TO, "503 5.5.1"), (b"DATA\r\n", "503 5.5.1"),
            (b"VRFY somebody\r\n", "252 2.0.0"), (b"HELP\r\n", "214 2.0.0"), (b"NOOP x\r\n", "250 2.0.0"), (b"EXPN list\r\n", "502 5.5.1"),
            (b"WHAT\r\n", "500 5.5.2"), (b"MAIL FROM:<a b@c>\r\n", "501 5.1.7"), (b"MAIL FROM:<a@b.example> SIZE=999999999\r\n", "552 5.3.4"),
            (b"MAIL FROM:<a@b.example> SIZE=x\r\n", "501 5.5.4"), (b"MAIL FROM:<a@b.example> WHAT=1\r\n", "555 5.5.4"),
            (MAIL, "250 2.1.0"), (MAIL, "503 5.5.1"), (b"RCPT TO:<>\r\n", "501 5.1.3"), (b"RCPT TO:<nobody@elsewhere.example>\r\n", "550 5.7.1"),
            (f"RCPT TO:<+15550001@{DOMAIN}>\r\n".encode(), "550 5.1."), (f"RCPT TO:<nobody@{DOMAIN}>\r\n".encode(), "550 5.1."),
            (b"DATA\r\n", "554 5.5.1"), (TO, "250 2.1.5"), (b"RSET\r\n", "250 2.0.0"), (b"DATA\r\n", "503 5.5.1"),
            (b"STARTTLS\r\n", "50"), (b"QUIT x\r\n", "501 5.5.4"), (b"QUIT\r\n", "221 2.0.0"))
        wire = self.wire()
        self.assertTrue(wire.reply().startswith(f"220 gw1.{DOMAIN} "))
        for sent, code in rows:
            self.assertTrue((reply := wire.say(sent)).startswith(code), (sent, reply))
        self.assertEqual(wire.reply(), "")

    def test_too_many_recipients_and_too_much_content(self):
        client = self.client()
        client.mail(SENDER)
        codes = [client.rcpt(f"+44770090000{digit}@{DOMAIN}")[0] for digit in range(1, 6)]
        self.assertEqual(codes, [250, 250, 250, 452, 452])
        client.rset()
        # Announced too small, counted anyway.
        client.mail(SENDER, ["SIZE=10"])
        client.rcpt(f"{ONE}@{DOMAIN}")
        code, text = client.data(mail(text="line\r\n" * 60_000))
        self.assertEqual((code, text[:5]), (552, b"5.3.4"))
        self.assertEqual(self.gateway.queue(), [])

    def test_who_may_not(self):
        self.gateway.stop()
        self.gateway.configure(smtp={"networks": ["192.0.2.0/24"]})
        self.gateway.start()
        client = self.client()
        code, text = client.mail(SENDER)
        self.assertEqual((code, text[:5]), (550, b"5.7.1"))

    def test_an_empty_list_of_networks_allows_nobody(self):
        self.gateway.stop()
        self.gateway.configure(smtp={"networks": []})
        self.gateway.start()
        self.assertEqual(self.client().mail(SENDER)[0], 550)

    # CRLF.CRLF alone ends the data. Each of these stands between content and a whole second transaction.
    ENDS = [bytes.fromhex(text) for text in (
        "0A2E0A", "0A2E0D0A", "0D0A2E0A", "0D0A2E0D0D0A", "0D0D0A2E0D0D0A", "0D0A2E0A0A", "0A0A2E0A0A", "0D0A0A2E0D0A", "0D2E0D", "0D0A2E0D",
        "0D2E0D0A", "0D2E0A", "0A2E0D", "0A0D2E0A0D", "0D0A0D2E0D0A", "0D0A002E0D0A", "0D0A2E000D0A", "0D000A2E0D000A", "0D0A2E0D000A")]
    HARMLESS = [bytes.fromhex(text) for text in (
        "0D0A2E200D0A", "0D0A202E0D0A", "0D0A2E090D0A", "0D0A2E2E0D0A", "0D0A2E080D0A", "0D0A082E0D0A", "0D0A0B2E0B0D0A", "0D0A0C2E0C0D0A",
        "0D0A1C2E1C0D0A", "0D0A852E850D0A", "0D0AC2852EC2850D0A", "0D0AE280A82EE280A80D0A", "0D0AEFBC8E0D0A", "0D0A2EC2AD0D0A", "0D0AE2808B2E0D0A")]

    def smuggle(self, octets):
        """All replies to content with these octets in its middle and a second transaction behind them."""
        wire = self.wire()
        self.assertTrue(wire.begin().startswith("354"))
        inner = MAIL + f"RCPT TO:<{TWO}@{DOMAIN}>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled\r\n.\r\nQUIT\r\n".encode()
        wire.socket.sendall(b"From: a@b.example\r\nSubject: outer\r\n\r\nouter" + octets + inner)
        return wire.all()

    def test_nothing_can_be_smuggled(self):
        for octets in self.ENDS:
            with self.subTest(octets.hex()):
                replies = self.smuggle(octets)
                # The true end is the inner dot: one refusal for all of it, and the connection is closed.
                self.assertTrue(replies[0].startswith("554 5.6.0"), replies)
                self.assertFalse([reply for reply in replies if reply[:3] in ("250", "354")], replies)
        for octets in self.HARMLESS:
            with self.subTest(octets.hex()):
                replies = self.smuggle(octets)
                self.assertEqual([reply[:3] for reply in replies], ["250", "221"], replies)
        pushed = self.push.wait_pushes(len(self.HARMLESS), ONE)
        self.assertEqual(len(pushed), len(self.HARMLESS))
        self.assertEqual([push for push in self.push.pushes if push.number == TWO], [])

    def test_bare_cr_lf_and_nul_in_commands(self):
        for octets in (b"NOOP\n", b"NOOP x\ry\r\n", b"NOOP \0\r\n", b"MAIL FROM:<a@b.example>\nRCPT TO:<x@y>\r\n"):
            with self.subTest(octets):
                wire = self.wire()
                wire.reply()
                wire.say(b"EHLO client.example.org\r\n")
                wire.socket.sendall(octets)
                replies = wire.all()
                self.assertTrue(replies and replies[0].startswith("5") and "5.5.2" in replies[0], replies)
                self.assertFalse([reply for reply in replies if reply.startswith("250")], replies)

    def test_another_protocol_is_shown_the_door(self):
        for octets in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n", b"CONNECT x:25 HTTP/1.1\r\n\r\n"):
            wire = self.wire()
            wire.reply()
            wire.socket.sendall(octets)
            replies = wire.all()
            self.assertEqual([reply[:9] for reply in replies], ["554 5.5.1"], replies)

    def test_pipelining_answers_each_in_order(self):
        wire = self.wire()
        wire.reply()
        wire.say(b"EHLO client.example.org\r\n")
        wire.socket.sendall(MAIL + TO + b"RCPT TO:<nobody@elsewhere.example>\r\n" + f"RCPT TO:<{TWO}@{DOMAIN}>\r\n".encode() + b"DATA\r\n")
        self.assertEqual([wire.reply()[:3] for _ in range(5)], ["250", "250", "550", "250", "354"])
        wire.socket.sendall(mail() + b"\r\n.\r\n" + MAIL + b"QUIT\r\n")
        self.assertEqual([wire.reply()[:3] for _ in range(3)], ["250", "250", "221"])
        self.push.wait_pushes(1, ONE)
        self.push.wait_pushes(1, TWO)

    def test_endless_lines_and_errors_end_the_session(self):
        wire = self.wire()
        wire.reply()
        self.assertTrue(wire.say(b"NOOP " + b"x" * 100_000 + b"\r\n").startswith("500 5.5.2"))
        wire = self.wire()
        wire.reply()
        replies = []
        for _ in range(200):
            try:
                reply = wire.say(b"WHAT\r\n")
            except OSError:
                break
            replies.append(reply)
            if not reply or reply.startswith("421"):
                break
        self.assertTrue(any(reply.startswith("421 4.7.0") for reply in replies), replies[-3:])

    def test_headers_out_of_bounds(self):
        rows = (("one field", b"X-Long: " + b"x" * 900 + b"\r\n " + (b"y" * 900 + b"\r\n ") * 20 + b"z\r\n"),
                ("the block", b"".join(b"X-%d: " % i + b"x" * 900 + b"\r\n" for i in range(160))),
                ("groups", b"To: " + b"g:" * 60_000 + b"a@b.example;\r\n"),
                ("loop", b"Received: from x by y; Thu, 01 Jan 2026 12:00:00 +0000\r\n" * 101))
        for name, header in rows:
            with self.subTest(name):
                client = self.client()
                client.mail(SENDER)
                client.rcpt(f"{ONE}@{DOMAIN}")
                code, text = client.data(header + mail())
                self.assertEqual(code, 554, text)
                self.assertRegex(text.decode(), r"^5\.(6\.0|4\.6)")

    def test_a_mail_with_very_many_parts_or_levels(self):
        flat = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * 1200 + b"--b--\r\n"
        deep = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (i, i) for i in range(40)) + b"\r\nx\r\n"
        for octets in (flat, deep):
            client = self.client()
            client.mail(SENDER)
            client.rcpt(f"{ONE}@{DOMAIN}")
            code, text = client.data(b"From: a@b.example\r\nMIME-Version: 1.0\r\n" + octets)
            self.assertEqual((code, text[:5]), (554, b"5.6.0"), text)
        self.assertEqual(self.send_mail(mail())[:5], "2.0.0")

    def test_a_session_cut_before_the_answer_leaves_nothing(self):
        wire = self.wire()
        wire.begin()
        wire.socket.sendall(mail())
        wire.__exit__()
        self.send_mail(mail("after it"))
        self.assertEqual(self.fetched()["Subject"], "after it")
        self.assertEqual(len(self.gateway.queue("--all")), 1)


class Tls(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="mmgate-tls-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.certificate, cls.key = os.path.join(cls.folder, "cert.pem"), os.path.join(cls.folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        "/CN=gw1." + DOMAIN, "-keyout", cls.key, "-out", cls.certificate], check=True, capture_output=True)

    def start(self, **more):
        return super().start(smtp={"tls": {"certificate": self.certificate, "key": self.key}}, **more)

    def context(self):
        context = ssl.create_default_context(cafile=self.certificate)
        context.check_hostname = False
        return context

    def test_starttls_and_a_mail_in_it(self):
        client = self.client()
        self.assertTrue(client.has_extn("starttls"))
        self.assertEqual(client.starttls(context=self.context())[0], 220)
        client.ehlo()
        self.assertFalse(client.has_extn("starttls"))
        client.sendmail(SENDER, [f"{ONE}@{DOMAIN}"], mail("in TLS"))
        self.assertEqual(self.fetched()["Subject"], "in TLS")

    def test_what_is_sent_with_starttls_is_not_heard_in_tls(self):
        with Wire(self.gateway.smtp) as wire:
            wire.reply()
            wire.say(b"EHLO client.example.org\r\n")
            reply = wire.say(b"STARTTLS\r\n" + MAIL)
            if reply.startswith("220"):
                tls = self.context().wrap_socket(wire.socket)
                stream = tls.makefile("rb")
                tls.sendall(b"EHLO client.example.org\r\nQUIT\r\n")
                replies = stream.read().decode()
                self.assertFalse(re.search(r"^250 2\.1\.0", replies, re.M), replies)
                self.assertNotIn("503", replies)
            else:
                self.assertTrue(reply.startswith("554 5.5.1"), reply)

    def test_required_means_required(self):
        self.gateway.stop()
        self.gateway.configure(smtp={"tls": {"certificate": self.certificate, "key": self.key, "mode": "required"}})
        self.gateway.start()
        client = self.client()
        code, text = client.mail(SENDER)
        self.assertEqual((code, text[:5]), (530, b"5.7.0"))
        client.starttls(context=self.context())
        client.ehlo()
        client.sendmail(SENDER, [f"{ONE}@{DOMAIN}"], mail())

    def test_old_protocols_are_not_spoken(self):
        done = subprocess.run(["openssl", "s_client", "-connect", "{}:{}".format(*self.gateway.smtp), "-starttls", "smtp", "-tls1_1", "-cipher",
                               "ALL:@SECLEVEL=0"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        self.assertNotIn("Cipher is ECDHE", done.stdout)
        self.assertNotEqual(done.returncode, 0)

    def test_we_use_starttls_when_it_is_offered(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        self.sink.tls = context
        import pdu
        self.phone().send(["mailbox@example.com"], parts=[pdu.Part("text/plain", b"in TLS", {"charset": "utf-8"})])
        self.assertTrue(self.sink.wait_mails(1)[0].tls)


if __name__ == "__main__":
    unittest.main()
