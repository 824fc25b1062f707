"""unbound on loopback, and the records of ENUM."""
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile

from peers import PATIENCE_S, Waiter

INSTALLED = shutil.which("unbound", path="/usr/sbin:/usr/bin") is not None


def free_port(kind=socket.SOCK_STREAM, host="127.0.0.1"):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def free_port_of_both():
    """For a server that takes datagrams and connections at one port."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connections:
            datagrams.bind(("127.0.0.1", 0))
            with contextlib.suppress(OSError):
                connections.bind(datagrams.getsockname())
                return datagrams.getsockname()[1]


def answers(port, waiter):
    """Waits until somebody takes connections there; False: the waiter's process has ended."""
    def connected():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    deadline_steps = int(PATIENCE_S / 0.05)
    for _ in range(deadline_steps):
        if connected():
            return True
        if waiter.process.poll() is not None:
            return False
        with waiter.changed:
            waiter.changed.wait(0.05)
    raise AssertionError(f"nothing listens on port {port}")


class NameServer(Waiter):
    """unbound on loopback with the records of the test and nothing else."""

    def __init__(self, records, refused=()):
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="mmgate-unbound-")
        self.records, self.refused = records, refused
        # Between our look and the start somebody else may take the port.
        if not any(self.started(free_port_of_both()) for _ in range(10)):
            raise AssertionError("unbound does not start")

    def started(self, port):
        self.port = port
        lines = ["server:", "  interface: 127.0.0.1", f"  port: {self.port}", '  chroot: ""', '  username: ""', f'  directory: "{self.folder}"', '  pidfile: ""',
                 "  use-syslog: no", "  do-daemonize: no", "  do-not-query-localhost: no", '  local-zone: "." static', '  module-config: "iterator"']
        lines += [f'  local-zone: "{name}" always_refuse' for name in self.refused]
        lines += [f"  local-data: '{record}'" for record in self.records]
        lines += ["remote-control:", "  control-enable: no", ""]
        path = os.path.join(self.folder, "unbound.conf")
        with open(path, "w") as file:
            file.write("\n".join(lines))
        self.process = subprocess.Popen(["unbound", "-d", "-c", path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env=dict(os.environ, PATH="/usr/sbin:" + os.environ["PATH"]))
        return answers(self.port, self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def change(self, records):
        """Other records from now on, at the same port."""
        self.stop()
        self.records = records
        if not self.started(self.port):
            raise AssertionError("unbound does not start again")

    def stop(self):
        """Nobody answers any more."""
        self.process.kill()
        self.process.wait()


def enum_name(number, zone):
    """+41790000001 -> 1.0.0.0.0.0.0.9.7.1.4.zone. (RFC 6116 §3.2)"""
    return ".".join(reversed(number.strip("+"))) + f".{zone}."


def naptr(number, zone, expression, service="E2U+mms:mailto", order=100, preference=10):
    """A record of ENUM; backslashes of the expression are doubled for the file."""
    doubled = expression.replace("\\", "\\\\")
    return f'{enum_name(number, zone)} 60 IN NAPTR {order} {preference} "u" "{service}" "{doubled}" .'
