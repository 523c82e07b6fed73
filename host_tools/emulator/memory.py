"""The arguments of a call in the machine's memory: exact to the byte, everything around them out of bounds.

A buffer lies at the end of pages of its own, a megabyte from the next one. What follows it is not mapped; the rest of
its first page (and up to three bytes behind, where its length or its address is no multiple of four) is watched.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from unicorn import UC_HOOK_MEM_READ, UC_HOOK_MEM_WRITE, UC_MEM_WRITE, UC_PROT_READ, UC_PROT_WRITE, Uc

from host_tools.emulator.runtime import Refused

BASE, SLOT, SLOTS = 0x20000000, 1 << 20, 512
PAGE = 4096
_WIDEST = 8  # bytes of one access


@dataclass
class _Placed:
    buffer: object
    bytes: np.ndarray  # the buffer's own memory
    slot: int
    start: int
    hooks: list

    @property
    def end(self) -> int:
        return self.start + len(self.bytes)

    @property
    def page(self) -> int:
        return BASE + self.slot * SLOT

    @property
    def top(self) -> int:
        return -(-self.end // PAGE) * PAGE


class Arguments:
    """Maps buffers (array, bytearray, bytes, memoryview, numpy) for one call and copies them back after it.

    refuse: called with the description of an access to what lies around a buffer"""

    def __init__(self, machine: Uc, refuse: Callable[[str], None]):
        self.machine = machine
        self.refuse = refuse
        self._placed: list[_Placed] = []

    def address_of(self, buffer) -> int:
        """The address of the buffer, which is mapped at the first time. Refused if it is no buffer."""
        try:
            memory = np.frombuffer(buffer, np.uint8) if memoryview(buffer).nbytes else np.empty(0, np.uint8)
        except (TypeError, ValueError) as error:
            raise Refused(f"is given neither int nor buffer, but {type(buffer).__name__}: {error}") from None
        for other in self._placed:
            if _address(memory) == _address(other.bytes) and len(memory) == len(other.bytes):
                return other.start
            if np.may_share_memory(memory, other.bytes):
                raise Refused("is given two buffers that overlap: pass the whole one and an index")
        return self._place(buffer, memory).start

    def _place(self, buffer, memory: np.ndarray) -> _Placed:
        slot = len(self._placed)
        if slot == SLOTS or len(memory) > SLOT // 2:
            raise Refused(f"is given too much: there is room for {SLOTS} buffers of up to {SLOT // 2} bytes")
        page = BASE + slot * SLOT
        top = page + max(PAGE, -(-len(memory) // PAGE) * PAGE)
        start = top - len(memory)
        start -= (start - _address(memory)) % 4  # aligned like the original
        if start < page:
            top += PAGE
            start += PAGE
        placed = _Placed(buffer, memory, slot, start, [])
        self._placed.append(placed)
        self.machine.mem_map(page, top - page, UC_PROT_READ | UC_PROT_WRITE if memory.flags.writeable else UC_PROT_READ)
        self.machine.mem_write(start, memory.tobytes())
        for first, last in ((page, start - 1), (placed.end - _WIDEST + 1 if placed.end < top else top, top - 1)):
            if first <= last:
                hook = UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE
                placed.hooks.append(self.machine.hook_add(hook, self._check, begin=first, end=last))
        return placed

    def _check(self, machine, access, address, size, value, _) -> None:
        placed = self._placed[(address - BASE) // SLOT]
        if address < placed.start or address + size > placed.end:
            self.refuse(self.describe(access == UC_MEM_WRITE, address, size))

    def release(self, copy_back: bool) -> None:
        """Unmap everything; before that, bring what the call wrote back into the buffers."""
        for placed in self._placed:
            if copy_back and placed.bytes.flags.writeable and len(placed.bytes):
                placed.bytes[:] = self.machine.mem_read(placed.start, len(placed.bytes))
            for hook in placed.hooks:
                self.machine.hook_del(hook)
            self.machine.mem_unmap(placed.page, placed.top - placed.page)
        self._placed.clear()

    def describe(self, write: bool, address: int, size: int) -> str:
        """What an access to `address` did wrong, in words."""
        verb = "writes" if write else "reads"
        slot = (address - BASE + SLOT // 4) // SLOT  # an index somewhat below the start belongs to the argument, too
        text = f"{verb} {size} bytes at 0x{address:08x}"
        if not 0 <= slot < len(self._placed):
            return f"{text}, where no argument is near"
        placed = self._placed[slot]
        what = f"buffer {slot + 1} of the call ({type(placed.buffer).__name__}, {len(placed.bytes)} bytes)"
        if address < placed.start:
            return f"{text}: {placed.start - address} bytes before {what}"
        if address + size > placed.end:
            return f"{text}: offset {address - placed.start} in {what}"
        return f"{text}: {what} is read-only"


def _address(memory: np.ndarray) -> int:
    return memory.__array_interface__["data"][0]
