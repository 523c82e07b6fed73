"""The register map of the ADS131M08, SBAS950B table 8-12: names, values after a reset, bits that can be written.

Addresses 31h to 3Dh and 3Fh are not used: they read 0 and ignore what is written.
"""

ID, STATUS, MODE, CLOCK, GAIN1, GAIN2, CFG, THRSHLD_MSB, THRSHLD_LSB, CH0_CFG = range(10)
LAST = 0x30
REGMAP_CRC = 0x3E
CHANNELS = 8
ID_VALUE = 0x2800  # 8 channels; a revision of 0

# bits of STATUS
LOCK, F_RESYNC, REG_MAP, CRC_ERR = 0x8000, 0x4000, 0x2000, 0x1000
# bits of MODE; CRC_TYPE, RESET and WLENGTH stand in STATUS at the same places
REGCRC_EN, RX_CRC_EN, CRC_TYPE, RESET, WLENGTH, DRDY_SEL, DRDY_FMT = 0x2000, 0x1000, 0x0800, 0x0400, 0x0300, 0x000C, 1
GC_EN, CD_EN = 0x0100, 0x0001  # of CFG
DCBLOCK, DCBLK_DIS, MUX = 0x000F, 0x0004, 0x0003  # of THRSHLD_LSB, CHn_CFG

_GLOBAL = (
    # name, after a reset, writable bits
    ("ID", ID_VALUE, 0x0000),
    ("STATUS", 0x0500, 0x0000),
    ("MODE", 0x0510, 0x3F1F),
    ("CLOCK", 0xFF0E, 0xFF1F),
    ("GAIN1", 0x0000, 0x7777),
    ("GAIN2", 0x0000, 0x7777),
    ("CFG", 0x0600, 0x1FFF),
    ("THRSHLD_MSB", 0x0000, 0xFFFF),
    ("THRSHLD_LSB", 0x0000, 0xFF0F),
)
_CHANNEL = (
    ("CFG", 0x0000, 0xFFC7),
    ("OCAL_MSB", 0x0000, 0xFFFF),
    ("OCAL_LSB", 0x0000, 0xFF00),
    ("GCAL_MSB", 0x8000, 0xFFFF),
    ("GCAL_LSB", 0x0000, 0xFF00),
)
_ALL = [*_GLOBAL, *((f"CH{k}_{name}", value, mask) for k in range(CHANNELS) for name, value, mask in _CHANNEL)]

NAMES = {address: name for address, (name, _, _) in enumerate(_ALL)} | {REGMAP_CRC: "REGMAP_CRC"}
DEFAULTS = {address: value for address, (_, value, _) in enumerate(_ALL)}
WRITABLE = {address: mask for address, (_, _, mask) in enumerate(_ALL) if mask}

POLYNOMIALS = {0: 0x1021, CRC_TYPE: 0x8005}  # CCITT, ANSI; both start at FFFFh (8.3.12)


def crc16(data: bytes, polynomial: int = 0x1021) -> int:
    """Bit by bit, as the polynomial says: start FFFFh, not reflected, no final xor."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ (polynomial if crc & 0x8000 else 0)) & 0xFFFF
    return crc


class Registers:
    """What is in the chip's registers, bar STATUS, which the chip makes up when it is read."""

    def __init__(self) -> None:
        self.values = dict(DEFAULTS)

    def __getitem__(self, address: int) -> int:
        return self.values.get(address, 0)

    def write(self, address: int, value: int) -> bool:
        """Writes the bits that can be; False where there are none."""
        mask = WRITABLE.get(address, 0)
        if mask:
            self.values[address] = self.values[address] & ~mask | value & mask
        return bool(mask)

    def map_crc(self) -> int:
        """CRC of the registers 02h to 30h, from the highest bit of the first on (8.3.13; that it starts at FFFFh too,
        and ends at 30h, is to be checked on hardware)."""
        data = b"".join(self.values[address].to_bytes(2, "big") for address in range(MODE, LAST + 1))
        return crc16(data, POLYNOMIALS[self.values[MODE] & CRC_TYPE])

    @property
    def osr(self) -> int:
        return 128 << (self.values[CLOCK] >> 2 & 7)

    def enabled(self, channel: int) -> bool:
        return bool(self.values[CLOCK] >> 8 >> channel & 1)

    def gain(self, channel: int) -> int:
        return 1 << (self.values[GAIN1 + channel // 4] >> 4 * (channel % 4) & 7)

    def config(self, channel: int) -> int:
        return self.values[CH0_CFG + 5 * channel]

    def phase(self, channel: int) -> int:
        """PHASEn in modulator periods, clipped to what the OSR allows (8.3.10, table 8-5)."""
        code = self.config(channel) >> 6
        code -= (code & 0x200) << 1
        half = min(self.osr // 2, 512)
        return max(-half, min(half - 1, code))

    def offset(self, channel: int) -> int:
        """OCALn, signed."""
        code = self._pair(channel, 1)
        return code - ((code & 0x800000) << 1)

    def gcal(self, channel: int) -> int:
        return self._pair(channel, 3)

    def _pair(self, channel: int, first: int) -> int:
        at = CH0_CFG + 5 * channel + first
        return self.values[at] << 8 | self.values[at + 1] >> 8
