"""A small MM1 codec for the simulated phone, written from the standards and independent of the gateway's own.

Decodes any PDU into Pdu(fields, content_type, parameters, parts); encodes what a phone posts. Sources: OMA-TS-MMS_ENC-V1_3 §6, §7;
WAP-230-WSP §8.1, §8.4, §8.5.
"""
import dataclasses

TYPES = {
    0x80: "m-send-req", 0x81: "m-send-conf", 0x82: "m-notification-ind", 0x83: "m-notifyresp-ind", 0x84: "m-retrieve-conf",
    0x85: "m-acknowledge-ind", 0x86: "m-delivery-ind", 0x87: "m-read-rec-ind", 0x88: "m-read-orig-ind",
}
# number: (name, how its value is written)
FIELDS = {
    0x01: ("Bcc", "encoded"), 0x02: ("Cc", "encoded"), 0x03: ("X-Mms-Content-Location", "text"), 0x05: ("Date", "long"),
    0x06: ("X-Mms-Delivery-Report", "octet"), 0x07: ("X-Mms-Delivery-Time", "time"), 0x08: ("X-Mms-Expiry", "time"), 0x09: ("From", "from"),
    0x0A: ("X-Mms-Message-Class", "class"), 0x0B: ("Message-ID", "text"), 0x0C: ("X-Mms-Message-Type", "octet"),
    0x0D: ("X-Mms-MMS-Version", "octet"), 0x0E: ("X-Mms-Message-Size", "long"), 0x0F: ("X-Mms-Priority", "octet"),
    0x10: ("X-Mms-Read-Report", "octet"), 0x11: ("X-Mms-Report-Allowed", "octet"), 0x12: ("X-Mms-Response-Status", "octet"),
    0x13: ("X-Mms-Response-Text", "encoded"), 0x14: ("X-Mms-Sender-Visibility", "octet"), 0x15: ("X-Mms-Status", "octet"),
    0x16: ("Subject", "encoded"), 0x17: ("To", "encoded"), 0x18: ("X-Mms-Transaction-ID", "text"), 0x19: ("X-Mms-Retrieve-Status", "octet"),
    0x1A: ("X-Mms-Retrieve-Text", "encoded"), 0x1B: ("X-Mms-Read-Status", "octet"), 0x31: ("X-Mms-Distribution-Indicator", "octet"),
    0x36: ("X-Mms-Status-Text", "encoded"), 0x37: ("X-Mms-Applic-ID", "text"), 0x38: ("X-Mms-Reply-Applic-ID", "text"),
    0x39: ("X-Mms-Aux-Applic-Info", "text"), 0x3A: ("X-Mms-Content-Class", "octet"), 0x3C: ("X-Mms-Adaptation-Allowed", "octet"),
}
NUMBERS = {name: (number, syntax) for number, (name, syntax) in FIELDS.items()}
REPEATED = ("To", "Cc", "Bcc")

MEDIA = {
    0x03: "text/plain", 0x02: "text/html", 0x06: "text/x-vcalendar", 0x07: "text/x-vcard", 0x0C: "multipart/mixed", 0x0F: "multipart/alternative",
    0x1D: "image/gif", 0x1E: "image/jpeg", 0x1F: "image/tiff", 0x20: "image/png", 0x21: "image/vnd.wap.wbmp",
    0x23: "application/vnd.wap.multipart.mixed", 0x26: "application/vnd.wap.multipart.alternative", 0x27: "application/xml", 0x28: "text/xml",
    0x33: "application/vnd.wap.multipart.related", 0x3E: "application/vnd.wap.mms-message", 0x5A: "application/octet-stream",
    0x304: "text/vnd.wap.emn+xml", 0x305: "text/calendar", 0x30A: "application/vnd.wap.emn+wbxml",
}
MEDIA_NUMBERS = {name: number for number, name in MEDIA.items() if number < 0x3F}
CHARSETS = {3: "us-ascii", 4: "iso-8859-1", 106: "utf-8", 1000: "utf-16-be", 1015: "utf-16"}
# parameter number: (name, how its value is written)
PARAMETERS = {
    0x01: ("charset", "charset"), 0x05: ("name", "text"), 0x06: ("filename", "text"), 0x09: ("type", "media"), 0x0A: ("start", "text"),
    0x0B: ("start-info", "text"), 0x17: ("name", "text"), 0x18: ("filename", "text"), 0x19: ("start", "text"), 0x1A: ("start-info", "text"),
}
PART_HEADERS = {0x0E: "Content-Location", 0x40: "Content-ID", 0x2E: "Content-Disposition", 0x45: "Content-Disposition", 0x0D: "Content-Length"}


class PduError(ValueError):
    pass


@dataclasses.dataclass
class Part:
    type: str
    data: bytes
    parameters: dict = dataclasses.field(default_factory=dict)
    headers: dict = dataclasses.field(default_factory=dict)

    def text(self):
        return self.data.decode(self.parameters.get("charset", "utf-8"))


@dataclasses.dataclass
class Pdu:
    type: str
    fields: dict
    content_type: str = ""
    parameters: dict = dataclasses.field(default_factory=dict)
    parts: list = dataclasses.field(default_factory=list)
    body: bytes = b""

    def __getitem__(self, name):
        return self.fields[name]

    def get(self, name, otherwise=None):
        return self.fields.get(name, otherwise)

    def part(self, media_type):
        """The only part of a type."""
        found = [part for part in self.parts if part.type == media_type]
        if len(found) != 1:
            raise PduError(f"{len(found)} parts of type {media_type} among {[part.type for part in self.parts]}")
        return found[0]


class Reader:
    def __init__(self, octets, at=0, end=None):
        self.octets, self.at, self.end = octets, at, len(octets) if end is None else end

    def more(self):
        return self.at < self.end

    def peek(self):
        if not self.more():
            raise PduError(f"cut off at octet {self.at}")
        return self.octets[self.at]

    def octet(self):
        value = self.peek()
        self.at += 1
        return value

    def take(self, count):
        if self.at + count > self.end:
            raise PduError(f"{count} octets wanted at {self.at}, {self.end - self.at} left")
        self.at += count
        return self.octets[self.at - count:self.at]

    def inner(self, count):
        start = self.at
        self.take(count)
        return Reader(self.octets, start, start + count)

    def uintvar(self):
        value = 0
        for _ in range(5):
            octet = self.octet()
            value = value << 7 | octet & 0x7F
            if not octet & 0x80:
                return value
        raise PduError(f"uintvar too long at {self.at}")

    def length(self):
        first = self.octet()
        if first < 31:
            return first
        if first == 31:
            return self.uintvar()
        raise PduError(f"no length at {self.at - 1}")

    def integer(self):
        if self.peek() & 0x80:
            return self.octet() & 0x7F
        return self.long()

    def long(self):
        count = self.octet()
        if not 1 <= count <= 30:
            raise PduError(f"no long integer at {self.at - 1}")
        return int.from_bytes(self.take(count), "big")

    def raw_text(self):
        end = self.octets.find(b"\0", self.at, self.end)
        if end < 0:
            raise PduError(f"text without end at {self.at}")
        value = self.octets[self.at:end]
        self.at = end + 1
        return value[1:] if value[:1] == b"\x7f" else value

    def text(self):
        return self.raw_text().decode("latin-1")

    def encoded(self):
        if self.peek() > 31:
            return self.raw_text().decode("ascii")
        inner = self.inner(self.length())
        charset = CHARSETS[inner.integer()]
        octets = inner.octets[inner.at:inner.end]
        return octets.rstrip(b"\0").lstrip(b"\x7f").decode(charset)

    def media(self):
        if self.peek() & 0x80 or self.peek() < 32:
            number = self.integer()
            return MEDIA.get(number, f"number {number:#x}")
        return self.text().lower()

    def content_type(self):
        if self.peek() >= 32:
            return self.media(), {}
        inner = self.inner(self.length())
        return inner.media(), inner.parameters()

    def parameters(self):
        found = {}
        while self.more():
            if self.peek() & 0x80:
                number = self.integer()
                name, syntax = PARAMETERS[number]
                if syntax == "charset":
                    value = CHARSETS.get(self.integer(), "?")
                elif syntax == "media":
                    value = self.media()
                else:
                    value = self.text().lstrip('"')
            else:
                name = self.text().lower()
                value = self.integer() if self.peek() & 0x80 else self.text().lstrip('"')
            found[name] = value
        return found


def decode(octets):
    """The whole PDU; raises PduError (or LookupError for what this phone has never heard of)."""
    reader, fields, kind = Reader(bytes(octets)), {}, None
    while reader.more():
        first = reader.peek()
        if first < 0x80:
            name = reader.text()
            fields[name] = reader.text()
            continue
        number = reader.octet() & 0x7F
        if number == 0x04:
            media, parameters = reader.content_type()
            body = reader.octets[reader.at:]
            parts = multipart(body) if "multipart" in media else [Part(media, body, parameters)]
            return Pdu(kind, fields, media, parameters, parts, body)
        name, syntax = FIELDS[number]
        if syntax == "octet":
            value = reader.octet()
        elif syntax == "long":
            value = reader.long()
        elif syntax == "text":
            value = reader.text()
        elif syntax == "encoded":
            value = reader.encoded()
        elif syntax == "class":
            value = reader.octet() if reader.peek() & 0x80 else reader.text()
        elif syntax == "from":
            inner = reader.inner(reader.length())
            value = inner.encoded() if inner.octet() == 0x80 else None
        else:
            inner = reader.inner(reader.length())
            value = ("abs" if inner.octet() == 0x80 else "rel", inner.integer())
        if name == "X-Mms-Message-Type":
            kind = TYPES[value]
        if name in REPEATED:
            fields.setdefault(name, []).append(value)
        elif name in fields:
            raise PduError(f"{name} twice")
        else:
            fields[name] = value
    return Pdu(kind, fields)


def multipart(body):
    reader = Reader(body)
    parts = []
    for _ in range(reader.uintvar()):
        header_length, data_length = reader.uintvar(), reader.uintvar()
        header = reader.inner(header_length)
        media, parameters = header.content_type()
        headers = {}
        while header.more():
            if header.peek() & 0x80:
                number = header.octet() & 0x7F
                name = PART_HEADERS[number]
                if name == "Content-Disposition":
                    inner = header.inner(header.length())
                    value = {0x80: "form-data", 0x81: "attachment", 0x82: "inline"}[inner.octet()]
                    parameters.update(inner.parameters())
                elif name == "Content-Length":
                    value = header.integer()
                else:
                    value = header.text().lstrip('"')
            else:
                name, value = header.text(), header.text()
            headers[name] = value
        parts.append(Part(media, reader.take(data_length), parameters, headers))
    if reader.more():
        raise PduError(f"{reader.end - reader.at} octets behind the last part")
    return parts


# ------------------------------------------------------------------------------------------------------------------------------- encoding

def uintvar(value):
    out = [value & 0x7F]
    while value := value >> 7:
        out.insert(0, value & 0x7F | 0x80)
    return bytes(out)


def length(count):
    return bytes([count]) if count < 31 else b"\x1f" + uintvar(count)


def long_integer(value):
    octets = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
    return bytes([len(octets)]) + octets


def text(value):
    octets = value if isinstance(value, bytes) else value.encode("latin-1")
    return (b"\x7f" if octets[:1] >= b"\x80" else b"") + octets + b"\0"


def encoded(value):
    if value.isascii():
        return text(value)
    octets = b"\xea" + text(value.encode("utf-8"))
    return length(len(octets)) + octets


def content_type(media, parameters):
    head = bytes([MEDIA_NUMBERS[media] | 0x80]) if media in MEDIA_NUMBERS else text(media)
    if not parameters:
        return head
    for name, value in parameters.items():
        if name == "charset":
            head += b"\x81" + bytes([{"us-ascii": 0x83, "utf-8": 0xEA, "iso-8859-1": 0x84}[value]])
        elif name == "name":
            head += b"\x85" + text(value)
        elif name == "type":
            head += b"\x89" + text(value)
        elif name == "start":
            head += b"\x8a" + text(value)
        else:
            head += text(name) + text(value)
    return length(len(head)) + head


def field(name, value):
    number, syntax = NUMBERS[name]
    head = bytes([number | 0x80])
    if syntax == "octet":
        return head + bytes([value])
    if syntax == "long":
        return head + long_integer(value)
    if syntax == "text":
        return head + text(value)
    if syntax == "encoded":
        return head + encoded(value)
    if syntax == "class":
        return head + (bytes([value]) if isinstance(value, int) else text(value))
    if syntax == "from":
        inner = b"\x81" if value is None else b"\x80" + encoded(value)
    else:
        inner = (b"\x80" if value[0] == "abs" else b"\x81") + long_integer(value[1])
    return head + length(len(inner)) + inner


def encode_multipart(parts):
    out = uintvar(len(parts))
    for part in parts:
        header = content_type(part.type, part.parameters)
        if "Content-ID" in part.headers:
            header += b"\xc0" + b'"' + part.headers["Content-ID"].encode() + b"\0"
        if "Content-Location" in part.headers:
            header += b"\x8e" + text(part.headers["Content-Location"])
        out += uintvar(len(header)) + uintvar(len(part.data)) + header + part.data
    return out


def send_req(transaction_id, to=(), cc=(), bcc=(), subject=None, parts=(), version=0x92, sender=None, related=None, **fields):
    """M-Send.req. `fields` are further header fields with _ for -, without X-Mms-: Delivery_Report=0x80."""
    out = field("X-Mms-Message-Type", 0x80) + field("X-Mms-Transaction-ID", transaction_id) + field("X-Mms-MMS-Version", version)
    out += field("From", sender)
    for name, addresses in (("To", to), ("Cc", cc), ("Bcc", bcc)):
        for address in addresses:
            out += field(name, address)
    if subject is not None:
        out += field("Subject", subject)
    for name, value in fields.items():
        out += field("X-Mms-" + name.replace("_", "-"), value)
    if related:
        out += b"\x84" + content_type("application/vnd.wap.multipart.related", {"type": "application/smil", "start": related})
    else:
        out += b"\x84\xa3"
    return out + encode_multipart(parts)


def notify_resp(transaction_id, status=0x81, version=0x92, report_allowed=None):
    out = field("X-Mms-Message-Type", 0x83) + field("X-Mms-Transaction-ID", transaction_id) + field("X-Mms-MMS-Version", version)
    out += field("X-Mms-Status", status)
    return out + (b"" if report_allowed is None else field("X-Mms-Report-Allowed", 0x80 if report_allowed else 0x81))


def acknowledge(transaction_id, version=0x92, report_allowed=None):
    out = field("X-Mms-Message-Type", 0x85) + field("X-Mms-Transaction-ID", transaction_id) + field("X-Mms-MMS-Version", version)
    return out + (b"" if report_allowed is None else field("X-Mms-Report-Allowed", 0x80 if report_allowed else 0x81))
