"""SNMP around the gateway, on loopback and unprivileged: snmpd with users of SNMPv3, the agent, a receiver of notifications, a manager.

Names of MMGATE-MIB are looked up in the module's own text, so that what is asked for is what the module promises.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

from case import Case
from gateway import BUILD, ROOT, SANITIZED
from peers import PATIENCE_S, Waiter

MIB_FILE = os.path.join(ROOT, "snmp", "MMGATE-MIB.txt")
AUTHENTICATION, PRIVACY = "an authentication key", "a privacy key"
MONITOR, OPERATOR, RECEIVER = "gwmon", "gwop", "gwtrap"
# So that an alarm is raised and cleared as soon as its cause is there and gone.
AT_ONCE = {"settle": "0s", "peer": "1s"}
APPL, ASSOC, MTA, MTA_GROUP, MTA_ERROR = "1.3.6.1.2.1.27.1.1", "1.3.6.1.2.1.27.2.1", "1.3.6.1.2.1.28.1.1", "1.3.6.1.2.1.28.2.1", "1.3.6.1.2.1.28.5.1"


def missing():
    """What these tests need and is not there; "" where all is."""
    for program in ("snmpd", "snmptrapd", "snmpget", "snmpset", "snmpbulkwalk"):
        if not (shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")):
            return f"{program} is missing"
    if not os.path.exists(os.path.join(BUILD, "mmgate-snmp")):
        return "mmgate-snmp was not built"
    return ""


def found(program):
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def read_mib(path=MIB_FILE):
    """name -> object identifier as text, of everything that the module defines."""
    with open(path) as file:
        text = re.sub(r'"[^"]*"', '""', file.read())
    text = re.sub(r"--.*", "", text)   # behind the texts, which may hold hyphens
    parents = {"netSnmpPlaypen": "1.3.6.1.4.1.8072.9999.9999", "enterprises": "1.3.6.1.4.1"}
    defined = re.findall(r"\b([a-z]\w*)\s+(?:OBJECT IDENTIFIER|OBJECT-TYPE|NOTIFICATION-TYPE|MODULE-IDENTITY|OBJECT-GROUP|NOTIFICATION-GROUP|MODULE-COMPLIANCE)\b"
                         r".*?::=\s*\{\s*(\w+)\s+(\d+)\s*\}", text, re.S)
    while defined:
        rest = [(name, parent, number) for name, parent, number in defined if parent not in parents]
        for name, parent, number in defined:
            if parent in parents:
                parents[name] = parents[parent] + "." + number
        if len(rest) == len(defined):
            raise AssertionError(f"the module's names hang in the air: {rest}")
        defined = rest
    return parents


class Program(Waiter):
    """A process and its lines."""

    def __init__(self, argv, env=None):
        super().__init__()
        self.lines, self.ended = [], False
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ, **(env or {})),
                                        start_new_session=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for raw in self.process.stdout:
            with self.changed:
                self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_line(self, pattern, after=0, timeout=PATIENCE_S):
        line = lambda: next((line for line in self.lines[after:] if re.search(pattern, line)), None)
        return self.wait(line, f"a line with {pattern}", timeout)

    def end(self, number=signal.SIGTERM, timeout=PATIENCE_S):
        """Ends it by a signal; gives the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        self.reader.join(timeout)
        self.process.stdout.close()
        return self.process.returncode


class Snmp:
    """with Snmp(gateway) as snmp: ...

    Starts what is asked for: `snmpd`, `trapd`, the `agent` of a gateway.
    """

    def __init__(self, gateway, start=("trapd", "snmpd", "agent")):
        self.gateway = gateway
        self.folder = tempfile.mkdtemp(prefix="mmgate-snmp-")
        self.names = read_mib()
        self.port, self.trap_port = free_udp_port(), free_udp_port()
        self.agentx = os.path.join(self.folder, "agentx")
        self.snmpd = self.trapd = self.agent = None
        self.state = os.path.join(self.folder, "state")
        os.makedirs(self.state)
        self.env = self.settings(self.state)
        for what in start:
            getattr(self, "start_" + what)()
        if "snmpd" in start and "agent" in start:
            self.agent.wait_line("master-reached")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for program in (self.agent, self.snmpd, self.trapd):
            if program:
                program.end(signal.SIGKILL)
                if kind is not None:
                    print(f"--- {program.process.args[0]}:\n" + "\n".join(program.lines[-60:]), flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def settings(self, state):
        """The environment of a program that keeps its users in a folder of its own."""
        return {"SNMPCONFPATH": os.path.join(self.folder, "conf") + ":" + state, "SNMP_PERSISTENT_DIR": state, "MIBS": ""}

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    @staticmethod
    def user(name):
        return f'createUser {name} SHA-256 "{AUTHENTICATION}" AES "{PRIVACY}"\n'

    def start_trapd(self):
        state = os.path.join(self.folder, "trapd-state")
        self.write("trapd-state/snmptrapd.conf", self.user(RECEIVER))
        self.write("conf/snmptrapd.conf", f"authUser log {RECEIVER} priv\ndisableAuthorization no\n")
        self.trapd = Program([found("snmptrapd"), "-f", "-Lo", "-On", "-t", "-F", "%V\x01%v\n", f"udp:127.0.0.1:{self.trap_port}"],
                             self.settings(state))

    def start_snmpd(self):
        if not os.path.exists(os.path.join(self.state, "snmpd.conf")):
            self.write("state/snmpd.conf", self.user(MONITOR) + self.user(OPERATOR))
        with open(os.path.join(ROOT, "snmp", "snmpd-mmgate.conf")) as file:
            # The file that is shipped, but for the socket and for users of the system that may be missing here.
            shipped = re.sub(r"(?m)^(agentXSocket|agentXPerms).*\n", "", file.read())
        shipped = shipped.replace("1.3.6.1.4.1.8072.9999.9999.1", self.names["mmgate"])
        self.write("conf/snmpd.conf", shipped + f"agentXSocket unix:{self.agentx}\n"
                          f"trapsess -Ci -v 3 -u {RECEIVER} -l authPriv -a SHA-256 -A '{AUTHENTICATION}' -x AES -X '{PRIVACY}' -t 1 -r 5 127.0.0.1:{self.trap_port}\n")
        self.snmpd = Program([found("snmpd"), "-f", "-Lo", "-I", "-smux,mteTrigger,mteTriggerConf,mta_sendmail", f"udp:127.0.0.1:{self.port}"], self.env)
        self.snmpd.wait_line("NET-SNMP version")

    def start_agent(self, *arguments):
        self.agent = Program([os.path.join(BUILD, "mmgate-snmp"), "-c", self.gateway.config_path, "--agentx", self.agentx, *arguments], self.env)
        self.agent.wait_line(" started ")

    # ----------------------------------------------------------------------------------------------------------------------- manager

    def oid(self, name):
        """"mmgateMessages.0", "mmgatePeerStatus.2", or digits."""
        head, dot, tail = name.partition(".")
        return name if head.isdigit() else self.names[head] + dot + tail

    def manager(self, program, user, *arguments, timeout=3, retries=2, check=True):
        argv = [program, "-v", "3", "-u", user, "-l", "authPriv", "-a", "SHA-256", "-A", AUTHENTICATION, "-x", "AES", "-X", PRIVACY, "-t", str(timeout), "-r", str(retries),
                "-On", "-Oe", "-Ot", "-OU", f"127.0.0.1:{self.port}", *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, env=dict(os.environ, **self.env), errors="replace")
        if check and done.returncode != 0:
            raise AssertionError(f"{program} {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def walk(self, root="mmgate", user=MONITOR):
        """object identifier -> value, as text without its type."""
        out = self.manager("snmpbulkwalk", user, self.oid(root)).stdout
        return {oid: value for oid, value in values(out) if value is not None}

    def get(self, name, user=MONITOR):
        """The value, or None where there is no such instance."""
        out = self.manager("snmpget", user, self.oid(name)).stdout
        return next(value for _, value in values(out))

    def set(self, *settings, user=OPERATOR):
        """settings: (name, type letter, value)...; "" when it was done, else the error's name."""
        words = [word for name, kind, value in settings for word in (self.oid(name), kind, str(value))]
        done = self.manager("snmpset", user, *words, check=False)
        if done.returncode == 0:
            return ""
        reason = re.search(r"Reason: (\w+)", done.stdout + done.stderr)
        return reason[1] if reason else (done.stdout + done.stderr).strip()

    def row(self, table, name, columns):
        """The columns of the row that a table has under a name; None where it has none. `table`: "Peer"."""
        prefix = self.names[f"mmgate{table}Name"]
        for oid, value in self.walk(f"mmgate{table}Name").items():
            if value == name:
                index = oid[len(prefix):]
                return {column: self.get(f"mmgate{table}{column}{index}") for column in columns}
        return None

    def until(self, condition, what, timeout=PATIENCE_S * (3 if SANITIZED else 1)):
        return self.gateway.until(condition, what, timeout)

    # ----------------------------------------------------------------------------------------------------------------- notifications

    def notifications(self, name=None):
        """Those that have come, in order: (name, {object: value})."""
        out = []
        by_oid = {oid: known for known, oid in self.names.items()}
        for line in list(self.trapd.lines):
            parts = dict(values("\n".join(line.split("\x01"))))
            trap = parts.pop(".1.3.6.1.6.3.1.1.4.1.0".lstrip("."), None)
            if not trap:
                continue
            known = by_oid.get(trap.lstrip("."), trap)
            if name in (None, known):
                out.append((known, {by_oid.get(oid.rpartition(".")[0], oid): value for oid, value in parts.items()}))
        return out

    def wait_notification(self, name, after=0, timeout=PATIENCE_S):
        """The first of this name that comes after the first `after` of it: its objects."""
        seen = lambda: self.notifications(name)[after:]
        return self.trapd.wait(lambda: next(iter(seen()), None), f"notification {name}", timeout)[1]


def values(out):
    """(object identifier, value) of each line that a manager prints; the value is None where there is none."""
    for line in re.split(r"\n(?=\.1\.)", out.strip()):
        match = re.match(r"\.?(1\.[\d.]+) = (?:(No Such .*|No more .*)|\"\"|(\d+)|([\w-]+): ?(.*))$", line.strip(), re.S)
        if not match:
            continue
        oid, none, ticks, kind, value = match.groups()
        if none:
            if none.startswith("No Such"):
                yield oid, None
        elif ticks:
            yield oid, int(ticks)
        elif kind is None:
            yield oid, ""
        elif kind in ("Counter64", "Counter32", "Gauge32", "INTEGER"):
            yield oid, int(re.match(r"-?\d+", value)[0])
        elif kind == "OID":
            yield oid, value.lstrip(".")
        else:
            yield oid, value.strip().removeprefix('"').removesuffix('"')


class SnmpCase(Case):
    """A Case with SNMP around its gateway; `START` says what of it."""

    START = ("trapd", "snmpd", "agent")

    def setUp(self):
        super().setUp()
        self.snmp = Snmp(self.gateway, self.START)
        self.addCleanup(self.leave)

    def leave(self):
        result = self._outcome.result
        failed = any(getattr(case, "test_case", case) is self for case, _ in result.failures + result.errors)
        self.snmp.__exit__(AssertionError if failed else None)

    def shown(self, name, value, timeout=PATIENCE_S):
        """Waits until an object has a value: the agent asks once a second."""
        if not name.partition(".")[2]:   # a scalar
            name += ".0"
        last = []

        def equal():
            last[:] = [self.snmp.get(name)]
            return last[0] == value
        try:
            self.snmp.until(equal, f"{name} = {value!r}", timeout)
        except AssertionError as problem:
            raise AssertionError(f"{problem}; it is {last[0]!r}") from None

    def stats(self):
        return json.loads(self.gateway.mmq("stats", "--json").stdout)

    def expect_pair(self, raised, cleared, cause, cure, **objects):
        """Causes an alarm, then its end: each is told once, with what it is about, and shown meanwhile."""
        cause()
        told = self.snmp.wait_notification("mmgate" + raised)
        for name, value in objects.items():
            self.assertEqual(told["mmgateAlarm" + name], value, told)
        self.assertGreater(told["mmgateAlarmSeverity"], 1)
        self.assertTrue(told["mmgateAlarmText"])
        rows = self.snmp.walk("mmgateAlarmText")
        self.assertIn(told["mmgateAlarmText"], rows.values())
        cure()
        told = self.snmp.wait_notification("mmgate" + cleared)
        for name, value in objects.items():
            self.assertEqual(told["mmgateAlarm" + name], value, told)
        self.assertEqual(told["mmgateAlarmSeverity"], 1)
        self.assertEqual(len(self.snmp.notifications("mmgate" + raised)), 1)
        self.assertEqual(len(self.snmp.notifications("mmgate" + cleared)), 1)
        self.snmp.until(lambda: self.snmp.walk("mmgateAlarmText") == {}, "no alarm")
