"""The STM32F405 of the pyboard v1.1 as front end: pins, clocks, timers, SPI2 and DMA1 for the converter, USART2 for
RS-485. What runs with each frame is in wattless/capture/stm32f4_irq.py, what reads them in stm32f4.py.

    PA0  X1   DRDY, in         PB12 Y5  CS, out       PC4 X11  SYNC/RESET, out (low resets)
    PB13 Y6   SCK              PB14 Y7  MISO          PB15 Y8  MOSI
    PA2  X3   RS-485 TX        PA3  X4  RS-485 RX     PC5 X12  RS-485 DE and /RE together, out

PA0 carries three things at once. As TIM2_CH1_ETR (AF1) each fall of DRDY counts TIM2 up by external clock mode 2, and
is captured by its channel 1; every capture gives a pulse on TRGO, which makes TIM5 (84 MHz, free running) capture too:
count and time of a DRDY without the processor. And EXTI0 raises the interrupt: the pin's input is alive in alternate
function mode (RM0090 8.3.10), EXTI sees it: to be checked on hardware. machine.Pin.irq is used, not pyb.ExtInt, which
would make the pin a plain input again (extint.c: HAL_GPIO_Init) and disconnect TIM2.

SCK is 10.5 MHz (21 MHz would leave 24 ns for the way to the converter and back, whose own delay is 20 ns: SBAS950 6.7):
a frame takes 15.2 us, in 24-bit words 22.9 us. DMA1 is MicroPython's only for DAC, I2C, SPI2, SPI3 and UARTs 2-5 by
DMA, none of which a meter on this board uses; machine.SPI(2) would configure its streams. TIM2 and TIM5 (pyb.Servo!)
are taken.

Section numbers are RM0090's, revision 18. Heap: 1 KB, and capture/stm32f4.py's ring. Not yet run on hardware.
"""

import time

import machine
import stm
import uctypes
from machine import Pin, mem32

from micropython import const
from wattless.capture.ads131m08 import RESET_LOW_US, SYNC_LOW_US, Ads131m08
from wattless.capture.stm32f4 import Capture, Port
from wattless.capture.stm32f4_irq import drdy, exchange

_RX = stm.DMA1 + 0x10 + 0x18 * 3  # 10.5.5 to 10.5.10: a stream's CR, NDTR, PAR, M0AR, M1AR, FCR
_TX = stm.DMA1 + 0x10 + 0x18 * 4
_PAR = const(8)
_M0AR = const(12)
_FCR = const(20)
_AHB1ENR = const(0x30)
_APB1ENR = const(0x40)
_DMA1EN = const(1 << 21)  # 6.3.10
# 2.3.3: bit 21 of that register, in the bit-band alias of the peripherals
_CLOCK = 0x42000000 + (stm.RCC + _AHB1ENR - 0x40000000) * 32 + 21 * 4
_BSRR = const(0x18)  # 8.4.7: the upper half resets pins
_ENABLE = const(1)
# 10.5.5: CHSEL 0 is SPI2_RX on stream 3, SPI2_TX on stream 4 (table 42); bytes on both sides, memory address counting
_RX_CR = const(3 << 16 | 1 << 10 | _ENABLE)  # PL very high, MINC, peripheral to memory
_TX_CR = const(2 << 16 | 1 << 10 | 1 << 6 | _ENABLE)  # PL high, MINC, memory to peripheral
_TCIF3 = const(1 << 27)  # 10.5.1
_RX_FLAGS = const(0x3D << 22)  # 10.5.3: stream 3's
_TX_FLAGS = const(0x3D)  # 10.5.4: stream 4's
_CS = const(12)
_DE = const(5)

_SPI_CR1 = const(0x00)  # 28.5
_SPI_CR2 = const(0x04)
_SPI_SR = const(0x08)
_SPI_DR = const(0x0C)
# 28.5.1: SSM, SSI, SPE, BR f/4 of 42 MHz, MSTR, CPHA: mode 1, 8 bits, high bit first
_SPI_MODE = const(1 << 9 | 1 << 8 | 1 << 6 | 1 << 3 | 1 << 2 | 1)
_SPI_DMA = const(3)  # 28.5.2: TXDMAEN, RXDMAEN

_TIM_CR1 = const(0x00)  # 18.4
_TIM_CR2 = const(0x04)
_TIM_SMCR = const(0x08)
_TIM_EGR = const(0x14)
_TIM_CCMR1 = const(0x18)
_TIM_CCER = const(0x20)
_TIM_CNT = const(0x24)
_TIM_PSC = const(0x28)
_TIM_ARR = const(0x2C)
_TIM_CCR4 = const(0x40)
_CEN = const(1)

_PATIENCE = const(200)  # turns of a loop of 16 instructions: 25 to 45 us, a frame takes 23


class _Hardware:
    """For capture/stm32f4.py."""

    timer_hz = 84000000  # 6.2: APB1 is 42 MHz, its timers run at twice that
    spi_hz = 10500000

    def __init__(self):
        gpiob, gpioc = stm.GPIOB + _BSRR, stm.GPIOC + _BSRR
        self.words = (
            _CLOCK,
            stm.EXTI + 0x14,  # PR, 12.3.6
            1,  # line 0
            stm.DMA1,
            _RX,
            _TX,
            gpiob,
            1 << 16 + _CS,
            1 << _CS,
            _RX_CR,
            _TX_CR,
            _TCIF3,
            _RX_FLAGS,
            _TX_FLAGS,
            stm.SPI2,
            stm.TIM2 + _TIM_CNT,
            stm.TIM5,
            stm.USART2,
            gpioc,
            1 << _DE,
            1 << 16 + _DE,
            _PATIENCE,
        )
        self.block = None  # by FrontEnd
        self._drdy = self._sync = None

    def address_of(self, buffer):
        return uctypes.addressof(buffer)

    def sleep_us(self, n):
        time.sleep_us(n)

    def count(self):
        return mem32[stm.TIM2 + _TIM_CNT]

    def prepare(self):
        """Clocks, pins, SPI2 and timers; DMA and interrupt stay off."""
        Pin("B12", Pin.OUT, value=1)
        self._sync = Pin("C4", Pin.OUT, value=1)
        for name in ("B13", "B14", "B15"):
            Pin(name, Pin.ALT, alt=5)  # AF5: SPI2
        self._drdy = Pin("A0", Pin.ALT, pull=Pin.PULL_UP, alt=1)  # AF1: TIM2_CH1_ETR

        mem32[stm.RCC + _AHB1ENR] |= _DMA1EN
        mem32[stm.RCC + _APB1ENR] |= 1 << 14 | 1 << 3 | 1  # 6.3.13: SPI2, TIM5, TIM2
        mem32[stm.SPI2 + _SPI_CR1] = 0
        mem32[stm.SPI2 + _SPI_CR2] = 0
        mem32[stm.SPI2 + _SPI_CR1] = _SPI_MODE

        t = stm.TIM5  # first, so that it is there when TIM2 triggers it (18.3.15)
        mem32[t + _TIM_CR1] = 0
        mem32[t + _TIM_PSC] = 0
        mem32[t + _TIM_ARR] = 0xFFFFFFFF
        mem32[t + _TIM_EGR] = 1
        mem32[t + _TIM_SMCR] = 0  # TS 0: ITR0, which is TIM2's TRGO (18.4.3); no slave mode
        mem32[t + _TIM_CCMR1] = 3  # CC1S 3: channel 1 captures at TRC
        mem32[t + _TIM_CCER] = 1  # CC1E
        mem32[t + _TIM_CR1] = _CEN
        t = stm.TIM2
        mem32[t + _TIM_CR1] = 0
        mem32[t + _TIM_PSC] = 0
        mem32[t + _TIM_ARR] = 0xFFFFFFFF
        mem32[t + _TIM_EGR] = 1
        mem32[t + _TIM_CCMR1] = 3 << 4 | 1  # IC1F: 8 samples, 95 ns; CC1S 1: TI1
        mem32[t + _TIM_CCER] = 1 << 1 | 1  # CC1P: falling, CC1E
        mem32[t + _TIM_CR2] = 3 << 4  # MMS 3, compare pulse: TRGO with every capture, even if CC1IF is set
        mem32[t + _TIM_SMCR] = 1 << 15 | 1 << 14 | 3 << 8  # ETP: falling, ECE: external clock mode 2, ETF: 8 samples
        mem32[t + _TIM_CR1] = _CEN

    def start(self, block, command):
        """Streams and SPI for DMA, from `command` on; then every DRDY calls the handler, on `block`: addresses."""
        mem32[stm.TIM2 + _TIM_CCR4] = block  # channel 4 is off (18.4.8: frozen): a register that nobody reads but drdy
        mem32[stm.RCC + _AHB1ENR] |= _DMA1EN
        for stream, memory in ((_RX, 0), (_TX, command)):
            mem32[stream + _PAR] = stm.SPI2 + _SPI_DR
            mem32[stream + _M0AR] = memory
            mem32[stream + _FCR] = 0  # 10.5.10: direct mode
        mem32[stm.DMA1 + 8] = _RX_FLAGS
        mem32[stm.DMA1 + 12] = _TX_FLAGS
        mem32[stm.SPI2 + _SPI_CR2] = _SPI_DMA
        self._drdy.irq(drdy, trigger=Pin.IRQ_FALLING, hard=True)

    def stop(self):
        """No more interrupts, the streams off (10.3.17: EN reads 0), SPI2 at rest and empty, CS high."""
        self._drdy.irq(None)
        mem32[stm.RCC + _AHB1ENR] |= _DMA1EN
        for stream in (_RX, _TX):
            mem32[stream] = 0
            left = 100
            while mem32[stream] & _ENABLE and left:
                left -= 1
        mem32[stm.SPI2 + _SPI_CR2] = 0
        time.sleep_us(10)  # two bytes may still be on their way
        for _ in range(2):  # 28.3.10: reading DR, then SR, ends an overrun
            mem32[stm.SPI2 + _SPI_DR]
            mem32[stm.SPI2 + _SPI_SR]
        mem32[stm.GPIOB + _BSRR] = 1 << _CS

    def transfer(self, sent, got):
        """One frame while no DMA is on. OSError when SPI2 does not move."""
        if exchange(self.block, sent, got, len(sent)):
            raise OSError("SPI2 stands still: is its clock on?")

    def reset(self):
        self._pulse(RESET_LOW_US)

    def sync(self):
        state = machine.disable_irq()  # a pulse drawn out to 312 us would be a reset
        self._pulse(SYNC_LOW_US)
        machine.enable_irq(state)

    def _pulse(self, low_us):
        self._sync(0)
        time.sleep_us(low_us)
        self._sync(1)


class _Ticks:
    def ticks_ms(self):
        return time.ticks_ms()

    def diff(self, later, earlier):
        return time.ticks_diff(later, earlier)


class FrontEnd(Capture):
    """The frame source of the meter (capture/stm32f4.py); uart: the RS-485 port on USART2. Nothing of the converter is
    touched before open()."""

    def __init__(self):
        hardware = _Hardware()
        adc = Ads131m08(hardware.transfer, hardware.reset, hardware.sync, hardware.sleep_us)
        super().__init__(hardware, adc, _Ticks())
        hardware.block = self.block
        direction = Pin("C5", Pin.OUT, value=0)
        self.uart = Port(self, machine.UART(2, 19200), direction, "USART2")
