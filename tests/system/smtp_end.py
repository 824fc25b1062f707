"""The two ends of SMTP between relays: a server whose every reply can be scripted, and a client that tells each reply.

Source: RFC 5321, RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 1870 (SIZE), RFC 3030 (BDAT).
"""
import base64
import dataclasses
import re
import socket
import ssl
import threading
import time

from peers import PATIENCE_S, Waiter, stop_accepting


@dataclasses.dataclass
class Envelope:
    client: str              # address
    session: int             # number of the connection
    ehlo: str = ""
    tls: str = ""            # version, "" in clear
    certificate: dict = None   # of the client, where one was verified
    user: str = ""           # AUTH
    sender: str = None       # MAIL FROM, "" for nobody
    parameters: str = ""     # of MAIL
    recipients: list = dataclasses.field(default_factory=list)
    recipient_parameters: list = dataclasses.field(default_factory=list)
    data: bytes = b""
    at: float = 0.0          # monotonic, when the data had ended


class SmtpServer(Waiter):
    """Takes what it is sent, unless the script says otherwise; `take(envelope)` may give the reply to the end of the data.

    `script(envelope, verb, argument)` is asked before each reply, in the thread of that connection: it gives None for the ordinary one, a reply
    line, "close" (the connection is dropped) or "silence" (nothing is said until the client leaves). It may also wait for an event of the test:
    that is slowness.
    Verbs: CONNECT, EHLO, HELO, STARTTLS, AUTH, MAIL, RCPT, DATA, BDAT, "." (the end of the data), RSET, QUIT.
    `tls` is a server's SSLContext: offered with STARTTLS, or with `implicit` from the first octet; a context that asks for a certificate is
    mutual TLS.
    `users` are those who may identify themselves; with `must_authenticate` MAIL is 530 before.
    """

    EXTENSIONS = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN")

    def __init__(self, host="127.0.0.1", port=0, name="mms.peer.example", take=None, script=None, tls=None, implicit=False, users=None,
                 must_authenticate=False, size=20_000_000, extensions=EXTENSIONS):
        super().__init__()
        self.name, self.take, self.script = name, take or (lambda envelope: None), script or (lambda envelope, verb, argument: None)
        self.tls, self.implicit, self.users, self.must_authenticate = tls, implicit, dict(users or {}), must_authenticate
        self.size, self.extensions = size, tuple(extensions)
        self.commands, self.sessions, self.failures = [], 0, []   # (session, verb, argument); TLS handshakes that failed
        self.open, self.most_open = set(), 0
        self.listener = socket.create_server((host, port), backlog=128)
        self.host, self.port = self.listener.getsockname()[:2]
        self.closed = threading.Event()
        self.accepting = threading.Thread(target=self.accept, daemon=True)
        self.accepting.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.closed.set()
        stop_accepting(self.listener, self.accepting)
        with self.changed:
            connections = list(self.open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept(self):
        while not self.closed.is_set():
            try:
                connection, address = self.listener.accept()
            except OSError:
                return
            with self.changed:
                self.sessions += 1
                self.open.add(connection)
                self.most_open = max(self.most_open, len(self.open))
                envelope = Envelope(address[0], self.sessions)
                self.changed.notify_all()
            threading.Thread(target=self.guard, args=(connection, envelope), daemon=True).start()

    def guard(self, connection, envelope):
        conversation = Conversation(self, connection, envelope)
        try:
            conversation.hold()
        except ssl.SSLError as problem:
            with self.changed:
                self.failures.append(str(problem))
                self.changed.notify_all()
        except (OSError, EOFError):
            pass
        finally:
            conversation.close()
            with self.changed:
                self.open.discard(connection)
                self.changed.notify_all()

    def said(self, verb):
        """The arguments with which a verb came, in order."""
        return [argument for _, seen, argument in list(self.commands) if seen == verb]


class Conversation:
    def __init__(self, server, connection, envelope):
        self.server, self.connection, self.envelope = server, connection, envelope
        self.stream = None
        connection.settimeout(300)

    def close(self):
        for closing in (self.stream, self.connection):
            try:
                if closing:
                    closing.close()
            except OSError:
                pass

    def say(self, reply):
        self.stream.write(reply.encode() + b"\r\n")
        self.stream.flush()

    def line(self):
        line = self.stream.readline(4096)
        if not line.endswith(b"\n"):
            raise EOFError
        return line

    def ask(self, verb, argument, ordinary):
        """Lets the script speak. Gives whether the command succeeded."""
        with self.server.changed:
            self.server.commands.append((self.envelope.session, verb, argument))
            self.server.changed.notify_all()
        reply = self.server.script(self.envelope, verb, argument)
        if reply == "close":
            raise EOFError
        if reply == "silence":
            while self.stream.readline(4096):
                pass
            raise EOFError
        self.say(reply or ordinary)
        return (reply or ordinary)[0] in "23"

    def secure(self):
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.stream = self.connection.makefile("rwb")
        self.envelope.tls, self.envelope.certificate = self.connection.version(), self.connection.getpeercert()

    def hold(self):
        if self.server.implicit:
            self.secure()
        else:
            self.stream = self.connection.makefile("rwb")
        if not self.ask("CONNECT", "", f"220 {self.server.name} ESMTP"):
            return
        while True:
            verb, _, argument = self.line().decode("latin-1").rstrip("\r\n").partition(" ")
            command = getattr(self, "on_" + verb.lower(), None)
            if command is None:
                self.say("500 5.5.1 What?")
            elif command(argument) == "end":
                return

    def clear(self):
        self.envelope = dataclasses.replace(self.envelope, sender=None, parameters="", recipients=[], recipient_parameters=[], data=b"")

    def on_ehlo(self, argument):
        self.envelope.ehlo = argument
        offered = [*self.server.extensions, f"SIZE {self.server.size}"]
        if self.server.tls and not self.envelope.tls:
            offered.append("STARTTLS")
        if self.server.users and (self.envelope.tls or not self.server.tls):
            offered.append("AUTH PLAIN LOGIN")
        lines = [self.server.name, *offered]
        self.ask("EHLO", argument, "\r\n".join(f"250{'-' if index + 1 < len(lines) else ' '}{line}" for index, line in enumerate(lines)))

    def on_helo(self, argument):
        self.ask("HELO", argument, f"250 {self.server.name}")

    def on_starttls(self, argument):
        if not self.server.tls or self.envelope.tls:
            self.say("503 5.5.1 No")
        elif self.ask("STARTTLS", argument, "220 2.0.0 Go"):
            self.stream.close()
            self.secure()
            self.clear()

    def on_auth(self, argument):
        mechanism, _, initial = argument.partition(" ")

        def given(prompt, already=""):
            if not already:
                self.say(f"334 {base64.b64encode(prompt.encode()).decode()}")
                already = self.line().decode().strip()
            return base64.b64decode(already).decode()

        if mechanism.upper() == "PLAIN":
            user, password = given("", initial).split("\0")[-2:]
        else:
            user = given("Username:", initial)
            password = given("Password:")
        right = self.server.users.get(user) == password
        if self.ask("AUTH", f"{mechanism.upper()} {user}", "235 2.7.0 Ok" if right else "535 5.7.8 No"):
            self.envelope.user = user

    def on_mail(self, argument):
        match = re.fullmatch(r"FROM:<([^>]*)>\s*(.*)", argument, re.I)
        size = re.search(r"\bSIZE=(\d+)", argument, re.I)
        if not match:
            self.say("501 5.5.4 Syntax")
        elif self.server.must_authenticate and not self.envelope.user:
            self.say("530 5.7.0 Who are you?")
        elif size and int(size[1]) > self.server.size:
            self.ask("MAIL", argument, "552 5.3.4 Too big")
        elif self.ask("MAIL", argument, "250 2.1.0 Ok"):
            self.clear()
            self.envelope.sender, self.envelope.parameters = match[1], match[2]

    def on_rcpt(self, argument):
        match = re.fullmatch(r"TO:<([^>]+)>\s*(.*)", argument, re.I)
        if not match or self.envelope.sender is None:
            self.say("503 5.5.1 No")
        elif self.ask("RCPT", argument, "250 2.1.5 Ok"):
            self.envelope.recipients.append(match[1])
            self.envelope.recipient_parameters.append(match[2])

    def on_data(self, argument):
        if not self.envelope.recipients:
            self.say("554 5.5.1 No valid recipients")
        elif self.ask("DATA", argument, "354 Go on"):
            lines = []
            while (line := self.stream.readline()) != b".\r\n":
                if not line:
                    raise EOFError
                lines.append(line[1:] if line.startswith(b".") else line)
            self.envelope.data = b"".join(lines)
            self.end_of_data()

    def on_bdat(self, argument):
        size, _, last = argument.partition(" ")
        chunk = self.stream.read(int(size))
        self.envelope.data += chunk
        if last.upper() == "LAST":
            self.end_of_data()
        else:
            self.ask("BDAT", argument, "250 2.0.0 Ok")

    def end_of_data(self):
        envelope = self.envelope
        envelope.at = time.monotonic()
        with self.server.changed:
            self.server.commands.append((envelope.session, ".", ""))
        reply = self.server.script(envelope, ".", envelope)
        if reply is None:
            reply = "552 5.3.4 Too big" if len(envelope.data) > self.server.size else self.server.take(envelope)
        elif reply[0] == "2" or reply == "close":
            self.server.take(envelope)   # it was kept, whatever the client gets to know of it
        if reply == "close":
            raise EOFError
        if reply == "silence":
            while self.stream.readline(4096):
                pass
            raise EOFError
        self.clear()
        self.say(reply or "250 2.0.0 Ok: kept")

    def on_rset(self, argument):
        self.clear()
        self.ask("RSET", argument, "250 2.0.0 Ok")

    def on_noop(self, argument):
        self.say("250 2.0.0 Ok")

    def on_quit(self, argument):
        self.ask("QUIT", argument, "221 2.0.0 Bye")
        return "end"


# --------------------------------------------------------------------------------------------------------------------------------- client

@dataclasses.dataclass
class Outcome:
    """What a server said to one message."""
    replies: list   # [(stage, code, text)]: connect, EHLO, STARTTLS, AUTH, MAIL, RCPT, ..., "."
    tls: str = ""

    @property
    def code(self):
        return self.replies[-1][1]

    @property
    def text(self):
        stage, code, text = self.replies[-1]
        return f"{stage}: {code} {text}"

    @property
    def taken(self):
        return self.replies[-1][0] == "." and self.code == 250

    def of(self, stage):
        return [code for seen, code, _ in self.replies if seen == stage]


class Client:
    """A connection to (host, port) that notes every reply."""

    def __init__(self, target, source="127.0.0.1", name="mms.peer.example", tls=None, implicit=False, server_name=None):
        self.name, self.tls, self.server_name, self.replies, self.version = name, tls, server_name or target[0], [], ""
        self.socket = socket.create_connection(target, timeout=PATIENCE_S, source_address=(source, 0))
        if implicit:
            self.secure()
        self.stream = self.socket.makefile("rwb")
        self.extensions = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for closing in (self.stream, self.socket):
            try:
                closing.close()
            except OSError:
                pass

    def secure(self):
        self.socket = self.tls.wrap_socket(self.socket, server_hostname=self.server_name)
        self.version = self.socket.version()

    def say(self, octets):
        self.stream.write(octets)
        self.stream.flush()

    def reply(self, stage):
        """Notes the next reply; gives whether all goes on."""
        lines = []
        while True:
            try:
                line = self.stream.readline().decode("utf-8", "replace").rstrip("\r\n")
            except ConnectionResetError:
                line = ""
            if not re.match(r"\d{3}(?:[ -]|$)", line):
                self.replies.append((stage, 0, "the connection was closed"))
                raise EOFError
            lines.append(line[4:])
            if line[3:4] != "-":
                break
        self.replies.append((stage, int(line[:3]), "\n".join(lines)))
        return 200 <= int(line[:3]) < 400

    def command(self, line, stage=None):
        self.say(line.encode() + b"\r\n")
        return self.reply(stage or line.split(" ")[0])

    def hello(self):
        if not self.command(f"EHLO {self.name}"):
            return False
        self.extensions = dict(line.upper().partition(" ")[::2] for line in self.replies[-1][2].split("\n")[1:])
        return True

    def start_tls(self):
        if "STARTTLS" not in self.extensions:
            self.replies.append(("STARTTLS", 502, "not offered"))
            return False
        if not self.command("STARTTLS"):
            return False
        self.stream.close()
        self.secure()
        self.stream = self.socket.makefile("rwb")
        return self.hello()

    def log_in(self, user, password, mechanism="PLAIN"):
        base64_of = lambda text: base64.b64encode(text.encode()).decode()
        if mechanism == "PLAIN":
            return self.command(f"AUTH PLAIN {base64_of(chr(0) + user + chr(0) + password)}")
        return self.command("AUTH LOGIN") and self.command(base64_of(user), "AUTH") and self.command(base64_of(password), "AUTH")

    def data(self, octets):
        if self.command("DATA"):
            ended = octets if octets.endswith(b"\r\n") else octets + b"\r\n"
            self.say(re.sub(rb"(?m)^\.", b"..", ended) + b".\r\n")
            self.reply(".")

    def chunks(self, octets, size=65536):
        pieces = [octets[at:at + size] for at in range(0, len(octets), size)]
        for number, piece in enumerate(pieces, 1):
            last = number == len(pieces)
            self.say(f"BDAT {len(piece)}{' LAST' if last else ''}\r\n".encode() + piece)
            if not self.reply("." if last else "BDAT"):
                return


def send(target, sender, recipients, octets, user=None, password=None, mechanism="PLAIN", mail_options=(), rcpt_options=(), chunked=False, **connection):
    """One message; stops at the first refusal that leaves nobody to send to, and tells all that was said. `connection`: see Client."""
    try:
        client = Client(target, **connection)
    except ssl.SSLError as problem:
        return Outcome([("TLS", 0, str(problem))])
    with client:
        try:
            converse(client, sender, recipients, octets, user, password, mechanism, mail_options, rcpt_options, chunked)
        except EOFError:
            pass
        except (ssl.SSLError, ConnectionError) as problem:
            client.replies.append(("TLS", 0, str(problem)))
        return Outcome(client.replies, client.version)


def converse(client, sender, recipients, octets, user, password, mechanism, mail_options, rcpt_options, chunked):
    if not client.reply("connect") or not client.hello():
        return
    if client.tls and not client.version and not client.start_tls():
        return
    if user and not client.log_in(user, password, mechanism):
        return
    if not client.command(" ".join([f"MAIL FROM:<{sender}>", *mail_options])):
        return
    if not any([client.command(" ".join([f"RCPT TO:<{recipient}>", *rcpt_options])) for recipient in recipients]):
        return
    if chunked:
        client.chunks(octets)
    else:
        client.data(octets)
    end = list(client.replies)
    client.command("QUIT")
    client.replies = end
