"""Every value of the window class of points.py, from one window of integers.

One call a window; the results go into the points' stage, unknown ones as NaN. Values that need the fundamental (P1, Q1,
angles, harmonics, unbalance) are unknown while the window is not synchronised; rms values, P and S need no synchronism
and stay.
"""

from math import nan, sqrt

from wattless.dsp import spectrum
from wattless.dsp import window as w
from wattless.metering import harmonics, powers

_POINTS = 2048
_LSB = 64.0  # the resampler's fraction
_PHASOR = 4096.0 * sqrt(2)  # a sine of amplitude 1 LSB has a phasor of 4096
_FULL_SCALE = 32768.0
_HIGH = 268435456.0

_VOLTAGE = ("vh_l1", "thd_v_l1", "thd40_v_l1", "thdg_v_l1")
_CURRENT = ("ih_l1", "thd_i_l1", "thd40_i_l1", "thdg_i_l1")
_ROWS = (
    ("f", "v_l1", "v_l12", "i_l1", "i_n", "p_l1", "p1_l1", "q1_l1", "s_l1", "s1_l1", "n_l1")
    + ("pf_l1", "dpf_l1", "phi1_l1")
    + ("s_vector", "s_effective", "pf_vector", "pf_effective", "p1_pos", "q1_pos", "v_u2", "v_u0", "quadrant")
    + ("ih_n", "msv_l1", "tdd_i_l1", "trd_i_l1")
    + _VOLTAGE
    + _CURRENT
)
_LINES = ((w.V1, w.V2, w.V1V2), (w.V2, w.V3, w.V2V3), (w.V3, w.V1, w.V3V1))


class Quantities:
    """config: wiring, full scales, rates; wiring: metering.wiring.Wiring; points: where the values go."""

    def __init__(self, config, wiring, cycles, points):
        self._stage = points.stage
        self._at = {name: points.at(name) for name in _ROWS}
        self.wiring = wiring
        self.neutral_ct = config.neutral_current == "measured" and wiring.neutral
        self.demand_current = config.demand_current
        self.rated_current = config.rated_current
        self._periods = float(cycles * config.adc_rate) * 65536
        self._volts = config.full_scale_v / _FULL_SCALE * wiring.voltage_scale
        self._amperes = self._amperes_nominal = config.full_scale_i / _FULL_SCALE
        self.coils = config.current_sensor == "rogowski"
        self._nominal_frequency = config.nominal_frequency
        self._v = [0j] * 3  # fundamental phasors
        self._i = [0j] * 3
        self._squares = [0.0] * w.SUMS

    def update(self, window, length, synced):
        """Fills the stage from `window` (dsp.Window), whose length was `length` / 65536 samples."""
        self._sums(window)
        if self.coils:
            self._integrate(window, self._periods / length if synced else nan)
        self._rms()
        if synced:
            self._stage[self._at["f"]] = self._periods / length
            self._spectra(window)
        self._powers(synced)
        if self.wiring.phases == 3 and synced:
            self._unbalance()

    def flat(self, window):
        """True when a voltage that is wired showed nothing but one constant code."""
        for phase in range(self.wiring.phases):
            i = 2 * (w.V1 + phase)
            if window.extremes[i] == window.extremes[i + 1]:
                return True
        return False

    def _sums(self, window):
        """Mean products in V**2, A**2, W."""
        per_code = 1 / (_POINTS * _LSB * _LSB)
        volts, amperes = self._volts, self._amperes
        for slot in range(w.SUMS):
            scale = volts * volts if slot <= w.V3V1 else amperes * amperes if slot <= w.ININ else volts * amperes
            if slot in w.CROSS:
                scale *= _LSB
            self._squares[slot] = (window.sums[2 * slot] * _HIGH + window.sums[2 * slot + 1]) * per_code * scale

    def _integrate(self, window, f):
        """Rogowski coils: their samples are the currents' derivatives, so squares and active powers come from the
        integrated spectra, orders 1 to 50. A coil's signal grows with the frequency; its scale is that of the nominal
        one. Without synchronism nothing is known."""
        squares = self._squares
        self._amperes = amperes = self._amperes_nominal * self._nominal_frequency / f
        for slot, channel in ((w.I1I1, w.I1), (w.I2I2, w.I2), (w.I3I3, w.I3), (w.ININ, w.IN)):
            squares[slot] = harmonics.square(window.summaries[channel]) * (amperes / _PHASOR) ** 2
        for phase in range(self.wiring.phases):
            v, i = window.phasors[w.V1 + phase], window.phasors[w.I1 + phase]
            total = 0.0
            for k in range(2, 2 * (harmonics.HIGHEST + 1)):
                total += float(v[k]) * i[k]
            squares[w.V1I1 + phase] = total * self._volts * amperes / (_PHASOR * _PHASOR)

    def _rms(self):
        at, stage, squares, wiring = self._at, self._stage, self._squares, self.wiring
        for phase in range(wiring.phases):
            stage[at["v_l1"] + phase] = sqrt(squares[w.V1V1 + phase])
            stage[at["i_l1"] + phase] = sqrt(squares[w.I1I1 + phase])
        for line in range(wiring.lines):
            stage[at["v_l12"] + line] = sqrt(self._line_square(line))
        if self.neutral_ct:
            stage[at["i_n"]] = sqrt(squares[w.ININ])

    def _line_square(self, line):
        a, b, product = _LINES[line]
        return max(0.0, self._squares[w.V1V1 + a] + self._squares[w.V1V1 + b] - 2 * self._squares[product])

    def _spectra(self, window):
        """Harmonics, distortion and the fundamental phasors."""
        at, wiring = self._at, self.wiring
        for phase in range(wiring.phases):
            for slots, channel, scale, fundamentals in (
                (_VOLTAGE, w.V1 + phase, self._volts, self._v),
                (_CURRENT, w.I1 + phase, self._amperes, self._i),
            ):
                summary, phasors = window.summaries[channel], window.phasors[channel]
                fundamentals[phase] = complex(phasors[2], phasors[3]) * (scale / _PHASOR)
                orders, thd, thd40, thdg = slots
                self._orders(at[orders] + phase * (harmonics.HIGHEST + 1), summary, phasors, scale)
                if summary[1] < _PHASOR:
                    continue  # a fundamental below 1 LSB rms: a ratio to it would be noise
                stage = self._stage
                stage[at[thd] + phase] = harmonics.distortion(summary, spectrum.THDS, spectrum.SG1)
                stage[at[thd40] + phase] = harmonics.distortion(summary, spectrum.THDS40, spectrum.SG1)
                stage[at[thdg] + phase] = harmonics.distortion(summary, spectrum.THDG, spectrum.G1)
            self._current_distortion(phase)
            if window.band_start:
                energy = window.bands[2 * phase] * _HIGH + window.bands[2 * phase + 1]
                self._stage[at["msv_l1"] + phase] = sqrt(energy) * (self._volts / _PHASOR)
        if self.neutral_ct:
            self._orders(at["ih_n"], window.summaries[w.IN], window.phasors[w.IN], self._amperes)
        elif wiring.neutral and wiring.phases > 1:
            self._neutral(window)

    def _orders(self, slot, summary, phasors, scale):
        """Order 0: signed dc; 1..50: rms of the subgroup."""
        stage = self._stage
        stage[slot] = phasors[0] / 8192 * scale
        scale /= _PHASOR
        for h in range(1, harmonics.HIGHEST + 1):
            stage[slot + h] = summary[h] * scale

    def _neutral(self, window):
        """Neutral current without a sensor: what the phases leave over, order by order (Kirchhoff; interharmonics are
        not in it)."""
        at, stage = self._at, self._stage
        channels = window.phasors[w.I1 : w.I1 + self.wiring.phases]
        slot = at["ih_n"]
        total = 0.0
        for h in range(harmonics.HIGHEST + 1):
            re = im = 0
            for phasors in channels:
                re += phasors[2 * h]
                im += phasors[2 * h + 1]
            if h:
                stage[slot + h] = powers.hypotenuse(float(re), float(im)) * (self._amperes / _PHASOR)
            else:
                stage[slot] = re / 8192 * self._amperes
            total += stage[slot + h] ** 2
        stage[at["i_n"]] = sqrt(total)

    def _current_distortion(self, phase):
        """TDD (IEEE 519, orders 2..50 to the demand current), TRD (IEEE 1547, everything but the fundamental to the
        rated current)."""
        at, stage = self._at, self._stage
        orders = at["ih_l1"] + phase * (harmonics.HIGHEST + 1)
        if self.demand_current:
            total = sum(stage[orders + h] ** 2 for h in range(2, harmonics.HIGHEST + 1))
            stage[at["tdd_i_l1"] + phase] = 100 * sqrt(total) / self.demand_current
        if self.rated_current:
            rest = powers.nonactive(stage[at["i_l1"] + phase], abs(self._i[phase]))
            stage[at["trd_i_l1"] + phase] = 100 * rest / self.rated_current

    def _powers(self, synced):
        at, stage, phases = self._at, self._stage, self.wiring.phases
        p = s = 0.0
        p1 = q1 = 0.0 if synced else nan
        for phase in range(phases):
            active = self._squares[w.V1I1 + phase]
            apparent = stage[at["v_l1"] + phase] * stage[at["i_l1"] + phase]
            a1, r1 = powers.fundamental(self._v[phase], self._i[phase]) if synced else (nan, nan)
            self._store(phase, active, apparent, a1, r1, powers.hypotenuse(a1, r1))
            p += active
            s += apparent
            p1 += a1
            q1 += r1
        self._store(3, p, s, p1, q1, powers.hypotenuse(p1, q1))
        if synced:
            stage[at["quadrant"]] = powers.quadrant(p, q1)
            vector = powers.hypotenuse(p, q1)
            stage[at["s_vector"]] = vector
            stage[at["pf_vector"]] = powers.ratio(p, vector)
        effective = self._effective() if phases == 3 else s
        stage[at["s_effective"]] = effective
        stage[at["pf_effective"]] = powers.ratio(p, effective)

    def _store(self, index, p, s, p1, q1, s1):
        """The power values of phase 0..2 or the total 3."""
        at, stage = self._at, self._stage
        stage[at["p_l1"] + index] = p
        stage[at["s_l1"] + index] = s
        stage[at["n_l1"] + index] = powers.nonactive(s, p)
        stage[at["pf_l1"] + index] = powers.ratio(p, s)
        stage[at["p1_l1"] + index] = p1
        stage[at["q1_l1"] + index] = q1
        stage[at["s1_l1"] + index] = s1
        stage[at["dpf_l1"] + index] = powers.ratio(p1, s1)
        stage[at["phi1_l1"] + index] = powers.angle(p1, q1)

    def _effective(self):
        squares = self._squares
        neutral = None
        if self.wiring.neutral:
            neutral = self._stage[self._at["i_n"]] ** 2
        lines = [self._line_square(line) for line in range(3)]
        return powers.effective(squares[w.V1V1 : w.V3V3 + 1], lines, squares[w.I1I1 : w.I3I3 + 1], neutral)

    def _unbalance(self):
        """u2 = U2 / U1 and u0 = U0 / U1 in % (IEC 61000-4-30, 5.7), positive-sequence powers (IEEE 1459, 3.2.2.2)."""
        at, stage = self._at, self._stage
        positive, negative, zero = powers.sequence(*self._v)
        size = abs(positive)
        stage[at["v_u2"]] = 100 * powers.ratio(abs(negative), size)
        if self.wiring.neutral:
            stage[at["v_u0"]] = 100 * powers.ratio(abs(zero), size)
        p, q = powers.fundamental(positive, powers.sequence(*self._i)[0])
        stage[at["p1_pos"]] = 3 * p
        stage[at["q1_pos"]] = 3 * q
