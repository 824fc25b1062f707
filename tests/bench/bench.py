#!/usr/bin/env python3
"""Measures the gateway beside Postfix and beside a bare HTTP server, on this machine, this disk and in this run.

Prints one JSON line a figure on standard output and a word about each on standard error. A figure is the median of --runs runs; the runs of the
gateway and of what stands beside it take turns. Delivery goes on meanwhile: what comes in by mail is notified to an HTTP sink, what phones send
goes to an SMTP sink, as Postfix's mail does. Sizes are those of the picture: 5000 octets are 7.4 kB of mail, 100000 are 139 kB.

The load comes from mmload, found through MMGATE_MMLOAD (its folder or the program) or in ../shared/tools/mmload. Rows that cannot be measured
here are printed with "skipped" and the reason.
"""
import argparse
import contextlib
import glob
import json
import os
import pwd
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
from gateway import DOMAIN, toml_text   # noqa: E402

CONNECTIONS = (1, 8, 32)
SIZES = (5_000, 100_000)
SMTP_AIMS = {(5_000, 32): 5.0, (100_000, 32): 4.0, (5_000, 1): 1.5, (100_000, 1): 1.5}
SUBMIT_AIM = 8.0       # times Postfix's rate of 5 kB mails at 32 connections
RETRIEVE_AIM = 0.5     # of the bare server
IDLE_AIM_MB = 40
MAILS = {(5_000, 1): 3_000, (5_000, 8): 10_000, (5_000, 32): 10_000, (100_000, 1): 1_000, (100_000, 8): 3_000, (100_000, 32): 3_000}
POSTFIX_MAILS = {5_000: 2_000, 100_000: 1_000}   # it is slower, and the rate is what counts
QUEUE = 1_000_000      # messages
RUN_LIMIT_S = 60
QUIET_LIMIT_S = 60
START_LIMIT_S = 20

POSTFIX = """compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.invalid
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
relayhost = [127.0.0.1]:{sink}
disable_dns_lookups = yes
smtp_host_lookup = native
default_destination_concurrency_limit = 50
initial_destination_concurrency = 20
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_relay_restrictions = permit_mynetworks, reject
message_size_limit = 20000000
mailbox_size_limit = 0
smtp_tls_security_level = none
smtpd_tls_security_level = none
in_flow_delay = 0
"""
POSTFIX_SERVICES = """127.0.0.1:{port} inet n - n - 100 smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_until(condition, limit_s, what, every_s=0.02):
    deadline = time.monotonic() + limit_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {limit_s} s in vain for {what}")
        time.sleep(every_s)
    return value


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def stop(process, number=signal.SIGTERM):
    """Ends a process that we started, and what it started."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


def memory_mb(pid, what):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(rf"{what}:\s+(\d+)", file.read())[1]) / 1024


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class MemoryWatch(threading.Thread):
    """The most anonymous memory a process has held while this ran."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak_mb, self.over = pid, 0.0, threading.Event()

    def run(self):
        while not self.over.wait(0.05):
            with contextlib.suppress(OSError, TypeError):
                self.peak_mb = max(self.peak_mb, memory_mb(self.pid, "RssAnon"))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


class Gateway:
    """mmgated on loopback with its log in a file, so that nobody spends the machine's time reading it."""

    def __init__(self, build, folder, push_port, relay_port, waiting=0, peer_port=None):
        """`waiting`: so many messages are in the queue already. `peer_port`: where a relay of others listens, which calls from loopback, too."""
        self.folder = tempfile.mkdtemp(prefix="gateway-", dir=folder)
        self.control = os.path.join(self.folder, "control")
        config = {
            "gateway": {"domain": DOMAIN, "hostname": "gw1." + DOMAIN, "state_dir": os.path.join(self.folder, "state"), "control": os.path.join(self.folder, "control")},
            "numbering": {"country_code": "44", "trunk_prefix": "0", "international_prefix": "00"},
            "smtp": {"listen": ["127.0.0.1:0"], "networks": ["127.0.0.0/8"], "connections_per_client": 200, "commands": 100_000},
            "mm1": {"listen": ["127.0.0.1:0"], "url": "http://mmsc.example", "msisdn_header": "X-MSISDN", "trusted": ["127.0.0.0/8"]},
            "push": {"kind": "kannel", "url": f"http://127.0.0.1:{push_port}/cgi-bin/sendsms", "user": "mmgate", "password": "secret", "from": "12345"},
            "mail": {"relay": f"127.0.0.1:{relay_port}"},
            "subscribers": [{"prefix": "+447700"}],
        }
        if peer_port:
            # No responses: they would be load of another kind, and the sink makes none.
            config["peer"] = [{"name": "b", "domain": "mms.b.example", "next_hop": f"127.0.0.1:{peer_port}", "networks": ["127.0.0.0/8"], "prefixes": ["+48600"], "tls": "none",
                               "ack": False, "connections": 20, "inbound_connections": 200}]
        os.makedirs(config["gateway"]["state_dir"])
        if waiting:
            subprocess.run([os.path.join(build, "tests", "bench", "fill"), os.path.join(self.folder, "state", "queue"), str(waiting)], check=True)
        path = os.path.join(self.folder, "mmgate.toml")
        with open(path, "w") as file:
            file.write(toml_text(config))
        self.log = os.path.join(self.folder, "log")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([os.path.join(build, "mmgated"), "-c", path], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            ready = wait_until(self.ready, START_LIMIT_S, "the ready line")
        except TimeoutError:
            stop(self.process)
            raise
        self.smtp, self.mm1 = (int(re.search(rf"{name}=\S*?:(\d+)\b", ready)[1]) for name in ("smtp", "mm1"))

    def ready(self):
        with open(self.log, errors="replace") as log:
            text = log.read()
        if self.process.poll() is not None:
            raise RuntimeError(f"the gateway ended with {self.process.returncode}: {text[-2000:]}")
        return (m := re.search(r"ready smtp=.*", text)) and m[0]

    def counter(self, build, name):
        done = subprocess.run([os.path.join(build, "mmq"), "--control", self.control, "stats", "--json"], capture_output=True, text=True, timeout=30, check=True)
        return json.loads(done.stdout)["counters"][name]

    def quiet(self):
        """Waits until nothing is under way: next to no CPU time spent for a while."""
        last, calm, deadline = cpu_seconds(self.process.pid), 0, time.monotonic() + QUIET_LIMIT_S
        while calm < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
            now = cpu_seconds(self.process.pid)
            calm = calm + 1 if now - last <= 0.01 else 0
            last = now

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)


class Postfix:
    """A private instance on loopback that relays to the sink."""

    def __init__(self, folder, sink_port):
        self.folder = tempfile.mkdtemp(prefix="postfix-", dir=folder)
        os.chmod(self.folder, 0o755)
        owner = pwd.getpwnam("postfix")
        self.etc, self.port = os.path.join(self.folder, "etc"), free_port()
        for name in ("etc", "queue", "data"):
            os.mkdir(os.path.join(self.folder, name))
        os.chown(os.path.join(self.folder, "data"), owner.pw_uid, owner.pw_gid)
        with open(os.path.join(self.etc, "main.cf"), "w") as file:
            file.write(POSTFIX.format(folder=self.folder, sink=sink_port))
        with open(os.path.join(self.etc, "master.cf"), "w") as file:
            file.write(POSTFIX_SERVICES.format(port=self.port))
        self.command("start")
        wait_until(lambda: accepts(self.port), START_LIMIT_S, "Postfix")

    def command(self, verb):
        done = subprocess.run(["postfix", "-c", self.etc, verb], capture_output=True, text=True, timeout=60, env=dict(os.environ, MAIL_CONFIG=self.etc))
        if done.returncode:
            raise RuntimeError(f"postfix {verb}: {done.stdout}{done.stderr}")

    def quiet(self):
        waiting = lambda: any(os.path.isfile(path) for name in ("incoming", "active", "maildrop") for path in glob.iglob(os.path.join(self.folder, "queue", name, "**"), recursive=True))
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: not waiting(), QUIET_LIMIT_S, "Postfix's queue to empty", every_s=0.1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(RuntimeError):
            self.command("stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def missing():
        if not shutil.which("postfix"):
            return "Postfix is not installed"
        if os.geteuid() != 0:
            return "Postfix starts as root only"
        return None


class Bench:
    def __init__(self, options):
        self.build, self.runs, self.scale, self.only = options.build, options.runs, options.scale, options.only
        self.folder = os.path.join(options.build, "bench")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        self.mmload = self.find_mmload()
        self.postfix_rate = {}
        self.missed = []

    def find_mmload(self):
        for place in filter(None, (os.environ.get("MMGATE_MMLOAD"), os.path.join(ROOT, "..", "shared", "tools", "mmload"))):
            if os.path.isfile(place) and os.access(place, os.X_OK):
                return place
            source = os.path.join(place, "mmload.cpp")
            if os.path.isfile(source):
                program = os.path.join(self.folder, "mmload")
                subprocess.run([os.environ.get("CXX", "g++").split()[-1], "-O2", "-std=c++17", "-o", program, source], check=True)
                return program
        return None

    # ------------------------------------------------------------------------------------------------------------------------------ figures

    def figure(self, bench, unit, value, aim=None, at_most=False, **more):
        met = None if aim is None or value is None else (value <= aim if at_most else more.get("ratio", value) >= aim)
        line = {"bench": bench, **{k: v for k, v in more.items() if k not in ("ratio",)}, "value": round(value, 2), "unit": unit}
        if "ratio" in more:
            line["ratio"] = round(more["ratio"], 2)
        if aim is not None:
            line.update(aim=aim, met=met)
        print(json.dumps(line), flush=True)
        if met is False:
            self.missed.append(line)

    @staticmethod
    def skip(bench, reason, **more):
        say(f"SKIPPED {bench}: {reason}")
        print(json.dumps({"bench": bench, **more, "skipped": reason}), flush=True)

    def wanted(self, name):
        return not self.only or self.only in name

    def load(self, *arguments):
        """One run of the load generator: its JSON line."""
        done = subprocess.run([self.mmload, *map(str, arguments), "--max-secs", str(RUN_LIMIT_S)], capture_output=True, text=True, timeout=RUN_LIMIT_S + 30)
        if not done.stdout.strip():
            raise RuntimeError(f"mmload {arguments}: {done.stderr}")
        result = json.loads(done.stdout.splitlines()[-1])
        if result["err"]:
            say(f"  {result['err']} errors: {result.get('errors')}")
        return result

    @contextlib.contextmanager
    def sink(self, command, *arguments):
        """One of mmload's other ends; gives its port."""
        port = free_port()
        process = subprocess.Popen([self.mmload, command, "--port", str(port), "--max-secs", "3600", *map(str, arguments)],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            wait_until(lambda: accepts(port), START_LIMIT_S, f"mmload {command}")
            yield port
        finally:
            stop(process, signal.SIGKILL)

    @contextlib.contextmanager
    def bare_http(self):
        process = subprocess.Popen([os.path.join(self.build, "tests", "bench", "bare_http")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True)
        try:
            yield int(process.stdout.readline())
        finally:
            stop(process)

    def count(self, number):
        return max(50, int(number * self.scale))

    @staticmethod
    def median(results):
        """One result for several: the median of every number that matters."""
        return {key: statistics.median(result[key] for result in results) for key in ("rate", "p50_ms", "p99_ms", "self_cpu_s")} | {"errors": sum(r["err"] for r in results)}

    # --------------------------------------------------------------------------------------------------------------------------------- rows

    def machine(self):
        """What limits a durable queue before any code does: the disk's own pace."""
        path = os.path.join(self.folder, "sync")
        took = []
        with open(path, "wb") as file:
            for _ in range(self.count(300)):
                began = time.monotonic()
                file.write(b"x" * 4096)
                file.flush()
                os.fdatasync(file.fileno())
                took.append(time.monotonic() - began)
        os.unlink(path)
        self.figure("disk-sync", "ms", statistics.median(took) * 1000, cpus=os.cpu_count(), load1=os.getloadavg()[0])

    def pdu(self):
        program = os.path.join(self.build, "tests", "bench", "pdu")
        if not os.path.exists(program):
            return self.skip("pdu", "tests/bench/pdu is not built")
        done = subprocess.run([program], capture_output=True, text=True, timeout=120, check=True)
        results = {}
        for _ in range(self.runs - 1):
            done.stdout += subprocess.run([program], capture_output=True, text=True, timeout=120, check=True).stdout
        for line in done.stdout.splitlines():
            row = json.loads(line)
            results.setdefault((row["bench"], row["size"]), []).append(row["rate"])
        for (bench, size), rates in results.items():
            self.figure(bench, "PDUs/s", statistics.median(rates), size=size)

    def smtp(self):
        reason = Postfix.missing()
        for size in SIZES:
            for connections in CONNECTIONS:
                ours, theirs, peak = [], [], 0.0
                with contextlib.ExitStack() as stack:
                    push = stack.enter_context(self.sink("httpsink", "--code", 202))
                    relay = stack.enter_context(self.sink("sink"))
                    gateway = stack.enter_context(Gateway(self.build, self.folder, push, relay))
                    postfix = None if reason else stack.enter_context(Postfix(self.folder, relay))
                    for run in range(self.runs):
                        if postfix:
                            theirs.append(self.load("smtp", "--port", postfix.port, "-c", connections, "--size", size, "-n", self.count(POSTFIX_MAILS[size])))
                            postfix.quiet()
                        count = self.count(MAILS[size, connections])
                        with MemoryWatch(gateway.process.pid) as memory:
                            ours.append(self.load("smtp", "--port", gateway.smtp, "-c", connections, "--size", size, "-n", count, "--base", run * count,
                                                  "--from", "sender%n@load.example", "--to", f"+447700%6n@{DOMAIN}"))
                        gateway.quiet()
                        peak = max(peak, memory.peak_mb)
                mine = self.median(ours)
                more = {"size": size, "connections": connections, "p50_ms": mine["p50_ms"], "p99_ms": mine["p99_ms"], "errors": mine["errors"],
                        "runs": [round(result["rate"]) for result in ours]}
                if reason:
                    self.skip("smtp-postfix", reason, size=size, connections=connections)
                    self.figure("smtp", "mails/s", mine["rate"], **more)
                else:
                    other = self.median(theirs)
                    self.postfix_rate[size, connections] = other["rate"]
                    self.figure("smtp-postfix", "mails/s", other["rate"], size=size, connections=connections, p50_ms=other["p50_ms"], p99_ms=other["p99_ms"],
                                errors=other["errors"], runs=[round(result["rate"]) for result in theirs])
                    self.figure("smtp", "mails/s", mine["rate"], aim=SMTP_AIMS.get((size, connections)), ratio=mine["rate"] / other["rate"], **more)
                self.figure("memory-smtp", "MB", peak, size=size, connections=connections)

    def mm4_in(self):
        """MM4_forward.REQ of a relay, beside Postfix's mails of the same picture."""
        program, reason = os.path.join(self.build, "tests", "bench", "mm4_load"), Postfix.missing()
        for size in SIZES:
            for connections in CONNECTIONS:
                ours, theirs, peak = [], [], 0.0
                with contextlib.ExitStack() as stack:
                    push = stack.enter_context(self.sink("httpsink", "--code", 202))
                    relay = stack.enter_context(self.sink("sink"))
                    gateway = stack.enter_context(Gateway(self.build, self.folder, push, relay, peer_port=relay))
                    postfix = None if reason else stack.enter_context(Postfix(self.folder, relay))
                    for run in range(self.runs):
                        if postfix:
                            theirs.append(self.load("smtp", "--port", postfix.port, "-c", connections, "--size", size, "-n", self.count(POSTFIX_MAILS[size])))
                            postfix.quiet()
                        count = self.count(MAILS[size, connections])
                        with MemoryWatch(gateway.process.pid) as memory:
                            done = subprocess.run([program, *map(str, (gateway.smtp, connections, count, size, run * count))], capture_output=True, text=True, timeout=RUN_LIMIT_S * 3, check=True)
                        ours.append(json.loads(done.stdout))
                        gateway.quiet()
                        peak = max(peak, memory.peak_mb)
                mine = self.median(ours)
                more = {"size": size, "connections": connections, "p50_ms": mine["p50_ms"], "p99_ms": mine["p99_ms"], "errors": mine["errors"],
                        "runs": [round(result["rate"]) for result in ours]}
                if reason:
                    self.skip("mm4-in-postfix", reason, size=size, connections=connections)
                    self.figure("mm4-in", "MMs/s", mine["rate"], **more)
                else:
                    other = self.median(theirs)
                    self.figure("mm4-in-postfix", "mails/s", other["rate"], size=size, connections=connections, p50_ms=other["p50_ms"], p99_ms=other["p99_ms"],
                                errors=other["errors"], runs=[round(result["rate"]) for result in theirs])
                    self.figure("mm4-in", "MMs/s", mine["rate"], aim=SMTP_AIMS.get((size, connections)), ratio=mine["rate"] / other["rate"], **more)
                self.figure("memory-mm4-in", "MB", peak, size=size, connections=connections)

    def mm4_out(self):
        """What phones send, until a sink has it: to a relay by MM4, and to mail."""
        for size in SIZES:
            rates = {"mail-out": [], "mm4-out": []}
            count = self.count(MAILS[size, 32])
            with contextlib.ExitStack() as stack:
                push = stack.enter_context(self.sink("httpsink", "--code", 202))
                relay = stack.enter_context(self.sink("sink"))
                gateway = stack.enter_context(Gateway(self.build, self.folder, push, relay, peer_port=relay))
                for run in range(self.runs):
                    for name, to, counter in (("mail-out", "a@b.example", "delivered"), ("mm4-out", "+48600%6n/TYPE=PLMN", "mm4_requests_out")):
                        before, began = gateway.counter(self.build, counter), time.monotonic()
                        done = self.load("mm1", "--url", f"http://127.0.0.1:{gateway.mm1}/", "-c", 32, "--size", size, "-n", count, "--base", run * count,
                                         "-H", "X-MSISDN: +447700%6n", "--to", to)
                        with contextlib.suppress(TimeoutError):
                            wait_until(lambda: gateway.counter(self.build, counter) >= before + count - done["err"], RUN_LIMIT_S, f"{counter} to grow by {count}", every_s=0.05)
                        rates[name].append((gateway.counter(self.build, counter) - before) / (time.monotonic() - began))
                        gateway.quiet()
            mail, mm4 = statistics.median(rates["mail-out"]), statistics.median(rates["mm4-out"])
            self.figure("mail-out", "mails/s", mail, size=size, connections=32, runs=[round(rate) for rate in rates["mail-out"]])
            self.figure("mm4-out", "MMs/s", mm4, size=size, connections=32, mail_ratio=round(mm4 / mail, 2) if mail else None, runs=[round(rate) for rate in rates["mm4-out"]])

    def submit(self):
        for size in SIZES:
            for connections in CONNECTIONS:
                ours, bare, peak = [], [], 0.0
                count = self.count(MAILS[size, connections])
                with contextlib.ExitStack() as stack:
                    push = stack.enter_context(self.sink("httpsink", "--code", 202))
                    relay = stack.enter_context(self.sink("sink"))
                    gateway = stack.enter_context(Gateway(self.build, self.folder, push, relay))
                    server = stack.enter_context(self.bare_http())
                    for run in range(self.runs):
                        common = ("-c", connections, "--size", size, "-n", count, "--base", run * count, "-H", "X-MSISDN: +447700%6n", "--to", "a@b.example")
                        bare.append(self.load("mm1", "--url", f"http://127.0.0.1:{server}/", "--raw", *common))
                        with MemoryWatch(gateway.process.pid) as memory:
                            ours.append(self.load("mm1", "--url", f"http://127.0.0.1:{gateway.mm1}/", *common))
                        gateway.quiet()
                        peak = max(peak, memory.peak_mb)
                mine, other = self.median(ours), self.median(bare)
                self.figure("m-send-req-bare-http", "requests/s", other["rate"], size=size, connections=connections)
                postfix = self.postfix_rate.get((5_000, 32))
                aim = SUBMIT_AIM if postfix and (size, connections) == (5_000, 32) else None
                self.figure("m-send-req", "submissions/s", mine["rate"], aim=aim, **({"ratio": mine["rate"] / postfix} if aim else {}), size=size, connections=connections,
                            p50_ms=mine["p50_ms"], p99_ms=mine["p99_ms"], errors=mine["errors"], bare_ratio=round(mine["rate"] / other["rate"], 2),
                            runs=[round(result["rate"]) for result in ours])
                self.figure("memory-m-send-req", "MB", peak, size=size, connections=connections)

    def retrieve(self):
        for size in SIZES:
            urls = os.path.join(self.folder, "urls")
            with contextlib.suppress(FileNotFoundError):
                os.unlink(urls)
            count = self.count(6_000 if size < 50_000 else 2_000)
            total = count * self.runs * len(CONNECTIONS)
            with contextlib.ExitStack() as stack:
                push = stack.enter_context(self.sink("httpsink", "--code", 202, "--urls-out", urls))
                relay = stack.enter_context(self.sink("sink"))
                gateway = stack.enter_context(Gateway(self.build, self.folder, push, relay))
                server = stack.enter_context(self.bare_http())
                self.load("smtp", "--port", gateway.smtp, "-c", 8, "--size", size, "-n", total, "--from", "sender%n@load.example", "--to", f"+447700%6n@{DOMAIN}")
                found = lambda: len(open(urls).read().splitlines())
                with contextlib.suppress(TimeoutError):
                    wait_until(lambda: found() >= total, RUN_LIMIT_S, "all notifications", every_s=0.2)
                gateway.quiet()
                with open(urls) as file:
                    lines = file.read().splitlines()
                for connections in CONNECTIONS:
                    ours, bare = [], []
                    for _ in range(self.runs):
                        part, lines = lines[:count], lines[count:]
                        if not part:
                            break
                        some = os.path.join(self.folder, "some-urls")
                        with open(some, "w") as file:
                            file.write("\n".join(part) + "\n")
                        bare.append(self.load("get", "--url", f"http://127.0.0.1:{server}/{size + 700}", "--raw", "-n", count, "-c", connections))
                        ours.append(self.load("get", "--urls", some, "--url", f"http://127.0.0.1:{gateway.mm1}/", "-c", connections))
                        gateway.quiet()
                    if not ours:
                        self.skip("retrieve", "no notification came", size=size, connections=connections)
                        continue
                    mine, other = self.median(ours), self.median(bare)
                    self.figure("retrieve-bare-http", "requests/s", other["rate"], size=size, connections=connections)
                    self.figure("retrieve", "retrievals/s", mine["rate"], aim=RETRIEVE_AIM, ratio=mine["rate"] / other["rate"], size=size, connections=connections,
                                p50_ms=mine["p50_ms"], p99_ms=mine["p99_ms"], errors=mine["errors"], runs=[round(result["rate"]) for result in ours])

    def idle(self):
        with Gateway(self.build, self.folder, free_port(), free_port()) as gateway:
            gateway.quiet()
            self.figure("memory-idle", "MB", memory_mb(gateway.process.pid, "RssAnon"), aim=IDLE_AIM_MB, at_most=True, resident_mb=round(memory_mb(gateway.process.pid, "VmRSS"), 1))

    def queue(self):
        """What an operator waits for in front of a very long queue."""
        waiting = self.count(QUEUE)
        with Gateway(self.build, self.folder, free_port(), free_port(), waiting) as gateway:
            gateway.quiet()
            mmq = [os.path.join(self.build, "mmq"), "--control", gateway.control]

            def ask(*words):
                """Seconds to the first line and to the last, lines, and the most memory of mmq and of the gateway meanwhile."""
                with MemoryWatch(gateway.process.pid) as watch:
                    began = time.monotonic()
                    process = subprocess.Popen([*mmq, *words], stdout=subprocess.PIPE)
                    lines, first = 0, None
                    for line in process.stdout:
                        first = first or time.monotonic() - began
                        lines += 1
                    _, status, usage = os.wait4(process.pid, 0)
                    whole = time.monotonic() - began
                process.returncode = status
                return first, whole, lines, usage.ru_maxrss / 1024, watch.peak_mb

            for name, words in (("list", ("list", "--json")), ("list-people", ("list",)), ("summary", ("summary",))):
                first, whole, lines, mine, theirs = ask(*words)
                self.figure(f"queue-{name}", "s", whole, messages=waiting, first_line_s=round(first, 3), lines=lines, mmq_resident_mb=round(mine, 1), gateway_anonymous_mb=round(theirs, 1))

    def run(self):
        rows = {"disk": self.machine, "pdu": self.pdu, "idle": self.idle, "queue": self.queue, "smtp": self.smtp, "submit": self.submit, "retrieve": self.retrieve, "mm4-in": self.mm4_in,
                "mm4-out": self.mm4_out}
        for name, row in rows.items():
            if not self.wanted(name):
                continue
            if name in ("smtp", "submit", "retrieve", "mm4-in", "mm4-out") and not self.mmload:
                self.skip(name, "mmload is not here: set MMGATE_MMLOAD to its folder")
                continue
            say(f"== {name}")
            row()
        for line in self.missed:
            figure = f"{line['ratio']} times" if "ratio" in line else f"{line['value']} {line['unit']}"
            say(f"MISSED {line['bench']} {line.get('size', '')} {line.get('connections', '')}: {figure}, the aim is {line['aim']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--runs", type=int, default=int(os.environ.get("BENCH_RUNS", "3")), help="runs a figure is the median of")
    parser.add_argument("--scale", type=float, default=float(os.environ.get("BENCH_SCALE", "1")), help="times as many messages a run")
    parser.add_argument("--only", default=os.environ.get("BENCH_ONLY", ""), help="only rows whose name holds this: disk pdu idle queue smtp submit retrieve mm4-in mm4-out")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    Bench(options).run()


if __name__ == "__main__":
    main()
