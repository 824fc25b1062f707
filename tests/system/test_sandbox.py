"""The sandbox from inside, and the gateway's whole work within it."""
import os
import shutil
import subprocess
import tempfile
import unittest

from case import DOMAIN, ONE, Case, mail
from gateway import BUILD, SANITIZED, toml_text

STRENGTHS = ("NoNewPrivs", "Seccomp")
NOBODY = 65534

# What ends the process at once, and what fails.
KILLED = ("exec", "exec by a thread that ran before", "fork", "ptrace", "process_vm_readv", "process_vm_writev", "make a device", "mount", "umount", "fsopen", "pivot_root",
          "setns", "unshare", "chroot", "setuid", "setgid", "setgroups", "capset", "load a module", "bpf", "perf_event_open", "io_uring", "io_uring_enter", "keyctl", "add_key",
          "open_by_handle_at", "userfaultfd", "personality", "set the clock")
REFUSED = ("signal another process", "write /etc", "write /usr", "write /tmp", "write /var/lib", "write the configuration", "write the program's memory as a file",
           "carry a file out of the state directory", "link a file into the state directory", "read another process's memory", "read /etc/shadow", "read /etc/gshadow",
           "list /etc", "read /proc", "read /root", "read /home", "socket(AF_PACKET)", "socket(AF_NETLINK)", "socket(SOCK_RAW)", "socket of any other family",
           "memory to write and execute", "execute what was written", "push input into the terminal")
DONE = ("write the state directory", "read the configuration", "read resolv.conf", "socket(AF_INET)", "start a thread")


def status_of(pid, thread):
    with open(f"/proc/{pid}/task/{thread}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


@unittest.skipIf(SANITIZED, "builds with sanitizers have no sandbox")
@unittest.skipIf(os.environ.get("MMGATE_SANDBOX") == "no", "MMGATE_SANDBOX is no")
class Sandbox(Case):
    def attempt_all(self, **security):
        """The trial of a gateway that an ordinary user runs, whose configuration is its own but lies where it does not write; gives what came of each attempt, and the exit status."""
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="mmgate-trial-"))
        state, config = os.path.join(folder, "state"), os.path.join(folder, "etc", "mmgate.toml")
        os.mkdir(os.path.dirname(config))
        os.mkdir(state)
        with open(config, "w") as file:
            file.write(toml_text({"gateway": {"domain": DOMAIN, "state_dir": state, "control": os.path.join(state, "control.sock")}, "security": security}))
        program = shutil.copy(os.path.join(BUILD, "mmgated"), folder)   # where that user can reach it
        user = {}
        if os.geteuid() == 0:
            user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            for path in (folder, os.path.dirname(config), state, config):
                os.chown(path, NOBODY, NOBODY)
        done = subprocess.run([program, "-c", config, "--try-sandbox"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, **user)
        self.assertEqual(os.listdir(state), [], "the trial left something behind")
        return dict(line.rsplit(": ", 1) for line in done.stdout.splitlines() if ": " in line), done

    def need_landlock(self):
        if "landlock" not in self.gateway.log():
            self.skipTest("the kernel has no Landlock")

    def test_what_is_forbidden_is_refused_from_inside(self):
        self.need_landlock()
        results, done = self.attempt_all()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for names, outcome in ((KILLED, "refused (killed)"), (REFUSED, "refused ("), (DONE, "done")):
            for name in names:
                with self.subTest(attempt=name):
                    self.assertTrue(results.pop(name, "not tried").startswith(outcome), done.stdout)
        results.pop("files"), results.pop("calls")
        self.assertEqual(results, {}, "attempts that no table here has")

    def test_the_trial_tells_when_there_is_no_sandbox(self):
        results, done = self.attempt_all(sandbox=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        for name in ("exec", "fork", "ptrace", "list /etc", "write /tmp", "carry a file out of the state directory", "write the configuration", "socket(AF_NETLINK)",
                     "socket of any other family", "memory to write and execute", "execute what was written"):
            self.assertEqual(results[name], "done  <- WRONG", name)
        self.assertIn("refused (Permission denied)", results["read /etc/shadow"])   # by its mode, as ever

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
