"""Who injects a harmonic, the grid or the site: per odd order 3 to 25, from the phasors of the windows.

Nothing but movement tells: a step of the site's current shows the grid's impedance in the voltage (dV = -Z_u dI, load
convention), a step of the grid's voltage shows the site's (dV = +Z_c dI). The mean products of the differences between
an order's successive samples are gathered with forgetting; source_verdict.py makes Z_u, its error and the verdict of
them. The answer is "unknown" unless Z_u is known to 40 %: a background that moves as much as the site, too few
movements, a current near the sensor's floor, a frequency that moves. The harmonic's active power has no say: its sign
follows the angle between the sources, not the larger of them.

What is assumed of a site when nothing tells its impedance: inductive, 3 to 30 % of its rating at the fundamental and
growing with the order, as the filter or the transformer of a converter. "Site" is not said where a capacitor at rest,
or a third of all capacitors, would do the same. A site of higher impedance is a source of current, and may be called
"grid" wrongly. Told steps of a charger's set-point (`setpoint_changed`) give Z_u under a lively background too, which
in turn gives Z_c: then nothing of this is assumed. Background and site must move independently: neighbours commanded
together with this site look like it.

One order a window in turn: each is seen every 12 windows, and one of its phases is judged. Phasors are turned back by h
times the fundamental's angle in phase 1, or windows could not be compared; steps that may turn this reference by more
than they move the harmonic are not used. With the grid's short-circuit current given, the reference is the voltage
behind the short-circuit impedance, which the site does not turn.

3p3w: virtual phases; their Z_u is that of positive and negative sequences, and triplens are idle. Four wires: Z_u of a
triplen is that of a zero sequence, if the phases move alike.

A window with three phases costs 3.7 KB of garbage at most where floats are doubles (a complex is half as large on the
board), 237 k ARM instructions, 265 k with told steps. Heap: 3.7 KB.
"""

from array import array
from math import nan, sqrt

from micropython import const
from wattless.dsp.window import I1, V1
from wattless.metering.source_moves import Moves
from wattless.metering.source_verdict import BOTH, SITE, UNKNOWN, around, excused, impedance, site_impedance, verdict

ORDERS = const(12)  # 3, 5, ... 25

_PHASOR = 4096.0 * sqrt(2)  # words of 1 LSB rms
_IDLE = const(4)  # beside the verdicts: a phase without a current of this order

_LEAST_LEVEL = const(2)
_LEAST_DRIFTS = const(24)
_LEAST_STEPS = const(3)
_SITE_MOVED = const(160)  # of 255
_SETTLE = const(15)  # windows until a told step is over
_MOVING = 0.02  # Hz a window
_MOST_WAIT = const(25)  # windows without a steady frequency

_FLOOR = 4 * _PHASOR  # words: 4 LSB rms of V, of I
_SITE_LOW = 0.03  # of nominal_voltage / nominal_current, reactance at the fundamental
_SITE_HIGH = 0.3
_WEAKEST = 0.25  # the largest |Z_u| / h on the same scale
_PRIOR = 4.0  # how far Z_u may be from h times the short-circuit impedance, both ways
_GOOD = 0.15  # error of |Z_u| from told steps with which no other is looked for
_TURN = 0.1  # share that the turn of the reference may have in dV
_TURN_PRIOR = 0.4  # the same after the short-circuit impedance was taken out


class Source:
    """config: nominal_voltage, nominal_current, full_scale_i, short_circuit_current, short_circuit_xr; wiring:
    metering.wiring.Wiring; points: rows source_h3.., source_confidence_h3.., source_z_h3..

    site: reactance of the site at the fundamental in ohm, known to 50 %; None: not known."""

    def __init__(self, config, wiring, points, site=None):
        self._stage = points.stage
        self._f_at = points.at("f")
        self._at = [_family(points, name) for name in ("source_h", "source_confidence_h", "source_z_h")]
        self._phases = wiring.phases
        voltage = config.nominal_voltage if wiring.neutral else config.nominal_voltage / sqrt(3)
        self._base = voltage / (config.nominal_current or config.full_scale_i / 1.867)
        self._site_known = site is not None
        if site is None:
            self._low, self._high = _SITE_LOW * self._base, _SITE_HIGH * self._base
        else:
            self._low, self._high = 0.5 * site, 1.5 * site
        # Short-circuit impedance; what |Z_u| / h of a grid may be.
        self._grid = 0j
        self._grid_low, self._grid_high = 0.0, _WEAKEST * self._base
        if config.short_circuit_current:
            xr = config.short_circuit_xr
            r = voltage / config.short_circuit_current / sqrt(1 + xr * xr)
            self._grid = complex(r, r * xr)
            self._grid_low, self._grid_high = abs(self._grid) / _PRIOR, abs(self._grid) * _PRIOR
        n = ORDERS * self._phases
        self._moves = Moves(n)
        self._currents = array("f", bytes(8 * ORDERS))  # re, im of the fundamental in phase 1 at the last sample
        self._codes = bytearray(n)
        self._sure = bytearray(n)
        self._ohms = array("f", [nan] * n)
        self._code = array("f", [UNKNOWN] * ORDERS)  # as the rows have it
        self._confidence = array("f", [0] * ORDERS)
        self._z = array("f", [nan] * ORDERS)
        self._order = 0
        self._judged = 0  # phase
        self._told = 0  # bit k: a step was told since the last sample of order k
        self._steps = False  # was any ever told?
        self._settle = 0
        self._f = nan
        self._waited = 0

    def window(self, window, quantities, synced):
        """Takes the phasors of the order whose turn it is, writes the rows of all orders into the stage.

        quantities: v, i (fundamental phasors), volts, amperes per code; the row f must be in the stage."""
        if self._settle:
            self._settle -= 1
        if not synced:
            self.restart()
        elif self._steady(quantities.v[0]):
            self._visit(self._order, window, quantities)
        self._order = (self._order + 1) % ORDERS
        if not self._order:
            self._judged = (self._judged + 1) % self._phases
        stage = self._stage
        code, confidence, z = self._at
        stage[code : code + ORDERS] = self._code
        stage[confidence : confidence + ORDERS] = self._confidence
        stage[z : z + ORDERS] = self._z

    def setpoint_changed(self, what=None):
        """The site says that its set-point changes now: what moves until it has settled, 3 s later, moved for it.

        `what` may name the change; any is evidence alike."""
        self._told = (1 << ORDERS) - 1
        self._settle = _SETTLE
        self._steps = True

    def restart(self):
        """After a gap: what moved in it moved for nobody knows whom. Impedances are kept, levels and verdicts not."""
        self._moves.forget_levels()
        for k in range(ORDERS):
            self._forget(k)
        self._told = 0
        self._f = nan
        self._waited = 0

    def _forget(self, k):
        """Takes back the verdict on an order."""
        for i in range(k * self._phases, (k + 1) * self._phases):
            self._codes[i] = UNKNOWN
        self._answer(k, UNKNOWN, 0, nan)

    def _answer(self, k, code, confidence, z):
        self._code[k] = code
        self._confidence[k] = confidence
        self._z[k] = z

    def _steady(self, v1):
        """Is there a fundamental, and its frequency that of the window before?"""
        f = self._stage[self._f_at]
        change = f - self._f
        self._f = f
        if abs(change) <= _MOVING and v1:
            self._waited = 0
            return True
        self._waited += 1
        if self._waited == _MOST_WAIT:
            self.restart()
        return False

    def _visit(self, k, window, quantities):
        """Takes a sample of all phases of order 2 k + 3, and judges one of them."""
        told = self._told >> k & 1
        if told and self._settle:
            return
        turned = self._aim(k, quantities)
        phasors, moves = window.phasors, self._moves
        cell = k * self._phases
        for phase in range(self._phases):
            moves.sample(cell + phase, phasors[V1 + phase], phasors[I1 + phase], told, turned)
        if told:
            self._told ^= 1 << k
            self._forget(k)
        self._judge(k, self._judged, quantities)
        self._combine(k)

    def _aim(self, k, quantities):
        """Sets the turn for order 2 k + 3. Returns the least dI, in words per word of |V|, that outweighs the turn of
        the reference by the site itself."""
        i1 = quantities.i[0]
        behind = quantities.v[0]
        share = _TURN
        if self._grid:
            behind += self._grid * i1
            share = _TURN_PRIOR
        size = abs(behind)
        square = behind / size
        turn = complex(square.real, -square.imag)
        i1 *= turn
        last, at = self._currents, 2 * k
        moved = abs(i1 - complex(last[at], last[at + 1]))
        last[at] = i1.real
        last[at + 1] = i1.imag
        square = turn * turn
        power = k + 1
        while power:
            if power & 1:
                turn *= square
            power >>= 1
            if power:
                square *= square
        self._moves.aim(2 * k + 3, turn)
        return moved * quantities.volts / (size * share * quantities.amperes)

    def _judge(self, k, phase, quantities):
        """The verdict on one order in one phase."""
        cell = k * self._phases + phase
        self._codes[cell] = UNKNOWN
        moves = self._moves
        n = moves.samples(cell)
        if n < _LEAST_LEVEL:
            return
        v, i = moves.level(cell)
        size = abs(i)
        if size < _FLOOR:
            self._codes[cell] = _IDLE
            return
        if abs(v) < _FLOOR:
            return
        h = 2 * k + 3
        ratio = quantities.volts / quantities.amperes  # ohm of equal words
        evidence = moves.evidence(cell, False)
        z, error, told = self._impedance(cell, h, ratio, evidence)
        if error is None:
            return
        ohms = abs(z)
        v = v / i * ratio
        w = v + z  # E_u / I
        apparent = abs(v)
        base = self._base / h
        if apparent > base and 2 * abs(w) < apparent and not self._grid and z.real < 0.17 * z.imag + error:
            return  # a grid that moves before an idle capacitor looks the same
        # What the level of n samples may still be off.
        drifts, at, f, e = evidence
        means = moves.means
        unsure = sqrt(means[at]) * ratio * f + sqrt(means[at + 1]) * apparent * e
        unsure = error + unsure / (size * sqrt(2.0 * n))
        spread = None
        if told and drifts >= _LEAST_DRIFTS:
            site, spread = site_impedance(means, at, ratio * f / e, drifts, z, error)
        if spread is not None:
            size = abs(site)
            code, sure = verdict(w, unsure, size * (1 - spread), size * (1 + spread), around(site, spread))
        else:
            code, sure = verdict(w, unsure, self._low * h + 0.7 * ohms, self._high * h + ohms)
            if code == SITE and not self._site_known and excused(v, w, unsure, base):
                return
        self._codes[cell] = code
        self._sure[cell] = sure
        self._ohms[cell] = ohms

    def _impedance(self, cell, h, ratio, evidence):
        """(Z_u, error or None, is it from told steps?) from `evidence` of untold movements or that of told steps,
        whichever leaves the smaller error; from the latter if that is good."""
        moves = self._moves
        low, high = self._low * h, self._high * h
        best, least, told = 0j, None, False
        if self._steps:
            n, at, f, e = moves.evidence(cell, True)
            if n >= _LEAST_STEPS:
                best, least = impedance(moves.means, at, ratio * f / e, n, low, high)
                if least is not None:
                    size = abs(best)
                    told = self._grid_low <= size / h <= self._grid_high
                    if told and least < _GOOD * size:
                        return best, least, told
        n, at, f, e = evidence
        if n >= _LEAST_DRIFTS and moves.sign(cell) >= _SITE_MOVED:
            z, error = impedance(moves.means, at, ratio * f / e, n, low, high)
            if error is not None and (not told or error < least):
                if self._grid_low <= abs(z) / h <= self._grid_high:
                    return z, error, False
        return best, least if told else None, told

    def _combine(self, k):
        """One answer for all phases with a current: half of them are known, and agree; or some name the grid, some
        the site: both."""
        code = UNKNOWN
        known = active = sure = 0
        ohms = 0.0
        for i in range(k * self._phases, (k + 1) * self._phases):
            one = self._codes[i]
            if one == _IDLE:
                continue
            active += 1
            if one == UNKNOWN:
                continue
            sure = min(sure, self._sure[i]) if known else self._sure[i]
            known += 1
            ohms += self._ohms[i]
            code = one if code in (UNKNOWN, one) else BOTH
        if not known or 2 * known < active:
            self._answer(k, UNKNOWN, 0, nan)
        else:
            self._answer(k, code, sure * known // active, ohms / known)


def _family(points, name):
    """The slot of order 3 of a family of rows."""
    first = points.at(name + "3")
    if points.at(name + "25") != first + ORDERS - 1:
        raise ValueError("rows " + name + "3 to 25 must lie side by side")
    return first
