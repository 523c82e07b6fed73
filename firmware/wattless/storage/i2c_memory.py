"""EEPROM on I2C as a medium. The bus is handed in: an object with machine.I2C's writeto, writeto_mem and
readfrom_mem_into. 24LC256 data sheet (DS20001203), 5 to 8. Not yet run on hardware. An access allocates nothing."""

from wattless.storage.media import EEPROM_CYCLES, Medium


class EepromI2c(Medium):
    """I2C EEPROM with two bytes of address: 24C32 to 24C512 (4 to 64 KB), 1e6 cycles a page.

    A page takes up to 5 ms, in which the part does not answer to its address: ready() asks (DS20001203, 7). An access
    in the meantime waits, wait(1) is called every ms. OSError: it does not answer at all."""

    def __init__(self, i2c, size=32768, page=64, address=0x50, wait=None, name="eeprom"):
        if size > 65536:
            raise ValueError("{}: parts above 64 KB are addressed otherwise, {} bytes are not".format(name, size))
        super().__init__(name, size, page, 0, EEPROM_CYCLES)
        self._i2c = i2c
        self._device = address
        self.wait = wait
        self._busy = True
        self.until_ready()

    def ready(self):
        if self._busy:
            try:
                self._i2c.writeto(self._device, b"")
                self._busy = False
            except OSError:
                pass
        return not self._busy

    def _read(self, at, buf):
        self.until_ready()
        self._i2c.readfrom_mem_into(self._device, at, buf, addrsize=16)

    def _write(self, at, buf):
        self.until_ready()
        self._i2c.writeto_mem(self._device, at, buf, addrsize=16)
        self._busy = True
