"""`python -m host_tools.memory` (`make memory`): does the meter fit into a board's memory, and what takes how much?

    rooms.py        the rooms of the firmware, the boards' sizes, and the table
    measure.py      runs target/probe.py with the firmware on an interpreter, and reads what it says
    native.py       bytes of machine code in .mpy files
    interpreter.py  makes an ARM MicroPython that uses its heap as an STM32 does, with the firmware frozen or without
    cross.py        fetches the compiler and the sources for it, below build/
    target/         what runs on MicroPython in the place of a board
"""
