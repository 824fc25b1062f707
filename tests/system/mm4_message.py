"""MM4 messages as a relay reads them: the header by a table, the MIME body by hand, and what a strict reader has to say against them.

`read(octets)` understands what relays are known to write and gives a Message, or raises Mm4Error with the response status that the sender deserves.
`Message.problems(expected)` holds it against the letter of the specification and against a Dialect (mm4_builder.py): an empty list is what a relay
of ours has to earn. Source: 3GPP TS 23.140 §8.4.
"""
import base64
import binascii
import dataclasses
import email.message
import quopri
import re

import mm4_values as values

PREFIX = "X-Mms-"
CORRUPT, UNSUPPORTED = "Error-message-format-corrupt", "Error-unsupported-message"


class Mm4Error(ValueError):
    def __init__(self, status, why):
        super().__init__(f"{status}: {why}")
        self.status = status


@dataclasses.dataclass(frozen=True)
class Field:
    name: str
    read: object
    rel6: bool = False
    repeats: bool = False
    aliases: tuple = ()   # what some relays call it


VERSION = Field("X-Mms-3GPP-MMS-Version", values.version)
TYPE = Field("X-Mms-Message-Type", values.one_of(values.TYPES))
TRANSACTION = Field("X-Mms-Transaction-ID", values.identifier)
MESSAGE_ID = Field("X-Mms-Message-ID", values.identifier)
FROM = Field("From", values.address, aliases=("X-Mms-Sender-Address",))
TO = Field("To", values.address_list, aliases=("X-Mms-To",))
CC = Field("Cc", values.address_list)
DATE = Field("Date", values.mail_date)
ACK = Field("X-Mms-Ack-Request", values.yes_no)
SENDER = Field("Sender", values.mailbox)
STATUS_TEXT = Field("X-Mms-Status-Text", values.free_text)
APPLICATION = (Field("X-Mms-Applic-ID", values.opaque, rel6=True), Field("X-Mms-Reply-Applic-ID", values.opaque, rel6=True),
               Field("X-Mms-Aux-Applic-Info", values.opaque, rel6=True))
HEAD = (VERSION, TYPE, TRANSACTION, MESSAGE_ID)

FORWARD = (*HEAD, FROM, TO, CC, DATE, SENDER, ACK, *APPLICATION,
           Field("X-Mms-Message-Class", values.opaque),
           Field("X-Mms-Expiry", values.expiry),
           Field("X-Mms-Delivery-Report", values.yes_no),
           Field("X-Mms-Originator-R/S-Delivery-Report", values.yes_no, rel6=True),
           Field("X-Mms-Priority", values.one_of(values.PRIORITIES)),
           Field("X-Mms-Sender-Visibility", values.one_of(("Hide", "Show"))),
           Field("X-Mms-Read-Reply", values.yes_no),
           Field("Subject", values.free_text),
           Field("X-Mms-Forward-Counter", values.counter),
           Field("X-Mms-Previously-sent-by", values.previously_by, repeats=True),
           Field("X-Mms-Previously-sent-date-and-time", values.previously_date, repeats=True),
           Field("X-Mms-Content-Class", values.one_of(values.CONTENT_CLASSES), rel6=True),
           Field("X-Mms-Drm-Content", values.yes_no, rel6=True),
           Field("X-Mms-Adaptation-Allowed", values.yes_no, rel6=True),
           Field("X-Mms-Originator-System", values.mailbox))
RESPONSE = (*HEAD, DATE, SENDER, TO, FROM, STATUS_TEXT,
            Field("X-Mms-Request-Status-Code", values.request_status),
            Field("X-Mms-Request-Recipients", values.address_list))
REPORT = (*HEAD, FROM, TO, DATE, SENDER, ACK, STATUS_TEXT, *APPLICATION)
DELIVERY = (*REPORT,
            Field("X-Mms-Forward-To-Originator-UA", values.yes_no, rel6=True),
            Field("X-Mms-MM-Status-Code", values.mm_status, aliases=("X-Mms-Status",)),
            Field("X-Mms-MM-Status-Extension", values.one_of(values.EXTENSIONS), rel6=True))
READ_REPLY = (*REPORT, Field("X-Mms-Read-Status", values.read_status, aliases=("X-Mms-MM-Read-Status",)))

# type: (fields, what a reader cannot do without, what a writer owes beside that)
TABLE = {
    "MM4_forward.REQ": (FORWARD, ("X-Mms-3GPP-MMS-Version", "X-Mms-Transaction-ID", "X-Mms-Message-ID", "From", "To", "Date"),
                        ("Sender", "Content-Type")),
    "MM4_forward.RES": (RESPONSE, ("X-Mms-3GPP-MMS-Version", "X-Mms-Transaction-ID", "X-Mms-Request-Status-Code"),
                        ("X-Mms-Message-ID", "Sender", "To", "Date")),
    "MM4_delivery_report.REQ": (DELIVERY, ("X-Mms-Transaction-ID", "X-Mms-Message-ID", "From", "To", "Date", "X-Mms-MM-Status-Code"),
                                ("X-Mms-3GPP-MMS-Version", "Sender")),
    "MM4_delivery_report.RES": (RESPONSE, ("X-Mms-Transaction-ID", "X-Mms-Request-Status-Code"),
                                ("X-Mms-3GPP-MMS-Version", "X-Mms-Message-ID", "Sender", "To", "Date")),
    "MM4_read_reply_report.REQ": (READ_REPLY, ("X-Mms-3GPP-MMS-Version", "X-Mms-Transaction-ID", "X-Mms-Message-ID", "From", "To", "Date",
                                               "X-Mms-Read-Status"), ("Sender",)),
    "MM4_read_reply_report.RES": (RESPONSE, ("X-Mms-Transaction-ID", "X-Mms-Request-Status-Code"),
                                  ("X-Mms-3GPP-MMS-Version", "X-Mms-Message-ID", "Sender", "To", "Date")),
}


# --------------------------------------------------------------------------------------------------------------------------------- header

def split(octets):
    """([(name, unfolded value)], body)"""
    head, blank, body = octets.partition(b"\r\n\r\n")
    if not blank and not octets.endswith(b"\r\n"):
        raise Mm4Error(CORRUPT, "the header has no end")
    fields = []
    for line in head.split(b"\r\n"):
        if re.search(rb"[\r\n\0]", line):
            raise Mm4Error(CORRUPT, "a bare CR, LF or NUL in the header")
        text = line.decode("utf-8", "replace")
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] = (fields[-1][0], fields[-1][1] + text)
            continue
        name, colon, value = text.partition(":")
        if not colon or not re.fullmatch(r"[!-9;-~]+", name):
            raise Mm4Error(CORRUPT, f"no field: {text[:60]!r}")
        fields.append((name, value))
    return [(name, value.strip()) for name, value in fields], body


@dataclasses.dataclass
class Part:
    type: str
    data: bytes                                         # transfer encoding undone
    parameters: dict = dataclasses.field(default_factory=dict)
    headers: dict = dataclasses.field(default_factory=dict)   # lower case: value

    def text(self):
        return self.data.decode(self.parameters.get("charset", "utf-8"))


def content_type(value):
    """(media type, {parameter: value}) with RFC 2231 undone."""
    message = email.message.Message()
    message["Content-Type"] = value
    parameters = {}
    for name, text in message.get_params(failobj=[], unquote=True)[1:]:
        parameters[name.lower()] = text if isinstance(text, str) else text[2] if text[0] is None else text[2].encode("latin-1").decode(text[0])
    return message.get_content_type(), parameters


def transfer_decoded(encoding, octets):
    encoding = encoding.lower()
    if encoding in ("", "7bit", "8bit", "binary"):
        return octets
    if encoding == "quoted-printable":
        return quopri.decodestring(octets)
    if encoding == "base64":
        try:
            return base64.b64decode(re.sub(rb"\s", b"", octets), validate=True)
        except binascii.Error:
            raise Mm4Error(CORRUPT, "broken base64") from None
    raise Mm4Error(CORRUPT, f"unknown transfer encoding {encoding!r}")


def body_parts(headers, body, depth=0):
    """The leaves of a MIME entity, in order."""
    media, parameters = content_type(headers.get("content-type", "text/plain"))
    if not media.startswith("multipart/"):
        data = transfer_decoded(headers.get("content-transfer-encoding", ""), body)
        return [Part(media, data, parameters, headers)]
    boundary = parameters.get("boundary", "")
    if depth > 4 or not 1 <= len(boundary) <= 70:
        raise Mm4Error(CORRUPT, "multipart without boundary, or nested too deep")
    pieces = re.split(rb"\r\n--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?:\r\n|$)", b"\r\n" + body)
    parts, ended = [], False
    for mark, piece in zip(pieces[1::2], pieces[2::2]):
        if mark:
            ended = True
            break
        if piece.startswith(b"\r\n"):   # a part without a header
            fields, content = [], piece[2:]
        else:
            fields, content = split(piece)
        parts += body_parts({name.lower(): value for name, value in fields}, content, depth + 1)
    if not ended:
        raise Mm4Error(CORRUPT, "multipart without end")
    return parts


# -------------------------------------------------------------------------------------------------------------------------------- message

@dataclasses.dataclass
class Message:
    type: str
    octets: bytes
    fields: list                                             # [(name as written, value)], in order
    values: dict                                             # name as in the table: value, or a list of them
    unknown: list                                            # X-Mms- fields that no table has
    doubts: list                                             # what was read though it should not have been written
    body: bytes = b""
    parts: list = dataclasses.field(default_factory=list)

    def __getitem__(self, name):
        return self.values[name]

    def get(self, name, otherwise=None):
        return self.values.get(name, otherwise)

    def raw(self, name):
        """The value as written, None where there is none."""
        return next((value for written, value in self.fields if written.lower() == name.lower()), None)

    def count(self, name):
        return sum(written.lower() == name.lower() for written, _ in self.fields)

    @property
    def transaction_id(self):
        return self.values["X-Mms-Transaction-ID"]

    @property
    def message_id(self):
        return self.values["X-Mms-Message-ID"]

    @property
    def status(self):
        for name in ("X-Mms-Request-Status-Code", "X-Mms-MM-Status-Code", "X-Mms-Read-Status"):
            if name in self.values:
                return self.values[name]
        return None

    @property
    def ack(self):
        return self.get("X-Mms-Ack-Request", False)

    @property
    def answer_to(self):
        """Where a response goes: of requests X-Mms-Originator-System, else Sender."""
        return self.get("X-Mms-Originator-System") or self.get("Sender")

    @property
    def root(self):
        """The presentation: what `start` names, with or without angle brackets; else the first SMIL part, else the first part."""
        start = content_type(self.raw("Content-Type") or "")[1].get("start", "").strip("<>")
        named = [part for part in self.parts if start and part.headers.get("content-id", "").strip("<>") == start]
        return (named or [part for part in self.parts if part.type == "application/smil"] or self.parts or [None])[0]

    def part(self, media_type):
        found = [part for part in self.parts if part.type == media_type]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} parts of type {media_type} among {[part.type for part in self.parts]}")
        return found[0]

    def problems(self, expected=None):
        return check(self, expected)


def read(octets):
    fields, body = split(octets)
    first = {}
    for name, value in fields:
        first.setdefault(name.lower(), value)
    if "x-mms-message-type" not in first:
        raise Mm4Error(CORRUPT, "no X-Mms-Message-Type: this is mail")
    try:
        kind = TYPE.read(first["x-mms-message-type"])
    except ValueError as problem:
        raise Mm4Error(UNSUPPORTED, str(problem)) from None
    table, mandatory, _ = TABLE[kind]
    found, doubts = {}, []
    for field in table:
        names = [name.lower() for name in (field.name, *field.aliases)]
        present = [value for name in names for written, value in fields if written.lower() == name]
        if not present:
            continue
        if len(present) > 1 and not field.repeats:
            doubts.append(f"{field.name} {len(present)} times: the first counts")
            present = present[:1]
        try:
            read_values = [field.read(value) for value in present]
            found[field.name] = read_values if field.repeats else read_values[0]
        except ValueError as problem:
            if field.name in mandatory:
                raise Mm4Error(CORRUPT, f"{field.name}: {problem}") from None
            doubts.append(f"{field.name}: {problem}")
    for name in mandatory:
        if name not in found:
            if name == "X-Mms-Message-ID" and "message-id" in first:
                found[name] = values.identifier(first["message-id"])
                doubts.append("no X-Mms-Message-ID: Message-ID counts")
                continue
            raise Mm4Error(CORRUPT, f"{name} is missing")
    if "X-Mms-3GPP-MMS-Version" in found and not 4 <= found["X-Mms-3GPP-MMS-Version"][0] <= 6:
        doubts.append("a version that nobody here knows")
    known = {name.lower() for field in table for name in (field.name, *field.aliases)}
    unknown = [(name, value) for name, value in fields if name.lower().startswith(PREFIX.lower()) and name.lower() not in known]
    message = Message(kind, octets, fields, found, unknown, doubts, body)
    if kind == "MM4_forward.REQ":
        if "content-type" not in first:
            raise Mm4Error(CORRUPT, "Content-Type is missing")
        message.parts = body_parts(first, body)
    return message


# ----------------------------------------------------------------------------------------------------------------------------- strict check

def check(message, expected=None):
    """Everything against the letter. `expected` is the Dialect in which the writer was told to speak (mm4_builder.py)."""
    problems = list(message.doubts)
    table, mandatory, owed = TABLE[message.type]
    spelled = {field.name.lower(): field for field in table}
    for name, value in message.fields:
        field = spelled.get(name.lower())
        if field is None:
            continue
        if name != field.name:
            problems.append(f"{name} is spelled {field.name}")
        if field.rel6 and expected and not expected.rel6:
            problems.append(f"{name} is of Rel-6")
        if field is TRANSACTION and message.type.endswith(".RES") or field is MESSAGE_ID and message.type != "MM4_forward.REQ":
            continue   # repeated as it came
        if field is CC or field is TO or field is FROM:
            check_addresses(problems, name, value, expected)
            continue
        try:
            field.read(value, strict=True)
        except ValueError as problem:
            problems.append(f"{name}: {problem}")
    for name in (*mandatory, *owed, "Message-ID", "MIME-Version"):
        if message.count(name) != 1:
            problems.append(f"{name} stands there {message.count(name)} times")
    problems += [f"{name} is no field of {message.type}" for name, _ in message.unknown]
    if message.raw("MIME-Version") not in (None, "1.0"):
        problems.append("MIME-Version is 1.0")
    if not re.fullmatch(r"<[^\s<>@]+@[^\s<>@]+>", message.raw("Message-ID") or ""):
        problems.append(f"Message-ID {message.raw('Message-ID')!r} is no msg-id")
    if message.count("Bcc"):
        problems.append("Bcc is never written")
    if message.ack and message.type == "MM4_forward.REQ" and not message.count("X-Mms-Originator-System"):
        problems.append("a response is asked for and X-Mms-Originator-System is missing")
    if (message.type == "MM4_delivery_report.REQ" and (expected is None or expected.rel6) and not message.count("X-Mms-Forward-To-Originator-UA")):
        problems.append("X-Mms-Forward-To-Originator-UA is missing")
    if message.count("X-Mms-MM-Status-Extension") and message.status != "Rejected":
        problems.append("X-Mms-MM-Status-Extension belongs to Rejected")
    counter = message.get("X-Mms-Forward-Counter")
    numbers = [number for number, _ in message.get("X-Mms-Previously-sent-by", ())]
    if numbers and (sorted(numbers) != list(range(len(numbers))) or counter is not None and counter != len(numbers)):
        problems.append(f"previously sent by {numbers} does not fit counter {counter}")
    check_dialect(problems, message, expected)
    check_octets(problems, message)
    return problems


def check_addresses(problems, name, value, expected):
    bare = expected is not None and expected.addresses == "bare" and name.lower() != "from"   # which says where an answer goes
    try:
        for found in values.addresses(value):
            if bare and found.kind == "PLMN":
                if found.domain or found.addr_spec not in value:
                    problems.append(f"{name}: {value!r} is no number without domain")
            elif found.domain == "":
                problems.append(f"{name}: {value!r} has no domain")
            elif found.kind == "PLMN" and found.addr_spec not in value:
                problems.append(f"{name}: {value!r} is not written as number, /TYPE=PLMN and domain")
    except ValueError as problem:
        problems.append(f"{name}: {problem}")


def check_dialect(problems, message, expected):
    if expected is None:
        return
    if message.raw("X-Mms-3GPP-MMS-Version") not in (None, expected.version):
        problems.append(f"version {message.raw('X-Mms-3GPP-MMS-Version')} instead of {expected.version}")
    if not message.type.endswith(".RES"):   # a response repeats the ids as they came
        for name in ("X-Mms-Transaction-ID", "X-Mms-Message-ID"):
            theirs = name == "X-Mms-Message-ID" and message.type != "MM4_forward.REQ"
            if not theirs and message.raw(name) and values.is_quoted(message.raw(name)) != (expected.ids == "quoted"):
                problems.append(f"{name}: {message.raw(name)} is not {expected.ids}")
    if expiry := message.get("X-Mms-Expiry"):
        if (expiry[0] == "abs") != (expected.expiry == "date"):
            problems.append(f"X-Mms-Expiry is not written as {expected.expiry}")


def check_octets(problems, message):
    if b"\n" in message.octets.replace(b"\r\n", b"") or b"\r" in message.octets.replace(b"\r\n", b""):
        if not any("binary" in part.headers.get("content-transfer-encoding", "").lower() for part in message.parts):
            problems.append("bare CR or LF outside of a binary part")
    head = message.octets.partition(b"\r\n\r\n")[0]
    if not head.isascii():
        problems.append("octets beyond ASCII in the header")
    if any(len(line) > 998 for line in head.split(b"\r\n")):
        problems.append("a header line of more than 998 octets")
    for part in message.parts:
        encoding = part.headers.get("content-transfer-encoding", "7bit").lower()
        if encoding == "7bit" and (not part.data.isascii() or b"\0" in part.data or any(len(line) > 998 for line in part.data.split(b"\r\n"))):
            problems.append(f"a part of type {part.type} is not 7bit")
    media, parameters = content_type(message.raw("Content-Type") or "text/plain")
    if media == "multipart/related":
        identities = [part.headers.get("content-id", "") for part in message.parts]
        if parameters.get("start") not in identities or not parameters.get("type"):
            problems.append(f"multipart/related whose start {parameters.get('start')!r} is not among {identities}, or without type")
