"""TIM2 and TIM5, RM0090 18.3 and 18.4: counting by external clock mode 2, capture of TI1, TRGO, capture of TRC.

TIM2's inputs TI1 and ETR are PA0 in AF1; its TRGO is TIM5's ITR0. CK_INT is 84 MHz: two cycles. The input filters delay
an edge by the same 8 samples: left out.
"""

from host_tools.emulator.stm32f405.gpio import APB1ENR
from host_tools.emulator.stm32f405.peripheral import Peripheral

CR1, CR2, SMCR, DIER, SR, EGR, CCMR1, CCMR2, CCER, CNT, PSC, ARR = range(0, 0x30, 4)
CCR1, CCR4 = 0x34, 0x40
_ETP, _ECE, _CEN = 1 << 15, 1 << 14, 1


class Timer(Peripheral):
    def __init__(self, chip, base, bit):
        super().__init__(
            chip, base, (APB1ENR, bit), (CR1, CR2, SMCR, DIER, SR, CCMR1, CCMR2, CCER, PSC, ARR, CCR1, CCR4)
        )
        self.registers[ARR] = 0xFFFFFFFF
        self._offset = 0  # of CNT to the time, when free running; the count of edges otherwise
        self._edges = 0

    def runs(self) -> bool:
        return self.clocked() and bool(self.registers[CR1] & _CEN)

    def external(self) -> bool:
        return bool(self.registers[SMCR] & _ECE)

    def counter(self) -> int:
        if self.external() or not self.runs():
            return self._edges & 0xFFFFFFFF
        return (self.chip.now // 2 - self._offset) & 0xFFFFFFFF

    def pin(self, falling: bool) -> None:
        """An edge at ETR and TI1."""
        if not self.runs() or self.chip.gpioa.function(0) != 1:
            return
        if self.external() and bool(self.registers[SMCR] & _ETP) == falling:
            self._edges += 1
        captures = self.registers[CCMR1] & 3 == 1 and self.registers[CCER] & 1
        if captures and bool(self.registers[CCER] & 2) == falling:
            self.registers[CCR1] = self.counter()
            if self.registers[CR2] >> 4 & 7 == 3:  # MMS: compare pulse
                self.chip.tim5.trigger()

    def trigger(self) -> None:
        """A pulse at ITR0."""
        by_trc = self.registers[SMCR] >> 4 & 7 == 0 and self.registers[CCMR1] & 3 == 3 and self.registers[CCER] & 1
        if self.runs() and by_trc:
            self.registers[CCR1] = self.counter()

    def read(self, offset):
        return self.counter() if offset == CNT else super().read(offset)

    def write(self, offset, value):
        if offset == EGR:
            self._set(0)
        elif offset == CNT:
            self._set(value)
        else:
            before = self.counter()
            super().write(offset, value)
            if offset in (CR1, SMCR):
                self._set(before)

    def _set(self, value: int) -> None:
        self._edges = value
        self._offset = self.chip.now // 2 - value
