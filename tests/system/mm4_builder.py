"""MM4 messages as relays write them, in every dialect that is seen: a Draft is a list of fields that a test may change before it is rendered."""
import base64
import dataclasses
import email.utils
import itertools
import os
import quopri
import re
import time

from mm4_message import Part
from mm4_values import encoded_word

REL6_ONLY = ("X-Mms-Originator-R/S-Delivery-Report", "X-Mms-Content-Class", "X-Mms-Drm-Content", "X-Mms-Adaptation-Allowed", "X-Mms-Applic-ID",
             "X-Mms-Reply-Applic-ID", "X-Mms-Aux-Applic-Info", "X-Mms-Forward-To-Originator-UA", "X-Mms-MM-Status-Extension")
IDENTIFIERS = ("X-Mms-Transaction-ID", "X-Mms-Message-ID")
ALIASES = {"From": "X-Mms-Sender-Address", "To": "X-Mms-To", "X-Mms-MM-Status-Code": "X-Mms-Status", "X-Mms-Read-Status": "X-Mms-MM-Read-Status"}


@dataclasses.dataclass(frozen=True)
class Dialect:
    version: str = "6.16.0"
    rel6: bool = True                  # fields of Rel-6 are written
    ids: str = "quoted"                # quoted, bare, angle
    addresses: str = "domain"          # domain, bare (without), untyped (without /TYPE), number (neither), quoted (local part), named (display name), lower
    expiry: str = "date"               # date, seconds, rfc3339
    names: str = "usual"               # usual, upper, lower
    types: str = "usual"               # usual, capital (MM4_Delivery_report.REQ), lower
    words: str = "yes"                 # yes, YES, digits, true
    folding: bool = False              # each value begins on a line of its own
    charset: str = "utf-8"             # of Subject and texts
    encoding: str = "base64"           # of media: base64, binary, quoted-printable
    text_encoding: str = "quoted-printable"   # of texts: quoted-printable, base64, 8bit
    structure: str = "related"         # related, related-unbracketed, mixed, single
    sender: str = "system"             # system, user, missing, angle, named
    originator_system: str = "system"  # system, missing, party (system=host;party=addr), angle
    mail_from: str = "user"            # user, system, null (of responses and reports)
    aliases: bool = False              # fields under the names of one relay: X-Mms-Sender-Address ...
    system: str = "system-user"        # local part of the system address


STANDARD = Dialect()
DIALECTS = {
    "rel-4": Dialect(version="4.11.0", rel6=False),
    "rel-5": Dialect(version="5.5.0", rel6=False, expiry="seconds"),
    "rel-6": Dialect(version="6.3.0"),
    "long minor version": Dialect(version="6.10.0"),
    "unquoted ids": Dialect(ids="bare"),
    "ids in angle brackets": Dialect(ids="angle"),
    "addresses without domain": Dialect(addresses="bare"),
    "addresses without type": Dialect(addresses="untyped"),
    "bare numbers": Dialect(addresses="number"),
    "quoted local parts": Dialect(addresses="quoted"),
    "display names": Dialect(addresses="named", sender="named"),
    "type in lower case": Dialect(addresses="lower"),
    "expiry in seconds": Dialect(expiry="seconds"),
    "expiry as in RFC 3339": Dialect(expiry="rfc3339"),
    "capitals": Dialect(names="upper", types="capital", words="YES"),
    "lower case": Dialect(names="lower", types="lower"),
    "yes and no as digits": Dialect(words="digits"),
    "yes and no as truth": Dialect(words="true"),
    "folded": Dialect(folding=True),
    "latin-1": Dialect(charset="iso-8859-1"),
    "utf-16": Dialect(charset="utf-16", text_encoding="base64"),
    "8bit text": Dialect(text_encoding="8bit"),
    "base64 text": Dialect(text_encoding="base64"),
    "quoted-printable media": Dialect(encoding="quoted-printable"),
    "binary media": Dialect(encoding="binary"),
    "mixed": Dialect(structure="mixed"),
    "related without brackets": Dialect(structure="related-unbracketed"),
    "no Sender": Dialect(sender="missing"),
    "the user as Sender": Dialect(sender="user"),
    "Sender in angle brackets": Dialect(sender="angle", originator_system="angle"),
    "no originator system": Dialect(originator_system="missing"),
    "aliases": Dialect(aliases=True, originator_system="party", rel6=False, version="5.3.0"),
    "system address as envelope sender": Dialect(mail_from="system"),
    "null sender": Dialect(mail_from="null"),
    "PostMaster": Dialect(system="PostMaster"),
}

serial = itertools.count(1)
mark = base64.b32encode(os.urandom(5)).decode().lower()


def fresh(kind, domain):
    """An identifier that nobody has used: "t-4-k3jd@mms.b.example"."""
    return f"{kind}-{next(serial)}-{mark}@{domain}"


@dataclasses.dataclass
class Draft:
    """A message before it is written. `recipients` and `mail_from` are its envelope."""
    dialect: Dialect
    fields: list
    parts: list
    mail_from: str
    recipients: list

    def get(self, name):
        return next((value for written, value in self.fields if written.lower() == name.lower()), None)

    def set(self, name, value):
        """Puts one value in the place of the first field of a name, or at the end."""
        at = next((index for index, (written, _) in enumerate(self.fields) if written.lower() == name.lower()), len(self.fields))
        self.fields[at:at + 1] = [(name, value)]
        return self

    def add(self, name, value):
        self.fields.append((name, value))
        return self

    def first(self, name, value):
        self.fields.insert(0, (name, value))
        return self

    def drop(self, name):
        self.fields = [(written, value) for written, value in self.fields if written.lower() != name.lower()]
        return self

    def octets(self):
        head = b"".join(self.line(name, value) for name, value in self.fields)
        entity, body = self.entity()
        return head + entity + b"\r\n" + body

    def line(self, name, value):
        if isinstance(value, bytes):   # as it is
            return name.encode() + b": " + value + b"\r\n"
        names = {"upper": str.upper, "lower": str.lower}
        written = names[self.dialect.names](name) if self.dialect.names in names and name.startswith("X-") else name
        if not value.isascii():
            value = encoded_word(value, self.dialect.charset)
        return f"{written}:{chr(13) + chr(10) if self.dialect.folding and name.startswith('X-') else ''} {value}\r\n".encode()

    # ------------------------------------------------------------------------------------------------------------------------------ body

    def entity(self):
        """(MIME fields, body)"""
        if not self.parts:
            return b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n", b""
        version = b"" if self.get("MIME-Version") else b"MIME-Version: 1.0\r\n"
        if self.dialect.structure == "single":
            head, body = self.part(self.parts[0])
            return version + head, body
        pieces = [self.part(part) for part in self.parts]
        boundary = "b" + base64.b32encode(os.urandom(10)).decode().lower()
        media = "multipart/mixed"
        if self.dialect.structure.startswith("related"):
            root = next((part for part in self.parts if part.type == "application/smil"), self.parts[0])
            start = root.headers.get("content-id", "<root>")
            start = start.strip("<>") if self.dialect.structure == "related-unbracketed" else start
            media = f'multipart/related; type="{root.type}"; start="{start}"'
        body = b"".join(b"--" + boundary.encode() + b"\r\n" + head + b"\r\n" + data + b"\r\n" for head, data in pieces)
        return version + f'Content-Type: {media}; boundary="{boundary}"\r\n'.encode(), body + b"--" + boundary.encode() + b"--\r\n"

    def part(self, part):
        text = part.type.startswith("text/") or part.type == "application/smil"
        data = part.data.decode().encode(self.dialect.charset) if part.type.startswith("text/") else part.data
        encoding = self.dialect.text_encoding if text else self.dialect.encoding
        if encoding == "base64":
            data = base64.encodebytes(data).replace(b"\n", b"\r\n")
        elif encoding == "quoted-printable":
            data = re.sub(rb"\r?\n", b"\r\n", quopri.encodestring(data)) if text else every_octet_quoted(data)
        parameters = dict(part.parameters, **({"charset": self.dialect.charset} if part.type.startswith("text/") else {}))
        head = f"Content-Type: {part.type}" + "".join(f'; {name}="{value}"' for name, value in parameters.items()) + "\r\n"
        head += f"Content-Transfer-Encoding: {encoding}\r\n"
        for name in ("Content-ID", "Content-Location", "Content-Disposition"):
            if name.lower() in part.headers:
                head += f"{name}: {part.headers[name.lower()]}\r\n"
        return head.encode(), data


def every_octet_quoted(data):
    """Quoted-printable of octets that are no text: line ends are quoted too."""
    tokens = [chr(octet) if 33 <= octet <= 126 and octet != 61 else f"={octet:02X}" for octet in data]
    return "=\r\n".join("".join(tokens[at:at + 24]) for at in range(0, len(tokens), 24)).encode()


# -------------------------------------------------------------------------------------------------------------------------------- messages

class Writer:
    """Writes for one relay, whose domain is `domain`."""

    def __init__(self, domain, dialect=STANDARD):
        self.domain, self.dialect = domain, dialect

    @property
    def system(self):
        return f"{self.dialect.system}@{self.domain}"

    def phone(self, number, domain=None):
        """A number in the envelope; a mailbox stays one."""
        return number if "@" in number else f"{number}/TYPE=PLMN@{domain or self.domain}"

    def shown(self, number, domain=None):
        """A number in From, To or Cc."""
        if "@" in number:
            return number
        domain = domain or self.domain
        return {"domain": f"{number}/TYPE=PLMN@{domain}", "bare": f"{number}/TYPE=PLMN", "untyped": f"{number}@{domain}", "number": number,
                "quoted": f'"{number}/TYPE=PLMN"@{domain}', "named": f'"A, B" <{number}/TYPE=PLMN@{domain}>',
                "lower": f"{number}/type=plmn@{domain}"}[self.dialect.addresses]

    def id(self, text):
        return {"quoted": f'"{text}"', "bare": text, "angle": f"<{text}>"}[self.dialect.ids]

    def yes(self, truth):
        return {"yes": ("No", "Yes"), "YES": ("NO", "YES"), "digits": ("0", "1"), "true": ("false", "true")}[self.dialect.words][truth]

    def type(self, name):
        return {"usual": name, "lower": name.lower(), "capital": re.sub(r"_([a-z])", lambda found: "_" + found[1].upper(), name,
                                                                        count=1)}[self.dialect.types]

    def expiry(self, seconds):
        at = time.time() + seconds
        return {"date": email.utils.formatdate(at, usegmt=True), "seconds": str(seconds),
                "rfc3339": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))}[self.dialect.expiry]

    def sender(self, user):
        """The Sender field; None for none."""
        return {"system": self.system, "user": user, "missing": None, "angle": f"<{self.system}>",
                "named": f'"MMS Center" <{self.system}>'}[self.dialect.sender]

    def mail_from(self, user, report=False):
        return {"user": user, "system": self.system, "null": "" if report else user}[self.dialect.mail_from]

    def draft(self, fields, parts, mail_from, recipients):
        kept = [(name, value) for name, value in fields if value is not None and (self.dialect.rel6 or name not in REL6_ONLY)]
        if self.dialect.aliases:
            kept = [(ALIASES.get(name, name), value) for name, value in kept]
        return Draft(self.dialect, kept, list(parts), mail_from, list(recipients))

    def head(self, kind, transaction_id, message_id):
        return [("Message-ID", f"<{fresh('mail', self.domain)}>"), ("X-Mms-3GPP-MMS-Version", self.dialect.version),
                ("X-Mms-Message-Type", self.type(kind)),
                ("X-Mms-Transaction-ID", transaction_id), ("X-Mms-Message-ID", message_id)]

    def forward(self, originator, to, cc=(), bcc=(), their_domain="", subject="A subject", parts=(), transaction_id=None, message_id=None,
                delivery_report=False,
                read_reply=False, ack=True, expiry_s=3600, priority="Normal", recipients=None, date=None, **more):
        """MM4_forward.REQ. Recipients are numbers of `their_domain`, or whole addresses; `more` are further fields with _ for -, without X-Mms-."""
        user = self.phone(originator)
        fields = [("Date", date or email.utils.formatdate()), ("From", self.shown(originator)), ("Sender", self.sender(user)),
                  ("To", ", ".join(self.shown(number, their_domain) for number in to) or None),
                  ("Cc", ", ".join(self.shown(number, their_domain) for number in cc) or None), ("Subject", subject),
                  *self.head("MM4_forward.REQ", self.id(transaction_id or fresh("t", self.domain)), self.id(message_id or fresh("m", self.domain))),
                  ("X-Mms-Message-Class", "Personal"), ("X-Mms-Priority", priority), ("X-Mms-Expiry", self.expiry(expiry_s)),
                  ("X-Mms-Delivery-Report", self.yes(delivery_report)), ("X-Mms-Originator-R/S-Delivery-Report", self.yes(False)),
                  ("X-Mms-Read-Reply", self.yes(read_reply)), ("X-Mms-Sender-Visibility", "Show"), ("X-Mms-Adaptation-Allowed", self.yes(True)),
                  ("X-Mms-Ack-Request", self.yes(ack)), ("X-Mms-Originator-System", self.originator_system(user)),
                  *[("X-Mms-" + name.replace("_", "-"), value) for name, value in more.items()]]
        if recipients is None:
            recipients = [self.phone(number, their_domain) for number in (*to, *cc, *bcc)]
        return self.draft(fields, parts, self.mail_from(user), recipients)

    def originator_system(self, user):
        return {"system": self.system, "missing": None, "angle": f"<{self.system}>",
                "party": f"system={self.domain};party={user}"}[self.dialect.originator_system]

    def response(self, kind, transaction_id, message_id, status, to, text=None, recipients=None):
        """A .RES; the ids are repeated as they came."""
        fields = [("Date", email.utils.formatdate()), ("Sender", self.system), ("From", self.system), ("To", to),
                  *self.head(kind, transaction_id, message_id),
                  ("X-Mms-Request-Status-Code", status), ("X-Mms-Status-Text", text), ("X-Mms-Request-Recipients", recipients)]
        return self.draft(fields, (), self.mail_from(self.system, report=True), [to])

    def report(self, kind, message_id, recipient, originator, their_domain, status, transaction_id=None, ack=False, forward_to_user=True, text=None,
               **more):
        """MM4_delivery_report.REQ or MM4_read_reply_report.REQ about one recipient (of ours) of an MM of `originator` (of theirs)."""
        user = self.phone(recipient)
        delivery = kind == "MM4_delivery_report.REQ"
        fields = [("Date", email.utils.formatdate()), ("From", self.shown(recipient)), ("To", self.shown(originator, their_domain)),
                  ("Sender", self.sender(user)), *self.head(kind, self.id(transaction_id or fresh("r", self.domain)), message_id),
                  ("X-Mms-Ack-Request", self.yes(ack)),
                  ("X-Mms-MM-Status-Code" if delivery else "X-Mms-Read-Status", status),
                  ("X-Mms-Forward-To-Originator-UA", self.yes(forward_to_user) if delivery else None), ("X-Mms-Status-Text", text),
                  *[("X-Mms-" + name.replace("_", "-"), value) for name, value in more.items()]]
        return self.draft(fields, (), self.mail_from(user, report=True), [self.phone(originator, their_domain)])


def slides(text="Grüße", photo=None):
    """A presentation with a text and perhaps a photograph."""
    smil = '<smil><head><layout/></head><body><par dur="5s"><text src="t.txt"/>' + ('<img src="cid:photo"/>' if photo else "") + "</par></body></smil>"
    parts = [Part("application/smil", smil.encode(), {}, {"content-id": "<smil>"}),
             Part("text/plain", text.encode(), {}, {"content-id": "<text>", "content-location": "t.txt"})]
    if photo:
        parts.append(Part("image/jpeg", photo, {"name": "lake.jpg"}, {"content-id": "<photo>", "content-location": "lake.jpg"}))
    return parts
