#!/usr/bin/python3
"""Plays whom the example configuration names: the push gateway, the phones behind it, and the mail relay. To try a gateway, and nothing else.

    neighbours.py                       until Ctrl-C: prints what phones and mailboxes get
    neighbours.py send FROM TO TEXT     the phone FROM sends a multimedia message, for example +447700900123 someone@example.com "Hello"

Ports are those of mmgate.toml as it is installed: the gateway's phones on 8080; push gateway on 8090; mail relay on 1025. `mmq pdu` reads the PDUs.
"""
import argparse
import email
import email.policy
import http.client
import http.server
import json
import re
import socketserver
import subprocess
import sys
import threading
import urllib.parse

GATEWAY, PUSH_PORT, RELAY_PORT = ("127.0.0.1", 8080), 8090, 1025
MMS = "application/vnd.wap.mms-message"
ACCEPTED = '<?xml version="1.0"?><pap><push-response push-id="{}"><response-result code="1001" desc="Accepted"/></push-response></pap>'
PATIENCE_S = 30


def say(who, what):
    print(f"{who}: {what}", flush=True)


def read(octets):
    """A PDU as `mmq pdu --json` has it."""
    return json.loads(subprocess.run(["mmq", "pdu", "-", "--json"], input=octets, check=True, capture_output=True, timeout=PATIENCE_S).stdout)


def ask(method, path, number, body=None):
    """What the gateway answers a phone, which the operator's proxy would name in this header."""
    connection = http.client.HTTPConnection(*GATEWAY, timeout=PATIENCE_S)
    connection.request(method, path, body, {"X-MSISDN": number, **({"Content-Type": MMS} if body else {})})
    answer = connection.getresponse().read()
    connection.close()
    return answer


# ------------------------------------------------------------------------------------------------------------------------------------- phones

def text(value):
    return value.encode() + b"\0"


def fetch(number, notification):
    """Gets what a notification announces, and confirms it (M-NotifyResp.ind, Retrieved)."""
    headers = read(notification)["headers"]
    say(f"phone {number}", f"is told of a message from {headers['From'].get('address', 'nobody')}")
    path = urllib.parse.urlsplit(headers["X-Mms-Content-Location"]).path
    message = read(ask("GET", path, number))
    if message["type"] != "m-retrieve-conf":
        return say(f"phone {number}", f"cannot fetch it: {message['headers']}")
    say(f"phone {number}", f"fetches it: subject {message['headers'].get('Subject', '')!r}")
    for part in message.get("parts", []):
        say(f"phone {number}", f"  {part['type']}, {part['size']} octets" + (f": {part['text'].strip()}" if part["type"] == "text/plain" else ""))
    ask("POST", "/mms", number, b"\x8c\x83\x98" + text(headers["X-Mms-Transaction-ID"]) + b"\x8d\x92\x95\x81")


def send(sender, recipient, words):
    """M-Send.req with one part of text; a recipient without @ is a number."""
    to = recipient if "@" in recipient else recipient + "/TYPE=PLMN"
    content = words.encode()
    part = b"\x04" + bytes([len(content)]) + b"\x03\x83\x81\xea" + content   # text/plain; charset=utf-8
    request = b"\x8c\x80\x98" + text("try1") + b"\x8d\x92\x89\x01\x81\x97" + text(to) + b"\x84\xa3\x01" + part
    answer = read(ask("POST", "/mms", sender, request))["headers"]
    status = answer["X-Mms-Response-Status"]
    say(f"phone {sender}", f"sends to {recipient}: {'Ok' if status == 0x80 else f'refused, status {status}'}")
    return 0 if status == 0x80 else 1


class Push(http.server.BaseHTTPRequestHandler):
    """PAP: a control entity that names the phone, and the notification."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        boundary = re.search(r'boundary="?([^";]+)', self.headers["Content-Type"])[1].encode()
        control, notification = [piece.partition(b"\r\n\r\n")[2] for piece in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:3]]
        number = re.search(rb"WAPPUSH=(\+?\d+)/", control)[1].decode()
        answer = ACCEPTED.format(re.search(rb'push-id="([^"]*)"', control)[1].decode()).encode()
        self.send_response(202)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        threading.Thread(target=fetch, args=(number, notification), daemon=True).start()

    def log_message(self, *_):
        pass


# ------------------------------------------------------------------------------------------------------------------------------------ mailbox

class Relay(socketserver.StreamRequestHandler):
    def handle(self):
        self.reply("220 relay.example.net ESMTP")
        while line := self.rfile.readline(2048):
            verb = line[:4].upper()
            if verb == b"DATA":
                self.reply("354 go on")
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line[1:] if line.startswith(b".") else line)
                self.show(email.message_from_bytes(b"".join(lines), policy=email.policy.default))
            elif verb == b"QUIT":
                return self.reply("221 bye")
            self.reply("250 relay.example.net" if verb != b"DATA" else "250 kept")

    def reply(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def show(self, message):
        say(f"mailbox {message['To']}", f"gets a mail from {message['From']}, subject {message['Subject'] or ''!r}")
        for part in message.walk():
            if not part.is_multipart():
                words = f": {part.get_content().strip()}" if part.get_content_type() == "text/plain" else ""
                say(f"mailbox {message['To']}", f"  {part.get_content_type()}{words}")


class RelayServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="send FROM TO TEXT")
    what = parser.parse_args().what
    if what[:1] == ["send"] and len(what) == 4:
        return send(*what[1:])
    if what:
        parser.error("send takes FROM, TO and TEXT")
    relay, push = RelayServer(("127.0.0.1", RELAY_PORT), Relay), http.server.ThreadingHTTPServer(("127.0.0.1", PUSH_PORT), Push)
    threading.Thread(target=relay.serve_forever, daemon=True).start()
    say("neighbours", f"push gateway on {PUSH_PORT}, mail relay on {RELAY_PORT}")
    try:
        push.serve_forever()
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
