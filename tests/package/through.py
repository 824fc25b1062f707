#!/usr/bin/env python3
"""The installed gateway below a root folder, started as its unit starts it, with one message through it.

    through.py --root FOLDER send NAME      a mail reaches a phone; another stays in the queue, as its phone does not fetch it
    through.py --root FOLDER expect NAME    the phone fetches what stayed there
    through.py --root FOLDER sandbox        the gateway's user tries what the sandbox forbids
    through.py --root FOLDER watch          a manager sees over SNMP that a mail came in, and that the gateway stopped; needs mmgate-snmp and snmp

Runs as root, in a network of its own: the ports are those of the configuration that comes with the package.
"""
import argparse
import email.message
import os
import re
import smtplib
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "system"))
from peers import PATIENCE_S, Phone, PushEnd   # noqa: E402

FETCHES, SLEEPS = "+447700900001", "+447700900002"
DOMAIN = "mms.example.net"


def text_of(root, path):
    with open(os.path.join(root, path)) as file:
        return file.read()


def ids_of(root, user):
    fields = next(entry.split(":") for entry in text_of(root, "etc/passwd").splitlines() if entry.startswith(user + ":"))
    return int(fields[2]), int(fields[3])


def as_user(root, user, *argv, groups=""):
    """A command line that runs a program in the root folder, as its unit does."""
    uid, gid = ids_of(root, user)
    return ["chroot", f"--userspec={uid}:{gid}", f"--groups={groups}", root, *argv]


class Installed:
    """The gateway as `mmgate`, in the root folder; its sockets are those of its configuration."""

    smtp, mm1 = ("127.0.0.1", 2525), ("127.0.0.1", 8080)

    def __init__(self, root):
        self.root = root
        self.uid, self.gid = ids_of(root, "mmgate")

    def __enter__(self):
        runtime = os.path.join(self.root, "run/mmgate")   # RuntimeDirectory=
        os.makedirs(runtime, exist_ok=True)
        os.chown(runtime, self.uid, self.gid)
        os.chmod(runtime, 0o750)
        self.process = subprocess.Popen(as_user(self.root, "mmgate", "/usr/sbin/mmgated"), stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self.ready, self.lines = threading.Event(), []
        threading.Thread(target=self.read, daemon=True).start()
        if not self.ready.wait(PATIENCE_S) or self.process.poll() is not None:
            raise SystemExit("the gateway is not ready:\n" + "\n".join(self.lines))
        return self

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("ready "):
                self.ready.set()
        self.ready.set()

    def __exit__(self, kind, *_):
        self.process.terminate()
        status = self.process.wait(PATIENCE_S)
        if kind:
            print("\n".join(self.lines), file=sys.stderr)
        elif status:
            raise SystemExit(f"the gateway ended with {status}")

    def mmq(self, *arguments):
        return subprocess.run(["chroot", self.root, "/usr/bin/mmq", *arguments], check=True, capture_output=True, text=True, timeout=PATIENCE_S).stdout


def send(gateway, to, text):
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = "sender@example.org", f"{to}@{DOMAIN}", "A message"
    message.set_content(text)
    with smtplib.SMTP(*gateway.smtp, local_hostname="client.example.org", timeout=PATIENCE_S) as client:
        client.send_message(message)


def fetch(gateway, push, number, text):
    notification = push.wait_pushes(1, number)[0].pdu
    got = Phone(gateway, number).fetch(notification).part("text/plain").text()
    if text not in got:
        raise SystemExit(f"{number} got {got!r}, not {text!r}")


def tried(root):
    """The sandbox, from inside, by the gateway's own user in its own surroundings."""
    done = subprocess.run(as_user(root, "mmgate", "/usr/sbin/mmgated", "--try-sandbox"), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    lines = done.stdout.splitlines()
    if done.returncode or not {"exec: refused (killed)", "read /etc/shadow: refused (Permission denied)", "write the configuration: refused (Permission denied)"} <= set(lines):
        raise SystemExit(f"the trial of the sandbox ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return f"{len(lines)} attempts ended as they should"


class Watched:
    """snmpd and the agent, set up as docs/monitoring.md says, from what the package brings along."""

    PASSWORDS = ("authentication", "encryption")
    # Of NETWORK-SERVICES-MIB, MTA-MIB and MMGATE-MIB, by their instance.
    VERSION, STATUS, RECEIVED = "1.3.6.1.4.1.8072.9999.9999.1.1.1.1.0", "1.3.6.1.2.1.27.1.1.6.1", "1.3.6.1.2.1.28.1.1.1.1"
    UP, DOWN = "1", "2"

    def __init__(self, root):
        self.root, self.programs = root, []
        with open(os.path.join(root, "etc/mmgate/mmgate.toml"), "a") as file:
            file.write('\n[snmp]\nuser = "mmgate-snmp"\n')
        self.chroot("install", "-D", "-m", "644", "/usr/share/doc/mmgate-snmp/snmpd-mmgate.conf", "/etc/snmp/snmpd.conf.d/mmgate.conf")
        self.chroot("net-snmp-create-v3-user", "-ro", "-A", self.PASSWORDS[0], "-X", self.PASSWORDS[1], "-a", "SHA-256", "-x", "AES", "gwmon")
        for line in text_of(root, "usr/lib/tmpfiles.d/mmgate-snmp.conf").splitlines():
            if line.startswith("d "):
                _, path, mode = line.split()[:3]
                os.makedirs(root + path, int(mode, 8), exist_ok=True)

    def chroot(self, *argv):
        done = subprocess.run(["chroot", self.root, *argv], capture_output=True, text=True, timeout=PATIENCE_S, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "MIBS": ""})
        if done.returncode:
            raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def __enter__(self):
        snmpd = re.search(r"^ExecStart=(/.*)$", text_of(self.root, "usr/share/doc/mmgate-snmp/snmpd-service.conf"), re.M)[1].split()
        groups = str(ids_of(self.root, "mmgate")[1])   # SupplementaryGroups=
        for argv in (["chroot", self.root, *snmpd], as_user(self.root, "mmgate-snmp", "/usr/sbin/mmgate-snmp", groups=groups)):
            self.programs.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return self

    def __exit__(self, kind, *_):
        for program in reversed(self.programs):
            program.terminate()
            said, _ = program.communicate(timeout=PATIENCE_S)
            if kind:
                print(f"--- {' '.join(program.args)}:\n{said}", file=sys.stderr)

    def get(self, instance):
        done = subprocess.run(["chroot", self.root, "snmpget", "-v", "3", "-u", "gwmon", "-l", "authPriv", "-a", "SHA-256", "-A", self.PASSWORDS[0], "-x", "AES", "-X", self.PASSWORDS[1],
                               "-t", "1", "-r", "0", "-Oqve", "127.0.0.1", instance], capture_output=True, text=True, timeout=PATIENCE_S, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MIBS": ""})
        return done.stdout.strip().strip('"') or done.stderr.strip()

    def wait(self, instance, wanted):
        end = time.monotonic() + PATIENCE_S
        while (value := self.get(instance)) != wanted:
            if time.monotonic() > end:
                raise SystemExit(f"{instance} is {value!r}, not {wanted!r}")
            time.sleep(0.2)   # the agent asks once a second


def watch(root, text):
    with Watched(root) as watched:
        with PushEnd(port=8090) as push, Installed(root) as gateway:
            version = watched.chroot("mmgated", "--version").split()[1]
            watched.wait(watched.VERSION, version)
            watched.wait(watched.STATUS, watched.UP)
            before = int(watched.get(watched.RECEIVED))
            send(gateway, FETCHES, text)
            fetch(gateway, push, FETCHES, text)
            watched.wait(watched.RECEIVED, str(before + 1))
        watched.wait(watched.STATUS, watched.DOWN)
    return f"version {version}, up, {before} and {before + 1} messages received, down"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("what", choices=("send", "expect", "sandbox", "watch"))
    parser.add_argument("name", nargs="?", default="watched")
    arguments = parser.parse_args()
    text = f"message {arguments.name} through a package"
    if arguments.what in ("sandbox", "watch"):
        return print(tried(arguments.root) if arguments.what == "sandbox" else watch(arguments.root, text))
    with PushEnd(port=8090) as push, Installed(arguments.root) as gateway:
        if arguments.what == "send":
            send(gateway, FETCHES, text)
            fetch(gateway, push, FETCHES, text)
            send(gateway, SLEEPS, text)
            push.wait_pushes(1, SLEEPS)
        else:
            waiting = gateway.mmq("list", "-j").splitlines()
            if len(waiting) != 1:
                raise SystemExit(f"{len(waiting)} messages wait, not 1: {waiting}")
            gateway.mmq("retry", "--all")
            fetch(gateway, push, SLEEPS, text)
        print(next((line for line in gateway.lines if "confined" in line), "no sandbox was told of"))


if __name__ == "__main__":
    main()
