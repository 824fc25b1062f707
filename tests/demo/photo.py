#!/usr/bin/env python3
"""Paints a landscape and writes it as a baseline JPEG of about one megabyte; the same one every time.

    tests/demo/photo.py FILE

Standard library only. The picture is this project's own. Source of the coding: ITU-T T.81 (tables of annex K).
"""
import array
import math
import os
import random
import sys

WIDTH, HEIGHT, QUALITY, SEED = 1600, 1072, 97, 20260101


# ------------------------------------------------------------------------------------------------------------------------------- painting

def noise_row(generator, count):
    return [generator.random() for _ in range(count)]


def smooth(values, x):
    """The value at x of a ring of random values, smoothly between them."""
    i = int(x)
    f = x - i
    f = f * f * (3 - 2 * f)
    n = len(values)
    a = values[i % n]
    return a + (values[(i + 1) % n] - a) * f


def ridge(generator, base, height, roughness):
    """The outline of a mountain range: one y for each x."""
    octaves = [(noise_row(generator, 64), 2.0 ** k / roughness, height / 1.9 ** k) for k in range(8)]
    return [base - sum(amount * (smooth(values, x * scale) - 0.5) for values, scale, amount in octaves) for x in range(WIDTH)]


def clouds(generator):
    """Value noise over the sky at a quarter of the resolution."""
    grids = [([noise_row(generator, 48) for _ in range(48)], 2 ** k / 90.0, 0.55 ** k) for k in range(5)]
    rows = []
    for y in range(0, HEIGHT, 4):
        row = [0.0] * (WIDTH // 4)
        for grid, scale, amount in grids:
            v = y * scale * 2.6
            j = int(v)
            f = v - j
            f = f * f * (3 - 2 * f)
            upper, lower = grid[j % 48], grid[(j + 1) % 48]
            line = [a + (b - a) * f for a, b in zip(upper, lower)]
            step = 4 * scale * 0.8
            for x in range(WIDTH // 4):
                row[x] += amount * smooth(line, x * step)
        rows.append([min(1.0, max(0.0, (value - 1.02) * 2.2)) for value in row])
    return rows


def paint():
    """Planes of Y, Cb and Cr in full resolution, as lists of rows."""
    generator = random.Random(SEED)
    sky = clouds(generator)
    horizon = HEIGHT * 0.63
    sun_x, sun_y = WIDTH * 0.68, HEIGHT * 0.41
    far = ridge(generator, horizon - 120, 260, 420)
    middle = ridge(generator, horizon - 30, 180, 260)
    near = ridge(generator, horizon + 40, 90, 180)
    shore = ridge(generator, HEIGHT * 0.93, 70, 240)
    grain = [generator.gauss(0, 1) for _ in range(65536)]
    texture = noise_row(generator, 4096)
    planes = [], [], []
    for y in range(HEIGHT):
        luma, blue, red = array.array("d"), array.array("d"), array.array("d")
        mirrored = y > horizon
        sy = 2 * horizon - y if mirrored else y
        t = min(1.0, max(0.0, sy / horizon))
        base = (60 + 190 * t ** 1.6, 105 + 95 * t, 175 + 5 * t)
        ripple = smooth(texture, y * 0.9) * 9 * (y - horizon) / HEIGHT if mirrored else 0.0
        at = generator.randrange(65536)
        for x in range(WIDTH):
            px = x
            if mirrored:
                px = int(x + ripple * math.sin(x * 0.021 + y * 0.35)) % WIDTH
            cloud = sky[int(sy) >> 2 if sy > 0 else 0][px >> 2]
            r, g, b = base
            dx, dy = px - sun_x, sy - sun_y
            glow = 1 / (1 + (dx * dx + dy * dy) / 9000.0)
            r += cloud * (245 - r) * 0.8 + 150 * glow
            g += cloud * (215 - g) * 0.8 + 105 * glow
            b += cloud * (205 - b) * 0.8 + 30 * glow
            if sy > far[px]:
                depth = min(1.0, (sy - far[px]) / 260)
                rock = smooth(texture, px * 0.11 + sy * 0.31) * 26
                snow = max(0.0, 1 - (sy - far[px]) / (35 + 60 * texture[(px >> 3) & 4095]))
                r, g, b = 96 + 34 * depth + rock + 105 * snow, 104 + 36 * depth + rock + 100 * snow, 138 + 22 * depth + rock + 85 * snow
            if sy > middle[px]:
                wood = smooth(texture, px * 0.37) * 18 + texture[(px * 7 + int(sy) * 131) & 4095] * 22
                r, g, b = 46 + wood, 66 + wood, 62 + wood * 0.8
            if sy > near[px]:
                tree = texture[(px * 3 + int(sy) * 57) & 4095] * 34
                r, g, b = 26 + tree, 44 + tree * 1.2, 30 + tree * 0.5
            if mirrored:
                dark = 0.62 + 0.2 * smooth(texture, y * 0.45 + x * 0.013)
                r, g, b = r * dark * 0.92 + 4, g * dark * 0.98 + 8, b * dark + 16
                if abs(x - sun_x) < 26 + (y - horizon) * 0.16 and texture[(x >> 3) * 5 + y * 17 & 4095] > 0.66:
                    r, g, b = r + 95, g + 72, b + 34
            if y > shore[x]:
                blade = texture[(x * 11 + (y >> 2) * 29) & 4095]
                r, g, b = 30 + 58 * blade, 40 + 66 * blade, 20 + 26 * blade
            speck = grain[(at + x) & 65535] * 6
            r, g, b = r + speck, g + speck, b + speck
            luma.append(0.299 * r + 0.587 * g + 0.114 * b - 128)
            blue.append(-0.168736 * r - 0.331264 * g + 0.5 * b)
            red.append(0.5 * r - 0.418688 * g - 0.081312 * b)
        for plane, row in zip(planes, (luma, blue, red)):
            plane.append(row)
    return planes


# --------------------------------------------------------------------------------------------------------------------------------- coding

LUMA = [16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
        18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99]
CHROMA = [17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99] + [99] * 32
ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, i // 8 if (i // 8 + i % 8) % 2 else i % 8))

# Annex K.3: how many codes there are of each length, and their symbols.
DC_LUMA = ([0, 1, 5, 1, 1, 1, 1, 1, 1], list(range(12)))
DC_CHROMA = ([0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1], list(range(12)))
AC_LUMA = ([0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D], bytes.fromhex(
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a"
    "535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7"
    "c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"))
AC_CHROMA = ([0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77], bytes.fromhex(
    "0001020311040521310612415107617113223281081442 91a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a43444546474849"
    "4a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5"
    "c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa".replace(" ", "")))


def scaled(table):
    scale = 5000 / QUALITY if QUALITY < 50 else 200 - 2 * QUALITY
    return [max(1, min(255, int((value * scale + 50) / 100))) for value in table]


def codes(lengths_and_symbols):
    lengths, symbols = lengths_and_symbols
    table, code, at = {}, 0, 0
    for bits, count in enumerate(lengths, 1):
        for _ in range(count):
            table[symbols[at]] = (code, bits)
            code, at = code + 1, at + 1
        code <<= 1
    return table


C = [math.cos(k * math.pi / 16) / 2 for k in range(8)]


def transform_1d(a, b, c, d, e, f, g, h):
    """Eight samples to eight coefficients of the orthonormal DCT."""
    s0, s1, s2, s3 = a + h, b + g, c + f, d + e
    d0, d1, d2, d3 = a - h, b - g, c - f, d - e
    t0, t1, t2, t3 = s0 + s3, s1 + s2, s0 - s3, s1 - s2
    return ((t0 + t1) * C[4], d0 * C[1] + d1 * C[3] + d2 * C[5] + d3 * C[7], t2 * C[2] + t3 * C[6], d0 * C[3] - d1 * C[7] - d2 * C[1] - d3 * C[5],
            (t0 - t1) * C[4], d0 * C[5] - d1 * C[1] + d2 * C[7] + d3 * C[3], t2 * C[6] - t3 * C[2], d0 * C[7] - d1 * C[5] + d2 * C[3] - d3 * C[1])


def block_of(plane, x, y):
    return [transform_1d(*plane[y + i][x:x + 8]) for i in range(8)]


class Entropy:
    """Writes the scan: Huffman codes, with 00 behind each FF."""

    def __init__(self):
        self.out, self.bits, self.count = bytearray(), 0, 0

    def put(self, code, bits):
        self.bits = self.bits << bits | code
        self.count += bits
        while self.count >= 8:
            self.count -= 8
            octet = self.bits >> self.count
            self.bits &= (1 << self.count) - 1
            self.out.append(octet)
            if octet == 0xFF:
                self.out.append(0)

    def block(self, rows, divisors, previous, dc, ac):
        columns = [transform_1d(*column) for column in zip(*rows)]
        values = [round(columns[i & 7][i >> 3] / divisor) for i, divisor in zip(ZIGZAG, divisors)]
        self.number(dc, 0, values[0] - previous)
        run = 0
        last = 63
        while last and not values[last]:
            last -= 1
        for value in values[1:last + 1]:
            if not value:
                run += 1
                continue
            while run > 15:
                self.put(*ac[0xF0])
                run -= 16
            self.number(ac, run << 4, value)
            run = 0
        if last < 63:
            self.put(*ac[0])
        return values[0]

    def number(self, table, prefix, value):
        size = abs(value).bit_length()
        code, bits = table[prefix | size]
        self.put(code << size | (value if value >= 0 else value + (1 << size) - 1), bits + size)


def segment(marker, payload):
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def encode(planes):
    luma, blue, red = planes
    halve = lambda plane: [[(a[x] + a[x + 1] + b[x] + b[x + 1]) / 4 for x in range(0, WIDTH, 2)] for a, b in zip(plane[::2], plane[1::2])]
    blue, red = halve(blue), halve(red)
    tables = scaled(LUMA), scaled(CHROMA)
    divisors = [[table[i] for i in ZIGZAG] for table in tables]
    huffman = [(0x00, DC_LUMA), (0x10, AC_LUMA), (0x01, DC_CHROMA), (0x11, AC_CHROMA)]
    out = b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    for number, divisor in enumerate(divisors):
        out += segment(0xDB, bytes([number]) + bytes(divisor))
    out += segment(0xC0, b"\x08" + HEIGHT.to_bytes(2, "big") + WIDTH.to_bytes(2, "big") + bytes([3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]))
    for selector, (lengths, symbols) in huffman:
        out += segment(0xC4, bytes([selector]) + bytes(lengths + [0] * (16 - len(lengths))) + bytes(symbols))
    out += segment(0xDA, bytes([3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]))
    dc, ac, dc2, ac2 = (codes(table) for _, table in huffman)
    scan = Entropy()
    last = [0, 0, 0]
    for y in range(0, HEIGHT, 16):
        for x in range(0, WIDTH, 16):
            for dy, dx in ((0, 0), (0, 8), (8, 0), (8, 8)):
                last[0] = scan.block(block_of(luma, x + dx, y + dy), divisors[0], last[0], dc, ac)
            last[1] = scan.block(block_of(blue, x // 2, y // 2), divisors[1], last[1], dc2, ac2)
            last[2] = scan.block(block_of(red, x // 2, y // 2), divisors[1], last[2], dc2, ac2)
    scan.put(0x7F, 7)
    return out + bytes(scan.out) + b"\xff\xd9"


def photo(path):
    """The photograph's octets; painted when the file is not there yet."""
    if not os.path.exists(path):
        octets = encode(paint())
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with open(f"{path}.{os.getpid()}", "wb") as file:
            file.write(octets)
        os.replace(f"{path}.{os.getpid()}", path)
    with open(path, "rb") as file:
        return file.read()


if __name__ == "__main__":
    print(f"{sys.argv[1]}: {len(photo(sys.argv[1]))} octets, {WIDTH} x {HEIGHT}")
