"""Every PDU that we send, read by Wireshark's dissector: the right type, and nothing malformed."""
import os
import re
import subprocess
import tempfile
import unittest

import pdu
from case import MAILBOX, ONE, TWO, Case, mail, phone_address, the_photo


def dissect(octets):
    """What tshark says of a PDU in the body of an HTTP POST."""
    with tempfile.TemporaryDirectory(prefix="mmgate-tshark-") as folder:
        request = (f"POST /mms HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.wap.mms-message\r\nContent-Length: {len(octets)}\r\n\r\n").encode() + octets
        hexdump, capture = os.path.join(folder, "h.txt"), os.path.join(folder, "h.pcap")
        # One packet at most 60,000 octets long; what is larger comes in several.
        with open(hexdump, "w") as file:
            for start in range(0, len(request), 60_000):
                piece = request[start:start + 60_000]
                for at in range(0, len(piece), 16):
                    file.write(f"{at:06x} " + " ".join(f"{octet:02x}" for octet in piece[at:at + 16]) + "\n")
                file.write("\n")
        subprocess.run(["text2pcap", "-q", "-T", "40000,80", hexdump, capture], check=True, capture_output=True, timeout=60)
        done = subprocess.run(["tshark", "-r", capture, "-V", "-O", "mmse"], capture_output=True, text=True, timeout=120,
                              env=dict(os.environ, HOME=folder, LC_ALL="C.UTF-8"))
        return done.stdout


class Tshark(Case):
    OPTIONS = {"queue": {"retry": ["1s"], "lifetime": "1h"}}

    def check(self, octets, name, *patterns):
        text = dissect(octets)
        self.assertIn("MMS Message Encapsulation", text, text[-2000:])
        self.assertRegex(text, rf"X-Mms-Message-Type: {name}")
        self.assertFalse(re.search(r"(?i)malformed|<undecoded|unknown (header|field)", text), text)
        for pattern in patterns:
            self.assertRegex(text, pattern)

    def test_each_pdu(self):
        self.send_mail(mail("Grüße", "Text", attachments=[("image/png", "p.png", os.urandom(2000))]))
        push = self.push.notification(ONE)
        self.check(push.octets, "m-notification-ind", r"X-Mms-Content-Location: http://mmsc\.example/", r"X-Mms-Message-Class: Personal")
        _, _, retrieved = self.phone().request("GET", "/" + push.url.split("/", 3)[3])
        self.check(retrieved, "m-retrieve-conf", r"From: .*sender@example\.org")
        _, _, missing = self.phone().request("GET", "/nothing")
        self.check(missing, "m-retrieve-conf")
        request = pdu.send_req("T1", to=[phone_address(TWO)], subject="x", parts=[pdu.Part("text/plain", b"x")], Delivery_Report=0x80)
        _, _, conf = self.phone().post(request)
        self.check(conf, "m-send-conf", r"Response-Status: Ok", r"X-Mms-Transaction-ID: T1")
        _, _, refused = self.phone().post(pdu.send_req("T2", to=["+15550001/TYPE=PLMN"], parts=[pdu.Part("text/plain", b"x")]))
        self.check(refused, "m-send-conf", r"X-Mms-Transaction-ID: T2")
        self.phone(TWO).fetch(self.push.notification(TWO).pdu)
        report = self.push.wait_pushes(2, ONE)[1]
        self.check(report.octets, "m-delivery-ind", r"Status: Retrieved", r"To: \+447700900002")

    def test_a_service_message(self):
        self.sink.script = lambda session, verb, argument: "550 5.1.1 no" if verb == "RCPT" else None
        self.phone().send([MAILBOX], parts=[pdu.Part("text/plain", b"x")])
        push = self.push.notification(ONE)
        self.check(push.octets, "m-notification-ind")
        self.check(self.phone().request("GET", "/" + push.url.split("/", 3)[3])[2], "m-retrieve-conf")

    def test_a_photograph(self):
        self.send_mail(mail("A picture", attachments=[("image/jpeg", "lake.jpg", the_photo())]))
        push = self.push.notification(ONE)
        octets = self.phone().request("GET", "/" + push.url.split("/", 3)[3])[2]
        self.check(octets, "m-retrieve-conf")


if __name__ == "__main__":
    unittest.main()
