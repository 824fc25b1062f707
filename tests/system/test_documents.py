"""What the documents tell operators to type is typed, and what they tell them to configure is checked.

Each document is followed from top to bottom on a host of its own: the configuration that comes with the package, its ports, its paths (below a scratch root,
put in their place), and the real gateway. Three commands have stand-ins, for what this host has not: systemctl (it starts, stops and reloads the gateway as
the units say), journalctl (the gateway's log), chown. ID in a command is the first message's, and so is the example's id in the manual pages.
"""
import glob
import os
import re
import signal
import smtplib
import subprocess
import sys
import tempfile
import time
import unittest

import namespace
from case import DOMAIN, SENDER, mail
from documents import blocks, manual_blocks
from gateway import BUILD, ROOT, SANITIZED
from peers import PATIENCE_S

FOR_OPERATORS = ("README.md", "docs/first-message.md", "docs/alarms.md", "docs/backup.md", "docs/upgrade.md", "docs/security.md", "docs/sizing.md", "docs/monitoring.md")
MOST_NOT_RUN, MOST_NOT_COMPARED = 0, 1   # blocks of all documents that nothing runs, or compares with what is printed
EXAMPLES = "/usr/share/doc/mmgate/examples"
INSTALLED = ("/etc/mmgate", "/etc/cron.daily", "/var/lib/mmgate", "/var/backups", "/run/mmgate")
AN_ID = re.compile(r"\bID\b|\b01JD3M8K2V7QF\b")
WAITS = "+447700900123"

SYSTEMCTL = """#!{python}
import os, signal, subprocess, sys, time
root, what, units = {root!r}, sys.argv[1], sys.argv[2:]
if set(units) - {{"mmgated", "mmgated.socket"}}: sys.exit(f"systemctl: no unit of these: {{units}}")
file, log = root + "/run/pid", root + "/log"
running = lambda: int(open(file).read()) if os.path.exists(file) else None
def until(condition):
    end = time.monotonic() + {patience}
    while not condition():
        if time.monotonic() > end: sys.exit(f"systemctl: waited in vain to {{what}}")
        time.sleep(0.02)
def start():
    size = os.path.getsize(log) if os.path.exists(log) else 0
    process = subprocess.Popen(["mmgated"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(log, "ab"), start_new_session=True, env=dict(os.environ, CREDENTIALS_DIRECTORY=root + "/run/credentials"))
    open(file, "w").write(str(process.pid))
    until(lambda: process.poll() is not None or b"\\nready smtp=" in b"\\n" + open(log, "rb").read()[size:])
    if process.poll() is not None: os.unlink(file); sys.exit("systemctl: the gateway ended")
def alive(pid):
    try: return open(f"/proc/{{pid}}/stat").read().rpartition(")")[2].split()[0] != "Z"
    except OSError: return False
def stop():
    pid = running()
    if pid: os.kill(pid, signal.SIGTERM); until(lambda: not alive(pid)); os.unlink(file)
if what in ("stop", "restart"): stop()
if what in ("start", "restart"): start()
if what == "reload": sys.exit(subprocess.call(["mmq", "reload"]))
if what == "status": print("active" if running() else "inactive"); sys.exit(0 if running() else 3)
if what not in ("start", "stop", "restart", "reload", "status"): sys.exit(f"systemctl: no {{what}} here")
"""


def setUpModule():
    namespace.enter()


class Host:
    """A host with the package installed, as far as documents are concerned."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="mmgate-host-")
        self.printed, self.background = "", []
        for folder in ("bin", "work", "etc/mmgate", "etc/cron.daily", "var/lib/mmgate", "var/backups", "run/mmgate", "run/credentials"):
            os.makedirs(os.path.join(self.root, folder))
        with open(os.path.join(ROOT, "docs/examples/mmgate.toml")) as file:
            text = re.sub(r'"build/run/state" .*', f'"{self.root}/var/lib/mmgate"', file.read())
        self.write("etc/mmgate/mmgate.toml", re.sub(r'"build/run/control.sock" .*', f'"{self.root}/run/mmgate/control.sock"', text))
        self.write("run/credentials/push", "secret\n")
        config = f"{self.root}/etc/mmgate/mmgate.toml"
        self.program("mmgated", f'#!/bin/sh\nexec {BUILD}/mmgated -c {config} "$@"\n')
        # Nothing matched (1) is an answer, too.
        self.program("mmq", f'#!/bin/sh\nif test "$1" = pdu; then exec {BUILD}/mmq "$@"; fi\n{BUILD}/mmq -c {config} "$@" || test $? = 1\n')
        self.program("systemctl", SYSTEMCTL.format(python=sys.executable, root=self.root, patience=PATIENCE_S * (4 if SANITIZED else 1)))
        self.program("journalctl", f"#!/bin/sh\ncat {self.root}/log\n")
        self.program("chown", "#!/bin/sh\nfor path; do :; done; test -e \"$path\"\n")
        self.environment = dict(os.environ, PATH=f"{self.root}/bin:{os.environ['PATH']}", CREDENTIALS_DIRECTORY=f"{self.root}/run/credentials")
        self.run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=first -keyout /etc/mmgate/key.pem -out /etc/mmgate/cert.pem 2>&1")
        self.run("systemctl start mmgated")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process, _ in self.background:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if os.path.exists(f"{self.root}/run/pid"):
            with open(f"{self.root}/run/pid") as file:
                os.kill(int(file.read()), signal.SIGKILL)
        subprocess.run(["rm", "-rf", self.root], check=True)

    def write(self, name, text):
        with open(os.path.join(self.root, name), "w") as file:
            file.write(text)

    def program(self, name, text):
        self.write(f"bin/{name}", text)
        os.chmod(os.path.join(self.root, "bin", name), 0o755)

    def placed(self, text):
        for path in INSTALLED:
            text = re.sub(rf"(?<![\w/.]){re.escape(path)}\b", self.root + path, text)
        return text.replace(EXAMPLES, os.path.join(ROOT, "docs/examples"))

    def shell(self, text):
        text = self.placed(text)
        if AN_ID.search(text):
            found = re.search(r'"id":"(\w+)"', self.run("mmq list --json") or self.run("mmq list --all --json"))
            text = AN_ID.sub(found[1] if found else "ID", text)
        return ["bash", "-eu", "-o", "pipefail", "-c", text]

    def run(self, text):
        """What it prints; AssertionError when it fails."""
        done = subprocess.run(self.shell(text), cwd=f"{self.root}/work", env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120)
        if done.returncode:
            raise AssertionError(f"ended with {done.returncode}:\n{text}\nand printed:\n{done.stdout}")
        self.printed += done.stdout
        return done.stdout

    def leave_running(self, text):
        """What a second terminal does; back when it has said something."""
        path = os.path.join(self.root, f"terminal{len(self.background)}")
        with open(path, "wb") as out:
            process = subprocess.Popen(self.shell(text), cwd=f"{self.root}/work", env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        self.background.append((process, path))
        self.wait(lambda: os.path.getsize(path) or process.poll() is not None, f"a word of {text}")

    def wait(self, condition, what):
        end = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"waited {PATIENCE_S} s in vain for {what}")
            time.sleep(0.05)   # between two looks at files

    def said(self):
        texts = [self.printed]
        for path in [f"{self.root}/log", *(path for _, path in self.background)]:
            with open(path) as file:
                texts.append(file.read())
        return [line.strip() for line in "\n".join(texts).splitlines()]

    def check_config(self, text):
        """A whole configuration, or sections of one, which the rest is put to."""
        base = {"gateway": 'domain = "mms.example.net"', "numbering": 'country_code = "44"', "push": 'kind = "pap"\nurl = "http://127.0.0.1:8090/push"'}
        rest = "".join(f"[{name}]\n{keys}\n" for name, keys in base.items() if not re.search(rf"^\[{name}\]", text, re.M))
        self.write("checked.toml", self.placed(text) + "\n" + rest + ("" if "[[subscribers]]" in text else '[[subscribers]]\nprefix = "+447700"\n'))
        done = subprocess.run([os.path.join(BUILD, "mmgated"), "-c", f"{self.root}/checked.toml", "--check-config"], env=self.environment, capture_output=True, text=True, timeout=60)
        # Addresses and files of a machine that this one is not are no fault of the text.
        faults = [line for line in done.stderr.splitlines() if not re.search(r"^mmgated: note: |Cannot assign requested address$|: No such file or directory$", line)]
        if done.returncode not in (0, 78) or faults:
            raise AssertionError(f"refused:\n{text}\n{done.stdout}{done.stderr}")


class Documents(unittest.TestCase):
    def follow(self, name, waiting=True):
        with Host() as host:
            if waiting:   # for a phone that nobody can tell, so that there is something to look at
                with smtplib.SMTP("127.0.0.1", 2525, local_hostname="client.example.org", timeout=PATIENCE_S) as client:
                    for subject in ("first", "second"):
                        client.sendmail(SENDER, [f"{WAITS}@{DOMAIN}"], mail(subject, attachments=[("image/jpeg", "photo.jpg", b"\xff\xd8 a photograph")]))
            for block in (blocks if name.endswith(".md") else manual_blocks)(os.path.join(ROOT, name)):
                if SANITIZED and "--try-sandbox" in block.text:
                    continue   # builds with sanitizers have none
                with self.subTest(place=f"{name}:{block.line}"):
                    if block.kind == "sh":
                        host.run(block.text)
                    elif block.kind == "sh background":
                        host.leave_running(block.text)
                    elif block.kind == "toml":
                        host.check_config(block.text)
                    elif block.kind == "text":
                        for line in filter(None, map(str.strip, host.placed(block.text).splitlines())):
                            host.wait(lambda: line in host.said(), f"{line!r} among\n" + "\n".join(host.said()))

    def test_the_first_message(self):
        self.follow("docs/first-message.md", waiting=False)

    def test_every_alarm_and_what_to_do(self):
        self.follow("docs/alarms.md")

    def test_backup_and_restore(self):
        self.follow("docs/backup.md")

    def test_upgrade(self):
        self.follow("docs/upgrade.md")

    def test_security(self):
        self.follow("docs/security.md")

    def test_sizing(self):
        self.follow("docs/sizing.md")

    def test_monitoring(self):
        self.follow("docs/monitoring.md")

    def test_readme(self):
        self.follow("README.md")

    def test_manual_pages(self):
        for page in sorted(glob.glob(os.path.join(ROOT, "docs/*.[1-8]"))):
            if manual_blocks(page):
                self.follow(os.path.relpath(page, ROOT))


class Whole(unittest.TestCase):
    """What no single document shows."""

    def of_kind(self, kind):
        return [(name, block) for name in FOR_OPERATORS for block in blocks(os.path.join(ROOT, name)) if block.kind == kind]

    def test_every_document_for_operators_is_followed(self):
        with open(__file__) as file:
            followed = set(re.findall(r'self\.follow\("([^"]+)"', file.read()))
        self.assertEqual(followed, set(FOR_OPERATORS))
        others = {"docs/architecture.md", "docs/store.md", "docs/conformance.md", "docs/reference.md"}   # they tell nobody to type anything
        self.assertEqual({os.path.relpath(path, ROOT) for path in glob.glob(os.path.join(ROOT, "docs/*.md"))} - others, set(FOR_OPERATORS) - {"README.md"})

    def test_few_blocks_are_run_by_nobody(self):
        for kind, most in (("sh not-run", MOST_NOT_RUN), ("text not-compared", MOST_NOT_COMPARED)):
            found = self.of_kind(kind)
            self.assertLessEqual(len(found), most, [f"{name}:{block.line}" for name, block in found])

    def test_what_runs_in_a_bare_system_is_run_there(self):
        with open(os.path.join(ROOT, ".ci/deb-check")) as file:
            in_package = re.findall(r"documented (\S+) (\d+)", file.read())
        numbers = {}
        for name, _ in self.of_kind("sh in-package"):
            numbers[name] = numbers.get(name, 0) + 1
        self.assertEqual(sorted(set(in_package)), sorted((name, str(number)) for name, count in numbers.items() for number in range(1, count + 1)))
        with open(os.path.join(ROOT, ".ci/bare")) as file:
            bare = file.read()
        for name, block in self.of_kind("sh in-bare"):
            for line in block.text.splitlines():
                goal = re.fullmatch(r"(?:apt-get install -y make && )?make (\w+)", line)
                self.assertTrue(goal, f"{name}:{block.line}: {line}")
                self.assertRegex(bare, rf"goals=\$\{{\*:-.*\b{goal[1]}\b", f"{name}:{block.line}")

    def test_links_lead_somewhere(self):
        for name in FOR_OPERATORS:
            with open(os.path.join(ROOT, name)) as file:
                text = file.read()
            for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", text):
                path = os.path.normpath(os.path.join(ROOT, os.path.dirname(name), target)) if target else os.path.join(ROOT, name)
                self.assertTrue(os.path.exists(path), f"{name}: {target}")
                if anchor:
                    with open(path) as file:
                        titles = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", file.read(), re.M)}
                    self.assertIn(anchor[1:], titles, f"{name}: {target}{anchor}")

    def test_the_number_of_calls_is_the_sandbox_s(self):
        with open(os.path.join(ROOT, "docs/security.md")) as file:
            told = re.search(r"a list of (\d+) calls", file.read())[1]
        if SANITIZED:
            self.skipTest("builds with sanitizers have no sandbox")
        with Host() as host:
            self.assertIn(f"seccomp-{told}", host.run("mmgated --try-sandbox"))


if __name__ == "__main__":
    unittest.main()
