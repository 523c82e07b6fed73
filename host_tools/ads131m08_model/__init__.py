"""The ADS131M08 at the level of its pins, as its data sheet SBAS950B describes it: what a driver talks to on a PC.

    chip = Chip(clkin=6553600)
    chip.sources[3] = tone(0.5, 50.0)      volts at the input of a channel, by time; or chip.feed(codes)
    answer = chip.transfer(bytes)          a frame with CS low; takes the time that SCLK needs
    chip.pulse(10)                         SYNC/RESET low for so many CLKIN periods
    chip.next_drdy(), chip.advance(n)      time goes on, in CLKIN periods; chip.falls: where DRDY fell

    registers.py   register map with what can be written      decimator.py   volts to codes
    converter.py   conversions, FIFO, DRDY on a time axis     chip.py        frames, commands, CRC; faults to inject

Not modelled: global chop, current detection, the DC block filter (writing them is refused aloud), the SPI's timeout,
noise, drift. Where the data sheet leaves a thing open, the module says what was chosen, "to be checked on hardware".
Cost: about 0.5 ms a conversion of eight channels and its frame, 0.15 ms when it is fed with codes.
"""

from host_tools.ads131m08_model.chip import Chip
from host_tools.ads131m08_model.decimator import constant, tone

__all__ = ["Chip", "constant", "tone"]
