"""What the Modbus documents make of a request to the fake meter, in other words than the firmware's."""

from hypothesis import strategies as st

from tests.services.fake_meter import HOLES, LAST, register


def pdu_reply(request):
    """The reply PDU to a request PDU: application protocol V1.1b3, sections 6 and 7, checks in their order."""
    function, body = request[0], request[1:]
    if function == 8:  # a server without a serial line returns the query data, nothing else
        if len(body) < 4:
            return bytes([0x88, 3])
        return request if body[:2] == b"\0\0" else bytes([0x88, 1])
    if function not in (3, 4):
        return bytes([function | 0x80, 1])
    start, quantity = int.from_bytes(body[:2], "big"), int.from_bytes(body[2:4], "big")
    if len(body) != 4 or not 0x0001 <= quantity <= 0x007D:
        return bytes([function | 0x80, 3])
    wanted = range(start, start + quantity)
    if any(address in HOLES or address > LAST for address in wanted):
        return bytes([function | 0x80, 2])
    data = b"".join(register(address).to_bytes(2, "big") for address in wanted)
    if start == 0 and quantity > 1:
        data = b"\xc4\x9a\x50\x00" + data[4:]
    return bytes([function, 2 * quantity]) + data


def crc(data):
    """CRC-16/MODBUS, bit by bit, as it follows `data` on the line: serial line guide V1.02, 6.2.2."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


def frame(unit, pdu):
    """An RTU frame."""
    adu = bytes([unit]) + pdu
    return adu + crc(adu)


READS = st.builds(
    lambda function, address, count, rest: bytes([function]) + address + count + rest,
    st.sampled_from([3, 4]),
    st.one_of(st.integers(0, 200), st.integers(1900, 2060), st.integers(0, 65535)).map(lambda n: n.to_bytes(2, "big")),
    st.one_of(st.integers(0, 130), st.integers(0, 65535)).map(lambda n: n.to_bytes(2, "big")),
    st.one_of(st.just(b""), st.binary(max_size=3)),
)


# Requests for registers, near and across every limit, and whatever else fits in a PDU.
DIAGNOSTICS = st.binary(max_size=6).map(lambda rest: b"\x08\0" + rest)
REQUESTS = st.one_of(READS, DIAGNOSTICS, st.binary(min_size=1, max_size=253))
