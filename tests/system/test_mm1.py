"""The phones' door from outside: bad input of every kind gets its named answer, a log line, and nothing else happens."""
import glob
import os
import socket
import unittest

import pdu
from case import DOMAIN, MAILBOX, ONE, Case
from gateway import ROOT

HEAD = bytes.fromhex("8c80 98543100 8d92 890181")
TO = pdu.field("To", MAILBOX)
BODY = b"\x84\xa3" + pdu.encode_multipart([pdu.Part("text/plain", b"x")])


class Mm1(Case):
    OPTIONS = {"limits": {"message_size": 200_000, "recipients": 5}}

    def conf(self, octets, **kind):
        status, headers, body = self.phone().post(octets, **kind)
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Length"], str(len(body)))
        return pdu.decode(body)

    def test_broken_submissions(self):
        rows = (
            ("no content type", HEAD + TO, 0xE2),
            ("no from", bytes.fromhex("8c80 98543100 8d92") + TO + BODY, 0xE2),
            ("multipart cut off", HEAD + TO + b"\x84\xa3\x01\x05\x7f\x83x", 0xE2),
            ("part longer than the PDU", HEAD + TO + b"\x84\xa3\x01\x01\xff\xff\x7f\x83x", 0xE2),
            ("type twice", HEAD + b"\x8c\x81" + TO + BODY, 0xE2),
            ("text without end", HEAD + b"\x97abc", 0xE2),
            ("another major version", bytes.fromhex("8c80 98543100 8da0 890181") + TO + BODY, 0x88),
            ("a million parts", HEAD + TO + b"\x84\xa3" + pdu.uintvar(1_000_000), 0xE2),
            ("too many recipients", HEAD + b"".join(pdu.field("To", f"a{i}@example.com") for i in range(6)) + BODY, None),
            ("too large", HEAD + TO + b"\x84\xa3" + pdu.encode_multipart([pdu.Part("image/jpeg", bytes(250_000))]), 0xE5),
        )
        for name, octets, status in rows:
            with self.subTest(name):
                conf = self.conf(octets)
                self.assertEqual(conf.type, "m-send-conf")
                self.assertNotIn("Message-ID", conf.fields)
                if status is None:
                    self.assertGreaterEqual(conf["X-Mms-Response-Status"], 0xE0)
                else:
                    self.assertEqual(conf["X-Mms-Response-Status"], status, conf)
                self.assertEqual(conf["X-Mms-Transaction-ID"], "T1")
        self.assertEqual(self.gateway.queue("--all"), [])

    def test_a_phone_of_1_0_hears_only_what_it_knows(self):
        conf = self.conf(bytes.fromhex("8c80 98543100 8d90 890181") + pdu.field("To", "+15550001/TYPE=PLMN") + BODY)
        self.assertEqual(conf["X-Mms-MMS-Version"], 0x90)
        self.assertEqual(conf["X-Mms-Response-Status"], 0x84)

    def test_what_is_no_pdu_of_a_phone(self):
        phone = self.phone()
        for octets in (b"", b"hello", b"\x8c", b"\x8c\x82" + HEAD[2:], bytes(1000), b"\xff" * 1000):
            with self.subTest(octets[:8]):
                status, _, body = phone.post(octets)
                self.assertIn(status, (200, 400))
                if body and status == 200:
                    self.assertNotEqual(pdu.decode(body).get("X-Mms-Response-Status"), 0x80)
        for method in ("HEAD", "OPTIONS", "PUT", "DELETE"):
            with self.subTest(method):
                self.assertIn(phone.request(method, "/mms")[0], (405, 501))
        self.assertEqual(phone.request("GET", "/../../etc/passwd")[0], 404)

    def test_answers_to_messages_that_never_were(self):
        for octets in (pdu.notify_resp("nobody"), pdu.acknowledge("nobody"), pdu.notify_resp("x" * 250)):
            status, _, body = self.phone().post(octets)
            self.assertEqual((status, body), (200, b""))

    def raw(self, octets):
        with socket.create_connection(self.gateway.mm1, timeout=20) as wire:
            wire.sendall(octets)
            answer = b""
            while piece := wire.recv(65536):
                answer += piece
        return answer

    def test_ambiguous_framing_is_refused(self):
        head = f"POST /mms HTTP/1.1\r\nHost: x\r\nX-MSISDN: {ONE}\r\nContent-Type: application/vnd.wap.mms-message\r\n"
        octets = HEAD + TO + BODY
        rows = (
            ("two lengths", head + f"Content-Length: {len(octets)}\r\nContent-Length: {len(octets) - 3}\r\n"),
            ("signed length", head + f"Content-Length: +{len(octets)}\r\n"),
            ("length and chunks", head + f"Content-Length: {len(octets)}\r\nTransfer-Encoding: chunked\r\n"),
            ("unknown coding", head + "Transfer-Encoding: xchunked\r\n"),
            ("space before the colon", head + f"Content-Length : {len(octets)}\r\n"),
            ("no host", head.replace("Host: x\r\n", "") + f"Content-Length: {len(octets)}\r\n"),
        )
        for name, text in rows:
            with self.subTest(name):
                answer = self.raw(text.encode() + b"\r\n" + octets)
                self.assertTrue(answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400", b"HTTP/1.1 501")) or answer == b"", answer[:80])
        self.assertEqual(self.gateway.queue("--all"), [])

    def test_chunked_and_one_oh_are_understood(self):
        octets = HEAD + TO + BODY
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(octets[i:i + 9]), octets[i:i + 9]) for i in range(0, len(octets), 9)) + b"0\r\n\r\n"
        answer = self.raw(f"POST http://mmsc.example/mms HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-MSISDN: {ONE}\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunks)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200"), answer[:100])
        answer = self.raw(f"POST /mms HTTP/1.0\r\nX-MSISDN: {ONE}\r\nContent-Length: {len(octets)}\r\n\r\n".encode() + octets.replace(b"T1", b"T2"))
        self.assertRegex(answer, rb"^HTTP/1\.[01] 200")
        self.assertNotIn(b"Transfer-Encoding", answer)
        self.sink.wait_mails(2)

    def test_identity_comes_from_trusted_places_alone(self):
        self.gateway.stop()
        self.gateway.configure(mm1={"trusted": ["192.0.2.1/32"], "client": [{"address": "127.0.0.1", "msisdn": "+447700900777"}]})
        self.gateway.start()
        headers = ("X-MSISDN", "X-WAP-Network-Client-MSISDN", "X-Nokia-MSISDN", "X-UP-CALLING-LINE-ID", "MSISDN", "X-H3G-MSISDN", "X-MDN", "X-Forwarded-For")
        for header in headers:
            phone = self.phone()
            phone.header = header
            self.assertEqual(phone.send([MAILBOX], parts=[pdu.Part("text/plain", header.encode())])["X-Mms-Response-Status"], 0x80)
        for sent in self.sink.wait_mails(len(headers)):
            self.assertIn(f"+447700900777@{DOMAIN}", sent.message["From"])

    def test_real_submissions_are_accepted_and_arrive_whole(self):
        folder = os.environ.get("MMGATE_CORPUS", os.path.join(ROOT, "..", "shared", "corpus"))
        files = sorted(glob.glob(os.path.join(folder, "mm1", "*")))
        if not files:
            self.skipTest("the corpus of real messages is not on this machine")
        self.gateway.stop()
        self.gateway.configure(limits={"message_size": 5_000_000})
        self.gateway.start()
        accepted = 0
        for path in files:
            with open(path, "rb") as file:
                octets = file.read()
            if octets[:2] != b"\x8c\x80":
                continue
            with self.subTest(os.path.basename(path)):
                asked = pdu.decode(octets)
                before = len(self.sink.mails)
                phones = [address for address in asked.get("To", []) if "@" not in address]
                conf = self.conf(octets)
                if conf["X-Mms-Response-Status"] != 0x80:
                    # Numbers of other networks have no route here; nothing else is a reason.
                    self.assertTrue(phones, conf)
                    self.assertIn(conf["X-Mms-Response-Status"], (0xE3, 0x84, 0xC4), conf)
                    octets = self.readdressed(asked)
                    self.assertEqual(self.conf(octets)["X-Mms-Response-Status"], 0x80)
                mail = self.sink.wait_mails(before + 1)[-1]
                media = [part.get_payload(decode=True) for part in mail.message.walk() if part.get_content_maintype() in ("image", "audio", "video")]
                for part in asked.parts:
                    if part.type.startswith(("image/", "audio/", "video/")):
                        self.assertIn(part.data, media)
                accepted += 1
        self.assertGreater(accepted, 0)

    def readdressed(self, asked):
        """The same content to a mailbox, by a transaction of its own."""
        return (pdu.field("X-Mms-Message-Type", 0x80) + pdu.field("X-Mms-Transaction-ID", asked["X-Mms-Transaction-ID"] + "-again")
                + pdu.field("X-Mms-MMS-Version", asked["X-Mms-MMS-Version"]) + pdu.field("From", None) + TO
                + b"\x84" + (b"\xa3" if "mixed" in asked.content_type else
                             pdu.content_type("application/vnd.wap.multipart.related", {k: v for k, v in asked.parameters.items() if k in ("type", "start")}))
                + asked.body)


if __name__ == "__main__":
    unittest.main()
