"""A relay on the other side of MM4, independent of the gateway: it takes, checks and answers requests, and sends messages of every kind and dialect.

Both roles in one: `Mm4Peer.server` takes, `Mm4Peer.send` and its kin send from the peer's own loopback address. Every message that comes in is read
and held against the letter of the specification; what is wrong with it stands in `problems`, with which a test ends.
Source: 3GPP TS 23.140 §8.4; mm4_message.py reads, mm4_builder.py writes, smtp_end.py carries.
"""
import dataclasses
import threading

import mm4_values as values
import smtp_end
from mm4_builder import STANDARD, Writer
from mm4_message import Message, Mm4Error, read
from peers import PATIENCE_S, Waiter


@dataclasses.dataclass
class Received:
    envelope: smtp_end.Envelope
    message: Message

    @property
    def type(self):
        return self.message.type

    @property
    def recipients(self):
        """The numbers (or mailboxes) of the envelope."""
        return [number_of(address) for address in self.envelope.recipients]


def number_of(text):
    """A number out of an address of a phone; a mailbox stays one."""
    found = values.address(text)
    return found.user if found.kind in ("PLMN", "short") else found.addr_spec


@dataclasses.dataclass
class Answer:
    """How a request is answered. What is None is as it should be."""
    status: str = "Ok"
    after: threading.Event = None     # not before the test says so
    times: int = 1
    transaction_id: str = None        # another one
    message_id: str = None            # another one
    to: str = None                    # another system address
    text: str = None
    recipients: str = None            # X-Mms-Request-Recipients
    source: str = None                # from another address


class Mm4Peer(Waiter):
    """`address` is the loopback address that it listens and sends from; `gateway` is set to (host, port) once that is known.

    `answer(received)` gives the Answer to a request that asks for a response, a list of them, or None for none at all. `dialect` is how the peer writes,
    `expected` how it wants to be written to. `accepts(number)` says which recipients are its own.
    """

    def __init__(self, domain, address="127.0.0.1", gateway=None, dialect=STANDARD, expected=STANDARD, answer=lambda received: Answer(), accepts=None,
                 client_tls=None, client_options=None, **server):
        super().__init__()
        self.domain, self.address, self.gateway, self.dialect, self.expected = domain, address, gateway, dialect, expected
        self.answer, self.accepts, self.client_tls, self.client_options = answer, accepts or (lambda number: True), client_tls, dict(client_options or {})
        self.received, self.foreign, self.problems, self.answered = [], [], [], []
        self.server_options = dict(server, host=address, name=domain)
        self.server = self.open(0)
        self.port = self.server.port

    def open(self, port):
        return smtp_end.SmtpServer(port=port, take=self.take, **self.server_options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()

    def down(self):
        """Nobody listens any more."""
        self.server.close()

    def up(self):
        """Listens again, where it did."""
        self.server = self.open(self.port)

    @property
    def next_hop(self):
        return f"{self.address}:{self.port}"

    def keys(self, name, **more):
        """The keys of [[peer]] for a gateway that speaks with this one."""
        return {"name": name, "domain": self.domain, "next_hop": self.next_hop, "networks": [f"{self.address}/32"], "tls": "none", **more}

    # ------------------------------------------------------------------------------------------------------------------------------ incoming

    def take(self, envelope):
        try:
            message = read(envelope.data)
        except Mm4Error as problem:
            with self.changed:
                self.foreign.append((envelope, problem))
                self.changed.notify_all()
            return None
        received = Received(envelope, message)
        problems = message.problems(self.expected) + self.envelope_problems(received)
        with self.changed:
            self.received.append(received)
            self.problems += [f"{message.type}: {problem}" for problem in problems]
            self.changed.notify_all()
        if message.type.endswith(".REQ") and message.ack and self.gateway:
            answers = self.answer(received)
            for answer in answers if isinstance(answers, list) else [answers]:
                if answer is not None:
                    threading.Thread(target=self.respond, args=(received, answer), daemon=True).start()
        return None

    def envelope_problems(self, received):
        """What the envelope must be like: recipients that are ours, written in full; the sender as agreed."""
        envelope, message, problems = received.envelope, received.message, []
        for text in envelope.recipients:
            try:
                address = values.address(text, strict=True)
            except ValueError as problem:
                problems.append(f"RCPT TO: {problem}")
                continue
            if address.domain.lower() != self.domain.lower():
                problems.append(f"RCPT TO:<{text}> is not at {self.domain}")
            elif message.type == "MM4_forward.REQ" and not self.accepts(number_of(text)):
                problems.append(f"RCPT TO:<{text}> is not served here")
        system = message.answer_to
        wanted = {"user": values.address(message.raw("From")).user if message.raw("From") else None, "system": system, "null": ""}
        response = message.type != "MM4_forward.REQ"
        if self.expected.mail_from == "null" and response and envelope.sender:
            problems.append(f"MAIL FROM:<{envelope.sender}> is not the null sender")
        if self.expected.mail_from == "system" and envelope.sender != system:
            problems.append(f"MAIL FROM:<{envelope.sender}> is not {system}")
        # Who has no address with the relay, because the MM began as mail or passes through, has none in the envelope either.
        passing = message.get("From") and message["From"].domain and system and message["From"].domain.lower() != system.rpartition("@")[2].lower()
        if passing:
            wanted["user"] = number_of(system)
        if self.expected.mail_from == "user" and not response and number_of(envelope.sender or "nobody@x") != wanted["user"]:
            problems.append(f"MAIL FROM:<{envelope.sender}> is not {wanted['user']}")
        return problems

    def respond(self, received, answer):
        if answer.after is not None and not answer.after.wait(PATIENCE_S * 4):
            return
        message = received.message
        transaction_id = answer.transaction_id or message.raw("X-Mms-Transaction-ID")
        message_id = answer.message_id or message.raw("X-Mms-Message-ID")
        for _ in range(answer.times):
            draft = self.writer().response(message.type.replace(".REQ", ".RES"), transaction_id, message_id, answer.status, answer.to or message.answer_to,
                                           answer.text, answer.recipients)
            try:
                outcome = self.send(draft, source=answer.source)
            except OSError as problem:   # nobody listens there
                outcome = smtp_end.Outcome([("connect", 0, str(problem))])
            with self.changed:
                self.answered.append((received, answer, outcome))
                self.changed.notify_all()

    def of(self, kind):
        return [received for received in list(self.received) if received.type == kind]

    def wait_for(self, kind, count=1, timeout=PATIENCE_S):
        """The first `count` messages of a type."""
        try:
            return self.wait(lambda: len(found := self.of(kind)) >= count and found, "messages", timeout)[:count]
        except AssertionError:
            there = [received.type for received in self.received[-4:]] + [str(problem) for _, problem in self.foreign[-4:]]
            raise AssertionError(f"waited {timeout} s in vain for {count} {kind} at {self.domain}, which has {there}") from None

    def forwards(self, count=1, timeout=PATIENCE_S):
        return self.wait_for("MM4_forward.REQ", count, timeout)

    def wait_answered(self, count=1, timeout=PATIENCE_S):
        """The outcomes of `count` answers that were sent."""
        self.wait(lambda: len(self.answered) >= count, f"{count} answers of {self.domain}", timeout)
        return [outcome for _, _, outcome in self.answered]

    # ------------------------------------------------------------------------------------------------------------------------------ outgoing

    def writer(self, dialect=None):
        return Writer(self.domain, dialect or self.dialect)

    @property
    def system(self):
        return self.writer().system

    def send(self, draft, **options):
        """Sends a Draft as its envelope says; gives the Outcome. Options as of smtp_end.send go before those of the peer."""
        binary = draft.dialect.encoding == "binary" and bool(draft.parts)
        body = "BINARYMIME" if binary else "8BITMIME" if draft.dialect.text_encoding == "8bit" and draft.parts else None
        options = {"source": self.address, "name": self.domain, "tls": self.client_tls, "chunked": binary, "mail_options": [f"BODY={body}"] if body else [],
                   **self.client_options, **{name: value for name, value in options.items() if value is not None}}
        sender, recipients = options.pop("sender", draft.mail_from), options.pop("recipients", draft.recipients)
        return smtp_end.send(self.gateway, sender, recipients, draft.octets(), **options)

    def report_on(self, received, recipient, status="Retrieved", kind="MM4_delivery_report.REQ", **more):
        """A report about one recipient of an MM that was received, as a Draft."""
        originator = values.address(received.message.raw("From"))
        who = originator.user if originator.kind == "PLMN" else originator.addr_spec
        return self.writer().report(kind, received.message.raw("X-Mms-Message-ID"), recipient, who,
                                    originator.domain or values.address(received.message.answer_to).domain, status, **more)

    def read_report_on(self, received, recipient, status="Read", **more):
        return self.report_on(received, recipient, status, "MM4_read_reply_report.REQ", **more)
