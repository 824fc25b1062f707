"""The values of MM4 fields: identifiers, addresses, times, statuses. Written from 3GPP TS 23.140 §8.4 and RFC 4355, RFC 4356, not from the gateway.

Each reader takes the text of a field and gives a value, or raises ValueError with the rule that is broken. `strict` is what a relay should write;
without it, what relays are known to write is read too.
"""
import base64
import dataclasses
import datetime
import email.header
import email.utils
import re

TYPES = ("MM4_forward.REQ", "MM4_forward.RES", "MM4_delivery_report.REQ", "MM4_delivery_report.RES", "MM4_read_reply_report.REQ",
         "MM4_read_reply_report.RES")
REQUEST_STATUSES = ("Ok", "Error-unspecified", "Error-service-denied", "Error-message-format-corrupt", "Error-sending-address-unresolved",
                    "Error-message-not-found", "Error-network-problem", "Error-content-not-accepted", "Error-unsupported-message")
MM_STATUSES = ("Expired", "Retrieved", "Rejected", "Deferred", "Indeterminate", "Forwarded", "Unrecognised")
MM_STATUS_ALIASES = {"unrecognized": "Unrecognised", "unreachable": "Unreachable", "forwardedtommbox": "Forwarded"}
EXTENSIONS = ("Rejection-by-MMS-Recipient", "Rejection-by-Other-RS")
READ_STATUSES = ("Read", "Deleted without being read")
CLASSES = ("Personal", "Advertisement", "Informational", "Auto")
PRIORITIES = ("Low", "Normal", "High")
CONTENT_CLASSES = ("text", "image-basic", "image-rich", "video-basic", "video-rich", "megapixel", "content-basic", "content-rich")

DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
HTTP_DATE = re.compile(rf"(?:{DAYS}), \d\d (?:{MONTHS}) \d{{4}} \d\d:\d\d:\d\d GMT")
MAIL_DATE = re.compile(rf"(?:(?:{DAYS}), )?\d{{1,2}} (?:{MONTHS}) \d{{4}} \d\d:\d\d(?::\d\d)? (?:[+-]\d{{4}}|GMT|UT)(?: \([A-Z]+\))?")
RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.\d+)?(?:[Zz]|([+-]\d\d:\d\d))")
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z@-]+")
MAILBOX = re.compile(r"[^\s<>()\[\]:;,\"\\@]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


def one_of(values):
    """A word of a list, whatever its capitals; strictly, as it stands in the list."""
    def read(text, strict=False):
        for value in values:
            if text == value or not strict and text.lower() == value.lower():
                return value
        raise ValueError(f"{text!r} is none of {', '.join(values)}")
    return read


def yes_no(text, strict=False):
    words = {"Yes": True, "No": False}
    if text in words:
        return words[text]
    loose = {"yes": True, "no": False, "1": True, "0": False, "true": True, "false": False}
    if not strict and text.lower() in loose:
        return loose[text.lower()]
    raise ValueError(f"{text!r} is neither Yes nor No")


def version(text, strict=False):
    if match := re.fullmatch(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})" if strict else r"[Vv]?(\d{1,4})(?:\.(\d{1,4}))?(?:\.(\d{1,4}))?", text):
        return tuple(int(part or 0) for part in match.groups())
    raise ValueError(f"{text!r} is no version")


def identifier(text, strict=False):
    """The form in which identifiers are compared: without quotes and angle brackets."""
    if strict and not re.fullmatch(r'"(?:[^"\\\x00-\x1f\x7f-\uffff]|\\[ -~])+"', text) and not TOKEN.fullmatch(text):
        raise ValueError(f"{text!r} is neither a quoted string nor a token")
    bare = re.sub(r"\\(.)", r"\1", text[1:-1]) if len(text) > 1 and text[0] == text[-1] == '"' else text
    if bare.startswith("<") and bare.endswith(">"):
        bare = bare[1:-1]
    if not 1 <= len(bare) <= 255 or not re.fullmatch(r"[ -~]+", bare):
        raise ValueError(f"{text[:40]!r} has no 1 to 255 printable characters")
    return bare


def is_quoted(text):
    return text.startswith('"') and text.endswith('"') and len(text) > 2


def decoded(text):
    """RFC 2047 words as text."""
    return str(email.header.make_header(email.header.decode_header(text)))


def free_text(text, strict=False):
    if strict and not text.isascii():
        raise ValueError("characters beyond ASCII need encoded words")
    return decoded(text[1:-1] if is_quoted(text) else text)


def opaque(text, strict=False):
    return text


def counter(text, strict=False):
    if re.fullmatch(r"[1-9]\d{0,5}" if strict else r"\d{1,6}", text):
        return int(text)
    raise ValueError(f"{text!r} is no counter")


def mail_date(text, strict=False):
    """Seconds since 1970."""
    if MAIL_DATE.fullmatch(text):
        return int(email.utils.parsedate_to_datetime(text).timestamp())
    raise ValueError(f"{text!r} is no date of mail")


def http_date(text, strict=False):
    if HTTP_DATE.fullmatch(text):
        return int(email.utils.parsedate_to_datetime(text).timestamp())
    if not strict:
        return mail_date(text)
    raise ValueError(f"{text!r} is no HTTP-date")


def expiry(text, strict=False):
    """("abs", seconds since 1970) or ("rel", seconds)"""
    if re.fullmatch(r"\d{1,10}", text):
        return "rel", int(text)
    if not strict and (match := RFC_3339.fullmatch(text)):
        return "abs", int(datetime.datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3] or '+00:00'}").timestamp())
    return "abs", http_date(text, strict)


def mm_status(text, strict=False):
    """Strictly one that the table has; else a word that nobody knows is Indeterminate."""
    try:
        return one_of(MM_STATUSES)(text, strict)
    except ValueError:
        if strict:
            raise
        return MM_STATUS_ALIASES.get(text.lower(), "Indeterminate")


def read_status(text, strict=False):
    if strict:
        return one_of(READ_STATUSES)(text, True)
    for value in READ_STATUSES:
        if re.sub(r"[ -]", "", value).lower() == re.sub(r"[ -]", "", text).lower():
            return value
    raise ValueError(f"{text!r} is no read status")


def request_status(text, strict=False):
    if not strict and text.lower() in ("ok", "0", "200"):
        return "Ok"
    try:
        return one_of(REQUEST_STATUSES)(text, strict)
    except ValueError:
        if strict or not text.lower().startswith("error-"):
            raise
        return text


def previously_by(text, strict=False):
    """(number, [addresses]); the date of the same number is a field of its own."""
    number, comma, rest = text.partition(",")
    if not comma or not re.fullmatch(r"\s*\d{1,4}\s*", number):
        raise ValueError(f"{text!r} does not begin with a number and a comma")
    return int(number), addresses(rest.strip(), strict)


def previously_date(text, strict=False):
    """(number, seconds since 1970): split at the first comma only, the date has one of its own."""
    number, comma, rest = text.partition(",")
    if not comma or not re.fullmatch(r"\s*\d{1,4}\s*", number):
        raise ValueError(f"{text!r} does not begin with a number and a comma")
    return int(number), http_date(rest.strip(), strict)


# ------------------------------------------------------------------------------------------------------------------------------ addresses

@dataclasses.dataclass(frozen=True)
class Address:
    kind: str          # PLMN, IPv4, IPv6, short (a code), mail
    user: str          # number, dotted quad, code or the local part of a mailbox
    domain: str = ""   # "": none was written
    name: str = ""     # display name

    @property
    def addr_spec(self):
        typed = self.user if self.kind in ("mail", "short") else f"{self.user}/TYPE={self.kind}"
        return f"{typed}@{self.domain}" if self.domain else typed

    def same_as(self, other):
        return (self.kind, self.user.lower()) == (other.kind, other.user.lower())


def address(text, strict=False):
    """One mailbox: with or without display name, quotes, angle brackets, domain and /TYPE."""
    text, name = text.strip(), ""
    if match := re.fullmatch(r'(.*?)\s*<([^<>]*)>', text):
        name, text = match[1].strip().strip('"'), match[2].strip()
    if match := re.fullmatch(r'"((?:[^"\\]|\\.)*)"(@.*)?', text):   # quoted local part, or all of it in quotes
        text = re.sub(r"\\(.)", r"\1", match[1]) + (match[2] or "")
    if len(text) > 254:
        raise ValueError("an address of more than 254 octets")
    local, at, domain = text.rpartition("@")
    if not at:
        local, domain = text, ""
    if not local or len(local) > 64 or at and not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", domain):
        raise ValueError(f"{text!r} is no address")
    if strict and not at:
        raise ValueError(f"{text!r} has no domain")
    user, slash, kind = local.partition("/")
    if slash:
        kind = re.fullmatch(r"TYPE=(PLMN|IPv4|IPv6)" if strict else r"(?i:TYPE)=(?i:(PLMN|IPv4|IPv6))", kind)
        if not kind:
            raise ValueError(f"{text!r} has an unknown type")
        kind = {"plmn": "PLMN", "ipv4": "IPv4", "ipv6": "IPv6"}[kind[1].lower()]
        if kind == "PLMN" and re.fullmatch(r"\d{1,15}", user):
            kind = "short"
        elif kind == "PLMN" and not re.fullmatch(r"\+\d{1,15}", user):
            raise ValueError(f"{text!r} is no E.164 number")
        return Address(kind, user, domain, name)
    if re.fullmatch(r"\+\d{1,15}", local):
        if strict:
            raise ValueError(f"{text!r} is a number without /TYPE=PLMN")
        return Address("PLMN", local, domain, name)
    if re.fullmatch(r"\d{1,15}", local):
        return Address("short", local, domain, name)
    if not at:
        raise ValueError(f"{text!r} is neither a number nor a mailbox")
    return Address("mail", local, domain, name)


def addresses(text, strict=False):
    """A list: commas outside of quotes and angle brackets part it."""
    pieces, quoted, angle, at = [], False, False, 0
    for index, character in enumerate(text):
        if character == '"' and text[index - 1:index] != "\\":
            quoted = not quoted
        elif not quoted and character in "<>":
            angle = character == "<"
        elif character == "," and not quoted and not angle:
            pieces.append(text[at:index])
            at = index + 1
    pieces.append(text[at:])
    return [address(piece, strict) for piece in pieces if piece.strip()]


def address_list(text, strict=False):
    found = addresses(text, strict)
    if not found:
        raise ValueError("an empty list of addresses")
    return found


def mailbox(text, strict=False):
    """The addr-spec of a system address. One relay writes system=host;party=user@host."""
    if strict:
        if MAILBOX.fullmatch(text):
            return text
        raise ValueError(f"{text!r} is no bare mailbox")
    if match := re.fullmatch(r"system=([A-Za-z0-9.-]+)\s*;\s*party=(.*)", text.strip().strip('"')):
        return f"system-user@{match[1]}"
    return address(text).addr_spec


def encoded_word(text, charset="utf-8"):
    """RFC 2047, folded so that no word is longer than 75 characters and none splits a character."""
    words, piece = [], ""
    for character in text:
        if len(base64.b64encode((piece + character).encode(charset))) > 60 - len(charset):
            words.append(piece)
            piece = ""
        piece += character
    words.append(piece)
    return "\r\n ".join(f"=?{charset.upper()}?B?{base64.b64encode(word.encode(charset)).decode()}?=" for word in words)
