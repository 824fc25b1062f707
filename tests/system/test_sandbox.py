"""The sandbox from inside, and the gateway's whole work within it."""
import os
import subprocess
import unittest

from case import DOMAIN, ONE, Case, mail
from gateway import BUILD, SANITIZED

STRENGTHS = ("NoNewPrivs", "Seccomp")


def status_of(pid, thread):
    with open(f"/proc/{pid}/task/{thread}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


@unittest.skipIf(SANITIZED, "builds with sanitizers have no sandbox")
@unittest.skipIf(os.environ.get("MMGATE_SANDBOX") == "no", "MMGATE_SANDBOX is no")
class Sandbox(Case):
    def attempt_all(self):
        return subprocess.run([os.path.join(BUILD, "mmgated"), "-c", self.gateway.config_path, "--try-sandbox"], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)

    def need_landlock(self):
        if "landlock" not in self.gateway.log():
            self.skipTest("the kernel has no Landlock")

    def test_what_is_forbidden_is_refused_from_inside(self):
        self.need_landlock()
        done = self.attempt_all()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        results = dict(line.rsplit(": ", 1) for line in done.stdout.splitlines())
        for name in ("exec", "exec by a thread that ran before", "fork", "ptrace", "mount"):
            self.assertEqual(results[name], "refused (killed)")
        for name in ("write /etc", "write /tmp", "list /etc", "socket(AF_PACKET)", "memory to write and execute"):
            self.assertTrue(results[name].startswith("refused ("), name)
        for name in ("write the state directory", "read the configuration", "start a thread"):
            self.assertEqual(results[name], "done")
        self.assertNotIn(".mmgate-try-sandbox", os.listdir(self.gateway.state_dir))

    def test_the_trial_tells_when_there_is_no_sandbox(self):
        self.gateway.configure(security={"sandbox": False})
        done = self.attempt_all()
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        for name in ("exec", "fork", "ptrace", "list /etc", "memory to write and execute"):
            self.assertIn(f"{name}: done  <- WRONG", done.stdout)

    def test_every_thread_is_confined(self):
        pid = self.gateway.process.pid
        threads = os.listdir(f"/proc/{pid}/task")
        self.assertGreater(len(threads), 3)
        for thread in threads:
            status = status_of(pid, thread)
            self.assertEqual({name: status[name] for name in STRENGTHS}, {"NoNewPrivs": "1", "Seccomp": "2"}, thread)

    def test_the_gateway_does_its_work_inside(self):
        # A character set that the C library loads from a file when it is first asked for.
        text = "Приве́т из КОИ-8".replace("\u0301", "")
        octets = mail(subject="koi").replace(b"Some text.", text.encode("koi8-r")).replace(b'charset="utf-8"', b'charset="koi8-r"').replace(b"7bit", b"8bit")
        self.send_mail(octets, mail_options=["BODY=8BITMIME"])
        self.assertIn(text, self.fetched().part("text/plain").text())
        self.gateway.configure(limits={"recipients": 3}, smtp={"listen": ["127.0.0.1:0", "127.0.0.2:0"]})
        self.gateway.mmq("reload")
        self.gateway.mmq("backup", os.path.join(self.gateway.folder, "backup"))
        self.gateway.mmq("check")
        self.assertNotIn("operation not permitted", self.gateway.log().lower())

    def test_a_name_is_looked_up_inside(self):
        self.gateway.configure(push={"url": self.push.url.replace("127.0.0.1", "localhost")})
        self.gateway.mmq("reload")
        self.send_mail(mail(text="by name"), to=[f"{ONE}@{DOMAIN}"])
        self.assertIn("by name", self.fetched().part("text/plain").text())

    def test_without_it_the_gateway_says_nothing_of_it(self):
        self.gateway.stop()
        self.gateway.configure(security={"sandbox": False})
        first = len(self.gateway.lines)
        self.gateway.start()
        self.assertNotIn("confined", "\n".join(self.gateway.lines[first:]))
        pid = self.gateway.process.pid
        self.assertEqual(status_of(pid, pid)["Seccomp"], "0")


if __name__ == "__main__":
    unittest.main()
