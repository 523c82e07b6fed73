"""What the encoder's instructions do, from the architecture's descriptions, on unsigned 32-bit words."""

from itertools import product

M = (1 << 32) - 1


def s(x, bits=32):
    """The lowest bits as a signed integer."""
    x &= (1 << bits) - 1
    return x - (1 << bits) if x >> (bits - 1) else x


def lo(x):
    return s(x, 16)


def hi(x):
    return s(x >> 16, 16)


def halves(x):
    return {"b": lo(x), "t": hi(x)}


def clip(x, bits=32):
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, x))


def pair(low, high):
    return (low & 0xFFFF) | (high & 0xFFFF) << 16


def long(value):
    """A 64-bit result in r1 (low) and r2."""
    return {1: value & M, 2: value >> 32 & M}


def s64(low, high):
    return s(low | high << 32, 64)


def ror(x, n):
    return (x >> n | x << (32 - n)) & M if n else x


def shifted(x, kind, n):
    return {"lsl": x << n, "lsr": x >> n, "asr": s(x) >> n, "ror": ror(x, n)}[kind] & M


def dual(function):
    """r1 from both pairs of halfwords of b and c: function(halfword of b, halfword of c, whether the upper one)."""
    return lambda a, b, c, d: pair(function(lo(b), lo(c)), function(hi(b), hi(c)))


def cross(upper, lower):
    """r1 of ASX and SAX: the halfwords of c change places."""
    return lambda a, b, c, d: pair(lower(lo(b), hi(c)), upper(hi(b), lo(c)))


def plus(x, y):
    return x + y


def minus(x, y):
    return x - y


# instruction -> f(r1, r2, r3, r4 before) = r1 after, or {register: value after}
MEANINGS = {
    "mul_w(r1, r2, r3)": lambda a, b, c, d: b * c,
    "mla(r1, r2, r3, r4)": lambda a, b, c, d: b * c + d,
    "mls(r1, r2, r3, r4)": lambda a, b, c, d: d - b * c,
    "smulwb(r1, r2, r3)": lambda a, b, c, d: s(b) * lo(c) >> 16,
    "smulwt(r1, r2, r3)": lambda a, b, c, d: s(b) * hi(c) >> 16,
    "smlawb(r1, r2, r3, r4)": lambda a, b, c, d: (s(b) * lo(c) >> 16) + d,
    "smlawt(r1, r2, r3, r4)": lambda a, b, c, d: (s(b) * hi(c) >> 16) + d,
    "smuad(r1, r2, r3)": lambda a, b, c, d: lo(b) * lo(c) + hi(b) * hi(c),
    "smuadx(r1, r2, r3)": lambda a, b, c, d: lo(b) * hi(c) + hi(b) * lo(c),
    "smusd(r1, r2, r3)": lambda a, b, c, d: lo(b) * lo(c) - hi(b) * hi(c),
    "smusdx(r1, r2, r3)": lambda a, b, c, d: lo(b) * hi(c) - hi(b) * lo(c),
    "smlad(r1, r2, r3, r4)": lambda a, b, c, d: lo(b) * lo(c) + hi(b) * hi(c) + d,
    "smladx(r1, r2, r3, r4)": lambda a, b, c, d: lo(b) * hi(c) + hi(b) * lo(c) + d,
    "smlsd(r1, r2, r3, r4)": lambda a, b, c, d: lo(b) * lo(c) - hi(b) * hi(c) + d,
    "smlsdx(r1, r2, r3, r4)": lambda a, b, c, d: lo(b) * hi(c) - hi(b) * lo(c) + d,
    "smmul(r1, r2, r3)": lambda a, b, c, d: s(b) * s(c) >> 32,
    "smmulr(r1, r2, r3)": lambda a, b, c, d: s(b) * s(c) + (1 << 31) >> 32,
    "smmla(r1, r2, r3, r4)": lambda a, b, c, d: (d << 32) + s(b) * s(c) >> 32,
    "smmlar(r1, r2, r3, r4)": lambda a, b, c, d: (d << 32) + s(b) * s(c) + (1 << 31) >> 32,
    "smmls(r1, r2, r3, r4)": lambda a, b, c, d: (d << 32) - s(b) * s(c) >> 32,
    "smmlsr(r1, r2, r3, r4)": lambda a, b, c, d: (d << 32) - s(b) * s(c) + (1 << 31) >> 32,
    "smull(r1, r2, r3, r4)": lambda a, b, c, d: long(s(c) * s(d)),
    "umull(r1, r2, r3, r4)": lambda a, b, c, d: long(c * d),
    "smlal(r1, r2, r3, r4)": lambda a, b, c, d: long(s64(a, b) + s(c) * s(d)),
    "umlal(r1, r2, r3, r4)": lambda a, b, c, d: long(s64(a, b) + c * d),
    "umaal(r1, r2, r3, r4)": lambda a, b, c, d: long(a + b + c * d),
    "smlald(r1, r2, r3, r4)": lambda a, b, c, d: long(s64(a, b) + lo(c) * lo(d) + hi(c) * hi(d)),
    "smlaldx(r1, r2, r3, r4)": lambda a, b, c, d: long(s64(a, b) + lo(c) * hi(d) + hi(c) * lo(d)),
    "smlsld(r1, r2, r3, r4)": lambda a, b, c, d: long(s64(a, b) + lo(c) * lo(d) - hi(c) * hi(d)),
    "smlsldx(r1, r2, r3, r4)": lambda a, b, c, d: long(s64(a, b) + lo(c) * hi(d) - hi(c) * lo(d)),
    "sadd16(r1, r2, r3)": dual(plus),
    "uadd16(r1, r2, r3)": dual(plus),
    "ssub16(r1, r2, r3)": dual(minus),
    "usub16(r1, r2, r3)": dual(minus),
    "qadd16(r1, r2, r3)": dual(lambda x, y: clip(x + y, 16)),
    "qsub16(r1, r2, r3)": dual(lambda x, y: clip(x - y, 16)),
    "shadd16(r1, r2, r3)": dual(lambda x, y: x + y >> 1),
    "shsub16(r1, r2, r3)": dual(lambda x, y: x - y >> 1),
    "sasx(r1, r2, r3)": cross(plus, minus),
    "uasx(r1, r2, r3)": cross(plus, minus),
    "ssax(r1, r2, r3)": cross(minus, plus),
    "usax(r1, r2, r3)": cross(minus, plus),
    "qasx(r1, r2, r3)": cross(lambda x, y: clip(x + y, 16), lambda x, y: clip(x - y, 16)),
    "qsax(r1, r2, r3)": cross(lambda x, y: clip(x - y, 16), lambda x, y: clip(x + y, 16)),
    "shasx(r1, r2, r3)": cross(lambda x, y: x + y >> 1, lambda x, y: x - y >> 1),
    "shsax(r1, r2, r3)": cross(lambda x, y: x - y >> 1, lambda x, y: x + y >> 1),
    "qadd(r1, r2, r3)": lambda a, b, c, d: clip(s(b) + s(c)),
    "qsub(r1, r2, r3)": lambda a, b, c, d: clip(s(b) - s(c)),
    "qdadd(r1, r2, r3)": lambda a, b, c, d: clip(s(b) + clip(2 * s(c))),
    "qdsub(r1, r2, r3)": lambda a, b, c, d: clip(s(b) - clip(2 * s(c))),
    "pkhbt(r1, r2, r3)": lambda a, b, c, d: pair(b, c >> 16),
    "pkhbt(r1, r2, r3, lsl(16))": lambda a, b, c, d: pair(b, c),
    "pkhtb(r1, r2, r3, asr(16))": lambda a, b, c, d: pair(c >> 16, b >> 16),
    "pkhtb(r1, r2, r3, asr(5))": lambda a, b, c, d: pair(s(c) >> 5, b >> 16),
    "sxth(r1, r2)": lambda a, b, c, d: lo(b),
    "uxth(r1, r2)": lambda a, b, c, d: b & 0xFFFF,
    "sxtb(r1, r2)": lambda a, b, c, d: s(b, 8),
    "uxtb(r1, r2)": lambda a, b, c, d: b & 0xFF,
    "sxth(r1, r2, ror(16))": lambda a, b, c, d: hi(b),
    "uxth(r1, r2, ror(8))": lambda a, b, c, d: b >> 8 & 0xFFFF,
    "sxtb(r1, r2, ror(24))": lambda a, b, c, d: s(b >> 24, 8),
    "uxtb(r1, r2, ror(16))": lambda a, b, c, d: b >> 16 & 0xFF,
    "sxtah(r1, r2, r3)": lambda a, b, c, d: b + lo(c),
    "sxtah(r1, r2, r3, ror(16))": lambda a, b, c, d: b + hi(c),
    "uxtah(r1, r2, r3)": lambda a, b, c, d: b + (c & 0xFFFF),
    "sxtab(r1, r2, r3)": lambda a, b, c, d: b + s(c, 8),
    "uxtab(r1, r2, r3, ror(8))": lambda a, b, c, d: b + (c >> 8 & 0xFF),
    "rev(r1, r2)": lambda a, b, c, d: int.from_bytes(b.to_bytes(4, "little"), "big"),
    "rev16(r1, r2)": lambda a, b, c, d: (b & 0x00FF00FF) << 8 | b >> 8 & 0x00FF00FF,
    "revsh(r1, r2)": lambda a, b, c, d: s((b & 0xFF) << 8 | b >> 8 & 0xFF, 16),
    "rbit(r1, r2)": lambda a, b, c, d: int(f"{b:032b}"[::-1], 2),
    "ssat(r1, 16, r2)": lambda a, b, c, d: clip(s(b), 16),
    "ssat(r1, 1, r2, asr(31))": lambda a, b, c, d: clip(s(b) >> 31, 1),
    "ssat(r1, 20, r2, asr(7))": lambda a, b, c, d: clip(s(b) >> 7, 20),
    "ssat(r1, 24, r2, lsl(3))": lambda a, b, c, d: clip(s(b << 3), 24),
    "usat(r1, 16, r2)": lambda a, b, c, d: max(0, min(0xFFFF, s(b))),
    "usat(r1, 9, r2, asr(4))": lambda a, b, c, d: max(0, min(511, s(b) >> 4)),
    "sbfx(r1, r2, 0, 16)": lambda a, b, c, d: lo(b),
    "sbfx(r1, r2, 7, 11)": lambda a, b, c, d: s(b >> 7, 11),
    "ubfx(r1, r2, 27, 5)": lambda a, b, c, d: b >> 27,
    "ubfx(r1, r2, 10, 11)": lambda a, b, c, d: b >> 10 & 0x7FF,
    "bfi(r1, r2, 16, 16)": lambda a, b, c, d: pair(a, b),
    "bfi(r1, r2, 3, 4)": lambda a, b, c, d: a & ~0x78 | (b & 15) << 3,
    "bfc(r1, 5, 10)": lambda a, b, c, d: a & ~(0x3FF << 5),
    "add_w(r1, r2, r3)": lambda a, b, c, d: b + c,
    "add_w(r1, r2, r3, asr(1))": lambda a, b, c, d: b + (s(c) >> 1),
    "sub_w(r1, r2, r3, asr(1))": lambda a, b, c, d: b - (s(c) >> 1),
    "rsb_w(r1, r2, r3, asr(31))": lambda a, b, c, d: (s(c) >> 31) - b,
    "add_w(r1, r2, r3, lsl(13))": lambda a, b, c, d: b + (c << 13),
    "sub_w(r1, r2, r3, lsr(6))": lambda a, b, c, d: b - (c >> 6),
    "add_w(r1, r2, 4095)": lambda a, b, c, d: b + 4095,
    "add_w(r1, r2, 2305)": lambda a, b, c, d: b + 2305,
    "sub_w(r1, r2, 300)": lambda a, b, c, d: b - 300,
    "and_w(r1, r2, r3, ror(9))": lambda a, b, c, d: b & ror(c, 9),
    "bic_w(r1, r2, r3)": lambda a, b, c, d: b & ~c,
    "orr_w(r1, r2, r3, lsl(16))": lambda a, b, c, d: b | c << 16,
    "orn_w(r1, r2, r3)": lambda a, b, c, d: b | ~c,
    "eor_w(r1, r2, r3, asr(3))": lambda a, b, c, d: b ^ s(c) >> 3,
}  # fmt: skip
MEANINGS |= {f"{kind}_w(r1, r2, {n})": lambda a, b, c, d, kind=kind, n=n: shifted(b, kind, n)
             for kind in ("lsl", "lsr", "asr", "ror") for n in (1, 16, 31)}  # fmt: skip
for _x, _y in product("bt", "bt"):
    MEANINGS |= {
        f"smul{_x}{_y}(r1, r2, r3)": lambda a, b, c, d, x=_x, y=_y: halves(b)[x] * halves(c)[y],
        f"smla{_x}{_y}(r1, r2, r3, r4)": lambda a, b, c, d, x=_x, y=_y: halves(b)[x] * halves(c)[y] + d,
        f"smlal{_x}{_y}(r1, r2, r3, r4)": lambda a, b, c, d, x=_x, y=_y: long(
            s64(a, b) + halves(c)[x] * halves(d)[y]
        ),
    }

# instruction on flags -> f(r2, r3) = (r1, Z, C); r1 is unchanged (None) by a comparison
FLAGS = {
    "adds_w(r1, r2, r3)": lambda b, c: (b + c, b + c > M),
    "adds_w(r1, r2, 200)": lambda b, c: (b + 200, b + 200 > M),
    "subs_w(r1, r2, r3)": lambda b, c: (b - c, b >= c),
    "subs_w(r1, r2, 1)": lambda b, c: (b - 1, b >= 1),
    "rsbs_w(r1, r2, r3)": lambda b, c: (c - b, c >= b),
    "rsbs_w(r1, r2, 0)": lambda b, c: (-b, b == 0),
    "cmp_w(r2, r3)": lambda b, c: (None, b >= c),
    "cmp_w(r2, 7)": lambda b, c: (None, b >= 7),
    "ands_w(r1, r2, r3, lsr(4))": lambda b, c: (b & c >> 4, c >> 3 & 1 == 1),
    "bics_w(r1, r2, r3, lsr(4))": lambda b, c: (b & ~(c >> 4), c >> 3 & 1 == 1),
    "orrs_w(r1, r2, r3, lsr(4))": lambda b, c: (b | c >> 4, c >> 3 & 1 == 1),
    "orns_w(r1, r2, r3, lsr(4))": lambda b, c: (b | ~(c >> 4), c >> 3 & 1 == 1),
    "eors_w(r1, r2, r3, lsr(4))": lambda b, c: (b ^ c >> 4, c >> 3 & 1 == 1),
}
COMPARED = {"cmp_w(r2, r3)": lambda b, c: b == c, "cmp_w(r2, 7)": lambda b, c: b == 7}

MEMORY = bytes(range(1, 97))
AT = 32  # r1 points here


def word(at, size=4, signed=False):
    return int.from_bytes(MEMORY[AT + at : AT + at + size], "little", signed=signed) & M


# instruction with r1 -> MEMORY[AT], r3 = 4 -> (what r1 grows by, {register: value after}), or bytes stored where
LOADS = {
    "ldr_w(r2, [r1, 20])": (0, {2: word(20)}),
    "ldr_w(r8, [r1, 20])": (0, {8: word(20)}),
    "ldr_w(r2, [r1, -8])": (0, {2: word(-8)}),
    "ldr_w(r2, [r1], 4)": (4, {2: word(0)}),
    "ldr_w(r2, [r1], -12)": (-12, {2: word(0)}),
    "ldr_w(r2, [r1, 8], wb)": (8, {2: word(8)}),
    "ldr_w(r2, [r1, r3])": (0, {2: word(4)}),
    "ldr_w(r8, [r1, r3])": (0, {8: word(4)}),
    "ldr_w(r2, [r1, r3, lsl(2)])": (0, {2: word(16)}),
    "ldrh_w(r2, [r1], 2)": (2, {2: word(0, 2)}),
    "ldrh_w(r2, [r1, r3])": (0, {2: word(4, 2)}),
    "ldrsh(r2, [r1], 2)": (2, {2: word(0, 2, True)}),
    "ldrsh(r2, [r1, -2])": (0, {2: word(-2, 2, True)}),
    "ldrsh(r2, [r1, r3])": (0, {2: word(4, 2, True)}),
    "ldrsh(r8, [r1, r3, lsl(1)])": (0, {8: word(8, 2, True)}),
    "ldrsh(r2, [r1])": (0, {2: word(0, 2, True)}),
    "ldrb_w(r2, [r1], 1)": (1, {2: word(0, 1)}),
    "ldrb_w(r2, [r1, r3])": (0, {2: word(4, 1)}),
    "ldrsb(r2, [r1, 40])": (0, {2: word(40, 1, True)}),
    "ldrsb(r2, [r1, r3])": (0, {2: word(4, 1, True)}),
    "ldrd(r2, r8, [r1, 8])": (0, {2: word(8), 8: word(12)}),
    "ldrd(r2, r4, [r1], 8)": (8, {2: word(0), 4: word(4)}),
    "ldrd(r2, r4, [r1], -16)": (-16, {2: word(0), 4: word(4)}),
    "ldrd(r2, r4, [r1, -8])": (0, {2: word(-8), 4: word(-4)}),
    "ldrd(r2, r4, [r1, 16], wb)": (16, {2: word(16), 4: word(20)}),
    "ldmia(r1, {r2, r4, r8}, wb)": (12, {2: word(0), 4: word(4), 8: word(8)}),
    "ldmia(r1, {r2, r4})": (0, {2: word(0), 4: word(4)}),
    "ldmdb(r1, {r2, r4}, wb)": (-8, {2: word(-8), 4: word(-4)}),
}
# instruction with r2 = 0x80C1D2E3, r4 = 0x12345678, r8 = 0x9ABCDEF0 -> (what r1 grows by, offset from AT, bytes)
R2, R4, R8 = (x.to_bytes(4, "little") for x in (0x80C1D2E3, 0x12345678, 0x9ABCDEF0))
STORES = {
    "str_w(r2, [r1, 40])": (0, 40, R2),
    "str_w(r8, [r1], 4)": (4, 0, R8),
    "str_w(r2, [r1, -4], wb)": (-4, -4, R2),
    "str_w(r2, [r1, r3])": (0, 4, R2),
    "str_w(r8, [r1, r3, lsl(3)])": (0, 32, R8),
    "strh_w(r2, [r1], 2)": (2, 0, R2[:2]),
    "strh_w(r2, [r1, r3])": (0, 4, R2[:2]),
    "strh_w(r2, [r1, 9])": (0, 9, R2[:2]),
    "strb_w(r2, [r1], 1)": (1, 0, R2[:1]),
    "strb_w(r2, [r1, r3])": (0, 4, R2[:1]),
    "strd(r2, r8, [r1], 8)": (8, 0, R2 + R8),
    "strd(r4, r2, [r1, 12])": (0, 12, R4 + R2),
    "strd(r2, r2, [r1, -8], wb)": (-8, -8, R2 + R2),
    "stmia(r1, {r2, r4, r8}, wb)": (12, 0, R2 + R4 + R8),
    "stmdb(r1, {r2, r4}, wb)": (-8, -8, R2 + R4),
    "stmia(r1, {r2, r4})": (0, 0, R2 + R4),
}
