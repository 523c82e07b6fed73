"""Energy: Wh import and export, varh in four quadrants, VAh, of each phase and in total.

Active energy has all harmonics (IEC 62053-22), reactive energy is that of the fundamental (IEC 62053-24); quadrants are
those of IEC 62053-23 annex C, by the signs of P and Q1. In one window one quadrant's register of a phase moves at most.

    register            OBIS (total; L1, L2, L3: + 20, 40, 60)
    wh_import           1.8.0     wh_export       2.8.0
    varh_q1 .. varh_q4  5.8.0 .. 8.8.0
    varh_import         3.8.0 = varh_q1 + varh_q2
    varh_export         4.8.0 = varh_q3 + varh_q4
    vah                 9.8.0 + 10.8.0: either direction

They count mWh, mvarh, mVAh up from 0 and never decrease; metering/registers.py does it in integers, without loss. The
total follows the signed sum of the phases' powers, so that export of one phase is netted against import of another
("sum"), or it counts what the phases' registers count ("phase"): then it is their sum, and may move in both directions
at once.

A phase takes part while its fundamental current, S1 / V, is at least 0.8 of the starting current: at the starting
current a meter must register (IEC 62053-22, -24), and an rms value would take offset and noise for a current. Without
synchronism there is no fundamental: then |P| is compared with that current's power at nominal voltage. Below, nothing
is added, so that noise never counts. Active and apparent energy have one limit, reactive energy another: a motor at no
load may count Wh and no varh, and `window` says that something was left out.

Measured on 32-bit ARM: heap 2.2 KB (registers 0.7 KB, their names 1.1 KB); garbage of a window 0.3 KB, and 32 bytes
for each register that moved: 1 KB at most. About 80 k instructions a window, to publish 16 registers 100 k without
what `put` takes (counted on x86-64).
"""

from array import array

from micropython import const
from wattless.metering import registers as r
from wattless.metering.registers import add, net, times

QUANTITIES = ("wh_import", "wh_export", "varh_q1", "varh_q2", "varh_q3", "varh_q4", "vah")
SUMS = ("varh_import", "varh_export")
LINES = ("_l1", "_l2", "_l3", "")
# every quantity of every line, written out: constants lie in flash where they are frozen
_IDS = (
    "wh_import_l1", "wh_import_l2", "wh_import_l3", "wh_import",
    "wh_export_l1", "wh_export_l2", "wh_export_l3", "wh_export",
    "varh_q1_l1", "varh_q1_l2", "varh_q1_l3", "varh_q1",
    "varh_q2_l1", "varh_q2_l2", "varh_q2_l3", "varh_q2",
    "varh_q3_l1", "varh_q3_l2", "varh_q3_l3", "varh_q3",
    "varh_q4_l1", "varh_q4_l2", "varh_q4_l3", "varh_q4",
    "vah_l1", "vah_l2", "vah_l3", "vah",
)  # fmt: skip
_SUM_IDS = (
    "varh_import_l1", "varh_import_l2", "varh_import_l3", "varh_import",
    "varh_export_l1", "varh_export_l2", "varh_export_l3", "varh_export",
)  # fmt: skip
# active, reactive energy, never less; % of In
STARTING = {"0.2S": (0.1, 0.1), "0.5S": (0.1, 0.2), "1": (0.2, 0.3)}

# registers of L1; those of L2, L3 and the total follow each
_IMPORT = const(0)
_EXPORT = const(4)
_Q1 = const(8)
_Q2 = const(12)
_Q3 = const(16)
_Q4 = const(20)
_VAH = const(24)
_REGISTERS = const(28)
_TOTAL = const(3)
_OF_A_LINE = const(0x1111111)

_ACTIVE = const(1)  # and apparent energy: bits of what is left out or not known
_REACTIVE = const(2)

_MARGIN = 0.8  # of the starting current, below which nothing is added
_TRACE = 0.125  # of that, below which there is no current to be left out
_FULL_SCALE = 1.867  # 1.1 * 1.2 * sqrt(2), full scale over In
_LONGEST = const(1 << 28)  # length of a window
_ALL = (1 << 64) - 1

# sums of the phases' energies in the work array: P above and below 0, Q1 likewise, S
_P = const(4)
_Q = const(12)
_S = const(20)


class Energy:
    """config: settings; wiring: metering.wiring.Wiring; points: where powers come from and registers go.

    starting: (active, reactive), fundamental currents in A below which nothing is added
    suppressed: what the last window left out although a current flowed; bit k: active and apparent energy of phase k,
    bit 4 + k: its reactive energy
    """

    def __init__(self, config, wiring, points):
        self.phases = wiring.phases
        self.rate = config.adc_rate
        self.suppressed = 0
        self._stage = points.stage
        at = points.at
        self._v, self._p, self._q, self._s, self._s1 = at("v_l1"), at("p_l1"), at("q1_l1"), at("s_l1"), at("s1_l1")
        rated = config.nominal_current or config.full_scale_i / _FULL_SCALE
        active, reactive = STARTING[config.accuracy_class]
        if config.starting_current is not None:
            active = reactive = config.starting_current
        self.starting = (active * rated * (_MARGIN / 100), reactive * rated * (_MARGIN / 100))
        self._trace = self.starting[0] * _TRACE
        self._nominal = config.nominal_voltage if wiring.neutral else config.nominal_voltage / 1.7320508
        self._netting = config.energy_total == "sum"
        self._missed = [0, 0]  # whole samples without active energy, without reactive energy
        self._parts = [0, 0]  # and 1/65536 of them
        self._work = array("i", bytes(4 * r.WORK))
        self._work[r.MOVED] = -1  # all, for the first time
        self._registers = r.Registers(_REGISTERS, config.adc_rate)
        self._ids = _IDS
        self._sum_ids = _SUM_IDS
        self._end = None  # of the last window: sample
        self._end_parts = 0  # and 1/65536

    unmetered_s = property(lambda self: self._missed[0] / self.rate)  # time whose active energy is not known
    unmetered_var_s = property(lambda self: self._missed[1] / self.rate)  # whose reactive energy is not known

    def span(self, first, frac, length):
        """`window` for a window that begins at sample `first` + `frac` / 65536. Every instant counts once: what the
        window before had already is left out (windows overlap at the tick of ten minutes), time between two windows is
        unmetered."""
        alone = length
        if self._end is not None:
            common = ((self._end - first) << 16) + self._end_parts - frac
            if common < 0:
                self.window(0 - common, False)
            else:
                alone = length - common
                if alone <= 0:
                    return False
        end = frac + length
        self._end = first + (end >> 16)
        self._end_parts = end & 0xFFFF
        return self.window(alone)

    def window(self, length, known=True):
        """Adds the energies of a window of `length` / 65536 samples, whose powers stand in the stage.

        known=False: a stretch without values, of any length. Where a power is not known (NaN), nothing is added to its
        register nor to the summed total; the time is unmetered if that is so in any phase.
        Returns True when the starting current left something out although a current flowed.
        ValueError: no window is so long."""
        self.suppressed = 0
        if not known:
            self._miss(0, length)
            self._miss(1, length)
            return False
        if not 0 < length < _LONGEST:
            raise ValueError("a window has 1 to 2**28 - 1 parts of 1/65536 sample, not {}".format(length))
        r.clear(self._work)
        unknown = 0
        for phase in range(self.phases):
            unknown |= self._phase(phase, length, self._left_out(phase))
        if unknown & _ACTIVE:
            self._miss(0, length)
        if unknown & _REACTIVE:
            self._miss(1, length)
        if self._netting:
            self._total(unknown)
        return self.suppressed != 0

    def _miss(self, which, length):
        parts = self._parts[which] + (length & 0xFFFF)
        self._parts[which] = parts & 0xFFFF
        self._missed[which] += (length >> 16) + (parts >> 16)

    def _left_out(self, phase):
        """What the starting current keeps out of a phase."""
        stage = self._stage
        unit, size = stage[self._v + phase], stage[self._s1 + phase]
        if size != size:  # not synchronised
            unit, size = self._nominal, abs(stage[self._p + phase])
        out = 0
        if size < unit * self.starting[0]:
            out = _ACTIVE
        if size < unit * self.starting[1]:
            out |= _REACTIVE
        if out and size >= unit * self._trace:
            self.suppressed |= (out & _ACTIVE | (out & _REACTIVE) << 3) << phase
        return out

    def _phase(self, phase, length, out):
        """Adds the energies of a phase but those in `out`; returns what is not known."""
        stage, work, words, netting = self._stage, self._work, self._registers.words, self._netting
        export = times(stage, self._p + phase, length, work)
        if export == r.UNKNOWN:
            return _ACTIVE | _REACTIVE
        if not out & _ACTIVE:
            register = phase + (_EXPORT if export else _IMPORT)
            add(work, words, register, _P + 4 * export if netting else r.WITH_TOTAL)
            if times(stage, self._s + phase, length, work) != r.UNKNOWN:
                add(work, words, phase + _VAH, _S if netting else r.WITH_TOTAL)
        lead = times(stage, self._q + phase, length, work)
        if lead == r.UNKNOWN:
            return _REACTIVE
        if not out & _REACTIVE:
            add(work, words, phase + _quadrant(export, lead), _Q + 4 * lead if netting else r.WITH_TOTAL)
        return 0

    def _total(self, unknown):
        """The total's registers from the sums of the phases' energies."""
        if unknown & _ACTIVE:
            return
        work, words = self._work, self._registers.words
        net(work, _S)
        add(work, words, _TOTAL + _VAH, r.ALONE)
        export = net(work, _P)
        add(work, words, _TOTAL + (_EXPORT if export else _IMPORT), r.ALONE)
        if not unknown:
            lead = net(work, _Q)
            add(work, words, _TOTAL + _quadrant(export, lead), r.ALONE)

    def publish(self, points):
        """Puts the registers that moved since the last time into the points, the first time all that the wiring has."""
        moved = self._work[r.MOVED]
        for line in range(len(LINES)):
            if self.phases <= line < _TOTAL or not moved >> line & _OF_A_LINE:
                continue
            self._put(points, moved, _IMPORT + line)
            self._put(points, moved, _EXPORT + line)
            self._put(points, moved, _VAH + line)
            self._put_pair(points, moved, _Q1 + line, self._sum_ids[line])
            self._put_pair(points, moved, _Q3 + line, self._sum_ids[len(LINES) + line])
        self._work[r.MOVED] = 0

    def _put(self, points, moved, register):
        if moved >> register & 1:
            points.put(self._ids[register], self._registers.count(register))

    def _put_pair(self, points, moved, register, sum_id):
        """A quadrant, the next one, their sum."""
        moved >>= register
        if moved & 0x11:
            one, other = self._registers.count(register), self._registers.count(register + len(LINES))
            both = one + other
            if moved & 1:
                points.put(self._ids[register], one)
            if moved & 0x10:
                points.put(self._ids[register + len(LINES)], other)
            points.put(sum_id, both & _ALL if both > _ALL else both)

    def state(self):
        """All registers, for the store: 688 bytes."""
        return self._registers.save()

    def restore(self, data):
        """Goes on where `state` was taken; ValueError, and nothing changes, for other bytes (metering/registers.py)."""
        self._registers.restore(data)
        self._work[r.MOVED] = -1


def _quadrant(export, lead):
    """The register by the signs of P and Q1."""
    if lead:
        return _Q3 if export else _Q4
    return _Q2 if export else _Q1
