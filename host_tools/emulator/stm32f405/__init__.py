"""An STM32F405 at the level of its registers, as far as the meter's front end uses it, on a time axis.

    chip = Chip()                              registers, pins, interrupt, machine code
    board = Board(chip)                        boards/pybv11/front_end.py, imported onto it
    converter = Converter(chip, frame)         what hangs on SPI2 and DRDY
    chip.advance(cycles)                       time goes on, in cycles of 168 MHz

The firmware's own set-up code writes these registers, and the interrupt runs the shipped machine code of the handler in
an emulated Cortex-M4. Interrupts come late as told, and the DMA fills the ring meanwhile.

    chip.py       time, memory, the interrupt        gpio.py    RCC, GPIO, SYSCFG, EXTI
    cpu.py        the handler's machine code         timers.py  TIM2, TIM5
    dma.py        DMA1                               serial.py  SPI2, USART2
    converter.py  a converter with a FIFO            board.py   stubs of MicroPython's modules
    cost.py       instructions of the handler

What is not modelled stops with a ModelError: a register nobody has, a transfer of other than bytes. The rules are those
of the reference manual RM0090 (revision 18); each module names the sections. Where it leaves things open, the strictest
reading was taken: a stream whose flags are set cannot be enabled, one that is enabled cannot be written.
"""

from host_tools.emulator.stm32f405.board import Board
from host_tools.emulator.stm32f405.chip import CYCLES_PER_US, Chip, ModelError
from host_tools.emulator.stm32f405.converter import Converter

__all__ = ["CYCLES_PER_US", "Board", "Chip", "Converter", "ModelError"]
