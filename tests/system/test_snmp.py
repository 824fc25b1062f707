"""The gateway in SNMP: a real snmpd with users of SNMPv3, the agent beside it, a manager, a receiver of notifications."""
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import snmp
from case import DOMAIN, MAILBOX, ONE, SENDER, TWO, mail
from gateway import ROOT
from snmp import APPL, ASSOC, AT_ONCE, MONITOR, MTA, MTA_ERROR, MTA_GROUP, SnmpCase

SHARED_MIBS = os.path.join(ROOT, "..", "shared", "mibs")
HOLD, RELEASE, FLUSH, RELOAD = 2, 3, 4, 5                     # mmgateControlAction
DONE, FAILED = 3, 4                                           # mmgateControlState


def setUpModule():
    if reason := snmp.missing():
        raise unittest.SkipTest(reason)


class Values(SnmpCase):
    OPTIONS = {"queue": {"retry": ["1h"]},
               "peer": [{"name": "other", "domain": "mms.other.example", "prefixes": ["+447800"], "next_hop": "127.0.0.1:9", "networks": ["127.0.0.0/8"]}]}

    def send_all(self):
        """Three mails to two phones, of which one fetches; one mail that is refused; two submissions to a mailbox that is there and one to one that is not."""
        for number in range(3):
            self.send_mail(mail(f"mail {number}"), to=(f"{ONE}@{DOMAIN}", f"{TWO}@{DOMAIN}"))
        client = self.client()
        client.mail(SENDER)
        self.assertEqual(client.rcpt("nobody@elsewhere.example")[0], 550)
        client.quit()
        self.push.wait_pushes(6)
        self.fetched(ONE, 3)
        self.sink.script = lambda session, verb, argument: "550 5.1.1 nobody of that name" if verb == "RCPT" and "gone" in argument else None
        for to in (MAILBOX, MAILBOX, "gone@example.com"):
            self.assertEqual(self.phone().send([to])["X-Mms-Response-Status"], 0x80)
        self.sink.wait_mails(2)
        self.gateway.until(lambda: self.stats()["counters"]["failed"] == 1, "a failed recipient")
        self.push.wait_pushes(7)   # the submitter is told of it

    def test_values_are_what_was_sent(self):
        self.send_all()
        self.shown("mmgateMailSent", 2)
        self.shown("mmgateFailed", 1)
        for name, value in (("SmtpAccepted", 3), ("SmtpRecipients", 6), ("Mm1Submitted", 3), ("Mm1Recipients", 3), ("Mm1Retrieved", 1), ("Mm1Responses", 1),
                            ("ConvertedToMm", 3), ("MailFailed", 1), ("PushFailed", 0), ("Delivered", 3), ("ControlEnabled", 2), ("Health", 1), ("Accepting", 1)):
            with self.subTest(name):
                self.shown("mmgate" + name, value)
        self.assertGreaterEqual(self.snmp.get("mmgatePushSent.0"), 6)

        # Everything that stats counts, and nothing else.
        self.snmp.until(lambda: self.figures_agree(), "figures that agree")

        self.snmp.until(lambda: self.snmp.row("Queue", "notified", ("Recipients",)) == {"Recipients": 6}, "six notified recipients")
        bearer = self.snmp.row("Peer", "mm1", ("Type", "Status", "Failures", "LastError"))
        self.assertEqual((bearer["Type"], bearer["Status"], bearer["Failures"]), (1, 1, 0))
        relay = self.snmp.row("Peer", f"mail:127.0.0.1:{self.sink.port}", ("Type", "Status", "Sent", "Refused", "LastError"))
        self.assertEqual(relay, {"Type": 2, "Status": 1, "Sent": 2, "Refused": 1, "LastError": relay["LastError"]})
        peer = self.snmp.row("Peer", "mm4:other", ("Type", "Status", "Queued", "Sent"))
        self.assertEqual(peer, {"Type": 4, "Status": 4, "Queued": 0, "Sent": 0})

        # No address and no number of anybody, wherever one looks.
        everything = "\n".join(map(str, self.snmp.walk("mmgate").values()))
        for secret in ("447700", "mailbox@", "gone@", SENDER):
            self.assertNotIn(secret, everything)

    def figures_agree(self):
        names = {re.sub(r"[A-Z]", lambda m: "_" + m[0].lower(), name.removeprefix("mmgate")).lstrip("_"): oid for name, oid in self.snmp.names.items()}
        before = self.stats()["counters"]
        walked = self.snmp.walk("mmgate")
        after = self.stats()["counters"]
        differ = [name for name, value in after.items() if before[name] == value and walked.get(names[name] + ".0") != value]
        return not differ

    def test_a_peer_that_cannot_be_reached(self):
        self.phone().send(["+447800900001/TYPE=PLMN"])
        columns = ("Status", "Queued", "Sent", "Refused")
        self.snmp.until(lambda: self.snmp.row("Peer", "mm4:other", columns) == {"Status": 2, "Queued": 1, "Sent": 0, "Refused": 0}, "a peer that is not reached")
        # While an attempt is under way none is to come.
        told = ("Deferred", "Failures", "LastError", "LastFailure", "NextAttempt")
        self.snmp.until(lambda: all(self.snmp.row("Peer", "mm4:other", told).values()), "how often, why, since when, and when again")

    def test_standard_modules(self):
        self.send_all()
        self.shown("mmgateFailed", 1)
        self.shown(f"{MTA}.2.1", 4)                               # the mails wait for the second phone, the word of the failure for the first
        appl, mta, group, error = (self.snmp.walk(root) for root in (APPL, MTA, MTA_GROUP, MTA_ERROR))
        self.assertEqual(appl[f"{APPL}.2.1"], "mmgate")
        self.assertEqual(appl[f"{APPL}.6.1"], 1)
        self.assertEqual(appl[f"{APPL}.4.1"], self.snmp.get("mmgateVersion.0"))
        self.assertEqual(mta[f"{MTA}.1.1"], 6)                    # three mails and three submissions
        self.assertEqual(mta[f"{MTA}.3.1"], 3)                    # two mails out and one retrieval
        names = [group[f"{MTA_GROUP}.25.1.{index}"] for index in range(1, 7)]
        self.assertEqual(names, ["smtp-in", "smtp-out", "mm1-in", "mm1-out", "mm4-in", "mm4-out"])
        self.assertEqual(group[f"{MTA_GROUP}.2.1.1"], 3)
        self.assertEqual(group[f"{MTA_GROUP}.2.1.3"], 3)
        self.assertEqual(group[f"{MTA_GROUP}.5.1.2"], 2)
        self.assertNotIn(f"{MTA_GROUP}.2.1.2", group)
        self.assertEqual(error[f"{MTA_ERROR}.1.1.1.5007001"], 1)  # we refused to relay, 5.7.1
        self.assertEqual(error[f"{MTA_ERROR}.3.1.2.5001001"], 1)  # the mailbox was refused to us, 5.1.1
        # An open connection is an association.
        client = self.client()
        host = client.sock.getsockname()[0]
        self.snmp.until(lambda: host in self.snmp.walk(f"{ASSOC}.2").values() or f"[{host}]" in self.snmp.walk(f"{ASSOC}.2").values(), "an association")

    def test_getnext_bulk_and_walk_see_the_same(self):
        self.snmp.until(lambda: self.snmp.get("mmgateVersion.0"), "figures")
        bulk = self.snmp.walk("mmgate")
        walk = dict(snmp.values(self.snmp.manager("snmpwalk", MONITOR, self.snmp.oid("mmgate")).stdout))
        self.assertEqual(list(bulk), list(walk))
        self.assertEqual(list(bulk), sorted(bulk, key=lambda oid: list(map(int, oid.split(".")))))
        defined = {oid: name for name, oid in self.snmp.names.items()}
        for oid in bulk:
            self.assertIn(oid.rpartition(".")[0], defined)
        self.assertIsNone(self.snmp.get("mmgateVersion.1"))
        self.assertIsNone(self.snmp.get("mmgateSystem.99.0"))


class Access(SnmpCase):
    OPTIONS = {"snmp": {"control": True}}

    def test_who_may_what(self):
        self.shown("mmgateControlEnabled", 1)
        self.assertEqual(self.snmp.set(("mmgateControlAction.0", "i", HOLD), user=MONITOR), "noAccess")
        self.assertEqual(self.snmp.set(("mmgateVersion.0", "s", "2.0")), "noAccess")
        self.assertEqual(self.snmp.set(("mmgateControlState.0", "i", 1)), "notWritable")
        for user, arguments in (("nobody", ["-v", "3", "-u", "nobody", "-l", "authPriv", "-a", "SHA-256", "-A", "wrong password", "-x", "AES", "-X", "wrong password"]),
                                ("no encryption", ["-v", "3", "-u", MONITOR, "-l", "authNoPriv", "-a", "SHA-256", "-A", snmp.AUTHENTICATION]),
                                ("community", ["-v", "2c", "-c", "public"])):
            with self.subTest(user):
                done = subprocess.run(["snmpget", *arguments, "-t", "1", "-r", "0", f"127.0.0.1:{self.snmp.port}", self.snmp.oid("mmgateVersion.0")],
                                      capture_output=True, text=True, timeout=60, env=dict(os.environ, **self.snmp.env))
                self.assertNotRegex(done.stdout, r"STRING: ")


class ControlOff(SnmpCase):
    def test_sets_are_refused(self):
        self.send_mail(mail())
        self.shown("mmgateControlEnabled", 2)
        for action in (HOLD, RELEASE, FLUSH, RELOAD):
            self.assertEqual(self.snmp.set(("mmgateControlAction.0", "i", action)), "notWritable")
        self.assertNotIn("control verb=", self.gateway.log())
        self.assertNotEqual(self.only_message()["state"], "held")


class Control(SnmpCase):
    OPTIONS = {"snmp": {"control": True}, "queue": {"retry": ["1h"]}}

    def act(self, action, operator="duty"):
        lock = self.snmp.get("mmgateControlLock.0")
        done = len(self.snmp.notifications("mmgateControlDone"))
        first = len(self.gateway.lines)
        self.assertEqual(self.snmp.set(("mmgateControlLock.0", "i", lock), ("mmgateControlOperator.0", "s", operator), ("mmgateControlAction.0", "i", action)), "")
        told = self.snmp.wait_notification("mmgateControlDone", after=done)
        self.shown("mmgateControlState", DONE)
        self.assertEqual(self.snmp.get("mmgateControlLock.0"), (lock + 1) % (1 << 31))
        self.assertEqual(told["mmgateControlLastActor"], f"snmp {operator}")
        line = self.gateway.wait_log(r" control verb=", after=first)
        self.assertRegex(line, rf'actor="snmp {operator}"')
        return told

    def test_sets_act_and_are_audited(self):
        self.shown("mmgateControlEnabled", 1)
        self.sink.script = lambda session, verb, argument: "451 4.3.0 later" if verb == "RCPT" else None
        for _ in range(3):
            self.phone().send([MAILBOX])
        deferred = lambda: [message["state"] for message in self.gateway.queue()] == ["deferred"] * 3
        self.gateway.until(deferred, "three deferred messages")

        told = self.act(HOLD)
        self.assertEqual((told["mmgateControlLastVerb"], told["mmgateControlLastCount"]), ("hold", 3))
        self.assertEqual([message["state"] for message in self.gateway.queue()], ["held"] * 3)
        self.shown("mmgateControlLastVerb", "hold")
        self.snmp.until(lambda: self.snmp.row("Queue", "held", ("Recipients",)) == {"Recipients": 3}, "three held recipients")

        told = self.act(RELEASE, "night shift")
        self.assertEqual((told["mmgateControlLastVerb"], told["mmgateControlLastCount"]), ("release", 3))
        self.gateway.until(deferred, "three deferred messages again")

        # It would be tried again in an hour.
        self.sink.script = lambda session, verb, argument: None
        told = self.act(FLUSH)
        self.assertEqual(told["mmgateControlLastVerb"], "retry")
        self.sink.wait_mails(3)

        self.gateway.configure(alarms={"queue": 17})
        told = self.act(RELOAD)
        self.assertEqual(told["mmgateControlLastVerb"], "reload")
        self.gateway.wait_log(r" reloaded ")

    def test_a_set_is_all_or_nothing(self):
        self.shown("mmgateControlEnabled", 1)
        self.send_mail(mail())
        lock = self.snmp.get("mmgateControlLock.0")
        for settings, reason in (([("mmgateControlAction.0", "i", 9)], "wrongValue"),
                                 ([("mmgateControlAction.0", "s", "hold")], "wrongType"),
                                 ([("mmgateControlOperator.0", "s", "x" * 33)], "wrongLength"),
                                 ([("mmgateControlAction.0", "i", HOLD), ("mmgateControlLock.0", "i", (lock + 1) % (1 << 31))], "inconsistentValue"),
                                 ([("mmgateControlLock.0", "i", lock), ("mmgateControlAction.0", "i", 0)], "wrongValue")):
            with self.subTest(reason):
                self.assertEqual(self.snmp.set(*settings), reason)
        self.assertEqual(self.snmp.get("mmgateControlLock.0"), lock)
        self.assertNotIn(" control verb=", self.gateway.log())

    def test_a_failed_reload_says_so(self):
        self.shown("mmgateControlEnabled", 1)
        with open(self.gateway.config_path, "a") as file:
            file.write("[nonsense]\nkey = 1\n")
        self.assertEqual(self.snmp.set(("mmgateControlAction.0", "i", RELOAD)), "")
        self.shown("mmgateControlState", FAILED)


class Notifications(SnmpCase):
    OPTIONS = {"alarms": {**AT_ONCE, "queue": 3, "oldest": "0s", "conversions": 2}, "queue": {"retry": ["1s"]}}

    def test_the_gateway_starts_and_stops(self):
        self.snmp.wait_notification("mmgateGatewayStarted")
        self.assertEqual(self.gateway.stop(), 0)
        self.snmp.wait_notification("mmgateGatewayStopping")
        self.snmp.wait_notification("mmgateGatewayLost")
        self.shown("mmgateHealth", 5)
        self.assertEqual(self.snmp.get(f"{APPL}.6.1"), 2)
        self.assertIsNone(self.snmp.get("mmgateSmtpAccepted.0"))
        self.gateway.start()
        self.snmp.wait_notification("mmgateGatewayFound")
        self.snmp.wait_notification("mmgateGatewayStarted", after=1)
        self.shown("mmgateHealth", 1)
        self.shown(f"{APPL}.6.1", 1)

    def test_queue(self):
        def cause():
            for _ in range(3):
                self.send_mail(mail())
        self.expect_pair("QueueHigh", "QueueNormal", cause, lambda: self.gateway.mmq("delete", "--all", "--yes", check=False) and self.empty(), Kind=1, Object="")
        changes = [told["mmgateHealth"] for _, told in self.snmp.notifications("mmgateHealthChanged")]
        self.assertEqual(changes, [2, 1])

    def empty(self):
        for message in self.gateway.queue():
            self.gateway.mmq("delete", message["id"])

    def test_oldest(self):
        self.gateway.configure(alarms={"oldest": "2s"})
        self.gateway.mmq("reload")
        self.expect_pair("OldestAgeHigh", "OldestAgeNormal", lambda: self.send_mail(mail()), self.empty, Kind=2, Object="")

    def test_bearer(self):
        self.push.script = lambda push: (503, "text/plain", "no")
        self.expect_pair("BearerFailing", "BearerWorking", lambda: self.send_mail(mail()), lambda: setattr(self.push, "script", lambda push: None), Kind=5, Object="")

    def test_peer(self):
        self.sink.script = lambda session, verb, argument: "421 4.3.2 not now" if verb == "connect" else None
        self.expect_pair("PeerDown", "PeerUp", lambda: self.phone().send([MAILBOX]), lambda: setattr(self.sink, "script", lambda session, verb, argument: None),
                         Kind=6, Object=f"mail:127.0.0.1:{self.sink.port}")

    def test_configuration(self):
        with open(self.gateway.config_path) as file:
            good = file.read()

        def write(text, status):
            with open(self.gateway.config_path, "w") as file:
                file.write(text)
            self.assertEqual(self.gateway.mmq("reload", check=False).returncode, status)
        self.expect_pair("ConfigRejected", "ConfigAccepted", lambda: write(good + "[nonsense]\n", 78), lambda: write(good, 0), Kind=8, Object="")

    def test_conversions(self):
        def cause():
            for _ in range(2):
                client = self.client()
                client.mail(SENDER)
                client.rcpt(f"{ONE}@{DOMAIN}")
                self.assertEqual(client.data(broken_mail())[0] // 100, 5)
        self.expect_pair("ConversionFailing", "ConversionWorking", cause, lambda: self.send_mail(mail()), Kind=9, Object="")

    def test_certificate(self):
        def certificate(days):
            key, path = (os.path.join(self.gateway.folder, name) for name in ("tls.key", "tls.pem"))
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", path, "-days", str(days),
                            "-subj", "/CN=gw1.mms.example.net"], check=True, capture_output=True)
            self.gateway.configure(smtp={"tls": {"certificate": path, "key": key, "mode": "opportunistic"}})
            self.gateway.mmq("reload")
        self.expect_pair("CertificateExpiring", "CertificateRenewed", lambda: certificate(5), lambda: certificate(365), Kind=7, Object="smtp.tls.certificate")
        row = self.snmp.row("Certificate", "smtp.tls.certificate", ("Status", "DaysLeft"))
        self.assertEqual((row["Status"], row["DaysLeft"] in (364, 365)), (1, True))


def broken_mail():
    """What no mapping can be made of: too many parts inside each other."""
    text = "From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
    for depth in range(200):
        text += f"Content-Type: multipart/mixed; boundary=b{depth}\r\n\r\n--b{depth}\r\n"
    return text + "Content-Type: text/plain\r\n\r\nx\r\n" + "".join(f"--b{depth}--\r\n" for depth in reversed(range(200)))


class Module(unittest.TestCase):
    """The module's text."""

    def test_smilint_finds_nothing(self):
        if not shutil.which("smilint"):
            self.skipTest("smilint is missing")
        if not os.path.isdir(SHARED_MIBS):
            self.skipTest(f"{SHARED_MIBS} is missing: the modules that MMGATE-MIB imports")
        with tempfile.TemporaryDirectory() as folder:
            # smilint looks for modules by their names alone.
            for path in glob.glob(os.path.join(SHARED_MIBS, "*.txt")):
                os.symlink(os.path.abspath(path), os.path.join(folder, os.path.basename(path).removesuffix(".txt")))
            done = subprocess.run(["smilint", "-l", "6", "-s", snmp.MIB_FILE], capture_output=True, text=True, timeout=60, env=dict(os.environ, SMIPATH=folder))
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_no_name_and_no_place_is_given_twice(self):
        names = snmp.read_mib()
        self.assertEqual(len(set(names.values())), len(names))
        self.assertGreater(len(names), 150)


if __name__ == "__main__":
    unittest.main()
