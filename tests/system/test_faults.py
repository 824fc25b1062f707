"""The surroundings fail: a full disk, a broken configuration under load, a store that is not ours."""
import ctypes
import os
import re
import shutil
import signal
import smtplib
import subprocess
import tempfile
import threading
import unittest

import pdu
from case import DOMAIN, MAILBOX, ONE, SENDER, Case, mail
from gateway import BUILD, Gateway


def text_part(text):
    return pdu.Part("text/plain", text.encode(), {"charset": "utf-8"}, {"Content-Location": "t.txt"})


class DiskFull(Case):
    OPTIONS = {"limits": {"disk_reserve": "2M"}, "queue": {"retry": ["1s"]}}

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

    def test_full_and_free_again(self):
        self.send_mail(mail("before"))
        before = self.push.notification(ONE)
        for round_number in range(3):
            with self.subTest(round=round_number):
                self.fill()
                # Mail is deferred, with the status that says why, wherever in the dialogue it is noticed.
                reply = self.until_refused()
                self.assertRegex(reply, r"^452 4\.3\.1")
                conf = self.phone().send([MAILBOX], parts=[text_part("x" * 100_000)])
                self.assertIn(conf["X-Mms-Response-Status"], (0xC0, 0xC3))
                # What is there can still be fetched, looked at and deleted.
                self.assertEqual(self.phone().get(before.url)[0], 200)
                self.gateway.mmq("list")
                self.gateway.mmq("stats")
                os.unlink(os.path.join(self.disk, "filler"))
                self.gateway.until(lambda: self.try_mail(f"after {round_number}") == "250", "acceptance", timeout=10)
        self.phone().fetch(before.pdu)
        for round_number in range(3):
            self.push.wait(lambda: round_number < len(self.push.pushes), "notification")
        self.assertIsNone(self.gateway.process.poll())
        subjects = {self.phone().get(push.url)[1].get("Subject") for push in self.push.wait_pushes(4, ONE)}
        self.assertLessEqual({f"after {n}" for n in range(3)}, subjects)

    def try_mail(self, subject, size=100):
        """The code of the first reply that is not 2xx, else of the last."""
        client = self.client()
        for code, text in ((lambda: client.mail(SENDER, [f"SIZE={size}"]))(),):
            if code != 250:
                return f"{code} {text.decode()}"
        code, text = client.rcpt(f"{ONE}@{DOMAIN}")
        if code != 250:
            return f"{code} {text.decode()}"
        code, text = client.data(mail(subject, "y" * size))
        return "250" if code == 250 else f"{code} {text.decode()}"

    def until_refused(self):
        reply = ""
        for number in range(400):
            reply = self.try_mail(f"filling {number}", 100_000)
            if reply != "250":
                break
        return reply


class Reload(Case):
    OPTIONS = {"queue": {"retry": ["1s"]}}

    def test_a_hundred_reloads_under_load_and_half_of_them_broken(self):
        over, refused, accepted = threading.Event(), [], []

        def load():
            client = smtplib.SMTP(*self.gateway.smtp, local_hostname="load.example.org", timeout=30)
            while not over.is_set():
                try:
                    client.sendmail(SENDER, [f"{ONE}@{DOMAIN}"], mail())
                    accepted.append(1)
                except (OSError, smtplib.SMTPException) as problem:
                    refused.append(problem)
                    return
            client.quit()

        threads = [threading.Thread(target=load, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        with open(self.gateway.config_path) as file:
            good = file.read()
        number = 0
        while number < 100 or (len(accepted) <= 50 and not refused and number < 2000):   # however fast reloads are, there is load beside them
            number += 1
            first = len(self.gateway.lines)
            with open(self.gateway.config_path, "w") as file:
                file.write(good + ("[smtp.tls]\nmod = \"off\"\n" if number % 2 else f"# {number}\n"))
            self.gateway.signal(signal.SIGHUP)
            self.gateway.wait_log(r"(?i)reload|configuration", after=first)
        over.set()
        for thread in threads:
            thread.join(60)
        self.assertEqual(refused, [])
        self.assertGreater(len(accepted), 50)
        self.assertTrue(any("smtp.tls.mode" in line for line in self.gateway.lines), "the nearest known key is named")

    def test_a_bad_configuration_names_file_line_key_and_what_would_be_right(self):
        rows = (("[smtp]\nlistn = [\"127.0.0.1:0\"]\n", r"mmgate\.toml:2: .*listn.*\blisten\b"),
                ("[smtp\n", r"mmgate\.toml:1"),
                ("[queue]\nretry = [\"1 parsec\"]\n", r"mmgate\.toml:2: .*queue\.retry"),
                ("[smtp]\nnetworks = [\"10.0.0.0/99\"]\n", r"mmgate\.toml:2: .*smtp\.networks"))
        for text, pattern in rows:
            with self.subTest(text):
                path = os.path.join(self.gateway.folder, "other")
                os.makedirs(path, exist_ok=True)
                with open(os.path.join(path, "mmgate.toml"), "w") as file:
                    file.write(text)
                done = subprocess.run([os.path.join(BUILD, "mmgated"), "-c", os.path.join(path, "mmgate.toml"), "--check-config"],
                                      capture_output=True, text=True, timeout=30)
                self.assertEqual(done.returncode, 78, done.stderr)
                self.assertTrue(re.search(pattern, done.stdout + done.stderr), done.stdout + done.stderr)

    def test_usage(self):
        for arguments, status in ((["--what"], 64), (["--version"], 0), (["--help"], 0), (["-c", "/nonexistent/mmgate.toml"], 78)):
            with self.subTest(arguments):
                done = subprocess.run([os.path.join(BUILD, "mmgated"), *arguments], capture_output=True, text=True, timeout=30)
                self.assertIn(done.returncode, (status, 66) if arguments[0] == "-c" else (status,), done.stderr)

    def test_sigterm_drains_and_ends_well(self):
        client = self.client()
        client.mail(SENDER)
        self.assertEqual(self.gateway.stop(), 0)

    def test_the_same_store_twice_is_refused(self):
        done = subprocess.run([os.path.join(BUILD, "mmgated"), "-c", self.gateway.config_path], capture_output=True, text=True, timeout=60)
        self.assertNotIn(done.returncode, (0, -6, -11), done.stderr)
        self.assertNotIn("ready smtp=", done.stderr)
        self.send_mail(mail("still here"))


if __name__ == "__main__":
    unittest.main()
