"""The model of the ADS131M08 on the pins of the modelled STM32F405: frames of ten words, byte by byte."""

from fractions import Fraction

from host_tools.ads131m08_model import Chip as Ads131m08
from host_tools.ads131m08_model import registers as r
from host_tools.emulator.stm32f405.converter import CS_PIN, SYNC_PIN

_WIDTHS = (2, 3, 4, 4)


class ChipOnPins(Ads131m08):
    def __init__(self, board, clkin=6553600):
        self.board = None
        super().__init__(clkin, sclk=10_500_000)
        self.board = board
        self._cycles = Fraction(168_000_000, clkin)
        self._selected = False
        self._sent = b""
        board.spi2.slave = self
        board.gpiob.watchers[CS_PIN] = self._select
        board.gpioc.watchers[SYNC_PIN] = self._reset_pin
        self._catch_up()

    def _catch_up(self):
        self._run_to(int(self.board.now / self._cycles))
        event = self._next_event()
        if event < 1 << 62:
            self.board.at(int(event * self._cycles) + 1, lambda: self._event(event))

    def _event(self, event):
        if event == self._next_event():
            self._catch_up()

    def _move(self, level):
        fell = level == 0 and self._drdy
        super()._move(level)
        if fell and self.board:
            self.board.tim2.pin(falling=True)
            self.board.exti.edge(falling=True)

    def _reset_pin(self, level):
        self._catch_up()
        if level is not None:
            self.pin(level)
        self._catch_up()

    def _select(self, level):
        self._selected = level == 0
        self._sent = b""

    def exchange(self, byte):
        if not self._selected:
            return 0xFF
        self._run_to(int(self.board.now / self._cycles))
        if not self._sent:
            self._width = _WIDTHS[(self.regs[r.MODE] & r.WLENGTH) >> 8]
            self._several = self._response[0] == "registers"
            self._deaf = self.seconds() < self._deaf_until
            size = 10 * self._width
            self._frame = bytes(size) if self._deaf else self._out(self._answer(self._width, 10), size)
            self._busy_until = self.now + 8 * size * self.clkin // self.sclk
        self._sent += bytes([byte])
        at = len(self._sent)
        if at == len(self._frame) and not self._deaf:
            self._read_through()
            self._hear(self._sent, self._width, self._several)
            self._catch_up()
        return self._frame[at - 1] if at <= len(self._frame) else 0
