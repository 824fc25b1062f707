"""What a service manager sees: sockets handed over, readiness, reloads, signs of life; and the units themselves."""
import os
import queue
import shutil
import smtplib
import socket
import subprocess
import tempfile
import threading
import unittest

from case import ONE, Case, mail
from gateway import DOMAIN, ROOT, Gateway
from peers import PATIENCE_S

UNITS = os.path.join(ROOT, "systemd")


class Manager:
    """Listens where a service manager would; what it is told comes as {"READY": "1", ...}."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="mmgate-notify-")
        self.path = os.path.join(self.folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.heard = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self.path)
        shutil.rmtree(self.folder, ignore_errors=True)

    def listen(self):
        while data := self.socket.recv(4096):
            self.heard.put(dict(line.split("=", 1) for line in data.decode().splitlines()))
        self.socket.close()

    def wait(self, key):
        """The next message that assigns `key`."""
        while True:
            told = self.heard.get(timeout=PATIENCE_S)
            if key in told:
                return told


class Notified(Case):
    def setUp(self):
        self.manager = self.enterContext(Manager())
        super().setUp()

    def start(self, **more):
        return super().start(env={"NOTIFY_SOCKET": self.manager.path, "WATCHDOG_USEC": "600000"}, **more)

    def test_a_gateway_tells_when_it_is_ready_reloads_lives_and_stops(self):
        told = self.manager.wait("READY")
        self.assertEqual(told["READY"], "1")
        self.assertIn(f":{self.gateway.smtp[1]}", told["STATUS"])
        for _ in range(3):
            self.assertEqual(self.manager.wait("WATCHDOG")["WATCHDOG"], "1")
        self.gateway.mmq("reload")
        self.assertTrue(self.manager.wait("RELOADING")["MONOTONIC_USEC"].isdigit())
        self.assertEqual(self.manager.wait("READY")["READY"], "1")
        self.gateway.configure(smtp={"listen": ["nowhere"]})
        self.assertEqual(self.gateway.mmq("reload", check=False).returncode, 78)
        self.manager.wait("RELOADING")
        self.manager.wait("READY")
        self.assertEqual(self.gateway.stop(), 0)
        self.assertEqual(self.manager.wait("STOPPING")["STOPPING"], "1")


class Sockets(Case):
    def setUp(self):
        self.doors = []
        for name in ("smtp", "mm1", "other"):
            door = self.enterContext(socket.create_server(("127.0.0.1", 0)))
            self.doors.append((name, door))
        super().setUp()

    def start(self, **more):
        addresses = ["127.0.0.1:%d" % door.getsockname()[1] for _, door in self.doors]
        return super().start(sockets=self.doors, smtp={"listen": addresses[:1]}, mm1={"listen": addresses[1:2]}, **more)

    def test_sockets_handed_over_are_used_and_others_are_named(self):
        self.assertEqual(self.gateway.smtp, self.doors[0][1].getsockname())
        self.assertEqual(self.gateway.mm1, self.doors[1][1].getsockname())
        self.assertIn("other 127.0.0.1:%d" % self.doors[2][1].getsockname()[1], self.gateway.wait_log("socket-not-used"))
        self.send_mail(mail(text="through a socket of somebody else's"))
        self.assertIn("through a socket", self.fetched().part("text/plain").text())

    def test_who_connects_while_the_gateway_is_away_waits_for_it(self):
        self.gateway.stop()
        client = socket.create_connection(self.doors[0][1].getsockname(), timeout=PATIENCE_S)
        self.addCleanup(client.close)
        self.gateway.start()
        self.assertTrue(client.recv(512).startswith(b"220 "), "no greeting")

    def test_a_door_that_a_reload_closed_can_be_opened_again(self):
        address = self.gateway.sections["smtp"]["listen"]
        self.gateway.configure(smtp={"listen": ["127.0.0.1:0"]})
        self.gateway.mmq("reload")
        self.gateway.configure(smtp={"listen": address})
        self.gateway.mmq("reload")
        with smtplib.SMTP(*self.gateway.smtp, timeout=PATIENCE_S) as client:
            self.assertEqual(client.noop()[0], 250)


class Units(unittest.TestCase):
    MOST = {"mmgated.service": 12, "mmgate-snmp.service": 10}   # systemd's exposure, times ten

    def test_units_are_as_closed_as_they_claim(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")
        for unit, most in self.MOST.items():
            with self.subTest(unit=unit):
                done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={most}", os.path.join(UNITS, unit)],
                                      capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_systemd_understands_every_line(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")
        with tempfile.TemporaryDirectory() as folder:
            for unit in (name for name in os.listdir(UNITS) if name.endswith((".service", ".socket"))):
                with open(os.path.join(UNITS, unit)) as file:
                    text = "\n".join(line for line in file.read().splitlines() if not line.startswith("Documentation="))
                with open(os.path.join(folder, unit), "w") as file:   # with a program that is there
                    file.write(text.replace("/usr/sbin/mmgated", "/bin/true").replace("/usr/sbin/mmgate-snmp", "/bin/true").replace("/usr/bin/mmq", "/bin/true"))
            for unit in sorted(os.listdir(folder)):
                done = subprocess.run(["systemd-analyze", "verify", "--man=no", os.path.join(folder, unit)], capture_output=True, text=True, timeout=60)
                self.assertEqual([line for line in done.stderr.splitlines() if folder in line or line.startswith(unit)], [], unit)


if __name__ == "__main__":
    unittest.main()
