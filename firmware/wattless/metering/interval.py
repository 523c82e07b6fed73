"""What an aggregation interval has collected: sums of scalars and lists, how many windows, their flags.

Heap on 32-bit ARM: 12 bytes a scalar, 208 a list: 1.7 KB with 40 scalars and 6 lists, and 0.5 KB of views.
"""

from array import array
from math import sqrt

from wattless.metering import interval_sums as sums

GAP = 1  # flag: something is missing in it


class Interval:
    """rows: how many scalars; lists: how many lists.

    windows: those whose values are in it; synced: those whose harmonics are, which only synchronised ones have;
    passed: windows that began in it, known or lost; flags: of all of them, GAP when one was lost."""

    def __init__(self, rows, lists):
        self._words = array("i", bytes(4 * (sums.VALUE_WORDS * rows + sums.LIST_WORDS * lists)))
        view = memoryview(self._words)
        self._rows = rows
        self._scalars = view[: sums.VALUE_WORDS * rows]
        starts = range(sums.VALUE_WORDS * rows, len(view), sums.LIST_WORDS)
        self._lists = [view[start : start + sums.LIST_WORDS] for start in starts]
        self.clear()

    def clear(self):
        sums.clear(self._words, len(self._words))
        self.windows = self.synced = self.passed = self.flags = 0

    def copy_scalars(self, other):
        """Becomes what `other`, of the same size, is; the lists are empty."""
        self.clear()
        sums.copy(other._words, self._words, sums.VALUE_WORDS * self._rows)
        self.windows, self.passed, self.flags = other.windows, other.passed, other.flags

    def add(self, stage, table, reference, flags, windows=1):
        """Adds values of `stage` by `table` (interval_sums.add_values): a window's, or those of an interval of so many
        windows. reference: array('f') of the reference of deviations."""
        sums.add_values(stage, table, self._rows, reference, self._scalars)
        self.windows += windows
        self.passed += 1
        self.flags |= flags

    def add_lists(self, window, channels):
        """Adds the harmonics of a synchronised window (dsp.Window): subgroups of `channels`, and their dc."""
        for number in range(len(channels)):
            channel = channels[number]
            sums.add_squares(window.summaries[channel], window.phasors[channel][0], self._lists[number])
        self.synced += 1

    def fold_lists(self, other):
        """Adds the lists of `other`."""
        for number in range(len(self._lists)):
            sums.add_lists(other._lists[number], self._lists[number])
        self.synced += other.synced

    def lose(self, windows, flags):
        """So many windows are lost."""
        self.passed += windows
        self.flags |= flags | GAP

    def values(self, stage, table):
        """Means and roots of mean squares to the slots of `table`; what was never known is left alone."""
        sums.means(self._scalars, table, self._rows, stage)

    def magnitudes(self, number, ints):
        """The orders 1 to 50 of a list to ints[0..49], in units of `unit` magnitudes; its mean dc to ints[50]."""
        words = self._lists[number]
        sums.roots(words, ints, self._shift())
        ints[50] = (words[51] * 268435456 + words[50]) // self.synced

    def unit(self):
        """Root of the number of synchronised windows, and a power of two that keeps small integers of it."""
        return (1 << self._shift()) / sqrt(self.synced)

    def _shift(self):
        shift = 0
        while 1 << 2 * shift < self.synced:
            shift += 1
        return shift
