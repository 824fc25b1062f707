"""The real daemon in a folder of its own, for tests: ports of its own choosing, its log, its queue command."""
import copy
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from peers import PATIENCE_S, Waiter

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("MMGATE_BUILD", os.path.join(ROOT, "build")))
SANITIZED = bool(os.environ.get("MMGATE_SANITIZED"))
sys.path.insert(0, os.path.join(ROOT, "tests", "demo"))   # photo

DOMAIN = "mms.example.net"

# Becomes the program behind it, as a service manager does with a service that has sockets: NAMES, then for each the descriptor it has here.
HANDOVER = """
import fcntl, os, sys
names, fds, argv = sys.argv[1], [int(fd) for fd in sys.argv[2].split(",")], sys.argv[3:]
for place, fd in enumerate([fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in fds], 3):
    os.dup2(fd, place)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names)
os.execv(argv[0], argv)
"""


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)   # a basic string of TOML is one of JSON


def toml_text(sections):
    """{"smtp": {"listen": [...], "tls": {...}}, "peer": [{...}]} as TOML; None leaves a key out."""
    lines = []

    def table(name, keys, many=False):
        lines.append(f"[[{name}]]" if many else f"[{name}]")
        lines.extend(f"{key} = {toml(value)}" for key, value in keys.items() if value is not None and not nested(value))
        for key, value in keys.items():
            write(f"{name}.{key}", value)

    def nested(value):
        return isinstance(value, dict) or isinstance(value, list) and value and isinstance(value[0], dict)

    def write(name, value):
        if isinstance(value, dict):
            table(name, value)
        elif nested(value):
            for keys in value:
                table(name, keys, many=True)

    for name, value in sections.items():
        write(name, value)
    return "\n".join(lines) + "\n"


class Gateway(Waiter):
    """with Gateway(push=..., relay=..., limits={"recipients": 3}) as gateway: ...

    `push` is a PushEnd, `relay` a port on loopback; every other keyword is a section of the configuration whose keys are set over the defaults
    below (None removes a key). `sockets` are (name, listening socket) that the gateway is started with.
    """

    def __init__(self, push=None, relay=None, folder=None, start=True, wrapper=(), env=None, sockets=(), **sections):
        super().__init__()
        self.own_folder = folder is None
        self.folder = os.path.abspath(folder or tempfile.mkdtemp(prefix="mmgate-test-"))
        self.config_path = os.path.join(self.folder, "mmgate.toml")
        self.control = os.path.join(self.folder, "control.sock")
        self.state_dir = os.path.join(self.folder, "state")
        self.sockets = list(sockets)
        self.wrapper, self.env = list(wrapper), dict(os.environ, **(env or {}))
        os.makedirs(self.state_dir, exist_ok=True)
        self.sections = {
            "gateway": {"domain": DOMAIN, "hostname": "gw1." + DOMAIN, "postmaster": "ops@example.net", "state_dir": self.state_dir,
                        "control": self.control},
            "numbering": {"country_code": "44", "trunk_prefix": "0", "international_prefix": "00"},
            "limits": {},
            "smtp": {"listen": ["127.0.0.1:0"], "networks": ["127.0.0.0/8"]},
            "mm1": {"listen": ["127.0.0.1:0"], "url": "http://mmsc.example", "msisdn_header": "X-MSISDN", "trusted": ["127.0.0.0/8"]},
            "push": {"kind": "pap", "url": push.url if push else "http://127.0.0.1:9/none"},
            "mail": {"relay": f"127.0.0.1:{relay}" if relay else "127.0.0.1:9"},
            "queue": {},
            "log": {},
            # What watches the gateway from inside (coverage) writes where it wants.
            "security": {"sandbox": False} if os.environ.get("MMGATE_SANDBOX") == "no" else {},
            "subscribers": [{"prefix": "+447700"}],
        }
        self.configure(**sections)
        self.process, self.lines, self.smtp, self.mm1, self.starts = None, [], None, None, 0
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process:
            self.kill9()
        if kind is not None:
            print("--- log of the gateway:\n" + "\n".join(self.lines[-80:]), flush=True)
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def configure(self, **sections):
        """Sets keys over the present ones and writes the file; what runs reads it at reload or restart."""
        self.sections = copy.deepcopy(self.sections)
        for name, keys in sections.items():
            if isinstance(keys, dict) and isinstance(self.sections.get(name, {}), dict):
                self.sections.setdefault(name, {}).update(keys)
            else:
                self.sections[name] = keys
        with open(self.config_path, "w") as file:
            file.write(toml_text(self.sections))

    # ------------------------------------------------------------------------------------------------------------------------- process

    def start(self, expect_ready=True):
        assert self.process is None
        self.starts += 1
        wrapper, fds = list(self.wrapper), [socket.fileno() for _, socket in self.sockets]
        if fds:
            wrapper += [sys.executable, "-c", HANDOVER, ":".join(name for name, _ in self.sockets), ",".join(map(str, fds))]
        self.process = subprocess.Popen([*wrapper, os.path.join(BUILD, "mmgated"), "-c", self.config_path], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.env, start_new_session=True, pass_fds=fds)
        first = len(self.lines)
        self.ended = False
        self.reader = threading.Thread(target=self.read_log, args=(self.process,), daemon=True)
        self.reader.start()
        if not expect_ready:
            return
        ready = lambda: next((line for line in self.lines[first:] if re.search(r"\bready smtp=", line)), None) or self.ended
        line = self.wait(ready, "the ready line", PATIENCE_S * (4 if SANITIZED else 1))
        if line is True:
            raise AssertionError(f"the gateway ended with {self.process.wait()}:\n" + "\n".join(self.lines[first:]))
        address = lambda name: (m[1], int(m[2])) if (m := re.search(rf"\b{name}=\[?([0-9a-f.:]+?)\]?:(\d+)", line)) else None
        self.smtp, self.mm1 = address("smtp"), address("mm1")
        self.check_confined(first)

    def check_confined(self, first):
        """Every test runs in the sandbox, unless it or MMGATE_SANDBOX=no says otherwise, or the kernel has none, which the gateway tells."""
        if SANITIZED or self.wrapper or not self.sections["security"].get("sandbox", True):
            return
        with open(f"/proc/{self.process.pid}/status") as file:
            confined = re.search(r"^Seccomp:\s*2$", file.read(), re.M)
        if not confined and not any("not-confined" in line for line in self.lines[first:]):
            raise AssertionError("the gateway runs without its sandbox, and does not say so")

    def read_log(self, process):
        for raw in process.stderr:
            with self.changed:
                self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def kill9(self):
        """SIGKILL, at once and to all of it."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.reap()

    def reap(self, timeout=PATIENCE_S):
        status = self.process.wait(timeout)
        self.reader.join(timeout)
        self.process.stderr.close()
        self.process = None
        return status

    def stop(self, timeout=PATIENCE_S * (4 if SANITIZED else 1)):
        """SIGTERM; gives the exit status."""
        self.process.terminate()
        return self.reap(timeout)

    def restart(self):
        self.kill9()
        self.start()

    def signal(self, number):
        self.process.send_signal(number)

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])

    # ----------------------------------------------------------------------------------------------------------------------------- log

    def wait_log(self, pattern, after=0, timeout=PATIENCE_S):
        """The first log line from line `after` on that a regular expression finds something in."""
        found = lambda: next((line for line in self.lines[after:] if re.search(pattern, line)), None)
        return self.wait(found, f"a log line with {pattern}", timeout)

    def log(self):
        return "\n".join(self.lines)

    # ----------------------------------------------------------------------------------------------------------------------- mmq

    def mmq(self, *arguments, check=True, given=None, control=True):
        """Runs the queue command; gives the finished process with text output."""
        argv = [os.path.join(BUILD, "mmq"), *(["--control", self.control] if control else []), *arguments]
        done = subprocess.run(argv, input=given, capture_output=True, timeout=120, env=self.env,
                              text=not isinstance(given, bytes))
        if check and done.returncode != 0:
            raise AssertionError(f"mmq {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def queue(self, *arguments):
        """`mmq list --json` as a list; an empty queue is an empty list."""
        done = self.mmq("list", "--json", *arguments, check=False)
        if done.returncode not in (0, 1):
            raise AssertionError(f"mmq list ended with {done.returncode}: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def show(self, queue_id):
        return json.loads(self.mmq("show", queue_id, "--json").stdout)

    def until(self, condition, what, timeout=PATIENCE_S):
        """Asks again whenever the log grows, and now and then without: what `condition()` gives once it is true."""
        deadline = time.monotonic() + timeout
        while True:
            seen = len(self.lines)
            if value := condition():
                return value
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"waited {timeout} s in vain for {what}")
            with self.changed:
                if len(self.lines) == seen:
                    self.changed.wait(min(left, 0.25))

    def states(self, queue_id):
        """address -> state of one message."""
        return {recipient["address"]: recipient["state"] for recipient in self.show(queue_id)["recipients"]}
