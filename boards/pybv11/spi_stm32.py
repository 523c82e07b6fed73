"""The memory chip on SPI1: one transaction with its select line low, and which chip it is.

MicroPython's SPI waits for the end: at 10.5 MHz 0.8 us a byte, 3.2 ms for a record of 4 KB. Above one byte it uses
DMA2; the capture's DMA1 is not touched. Heap: 0.4 KB from .mpy. Not yet run on hardware.
"""

def transfer(spi, select):
    """Function(head, out, into): writes head (bytes), then `out` or fills `into` (buffers or None), all with the pin
    `select` low."""

    def transact(head, out=None, into=None):
        select.value(0)
        try:
            spi.write(head)
            if out is not None:
                spi.write(out)
            if into is not None:
                spi.readinto(into)
        finally:
            select.value(1)

    return transact
