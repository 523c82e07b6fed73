"""A medium that shows what a power cut would leave at every operation, and a model of what must be found then."""

import random
from collections.abc import Callable, Iterator

from wattless.storage.media import Medium
from wattless.storage.store import Store

Patch = tuple[int, bytes]  # place, what stands there instead


class PowerCut(Exception):
    """The supply is gone: nothing after it is executed."""


class CutMedium(Medium):
    """Bytes with the rules of the medium's kind: flash is programmed once after an erase, each page in one go.

    watch: called before every write and erase with what a cut in it may leave. operations, erased (per block), written
    (per page): counts. fuse: so many operations more are done; the next is cut off and raises PowerCut."""

    def __init__(self, size: int, page: int, erase_size: int, seed: int, name: str = "cut") -> None:
        super().__init__(name, size, page, erase_size, 100_000)
        self.memory = bytearray(b"\xff" * size)
        self.random = random.Random(seed)
        self.watch: Callable[[list[Patch]], None] | None = None
        self.fuse = -1
        self.operations = 0
        self.erased = [0] * (size // erase_size if erase_size else 0)
        self.written = [0] * (size // page)

    def clone(self, patch: Patch | None = None) -> "CutMedium":
        """The same content, with `patch`, in a medium of its own."""
        other = CutMedium(self.size, self.page, self.erase_size, self.random.randrange(1 << 30), self.name)
        other.memory[:] = self.memory
        if patch:
            other.memory[patch[0] : patch[0] + len(patch[1])] = patch[1]
        return other

    def _read(self, at, buf) -> None:
        buf[:] = self.memory[at : at + len(buf)]

    def _write(self, at, buf) -> None:
        old = bytes(self.memory[at : at + len(buf)])
        if self.erase_size:
            assert old == b"\xff" * len(old), f"page at {at} is programmed twice without an erase"
        self._operation(self._cuts_of_a_write(at, old, bytes(buf)))
        self.memory[at : at + len(buf)] = buf
        self.written[at // self.page] += 1

    def _erase(self, at) -> None:
        old = bytes(self.memory[at : at + self.erase_size])
        self._operation(self._cuts_of_an_erase(at, old))
        self.memory[at : at + self.erase_size] = b"\xff" * self.erase_size
        self.erased[at // self.erase_size] += 1

    def _operation(self, cuts: list[Patch]) -> None:
        self.operations += 1
        if self.watch:
            self.watch(cuts)
        if self.fuse == 0:
            at, left = self.random.choice(cuts)
            self.memory[at : at + len(left)] = left
            raise PowerCut
        self.fuse -= 1

    def _cuts_of_a_write(self, at: int, old: bytes, new: bytes) -> list[Patch]:
        """Nothing; all but the last byte; a prefix; some of the bits; garbage in the whole page."""
        prefix = self.random.randrange(1, len(new))
        mask = self.random.randbytes(len(new))
        some = bytes(n & m | o & ~m & 0xFF for n, o, m in zip(new, old, mask, strict=True))
        page = at - at % self.page
        return [
            (at, old),
            (at, new[:-1] + old[-1:]),
            (at, new[:prefix] + old[prefix:]),
            (at, some),
            (page, self.random.randbytes(self.page)),
        ]

    def _cuts_of_an_erase(self, at: int, old: bytes) -> list[Patch]:
        """Nothing; the first half; some of the bits; random contents."""
        half = len(old) // 2
        mask = self.random.randbytes(len(old))
        return [
            (at, old),
            (at, b"\xff" * half + old[half:]),
            (at, bytes(o | m for o, m in zip(old, mask, strict=True))),
            (at, self.random.randbytes(len(old))),
        ]


class Expected:
    """What a store must hold: per kind the newest two, and what was being saved when the power went."""

    def __init__(self) -> None:
        self.kept: dict[int, list[bytes]] = {}
        self.doubtful: tuple[int, bytes] | None = None

    def begin(self, kind: int, data: bytes) -> None:
        self.doubtful = (kind, data)

    def done(self) -> None:
        assert self.doubtful
        kind, data = self.doubtful
        self.kept[kind] = [data, *self.kept.get(kind, [])[:1]]
        self.doubtful = None

    def check(self, store: Store, kinds: tuple[int, ...]) -> None:
        """The last state or the one before; of all kinds that were not being saved exactly the last; and history.

        What is found of the doubtful kind is what must be found from then on."""
        assert store.problem is None, store.problem
        for kind in kinds:
            found = [store.load(kind, 0), store.load(kind, 1)]
            want = [*self.kept.get(kind, []), None, None][:2]
            if self.doubtful and self.doubtful[0] == kind and found != want:
                want = [self.doubtful[1], want[0]]
                self.kept[kind] = [data for data in want if data is not None]
            assert found == want, f"kind {kind}: {_short(found)}, not {_short(want)}"
        self.doubtful = None

    def copy(self) -> "Expected":
        other = Expected()
        other.kept = {kind: list(data) for kind, data in self.kept.items()}
        other.doubtful = self.doubtful
        return other


def _short(found) -> str:
    return ", ".join("None" if data is None else f"{len(data)} B {data[:6].hex()}..." for data in found)


def saves(rng: random.Random, kinds: dict[int, int]) -> Iterator[tuple[int, bytes]]:
    """Kinds and data without end; `kinds`: kind -> longest record. Mostly kind 1, so that the others must be copied."""
    others = list(kinds)[1:]
    while True:
        kind = 1 if rng.random() < 0.85 else rng.choice(others)
        longest = kinds[kind]
        yield kind, rng.randbytes(longest if rng.random() < 0.7 else rng.randrange(longest + 1))
