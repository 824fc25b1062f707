"""The other ends, on loopback and any free port: a mailbox (SmtpSink), a push proxy gateway (PushEnd), a phone (Phone)."""
import contextlib
import dataclasses
import email
import email.policy
import http.client
import http.server
import itertools
import re
import socket
import ssl
import threading
import time
import urllib.parse

import pdu

PATIENCE_S = 30


class Waiter:
    """Something that arrives bit by bit, and those who wait for it."""

    def __init__(self):
        self.changed = threading.Condition()

    def wait(self, condition, what, timeout=PATIENCE_S):
        """What `condition()` gives once it is true; AssertionError after the deadline."""
        with self.changed:
            deadline = time.monotonic() + timeout
            while not (value := condition()):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"waited {timeout} s in vain for {what}")
                self.changed.wait(left)
            return value


def stop_accepting(listener, thread):
    """Closes a listener that a thread waits at, once it no longer does: a thread left in accept() can take the connections of the next listener, which
    gets the same descriptor."""
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)   # wakes it; not connected, say other systems
    thread.join(PATIENCE_S)
    listener.close()


# ------------------------------------------------------------------------------------------------------------------------------- mailbox

@dataclasses.dataclass
class Mail:
    sender: str
    sender_parameters: str
    recipients: list
    recipient_parameters: list
    data: bytes
    tls: bool
    session: int
    at: float

    @property
    def message(self):
        return email.message_from_bytes(self.data, policy=email.policy.default)


class SmtpSink(Waiter):
    """An SMTP server that takes everything, unless its script says otherwise.

    `script(session, verb, argument)` gives a reply line, None for the ordinary one, or "close". It sees the verbs connect, EHLO, HELO, MAIL,
    RCPT, DATA, "." (with the Mail as argument; what is refused there is kept in `refused`), RSET, QUIT, STARTTLS.
    """

    def __init__(self, script=None, extensions=("PIPELINING", "SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES"), tls=None, port=0, host="127.0.0.1"):
        super().__init__()
        self.script, self.extensions, self.tls = script or (lambda session, verb, argument: None), extensions, tls
        self.mails, self.refused, self.commands, self.sessions = [], [], [], 0
        self.open_sessions = self.most_sessions = 0
        self.listener = socket.create_server((host, port), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.connections = set()
        self.accepting = threading.Thread(target=self.accept, daemon=True)
        self.accepting.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        stop_accepting(self.listener, self.accepting)
        with self.changed:
            connections = list(self.connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.changed:
                self.sessions += 1
                number = self.sessions
                self.connections.add(connection)
                self.open_sessions += 1
                self.most_sessions = max(self.most_sessions, self.open_sessions)
                self.changed.notify_all()
            threading.Thread(target=self.guard, args=(connection, number), daemon=True).start()

    def guard(self, connection, number):
        try:
            self.serve(connection, number)
        except (OSError, ValueError):
            pass
        finally:
            connection.close()
            with self.changed:
                self.connections.discard(connection)
                self.open_sessions -= 1
                self.changed.notify_all()

    def wait_mails(self, count, timeout=PATIENCE_S):
        self.wait(lambda: len(self.mails) >= count, f"{count} mails (there are {len(self.mails)})", timeout)
        return list(self.mails)

    def wait_mail(self, holds, timeout=PATIENCE_S):
        """The first mail that holds these octets."""
        found = lambda: next((mail for mail in self.mails if holds in mail.data), None)
        return self.wait(found, f"a mail with {holds!r}", timeout)

    def serve(self, connection, number):
        connection.settimeout(300)
        stream, tls = connection.makefile("rwb"), False

        def say(line):
            stream.write(line.encode() + b"\r\n")
            stream.flush()

        def ask(verb, argument, ordinary):
            with self.changed:
                self.commands.append((number, verb, argument if isinstance(argument, str) else ""))
                self.changed.notify_all()
            reply = self.script(number, verb, argument)
            if reply == "close":
                raise ValueError("closed by the script")
            if reply or ordinary:
                say(reply or ordinary)
            return reply is None or reply[:1] in "23"

        if not ask("connect", "", "220 sink.example ESMTP"):
            return
        sender = None
        recipients, parameters, sender_parameters = [], [], ""
        while line := stream.readline(4096):
            verb, _, argument = line.decode("latin-1").rstrip("\r\n").partition(" ")
            verb = verb.upper()
            if verb == "EHLO":
                offered = list(self.extensions) + (["STARTTLS"] if self.tls and not tls else [])
                lines = ["sink.example"] + offered
                ask(verb, argument, "\r\n".join(f"250{'-' if i + 1 < len(lines) else ' '}{text}" for i, text in enumerate(lines)))
            elif verb == "HELO":
                ask(verb, argument, "250 sink.example")
            elif verb == "STARTTLS" and self.tls and not tls:
                if ask(verb, argument, "220 2.0.0 go"):
                    stream.close()
                    connection = self.tls.wrap_socket(connection, server_side=True)
                    stream, tls = connection.makefile("rwb"), True
            elif verb == "MAIL":
                match = re.match(r"FROM:<([^>]*)>\s*(.*)", argument, re.I)
                if match and ask(verb, argument, "250 2.1.0 Ok"):
                    sender, sender_parameters, recipients, parameters = match[1], match[2], [], []
                elif not match:
                    say("501 5.5.4 Syntax")
            elif verb == "RCPT":
                match = re.match(r"TO:<([^>]*)>\s*(.*)", argument, re.I)
                if match and sender is not None and ask(verb, argument, "250 2.1.5 Ok"):
                    recipients.append(match[1])
                    parameters.append(match[2])
                elif not match or sender is None:
                    say("503 5.5.1 No")
            elif verb == "DATA":
                if not recipients:
                    say("554 5.5.1 No valid recipients")
                    continue
                if not ask(verb, argument, "354 Go on"):
                    continue
                lines = []
                while (line := stream.readline()) != b".\r\n":
                    if not line:
                        return
                    lines.append(line[1:] if line.startswith(b".") else line)
                mail = Mail(sender, sender_parameters, recipients, parameters, b"".join(lines), tls, number, time.monotonic())
                sender = None
                # Kept before it is answered, as a mail server does: what the peer does after the answer can be told apart.
                reply = self.script(number, ".", mail)
                with self.changed:
                    self.commands.append((number, ".", ""))
                    (self.mails if reply is None or reply[:1] == "2" or reply == "close" else self.refused).append(mail)
                    self.changed.notify_all()
                if reply == "close":
                    return
                say(reply or "250 2.0.0 Ok: kept")
            elif verb == "RSET":
                sender = None
                ask(verb, argument, "250 2.0.0 Ok")
            elif verb == "QUIT":
                ask(verb, argument, "221 2.0.0 Bye")
                return
            elif verb == "NOOP":
                say("250 2.0.0 Ok")
            else:
                say("502 5.5.1 What?")


def server_tls(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


# ------------------------------------------------------------------------------------------------------------------------------ push end

@dataclasses.dataclass
class Push:
    number: str          # with plus
    octets: bytes        # the PDU
    path: str
    headers: object
    body: bytes
    at: float

    @property
    def pdu(self):
        return pdu.decode(self.octets)

    @property
    def url(self):
        return self.pdu["X-Mms-Content-Location"]


class PushEnd(Waiter):
    """A push proxy gateway: takes PAP by POST and Kannel's sendsms by GET or POST, and keeps the PDU of each.

    `script(push)` gives None for acceptance, or (http status, content type, body); pushes that it answers otherwise are in `refused`.
    """

    PAP_OK = ('<?xml version="1.0"?><!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP 1.0//EN" "http://www.wapforum.org/DTD/pap_1.0.dtd">'
              '<pap><push-response push-id="{}" reply-time="2026-01-01T00:00:00Z"><response-result code="1001" desc="Accepted"/></push-response></pap>')

    def __init__(self, script=None, port=0):
        super().__init__()
        self.script = script or (lambda push: None)
        self.pushes, self.refused, self.requests = [], [], 0
        end = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.take(b"")

            def do_POST(self):
                self.take(self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def take(self, body):
                status, media, answer = end.answer(self.path, self.headers, body)
                answer = answer.encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", media)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    self.close_connection = True

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                pass   # a peer that was killed

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/push"

    def answer(self, path, headers, body):
        try:
            push, push_id = self.read(path, headers, body)
        except (ValueError, LookupError, AttributeError, TypeError) as problem:
            return 400, "text/plain", f"not a push: {problem!r}\n"
        verdict = self.script(push)
        with self.changed:
            self.requests += 1
            (self.pushes if verdict is None or verdict[0] == 202 and "\"1" in verdict[2] else self.refused).append(push)
            self.changed.notify_all()
        if verdict is not None:
            return verdict
        return (202, "application/xml", self.PAP_OK.format(push_id)) if push_id else (202, "text/plain", "0: Accepted for delivery")

    @staticmethod
    def read(path, headers, body):
        media = headers.get("Content-Type", "")
        if media.startswith("multipart/related"):
            # The parts are cut by hand: the second one is binary, and a mail parser would touch its line ends.
            boundary = email.message_from_string(f"Content-Type: {media}\n\n").get_boundary()
            pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
            if len(pieces) != 4 or not pieces[3].startswith(b"--"):
                raise ValueError("the control entity, the content and the closing boundary are due")
            control = pieces[1].partition(b"\r\n\r\n")[2].decode()
            head, _, octets = pieces[2].partition(b"\r\n\r\n")
            if b"application/vnd.wap.mms-message" not in head:
                raise ValueError("no MMS message")
            number = re.search(r'address-value="WAPPUSH=(\+?\d+)/TYPE=PLMN', control)[1]
            return Push(number, octets, path, headers, body, time.monotonic()), re.search(r'push-id="([^"]*)"', control)[1]
        if headers.get("X-Kannel-To"):
            number, frame = headers["X-Kannel-To"], body
        else:
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query, encoding="latin-1")
            number, frame = query["to"][0], query["text"][0].encode("latin-1")
        reader = pdu.Reader(frame, 1)
        if reader.octet() != 0x06:
            raise ValueError("not a WSP push")
        header = reader.inner(reader.uintvar())
        if header.content_type()[0] != "application/vnd.wap.mms-message":
            raise ValueError("no MMS message")
        return Push(number, frame[reader.at:], path, headers, body, time.monotonic()), None

    def wait_pushes(self, count, number=None, timeout=PATIENCE_S):
        found = lambda: [push for push in list(self.pushes) if number in (None, push.number)]
        self.wait(lambda: len(found()) >= count, f"{count} pushes to {number or 'anybody'} (there are {len(found())})", timeout)
        return found()

    def notification(self, number, timeout=PATIENCE_S):
        """The latest notification to a number, when there is one."""
        return self.wait_pushes(1, number, timeout)[-1]


# --------------------------------------------------------------------------------------------------------------------------------- phone

class Phone:
    """A phone behind the operator's proxy, which names it in a header. It reaches the gateway wherever that listens now."""

    serial = itertools.count(1)

    def __init__(self, gateway, number, header="X-MSISDN"):
        self.gateway, self.number, self.header = gateway, number, header

    def request(self, method, path, body=None, headers=()):
        """(status, headers, body)"""
        host, port = self.gateway.mm1
        connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
        try:
            fields = {"Accept": "*/*, application/vnd.wap.mms-message", "User-Agent": "Example-Phone/1.0"}
            if body is not None:
                fields["Content-Type"] = "application/vnd.wap.mms-message"
            if self.header:
                fields[self.header] = self.number
            fields.update(headers)
            connection.request(method, path, body=body, headers=fields)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def post(self, octets, path="/mms", headers=()):
        return self.request("POST", path, octets, headers)

    def send(self, to=(), transaction_id=None, **message):
        """Posts M-Send.req and gives the decoded M-Send.conf."""
        transaction_id = transaction_id or f"T{next(self.serial):x}"
        status, headers, body = self.post(pdu.send_req(transaction_id, to=to, **message))
        if status != 200 or headers.get_content_type() != "application/vnd.wap.mms-message":
            raise AssertionError(f"M-Send.req was answered with {status} {headers.get_content_type()} {body[:200]!r}")
        conf = pdu.decode(body)
        if conf.type != "m-send-conf" or conf["X-Mms-Transaction-ID"] != transaction_id:
            raise AssertionError(f"not the M-Send.conf of {transaction_id}: {conf}")
        return conf

    def get(self, url):
        """(http status, decoded PDU)"""
        status, headers, body = self.request("GET", urllib.parse.urlsplit(url).path)
        if headers.get_content_type() != "application/vnd.wap.mms-message":
            raise AssertionError(f"GET was answered with {status} {headers.get_content_type()} {body[:200]!r}")
        return status, pdu.decode(body)

    def fetch(self, notification, status=0x81, report_allowed=None):
        """Retrieves what a notification announced and confirms it; gives the decoded M-Retrieve.conf."""
        http_status, mm = self.get(notification["X-Mms-Content-Location"])
        if http_status != 200 or mm.type != "m-retrieve-conf":
            raise AssertionError(f"retrieval gave {http_status} {mm}")
        self.answer(notification, status, report_allowed)
        return mm

    def answer(self, notification, status=0x81, report_allowed=None):
        octets = pdu.notify_resp(notification["X-Mms-Transaction-ID"], status, report_allowed=report_allowed)
        http_status, _, body = self.post(octets)
        if http_status not in (200, 202, 204) or body:
            raise AssertionError(f"M-NotifyResp.ind was answered with {http_status} {body[:200]!r}")
