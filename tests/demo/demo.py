#!/usr/bin/env python3
"""The demonstration: a photograph goes by mail to a phone, and by multimedia message back to a mailbox.

Starts the real gateway on loopback, a push gateway, a phone and a mailbox beside it, and swaks as the mail client. Prints every hop with
its time, compares SHA-256 at both ends, and leaves mail, PDUs, their readable form, all parts and the log in BUILD/demo.
"""
import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "system")]

parser = argparse.ArgumentParser()
parser.add_argument("--build", default="build")
ARGS = parser.parse_args()
os.environ["MMGATE_BUILD"] = os.path.abspath(ARGS.build)

import pdu                                    # noqa: E402
from gateway import DOMAIN, Gateway           # noqa: E402
from peers import Phone, PushEnd, SmtpSink    # noqa: E402
from photo import photo                       # noqa: E402

NUMBER, WRITTEN = "+447700900123", "07700900123"
SENDER, MAILBOX = "sender@example.org", "mailbox@example.com"
SUBJECT, TEXT = "Greetings from the lake \u2600", "The sun has just come through. Wish you were here!"
BACK_SUBJECT, BACK_TEXT = "Thank you \u2764", "It arrived on my phone. Here it is again, from the phone to your mailbox."

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ
STARTED = time.monotonic()


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def headline(text):
    print("\n" + paint("1", text), flush=True)


def hop(who, what, *more):
    print(f"  {paint('2', f'{time.monotonic() - STARTED:7.3f} s')}  {paint('36', f'{who:<12}')}  {what}", flush=True)
    for line in more:
        print(f"{'':27}{paint('2', line if len(line) <= 110 else line[:109] + chr(0x2026))}", flush=True)


def fail(what):
    print("\n" + paint("1;31", f"FAILED: {what}"), flush=True)
    sys.exit(1)


def digest(octets):
    return hashlib.sha256(octets).hexdigest()


def compare(octets, original, where):
    if octets != original:
        fail(f"the photograph {where} differs: {len(octets):,} octets, SHA-256 {digest(octets)}; sent were {len(original):,}, {digest(original)}")
    hop("checksum", paint("32", f"equal {where}"), f"sha256 {digest(octets)}")


class Folder:
    """BUILD/demo, and what is left in it."""

    def __init__(self):
        self.path = os.path.join(os.path.relpath(ARGS.build), "demo")
        shutil.rmtree(self.path, ignore_errors=True)
        os.makedirs(self.path)

    def keep(self, name, content):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def keep_pdu(self, gateway, name, octets):
        """The PDU, and what `mmq pdu` reads in it; gives the latter's lines."""
        path = self.keep(name + ".pdu", octets)
        dump = gateway.mmq("pdu", path, control=False).stdout
        self.keep(name + ".txt", dump)
        return dump.rstrip().splitlines()


def send_by_swaks(gateway, picture):
    port = str(gateway.smtp[1])
    argv = ["swaks", "--server", "127.0.0.1", "--port", port, "--ehlo", "client.example.org", "--from", SENDER, "--to", f"{WRITTEN}@{DOMAIN}",
            "--h-From", f"A mail client <{SENDER}>", "--h-Subject", "=?utf-8?Q?Greetings_from_the_lake_=E2=98=80?=", "--body", TEXT,
            "--attach-type", "image/jpeg", "--attach-name", "lake.jpg", "--attach", "@" + picture]
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=60)
    accepted = re.findall(r"^<[-~*]\s+(250 .*)$", done.stdout, re.M)
    if done.returncode or not accepted:
        fail(f"swaks ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return done.stdout, accepted[-1]


def save_parts(folder, name, parts):
    names = []
    for number, (media, label, octets) in enumerate(parts, 1):
        label = re.sub(r"[^A-Za-z0-9._-]", "_", label or "") or f"part{number}"
        folder.keep(f"{name}/{number}-{label}", octets)
        names.append(f"{number}. {media}, {len(octets):,} octets, {label}")
    return names


def mail_to_phone(folder, gateway, push, phone, picture, octets):
    headline(f"1. A mail with a photograph, from {SENDER} to {WRITTEN}@{DOMAIN}")
    transcript, reply = send_by_swaks(gateway, picture)
    folder.keep("1-mail.smtp.txt", transcript)
    hop("mail client", f"swaks hands the mail to the gateway, which answers {reply}")

    told = push.notification(NUMBER)
    dump = folder.keep_pdu(gateway, "2-notification", told.octets)
    hop("push", f"M-Notification.ind for {told.number}, {len(told.octets)} octets, comes to the push gateway by PAP", *dump)

    notification = told.pdu
    status, headers, body = phone.request("GET", "/" + notification["X-Mms-Content-Location"].split("/", 3)[3])
    if status != 200:
        fail(f"the phone's GET was answered with {status}: {body[:300]!r}")
    mm = pdu.decode(body)
    dump = folder.keep_pdu(gateway, "3-retrieved", body)
    parts = save_parts(folder, "3-parts", [(part.type, part.parameters.get("name") or part.headers.get("Content-Location"), part.data)
                                           for part in mm.parts])
    hop("phone", f"fetches {notification['X-Mms-Content-Location']}",
        f"{mm.type}, {len(body):,} octets, subject {mm['Subject']!r}, from {mm['From']}", *parts)
    phone.answer(notification)
    hop("phone", "says M-NotifyResp.ind: retrieved")

    if mm["Subject"] != SUBJECT:
        fail(f"the subject became {mm['Subject']!r}")
    if not any(part.type == "text/plain" and TEXT in part.text() for part in mm.parts):
        fail("the text is missing")
    compare(mm.part("image/jpeg").data, octets, "on the phone")


def phone_to_mail(folder, gateway, sink, phone, octets):
    headline(f"2. A multimedia message with the photograph, from {NUMBER} to {MAILBOX}")
    smil = (b'<smil><head><layout><root-layout width="320" height="480"/><region id="Image" top="0" left="0" height="70%" width="100%" fit="meet"/>'
            b'<region id="Text" top="70%" left="0" height="30%" width="100%"/></layout></head><body><par dur="8s">'
            b'<img src="lake.jpg" region="Image"/><text src="text.txt" region="Text"/></par></body></smil>')
    request = pdu.send_req("demo1", to=[MAILBOX], subject=BACK_SUBJECT, related="<smil>", parts=[
        pdu.Part("application/smil", smil, {"charset": "utf-8"}, {"Content-ID": "<smil>", "Content-Location": "smil.xml"}),
        pdu.Part("image/jpeg", octets, {"name": "lake.jpg"}, {"Content-ID": "<lake.jpg>", "Content-Location": "lake.jpg"}),
        pdu.Part("text/plain", BACK_TEXT.encode(), {"charset": "utf-8"}, {"Content-ID": "<text.txt>", "Content-Location": "text.txt"}),
    ])
    dump = folder.keep_pdu(gateway, "4-submitted", request)
    status, _, body = phone.post(request)
    hop("phone", f"posts M-Send.req, {len(request):,} octets", *dump)
    conf = pdu.decode(body)
    folder.keep_pdu(gateway, "5-answer", body)
    if status != 200 or conf.type != "m-send-conf" or conf["X-Mms-Response-Status"] != 0x80:
        fail(f"M-Send.req was answered with {status} {conf}")
    hop("gateway", f"answers M-Send.conf: Ok, Message-ID {conf['Message-ID']}")

    mail = sink.wait_mails(1)[0]
    message = mail.message
    folder.keep("6-mail.eml", mail.data)
    leaves = [part for part in message.walk() if not part.is_multipart()]
    parts = save_parts(folder, "6-parts", [(part.get_content_type(), part.get_filename(), part.get_payload(decode=True)) for part in leaves])
    hop("mailbox", f"takes a mail of {len(mail.data):,} octets from <{mail.sender}>", f"From: {message['From']}", f"Subject: {message['Subject']}", *parts)

    if message["Subject"] != BACK_SUBJECT:
        fail(f"the subject became {message['Subject']!r}")
    if not any(part.get_content_type() == "text/plain" and BACK_TEXT in part.get_content() for part in leaves):
        fail("the text is missing")
    pictures = [part.get_payload(decode=True) for part in leaves if part.get_content_type() == "image/jpeg"]
    if len(pictures) != 1:
        fail(f"{len(pictures)} pictures came to the mailbox")
    compare(pictures[0], octets, "in the mailbox")


def main():
    print(paint("1", "mmgate: a photograph travels from a mail client to a phone, and from the phone to a mailbox"), flush=True)
    folder = Folder()
    began = time.monotonic()
    original = os.path.join(os.path.relpath(ARGS.build), "photo.jpg")
    octets = photo(original)
    picture = folder.keep("lake.jpg", octets)
    global STARTED
    STARTED = time.monotonic()
    hop("photograph", f"{picture}, {len(octets):,} octets, painted in {STARTED - began:.1f} s", f"sha256 {digest(octets)}")

    with PushEnd() as push, SmtpSink() as sink:
        with Gateway(push=push, relay=sink.port, folder=folder.path) as gateway:
            hop("gateway", f"mmgated is ready: mail on port {gateway.smtp[1]}, phones on port {gateway.mm1[1]}",
                f"configuration {folder.path}/mmgate.toml, store {folder.path}/state")
            phone = Phone(gateway, NUMBER)
            mail_to_phone(folder, gateway, push, phone, picture, octets)
            phone_to_mail(folder, gateway, sink, phone, octets)

            headline("What the queue command tells about both")
            gateway.until(lambda: sum(len(re.findall(r"\bstate=(?:delivered|relayed)\b|\b(?:delivered|relayed)\b", line)) for line in gateway.lines) >= 2,
                          "both messages at their end")
            report = gateway.mmq("list", "--all", check=False)
            print("\n".join("  " + line for line in (report.stdout or report.stderr).splitlines()))
            status = gateway.stop()
            folder.keep("gateway.log", gateway.log() + "\n")
            if status != 0:
                fail(f"mmgated ended with {status}; see {folder.path}/gateway.log")

    headline("Done: " + paint("32", "the photograph is the same at both ends"))
    print(f"To look at, in {folder.path}/:")
    for name, what in (("lake.jpg", "the photograph"), ("1-mail.smtp.txt", "the mail as it was handed in"), ("2-notification.txt", "what the phone was told"),
                       ("3-retrieved.txt, 3-parts/", "the message on the phone, and its parts"), ("4-submitted.txt", "what the phone sent"),
                       ("6-mail.eml, 6-parts/", "the mail in the mailbox, and its parts"), ("gateway.log", "what the gateway said")):
        print(f"  {name:<28}{what}")


if __name__ == "__main__":
    try:
        main()
    except AssertionError as problem:
        fail(problem)
