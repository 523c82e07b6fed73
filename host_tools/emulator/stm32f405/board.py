"""boards/pybv11/front_end.py on the model: the modules of MicroPython that it imports, as far as it uses them.

Pin, UART and the interrupt act on the registers as ports/stm32 does (pin.c, machine_uart.c, extint.c).
"""

import sys
from types import ModuleType, SimpleNamespace

from host_tools.emulator.stm32f405 import gpio, serial
from host_tools.emulator.stm32f405.chip import CYCLES_PER_US
from host_tools.toolchain.paths import ROOT

BASES = {
    "EXTI": 0x40013C00,
    "RCC": 0x40023800,
    "DMA1": 0x40026000,
    "SPI2": 0x40003800,
    "TIM2": 0x40000000,
    "TIM5": 0x40000C00,
    "USART2": 0x40004400,
    "GPIOA": 0x40020000,
    "GPIOB": 0x40020400,
    "GPIOC": 0x40020800,
}  # RM0090 table 1
_PCLK1 = 42_000_000
FRONT_END = ROOT / "boards/pybv11/front_end.py"
PATHS = ("host_tools/shim", "firmware")


class _Memory:
    def __init__(self, chip):
        self.chip = chip

    def __getitem__(self, address):
        return self.chip.read(address)

    def __setitem__(self, address, value):
        self.chip.write(address, value)


def _pin_class(chip):
    ports = {"A": chip.gpioa, "B": chip.gpiob, "C": chip.gpioc}

    class Pin:
        IN, OUT, ALT, PULL_UP, IRQ_FALLING, IRQ_RISING = 0, 1, 2, 1, 2, 1

        def __init__(self, name, mode, pull=0, *, value=None, alt=None):
            self.port, self.number = ports[name[0]], int(name[1:])
            if value is not None:
                self(value)
            self._field(gpio.AFRH if self.number > 7 else gpio.AFRL, 4, self.number & 7, alt or 0)
            self._field(gpio.PUPDR, 2, self.number, pull)
            self._field(gpio.MODER, 2, self.number, mode)

        def _field(self, register, width, index, value):
            word = self.port.read(register) & ~((1 << width) - 1 << width * index)
            self.port.write(register, word | value << width * index)

        def __call__(self, level):
            self.port.write(gpio.BSRR, 1 << self.number + (0 if level else 16))

        def irq(self, handler=None, trigger=IRQ_FALLING | IRQ_RISING, hard=False):
            assert self.number == 0 and self.port is chip.gpioa, "the model has EXTI0 on PA0"
            chip.exti.write(gpio.IMR, chip.exti.registers[gpio.IMR] & ~1)
            if handler is not None:
                assert hard and handler.__name__ == "drdy", "the hard interrupt, of the shipped handler"
                chip.syscfg.write(0x08, 0)
                chip.exti.write(gpio.RTSR, trigger & 1)
                chip.exti.write(gpio.FTSR, trigger >> 1 & 1)
                chip.exti.write(gpio.IMR, chip.exti.registers[gpio.IMR] | 1)

    return Pin


class _Uart:
    """machine.UART(2): received is what any() and readinto() give."""

    def __init__(self, chip, number, baud):
        assert number == 2
        self.chip = chip
        self.received = bytearray()
        self.waited = 0  # writes that waited
        self.settings = None
        chip.rcc.registers[gpio.APB1ENR] |= 1 << 17
        for pin in "A2", "A3":
            _pin_class(chip)(pin, 2, alt=7)
        self.init(baud)

    def init(self, baud, bits=8, parity=None, stop=1, timeout=0, rxbuf=64):
        self.settings = SimpleNamespace(baud=baud, bits=bits, parity=parity, stop=stop, timeout=timeout, rxbuf=rxbuf)
        usart = self.chip.usart2
        usart.write(serial.USART_BRR, (_PCLK1 + baud // 2) // baud)
        usart.write(serial.USART_CR1, 0x202C)  # UE, TE, RE, RXNEIE

    def any(self):
        return len(self.received)

    def readinto(self, buf, n):
        n = min(n, len(self.received))
        buf[:n] = self.received[:n]
        del self.received[:n]
        return n or None

    def write(self, data):
        """As uart_tx_data: waits for TXE before each byte, for TC at the end."""
        self.waited += 1
        usart = self.chip.usart2
        for byte in bytes(data):
            while not usart.bus_read(serial.USART_SR) & 0x80:
                self.chip.advance(CYCLES_PER_US)
            usart.bus_write(serial.USART_DR, byte)
        while not usart.bus_read(serial.USART_SR) & 0x40:
            self.chip.advance(CYCLES_PER_US)
        return len(data)


class Board:
    """frames: the shipped FrontEnd; uart: its machine.UART. adc: a driver in place of the shipped Ads131m08; module: of
    other machine code than the shipped one."""

    def __init__(self, chip, adc=None):
        self.chip = chip
        front_end = _imported(chip)
        self.front_end = front_end
        self.frames = front_end.FrontEnd()
        chip.block = self.frames.block
        if adc is not None:
            self.frames.adc = adc
        self.port = self.frames.uart
        self.uart = self.port._serial

    def words(self) -> dict[str, int]:
        """The block's words by the names that capture/stm32f4_irq.py gives them, without the underscore."""
        return {name: self.frames.block[at] for name, at in names().items()}


def names() -> dict[str, int]:
    """Name of a word of the block -> its index."""
    text = (ROOT / "firmware/wattless/capture/stm32f4_irq.py").read_text()
    head = text.split("_NUMBERS")[0]
    lines = [line.split(" = const(") for line in head.splitlines() if " = const(" in line]
    return {name.removeprefix("_"): int(rest.split(")")[0]) for name, rest in lines}


def front_end_source() -> str:
    """For tests to plant faults."""
    return FRONT_END.read_text()


def _imported(chip):
    """front_end.py, with modules that act on this chip."""
    sys.path[:0] = [str(ROOT / folder) for folder in PATHS if str(ROOT / folder) not in sys.path]
    machine, stm, uctypes = ModuleType("machine"), ModuleType("stm"), ModuleType("uctypes")
    machine.mem32, machine.Pin = _Memory(chip), _pin_class(chip)
    machine.UART = lambda number, baud: _Uart(chip, number, baud)
    machine.disable_irq, machine.enable_irq = lambda: 0, lambda state: None
    vars(stm).update(BASES)
    uctypes.addressof = chip.address_of
    module = ModuleType("front_end_on_the_model")
    stubs = {"machine": machine, "stm": stm, "uctypes": uctypes}
    before = {name: sys.modules.get(name) for name in stubs}
    sys.modules.update(stubs)
    try:
        exec(compile(front_end_source(), str(FRONT_END), "exec"), vars(module))
    finally:
        for name, old in before.items():
            if old is None:
                del sys.modules[name]
            else:
                sys.modules[name] = old
    module.time = SimpleNamespace(
        sleep_us=lambda n: chip.advance(n * CYCLES_PER_US),
        ticks_ms=lambda: chip.now // (1000 * CYCLES_PER_US) & 0x3FFFFFFF,
        ticks_diff=lambda a, b: (a - b + 0x20000000 & 0x3FFFFFFF) - 0x20000000,
    )
    module.exchange = lambda block, sent, got, n: chip.cpu.run(
        "exchange", chip.address_of(block), chip.address_of(sent), chip.address_of(got), n
    )
    return module
