#!/usr/bin/env python3
"""The installed gateway below a root folder, started as its unit starts it, with one message through it.

    through.py --root FOLDER send NAME      a mail reaches a phone; another stays in the queue, as its phone does not fetch it
    through.py --root FOLDER expect NAME    the phone fetches what stayed there

Runs as root, in a network of its own: the ports are those of the configuration that comes with the package.
"""
import argparse
import email.message
import os
import smtplib
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "system"))
from peers import PATIENCE_S, Phone, PushEnd   # noqa: E402

FETCHES, SLEEPS = "+447700900001", "+447700900002"
DOMAIN = "mms.example.net"


class Installed:
    """The gateway as `mmgate`, in the root folder; its sockets are those of its configuration."""

    smtp, mm1 = ("127.0.0.1", 2525), ("127.0.0.1", 8080)

    def __init__(self, root):
        self.root = root
        entries = open(os.path.join(root, "etc/passwd")).read().splitlines()
        fields = next(entry.split(":") for entry in entries if entry.startswith("mmgate:"))
        self.uid, self.gid = int(fields[2]), int(fields[3])

    def __enter__(self):
        runtime = os.path.join(self.root, "run/mmgate")   # RuntimeDirectory=
        os.makedirs(runtime, exist_ok=True)
        os.chown(runtime, self.uid, self.gid)
        os.chmod(runtime, 0o750)
        self.process = subprocess.Popen(["chroot", f"--userspec={self.uid}:{self.gid}", "--groups=", self.root, "/usr/sbin/mmgated"], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("what", choices=("send", "expect"))
    parser.add_argument("name")
    arguments = parser.parse_args()
    text = f"message {arguments.name} through a package"
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
