#!/usr/bin/env python3
"""The file of a store whose gateway is stopped, changed behind its back.

    store_file.py DATA.MDB FORMAT   makes it say that it is of that format
"""
import struct
import sys

META_KEY = b"meta"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DAY_MS = 24 * 3600 * 1000


def format_places(octets):
    """Where a Meta record (store/records.fbs) stands, its format: pages that are no longer in use have one, too."""
    at = octets.find(META_KEY)
    while at >= 0:
        record = at + len(META_KEY)
        try:
            table = record + struct.unpack_from("<I", octets, record)[0]
            vtable = table - struct.unpack_from("<i", octets, table)[0]
            size, _, field = struct.unpack_from("<HHH", octets, vtable)
            if table > record and record < vtable < table and size in (8, 10) and 0 < field < 32:
                yield table + field
        except struct.error:
            pass   # nothing of ours
        at = octets.find(META_KEY, at + 1)


def set_format(path, number):
    """How many places said otherwise."""
    with open(path, "r+b") as file:
        octets = bytearray(file.read())
        places = list(format_places(octets))
        for place in places:
            struct.pack_into("<I", octets, place, number)
        file.seek(0)
        file.write(octets)
    return len(places)


def decay(path, text):
    """Changes one octet wherever `text` stands; how often that was."""
    with open(path, "r+b") as file:
        octets = file.read()
        changed = octets.replace(text, text[:-1] + bytes([text[-1] ^ 1]))
        file.seek(0)
        file.write(changed)
    return octets.count(text)


def displace(path, queue_id):
    """Gives the entries of a message in the due index another time (store/layout.h: lane, time, id, index); how many."""
    number = 0
    for letter in queue_id:
        number = number << 5 | CROCKFORD.index(letter)
    arrival_ms, name = number >> 20, number.to_bytes(8, "big")
    moved = 0
    with open(path, "r+b") as file:
        octets = bytearray(file.read())
        at = octets.find(name, 16)
        while at >= 0:
            due_ms = int.from_bytes(octets[at - 8:at], "big")
            if abs(due_ms - arrival_ms) < DAY_MS:
                octets[at - 8:at] = (due_ms ^ 1).to_bytes(8, "big")
                moved += 1
            at = octets.find(name, at + 1)
        file.seek(0)
        file.write(octets)
    return moved


if __name__ == "__main__":
    sys.exit(0 if set_format(sys.argv[1], int(sys.argv[2])) else "no store is there")
