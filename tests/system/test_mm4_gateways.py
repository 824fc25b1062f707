"""Two gateways that exchange MMs: directly, through a mail server between them, in clear and with TLS of each kind."""
import hashlib
import os
import unittest

import pdu
from case import STATUS, Shown, the_photo
from certificates import Authority
from gateway import Gateway
from mm4_case import READ, YES, read_rec, text_part
from peers import Phone, PushEnd, SmtpSink
from postfix import Postfix
from smtp_end import SmtpServer

LEFT, RIGHT = "mms.left.example", "mms.right.example"
ANN, BILL = "+447700900001", "+447800900002"
MM4 = {"response_timeout": "20s", "retry": ["1s"]}


class Pair(unittest.TestCase):
    """`self.left` serves Ann, `self.right` Bill; both push through one end."""

    def setUp(self):
        self.push, self.sink = self.enterContext(PushEnd()), self.enterContext(SmtpSink())
        self.left, self.right = self.gateway(LEFT, "+447700"), self.gateway(RIGHT, "+447800")

    def gateway(self, domain, prefix, **sections):
        gateway = Gateway(push=self.push, relay=self.sink.port, gateway={"domain": domain, "hostname": f"gw1.{domain}"},
                          subscribers=[{"prefix": prefix}],
                          queue={"retry": ["1s"], "report_delay": "0s"}, mm4=MM4, start=False)
        gateway.configure(**sections)
        gateway.start()
        return Shown.enter(self, gateway)

    def introduce(self, left_to=None, right_to=None, of_left=None, of_right=None):
        """Makes them peers. `left_to` is the port where the left one's messages go, `of_right` what the left one knows of the right one."""
        for here, domain, prefix, port, keys in ((self.left, RIGHT, "+447800", left_to or self.right.smtp[1], of_right),
                                                 (self.right, LEFT, "+447700", right_to or self.left.smtp[1], of_left)):
            here.configure(peer=[{"name": "other", "domain": domain, "prefixes": [prefix], "next_hop": f"127.0.0.1:{port}",
                                  "networks": ["127.0.0.1/32"],
                                  "tls": "none", **(keys or {})}])
            here.mmq("reload")

    def pushed(self, number, kind, count=1):
        found = lambda: [push.pdu for push in list(self.push.pushes) if push.number == number and push.pdu.type == kind]
        return self.push.wait(lambda: len(found()) >= count and found(), f"{count} {kind} to {number}")

    def exchange(self, photo=None):
        """An MM from Ann to Bill and both reports back; gives what Bill got."""
        parts = [pdu.Part("image/jpeg", photo, {"name": "lake.jpg"}, {"Content-Location": "lake.jpg"})] if photo else [text_part("Hello")]
        conf = Phone(self.left, ANN).send([f"{BILL}/TYPE=PLMN"], subject="Grüße", parts=parts, Delivery_Report=YES, Read_Report=YES)
        self.assertEqual(conf["X-Mms-Response-Status"], 0x80)
        bill = Phone(self.right, BILL)
        mm = bill.fetch(self.pushed(BILL, "m-notification-ind")[0])
        self.assertEqual((mm["From"], mm["To"], mm["Subject"]),
                         (f"{ANN}/TYPE=PLMN", [f"{BILL}/TYPE=PLMN"], "Grüße"))
        report = self.pushed(ANN, "m-delivery-ind")[0]
        self.assertEqual((report["Message-ID"], report["To"], report["X-Mms-Status"]),
                         (conf["Message-ID"], [f"{BILL}/TYPE=PLMN"], STATUS["Retrieved"]))
        bill.post(read_rec(mm["Message-ID"], mm["From"]))
        read = self.pushed(ANN, "m-read-orig-ind")[0]
        self.assertEqual((read["Message-ID"], read["X-Mms-Read-Status"]), (conf["Message-ID"], READ))
        return mm

    def waiting(self):
        """An MM from Ann to Bill that cannot leave; its recipient, once it was tried."""
        Phone(self.left, ANN).send([f"{BILL}/TYPE=PLMN"], parts=[text_part("not in clear")])
        queue_id = self.left.queue("--all")[-1]["id"]
        recipient = lambda: self.left.show(queue_id)["recipients"][0]
        return self.left.until(lambda: (r := recipient())["state"] == "deferred" and r["reason"] and r, "a try that failed")


class Direct(Pair):
    def test_a_photograph_and_both_reports(self):
        self.introduce()
        photo = the_photo()
        self.assertGreater(len(photo), 1_000_000)
        mm = self.exchange(photo)
        self.assertEqual(hashlib.sha256(mm.part("image/jpeg").data).hexdigest(), hashlib.sha256(photo).hexdigest())
        self.left.until(lambda: all(m["state"] == "delivered" for m in self.left.queue("--all") if m["interface"] == "mm1"), "the end on the left")
        self.assertEqual({m["interface"] for m in self.right.queue("--all")} & {"mm4"}, {"mm4"})

    def test_both_ways_at_once_and_a_refusal(self):
        self.introduce()
        ann, bill = Phone(self.left, ANN), Phone(self.right, BILL)
        for number in range(5):
            ann.send([f"{BILL}/TYPE=PLMN"], subject=f"to Bill {number}", parts=[text_part()], Delivery_Report=YES)
            bill.send([f"{ANN}/TYPE=PLMN"], subject=f"to Ann {number}", parts=[text_part()], Delivery_Report=YES)
        for phone, number in ((bill, BILL), (ann, ANN)):
            for notification in self.pushed(number, "m-notification-ind", 5):
                phone.answer(notification, STATUS["Rejected"])
        for number in (ANN, BILL):
            self.assertEqual({report["X-Mms-Status"] for report in self.pushed(number, "m-delivery-ind", 5)}, {STATUS["Rejected"]})

    def test_each_kill_between_them_loses_and_doubles_nothing(self):
        self.introduce()
        for gateway in (self.left, self.right):
            gateway.configure(smtp={"listen": [f"127.0.0.1:{gateway.smtp[1]}"]})   # where the other one knows it
        for number in range(6):
            Phone(self.left, ANN).send([f"{BILL}/TYPE=PLMN"], subject=f"number {number}", parts=[text_part()], Delivery_Report=YES)
            (self.right if number % 2 else self.left).restart()
        notified = lambda: {push.pdu["X-Mms-Content-Location"]: push.pdu for push in list(self.push.pushes) if push.pdu.type == "m-notification-ind"}
        self.push.wait(lambda: len(notified()) >= 6, "six notifications")
        subjects = [Phone(self.right, BILL).fetch(notification)["Subject"] for notification in notified().values()]
        self.assertEqual(sorted(subjects), [f"number {number}" for number in range(6)])
        reports = self.pushed(ANN, "m-delivery-ind", 6)
        self.assertEqual({report["X-Mms-Status"] for report in reports}, {STATUS["Retrieved"]})
        self.assertEqual(len({report["Message-ID"] for report in reports}), 6)


class Secured(Pair):
    @classmethod
    def setUpClass(cls):
        cls.authority = Authority()
        cls.addClassCleanup(cls.authority.__exit__)
        cls.certificates = {domain: cls.authority.issue(f"gw1.{domain}") for domain in (LEFT, RIGHT)}
        cls.strange = cls.authority.issue("gw1.elsewhere.example")

    def gateway(self, domain, prefix, **sections):
        own = self.certificates[domain]
        return super().gateway(domain, prefix, smtp={"listen": ["127.0.0.1:0"],
                                                     "tls": {"certificate": own.path, "key": own.key, "mode": "opportunistic"}})

    def secure(self, tls, left=None, right=None):
        """Both know of the other what `tls` asks; `left` and `right` are keys over what each is known by."""
        known = lambda domain, more: {"tls": tls, "tls_names": [f"gw1.{domain}"], "tls_ca": self.authority.path, **(more or {})}
        self.introduce(of_left=known(LEFT, left), of_right=known(RIGHT, right))

    def test_each_kind_of_tls_carries_all(self):
        pins = {"tls_names": [], "tls_ca": None}
        rows = (("may", {}, {}), ("must", {}, {}), ("verify", {}, {}), ("mutual", {}, {}),
                ("mutual", {**pins, "tls_pins": [self.certificates[LEFT].pin]}, {**pins, "tls_pins": [self.certificates[RIGHT].pin]}))
        for tls, left, right in rows:
            with self.subTest(tls, pinned=bool(left)):
                self.push.pushes.clear()
                self.secure(tls, left, right)
                self.exchange()

    def test_what_is_wrong_is_waited_for_and_never_sent(self):
        rows = (("verify", {"tls_names": ["gw1.elsewhere.example"]}), ("verify", {"tls_ca": None}), ("mutual", {"tls_pins": [self.strange.pin]}))
        for tls, right in rows:
            with self.subTest(tls, **right):
                self.secure(tls, right=right)
                self.assertRegex(self.waiting()["reason"], r"(?i)tls|certificate|4\.7\.")
                self.left.mmq("delete", "--all", "--yes")
        self.assertEqual([m for m in self.right.queue("--all")], [])

    def test_no_tls_where_it_must_be(self):
        plain = self.enterContext(SmtpServer())
        for tls in ("must", "verify", "mutual"):
            with self.subTest(tls):
                self.secure(tls, right={"next_hop": f"127.0.0.1:{plain.port}"})
                self.waiting()
                self.left.mmq("delete", "--all", "--yes")
        self.assertEqual(plain.said("MAIL"), [])

    def test_a_stranger_with_a_certificate_of_the_same_authority_is_nobody(self):
        self.secure("mutual", left={"tls_names": ["gw1.elsewhere.example"]})
        Phone(self.left, ANN).send([f"{BILL}/TYPE=PLMN"], parts=[text_part()])
        self.left.until(lambda: self.left.queue("--all")[0]["state"] in ("deferred", "failed", "rejected"), "a refusal")
        self.assertEqual([m for m in self.right.queue("--all") if m["interface"] == "mm4"], [])


class BehindPostfix(Pair):
    SETTINGS = ""

    def setUp(self):
        if os.getuid() != 0:
            self.skipTest("Postfix's master wants to be started by root")
        super().setUp()
        self.postfix = self.enterContext(Postfix({LEFT: self.left.smtp[1], RIGHT: self.right.smtp[1]}, self.settings()))
        self.introduce(self.postfix.port, self.postfix.port, *self.keys())

    def settings(self):
        return ""

    def keys(self):
        return {}, {}

    def test_a_mail_server_between_them_changes_nothing(self):
        photo = the_photo()
        mm = self.exchange(photo)
        self.assertEqual(hashlib.sha256(mm.part("image/jpeg").data).hexdigest(), hashlib.sha256(photo).hexdigest())


class BehindPostfixWithTls(BehindPostfix):
    """The mail server speaks TLS with both."""

    def setUp(self):
        self.authority = self.enterContext(Authority())
        self.own = {domain: self.authority.issue(domain) for domain in (LEFT, RIGHT, "mx.example.com")}
        super().setUp()

    def gateway(self, domain, prefix, **sections):
        own = self.own[domain]
        return super().gateway(domain, prefix, smtp={"listen": ["127.0.0.1:0"],
                                                     "tls": {"certificate": own.path, "key": own.key, "mode": "opportunistic"}})

    def settings(self):
        own = self.own["mx.example.com"]
        return f"smtpd_tls_cert_file = {own.path}\nsmtpd_tls_key_file = {own.key}\nsmtpd_tls_security_level = encrypt\nsmtp_tls_security_level = encrypt\n" \
               f"smtp_tls_cert_file = {own.path}\nsmtp_tls_key_file = {own.key}\n"

    def keys(self):
        both = {"tls": "mutual", "tls_names": ["mx.example.com"], "tls_ca": self.authority.path}
        return both, both


if __name__ == "__main__":
    unittest.main()
