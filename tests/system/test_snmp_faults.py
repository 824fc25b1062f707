"""SNMP when something is missing or hangs: snmpd frozen, started anew, absent; the agent and the gateway killed; a full disk."""
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import snmp
from case import ONE, mail
from gateway import BUILD, Gateway
from snmp import APPL, AT_ONCE, SnmpCase


def setUpModule():
    if reason := snmp.missing():
        raise unittest.SkipTest(reason)


class Faults(SnmpCase):
    OPTIONS = {"alarms": {**AT_ONCE, "queue": 1}}

    def test_snmpd_is_frozen(self):
        self.shown("mmgateHealth", 1)
        self.snmp.snmpd.process.send_signal(signal.SIGSTOP)
        # The gateway does not notice.
        began = time.monotonic()
        self.send_mail(mail())
        self.push.notification(ONE)
        self.stats()
        self.assertLess(time.monotonic() - began, 5)
        # The agent has tried to tell, and found nobody listening.
        self.gateway.wait_log("alarm-raised")
        self.snmp.agent.wait_line("notified number=10|master-lost", timeout=60)
        self.snmp.snmpd.process.send_signal(signal.SIGCONT)
        self.snmp.wait_notification("mmgateQueueHigh", timeout=90)
        self.shown("mmgateSmtpAccepted", 1, timeout=90)

    def test_snmpd_is_started_anew(self):
        self.shown("mmgateHealth", 1)
        self.snmp.snmpd.end()
        self.snmp.agent.wait_line("master-lost")
        seen = len(self.snmp.agent.lines)
        self.send_mail(mail())
        self.gateway.wait_log("alarm-raised")
        self.snmp.start_snmpd()
        self.snmp.agent.wait_line("master-reached", after=seen, timeout=60)
        self.snmp.wait_notification("mmgateQueueHigh")
        self.shown("mmgateSmtpAccepted", 1)

    def test_the_agent_is_killed_and_started_anew(self):
        self.send_mail(mail())
        self.snmp.wait_notification("mmgateQueueHigh")
        self.snmp.agent.end(signal.SIGKILL)
        self.send_mail(mail())
        self.snmp.start_agent()
        self.snmp.agent.wait_line("master-reached", timeout=60)
        self.shown("mmgateSmtpAccepted", 2)

    def test_the_gateway_is_killed_and_started_anew(self):
        self.shown("mmgateHealth", 1)
        self.gateway.kill9()
        self.snmp.wait_notification("mmgateGatewayLost")
        self.shown("mmgateHealth", 5)
        self.gateway.start()
        self.snmp.wait_notification("mmgateGatewayFound")
        self.shown("mmgateHealth", 1)


class Absent(SnmpCase):
    START = ()

    def test_snmpd_comes_later(self):
        self.snmp.start_agent()
        self.send_mail(mail())
        self.snmp.start_trapd()
        self.snmp.start_snmpd()
        self.snmp.agent.wait_line("master-reached", timeout=60)
        self.shown("mmgateSmtpAccepted", 1)
        self.snmp.wait_notification("mmgateGatewayStarted")

    def test_check_says_who_does_not_answer(self):
        def check():
            argv = [os.path.join(BUILD, "mmgate-snmp"), "-c", self.gateway.config_path, "--agentx", self.snmp.agentx, "--check"]
            return subprocess.run(argv, capture_output=True, text=True, timeout=60)
        done = check()
        self.assertEqual(done.returncode, 69)
        self.assertIn(self.snmp.agentx, done.stderr)
        self.snmp.start_trapd()
        self.snmp.start_snmpd()
        self.assertEqual(check().returncode, 0)
        self.gateway.stop()
        done = check()
        self.assertEqual(done.returncode, 69)
        self.assertIn(self.gateway.control, done.stderr)

    def test_usage_and_end(self):
        for arguments, status in ((["--what"], 64), (["--version"], 0), (["--help"], 0), (["-c", "/nonexistent"], 78), (["x"], 64),
                                  (["-c", "a", "--control", "b"], 64)):
            with self.subTest(arguments):
                done = subprocess.run([os.path.join(BUILD, "mmgate-snmp"), *arguments], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, status, done.stderr)
        self.snmp.start_agent()
        self.assertEqual(self.snmp.agent.end(), 0)


class DiskFull(SnmpCase):
    OPTIONS = {"limits": {"disk_reserve": "2M"}, "alarms": AT_ONCE, "queue": {"retry": ["1s"]}}

    def start(self):
        folder = tempfile.mkdtemp(prefix="mmgate-disk-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.disk = os.path.join(folder, "state")
        os.mkdir(self.disk)
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"tmpfs", self.disk.encode(), b"tmpfs", 0, b"size=48m") != 0:
            self.skipTest(f"a small disk cannot be mounted here: {os.strerror(ctypes.get_errno())}")
        self.addCleanup(libc.umount2, self.disk.encode(), 2)
        gateway = Gateway(push=self.push, relay=self.sink.port, folder=folder, **self.OPTIONS)
        self.addCleanup(gateway.__exit__, None, None, None)
        return gateway

    def fill(self):
        with open(os.path.join(self.disk, "filler"), "wb") as file:
            try:
                while True:
                    file.write(bytes(1 << 20))
                    file.flush()
            except OSError:
                pass

    def test_store(self):
        self.shown("mmgateAccepting", 1)
        self.fill()
        low, closed = self.snmp.wait_notification("mmgateStoreLow"), self.snmp.wait_notification("mmgateNotAccepting")
        self.assertEqual((low["mmgateAlarmKind"], closed["mmgateAlarmKind"]), (3, 4))
        self.shown("mmgateAccepting", 2)
        self.shown("mmgateHealth", 3)
        self.shown(f"{APPL}.6.1", 4)
        os.unlink(os.path.join(self.disk, "filler"))
        self.snmp.wait_notification("mmgateStoreNormal")
        self.snmp.wait_notification("mmgateAcceptingAgain")
        self.shown("mmgateHealth", 1)
        for name in ("mmgateStoreLow", "mmgateStoreNormal", "mmgateNotAccepting", "mmgateAcceptingAgain"):
            self.assertEqual(len(self.snmp.notifications(name)), 1, name)


if __name__ == "__main__":
    unittest.main()
