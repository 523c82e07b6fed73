"""The scalars of the window class of points.py, from one window of integers: rms values, powers, unbalance.

The work of a window comes in parts, so that capture and half periods go on; the results go into the points' stage,
unknown ones stay NaN. Values that need the fundamental (P1, Q1, angles, harmonics, unbalance) are unknown while the
window is not synchronised; rms values, P and S need no synchronism and stay.
"""

from math import nan, sqrt

from wattless.dsp import window as w
from wattless.metering import harmonics, powers
from wattless.metering.spectra import PHASOR, Spectra

_POINTS = 2048
_LSB = 64.0  # the resampler's fraction
_FULL_SCALE = 32768.0

_ROWS = (
    ("f", "v_l1", "v_l12", "i_l1", "i_n", "p_l1", "p1_l1", "q1_l1", "s_l1", "s1_l1", "n_l1", "pf_l1", "dpf_l1")
    + ("phi1_l1", "quadrant", "msv_l1", "cf_v_l1", "cf_i_l1", "sn_l1", "di_l1", "dv_l1", "sh_l1", "ph_l1", "dh_l1")
    + ("pollution_l1", "s_vector", "s_effective", "pf_vector", "pf_effective", "v_eff", "i_eff", "su1", "s1_pos")
    + ("p1_pos", "q1_pos", "pf1_pos", "v_u2", "v_u0", "i_u2", "i_u0")
    + ("v_pos", "v_neg", "v_zero", "i_pos", "i_neg", "i_zero")
)
_LINES = ((w.V1, w.V2, w.V1V2), (w.V2, w.V3, w.V2V3), (w.V3, w.V1, w.V3V1))
_TOTAL = 3  # place of a total behind its three phases


class Quantities:
    """config: wiring, full scales, rates; wiring: metering.wiring.Wiring; points: where the values go.

    After update: spectra.v, spectra.i, spectra.i_n: fundamental phasors; volts, amperes: a code's.
    """

    def __init__(self, config, wiring, cycles, points):
        self._stage = points.stage
        self._at = {name: points.at(name) for name in _ROWS}
        self.wiring = wiring
        self._periods = float(cycles * config.adc_rate) * 65536
        self.volts = config.full_scale_v / _FULL_SCALE * wiring.voltage_scale
        self.amperes = self._amperes_nominal = config.full_scale_i / _FULL_SCALE
        self.coils = config.current_sensor == "rogowski"
        self._nominal_frequency = config.nominal_frequency
        self.spectra = Spectra(config, wiring, cycles / config.nominal_frequency, points)
        self._lsb = config.full_scale_v / _FULL_SCALE / _LSB
        self._squares = [0.0] * w.SUMS
        self._peak_v = self.volts / _LSB
        self._peak_i = self.amperes / _LSB
        self._lines = [0.0] * 3
        self._window = None
        self._length = self._synced = 0
        self._work = self._windows()
        self._p = [0.0] * wiring.phases
        self._s = [0.0] * wiring.phases
        self._n = [0.0] * wiring.phases
        self._per_product = self.volts * self.amperes / (_POINTS * _LSB * _LSB)
        self._per_code = [
            (_LSB if slot in w.CROSS else 1)
            / (_POINTS * _LSB * _LSB)
            * (self.volts**2 if slot <= w.V3V1 else self.amperes**2 if slot <= w.ININ else self.volts * self.amperes)
            for slot in range(w.SUMS)
        ]

    v = property(lambda self: self.spectra.v)  # fundamental phasors, rms V
    i = property(lambda self: self.spectra.i)  # and A
    i_n = property(lambda self: self.spectra.i_n)  # None: not measured

    def update(self, window, length, synced):
        """Fills the stage from `window` (dsp.Window), whose length was `length` / 65536 samples."""
        self.begin(window, length, synced)
        while self.step():
            pass

    def begin(self, window, length, synced):
        """Starts on that, for `step`."""
        self._window, self._length, self._synced = window, length, synced

    def step(self):
        """Does a part of the work (below 5 ms on the reference board); False when the stage is full."""
        return next(self._work)

    def _windows(self):
        """Works through window after window: one generator for all."""
        squares, per_code = self._squares, self._per_code
        while True:
            window, length, synced = self._window, self._length, self._synced
            for slot in range(w.SUMS):
                squares[slot] = harmonics.energy(window.sums, 2 * slot) * per_code[slot]
            if self.coils:
                self._integrate(window, self._periods / length if synced else nan)
            self._rms(window)
            yield True
            if synced:
                self._stage[self._at["f"]] = self._periods / length
                yield from self.spectra.steps(window, self.volts, self.amperes)
                self._signalling(window)
                yield True
            yield from self._powers(window, synced)
            yield False

    def code_rms(self, element):
        """Rms of a measured voltage (3p3w: v12, v32) in 1/64 code, as half periods have it."""
        if self.wiring.neutral:
            return sqrt(self._squares[w.V1V1 + element]) / self._lsb
        return sqrt(self._line_square(element)) / self._lsb

    def _integrate(self, window, f):
        """Rogowski coils: their samples are the currents' derivatives, so squares and active powers come from the
        integrated spectra, orders 1 to 50. A coil's signal grows with the frequency; its scale is that of the nominal
        one. Without synchronism nothing is known."""
        squares = self._squares
        self.amperes = amperes = self._amperes_nominal * self._nominal_frequency / f
        for slot, channel in ((w.I1I1, w.I1), (w.I2I2, w.I2), (w.I3I3, w.I3), (w.ININ, w.IN)):
            squares[slot] = harmonics.square(window.summaries[channel]) * (amperes / PHASOR) ** 2
        for phase in range(self.wiring.phases):
            v, i = window.phasors[w.V1 + phase], window.phasors[w.I1 + phase]
            total = 0.0
            for k in range(2, 2 * (harmonics.HIGHEST + 1)):
                total += float(v[k]) * i[k]
            squares[w.V1I1 + phase] = total * self.volts * amperes / (PHASOR * PHASOR)

    def _rms(self, window):
        at, stage, squares = self._at, self._stage, self._squares
        for phase in range(self.wiring.phases):
            v = stage[at["v_l1"] + phase] = sqrt(squares[w.V1V1 + phase])
            i = stage[at["i_l1"] + phase] = sqrt(squares[w.I1I1 + phase])
            stage[at["cf_v_l1"] + phase] = powers.ratio(self._peak(window, w.V1 + phase) * self._peak_v, v)
            if not self.coils:
                stage[at["cf_i_l1"] + phase] = powers.ratio(self._peak(window, w.I1 + phase) * self._peak_i, i)
        for line in range(self.wiring.lines):
            self._lines[line] = square = self._line_square(line)
            stage[at["v_l12"] + line] = sqrt(square)
        if self.spectra.neutral_ct:
            stage[at["i_n"]] = sqrt(squares[w.ININ])

    @staticmethod
    def _peak(window, channel):
        """The sample of the window farthest from zero, in 1/64 code."""
        extremes = window.extremes
        return max(0 - extremes[2 * channel], extremes[2 * channel + 1])

    def _line_square(self, line):
        a, b, product = _LINES[line]
        return max(0.0, self._squares[w.V1V1 + a] + self._squares[w.V1V1 + b] - 2 * self._squares[product])

    def _signalling(self, window):
        if window.band_start:
            for phase in range(self.wiring.phases):
                rms = sqrt(harmonics.energy(window.bands, 2 * phase)) * (self.volts / PHASOR)
                self._stage[self._at["msv_l1"] + phase] = rms

    def _powers(self, window, synced):
        at, stage, phases = self._at, self._stage, self.wiring.phases
        p1 = q1 = ph = 0.0 if synced else nan
        p, s, n = self._p, self._s, self._n
        for phase in range(phases):
            active = p[phase] = self._squares[w.V1I1 + phase]
            s[phase] = stage[at["v_l1"] + phase] * stage[at["i_l1"] + phase]
            n[phase] = self._nonactive(window, phase)
            a1 = r1 = nan
            if synced:
                spectra = self.spectra
                a1 = spectra.p1[phase]
                r1 = powers.reactive(spectra.v[phase], spectra.i[phase])
                vh, ih = sqrt(spectra.v_rest[phase]), sqrt(spectra.i_rest[phase])
                rest = active - a1
                self._store_nonfundamental(phase, spectra.v1[phase], vh, spectra.i1[phase], ih, rest)
                ph += rest
            self._store(phase, active, s[phase], n[phase], a1, r1)
            p1 += a1
            q1 += r1
            yield True
        active, apparent = sum(p), sum(s)
        self._store(_TOTAL, active, apparent, powers.nonactive(s, p, n), p1, q1)
        if synced:
            stage[at["quadrant"]] = powers.quadrant(active, q1)
            vector = powers.hypotenuse(active, q1)
            stage[at["s_vector"]] = vector
            stage[at["pf_vector"]] = powers.ratio(active, vector)
        if phases == 3:
            apparent = self._effective(ph, synced)
        elif synced:
            self._few_phases(phases, ph)
        stage[at["s_effective"]] = apparent
        stage[at["pf_effective"]] = powers.ratio(active, apparent)

    def _nonactive(self, window, phase):
        """N of a phase in VA: S**2 - P**2 in integers, of which single precision would leave nothing near PF 1."""
        if self.coils:
            return powers.rest(self._s[phase], abs(self._p[phase]))
        sums = window.sums
        vv = (sums[2 * (w.V1V1 + phase)] << 28) + sums[2 * (w.V1V1 + phase) + 1]
        ii = (sums[2 * (w.I1I1 + phase)] << 28) + sums[2 * (w.I1I1 + phase) + 1]
        vi = (sums[2 * (w.V1I1 + phase)] << 28) + sums[2 * (w.V1I1 + phase) + 1]
        square = vv * ii - 4096 * vi * vi  # one factor of vi is in whole LSB
        return sqrt(float(square)) * self._per_product if square > 0 else 0.0

    def _store(self, index, p, s, n, p1, q1):
        """The power values of phase 0..2 or the total."""
        at, stage = self._at, self._stage
        s1 = powers.hypotenuse(p1, q1)
        stage[at["p_l1"] + index] = p
        stage[at["s_l1"] + index] = s
        stage[at["n_l1"] + index] = n
        stage[at["pf_l1"] + index] = powers.ratio(p, s)
        stage[at["p1_l1"] + index] = p1
        stage[at["q1_l1"] + index] = q1
        stage[at["s1_l1"] + index] = s1
        stage[at["dpf_l1"] + index] = powers.ratio(p1, s1)
        stage[at["phi1_l1"] + index] = powers.angle(p1, q1)

    def _store_nonfundamental(self, index, v1, vh, i1, ih, ph):
        at, stage = self._at, self._stage
        units = 3.0 if index == _TOTAL else 1.0
        sn, di, dv, sh, dh = powers.nonfundamental(v1, vh, i1, ih, ph, units)
        stage[at["sn_l1"] + index] = sn
        stage[at["di_l1"] + index] = di
        stage[at["dv_l1"] + index] = dv
        stage[at["sh_l1"] + index] = sh
        stage[at["dh_l1"] + index] = dh
        stage[at["ph_l1"] + index] = ph
        stage[at["pollution_l1"] + index] = powers.ratio(sn, units * v1 * i1)

    def _few_phases(self, phases, ph):
        """Totals of one phase are the phase's; of a split phase IEEE 1459 knows the active power only."""
        at, stage = self._at, self._stage
        stage[at["ph_l1"] + _TOTAL] = ph
        if phases == 1:
            for name in ("sn_l1", "di_l1", "dv_l1", "sh_l1", "dh_l1", "pollution_l1"):
                stage[at[name] + _TOTAL] = stage[at[name]]

    def _effective(self, ph, synced):
        """Effective values (3.2.2.8). Returns Se = 3 Ve Ie."""
        at, stage, squares = self._at, self._stage, self._squares
        four = self.wiring.neutral
        ve = powers.effective_voltage(squares[w.V1V1 : w.V3V3 + 1] if four else None, self._lines)
        ie = powers.effective_current(squares[w.I1I1 : w.I3I3 + 1], stage[at["i_n"]] ** 2 if four else 0.0)
        stage[at["v_eff"]] = ve
        stage[at["i_eff"]] = ie
        if synced:
            rests = self.spectra
            ve1, ie1 = self._sequences(four)
            veh = powers.effective_voltage(rests.v_rest if four else None, rests.lines_rest)
            ieh = powers.effective_current(rests.i_rest, rests.n_rest if four else 0.0)
            self._store_nonfundamental(_TOTAL, ve1, veh, ie1, ieh, ph)
        return 3 * ve * ie

    def _sequences(self, four):
        """Sequence components (3.2.2.2), their powers, unbalance (IEC 61000-4-30, 5.7). Returns (Ve1, Ie1), which from
        the sequences are Ve1**2 = V+**2 + V-**2 + V0**2 / 2, Ie1**2 = I+**2 + I-**2 + I0**2 + In**2 / 3."""
        at, stage = self._at, self._stage
        v, v_neg, v_zero = powers.sequence(self.v[0], self.v[1], self.v[2])
        i, i_neg, i_zero = powers.sequence(self.i[0], self.i[1], self.i[2])
        p, q = powers.active(v, i), powers.reactive(v, i)
        neutral = 3 * abs(i_zero) if self.i_n is None else abs(self.i_n)
        v, v_neg, v_zero = abs(v), abs(v_neg), abs(v_zero)
        i, i_neg, i_zero = abs(i), abs(i_neg), abs(i_zero)
        if not four:
            v_zero = i_zero = neutral = 0.0
        v_square, i_square = v * v, i * i
        v_rest = v_neg * v_neg + v_zero * v_zero / 2
        i_rest = i_neg * i_neg + i_zero * i_zero + neutral * neutral / 3
        stage[at["v_pos"]] = v
        stage[at["v_neg"]] = v_neg
        stage[at["v_u2"]] = 100 * powers.ratio(v_neg, v)
        stage[at["i_pos"]] = i
        stage[at["i_neg"]] = i_neg
        stage[at["i_u2"]] = 100 * powers.ratio(i_neg, i)
        if four:
            stage[at["v_zero"]] = v_zero
            stage[at["v_u0"]] = 100 * powers.ratio(v_zero, v)
            stage[at["i_zero"]] = i_zero
            stage[at["i_u0"]] = 100 * powers.ratio(i_zero, i)
        stage[at["p1_pos"]] = 3 * p
        stage[at["q1_pos"]] = 3 * q
        stage[at["s1_pos"]] = 3 * v * i
        stage[at["pf1_pos"]] = powers.ratio(p, v * i)
        # SU1 = sqrt(Se1**2 - S1+**2) (3.2.2.9) without the difference
        stage[at["su1"]] = 3 * sqrt(v_square * i_rest + v_rest * (i_square + i_rest))
        return sqrt(v_square + v_rest), sqrt(i_square + i_rest)
