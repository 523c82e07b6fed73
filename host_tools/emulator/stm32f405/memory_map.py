"""Addresses (RM0090 2.3) and times of the model."""

CYCLES_PER_US = 168
PERIPHERALS, PERIPHERAL_BYTES = 0x40000000, 0x30000
BIT_BAND = 0x42000000
RAM, RAM_BYTES = 0x20010000, 0x10000  # buffers; the DMA reaches no other memory
BLOCK = 0x20001000  # where the handler's block lies
ENTRY_CYCLES = 400  # from the interrupt to the handler: exception entry and MicroPython, an estimate
CYCLES_AN_INSTRUCTION = 2
