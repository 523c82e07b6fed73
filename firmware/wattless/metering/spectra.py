"""Everything that the spectra of a window say: fundamental phasors, lists of harmonics, interharmonics and harmonic
powers, distortion. IEC 61000-4-7:2002+A1, IEEE 519-2022 (TDD), IEEE 1547-2018 (TRD), IEEE C57.110 (K factor).

The lists go from the integers of dsp.Window straight to the registers; nothing is boxed on the way.
"""

from array import array
from math import nan, sqrt

from wattless.dsp import orders, spectrum
from wattless.dsp import window as w
from wattless.metering import harmonics

PHASOR = 4096.0 * sqrt(2)  # a sine of 1 LSB rms has a phasor of this size
DC = 8192.0  # a dc of 1 LSB has this
_ORDERS = harmonics.HIGHEST + 1

_KINDS = {"subgroups": None, "groups": orders.GROUPS, "bins": orders.BINS}
_BETWEEN = {"subgroups": orders.INTERHARMONIC_SUBGROUPS, "groups": orders.INTERHARMONIC_GROUPS}
# rows of the three phases, in adjacent slots: THDS, THDS40, THDG, THD of single bins, PWHD
_DISTORTION = (
    ("thd_v_l1", "thd40_v_l1", "thdg_v_l1", "thdh_v_l1", "pwhd_v_l1"),
    ("thd_i_l1", "thd40_i_l1", "thdg_i_l1", "thdh_i_l1", "pwhd_i_l1"),
)
_LISTS = (("vh_l1", "vh_l2", "vh_l3"), ("ih_l1", "ih_l2", "ih_l3", "ih_n"))
_BETWEEN_LISTS = (("vih_l1", "vih_l2", "vih_l3"), ("iih_l1", "iih_l2", "iih_l3"))


def kinds(config):
    """What dsp.Window has to leave, as its arguments `between` and `lists`."""
    return _BETWEEN[config.interharmonics], _KINDS[config.harmonics]


class Spectra:
    """config: what the lists have, reference currents; wiring: metering.wiring.Wiring; window_s: nominal length;
    points: where the values go.

    v, i: fundamental phasors (complex, rms V and A) of the phases, v1, i1: their magnitudes, p1: P1; i_n: phasor of
    the neutral conductor, None where it is not measured. v_rest, i_rest: squares of V_H and I_H (IEEE 1459-2010,
    3.1.2.2: all but the fundamental); n_rest: of the neutral current; lines_rest: of the voltages l12, l23, l31.
    """

    def __init__(self, config, wiring, window_s, points):
        self.wiring = wiring
        self.neutral_ct = config.neutral_current == "measured" and wiring.neutral
        self.v = [0j] * 3
        self.i = [0j] * 3
        self.i_n = None
        self.v1 = [0.0] * 3
        self.i1 = [0.0] * 3
        self.p1 = [0.0] * 3
        self.v_rest = [0.0] * 3
        self.i_rest = [0.0] * 3
        self.n_rest = 0.0
        self.lines_rest = [0.0] * 3
        self._coils = config.current_sensor == "rogowski"
        self._points = points
        self._stage = points.stage
        self._demand = config.demand_current
        self._rated = config.rated_current
        names = _DISTORTION[0] + _DISTORTION[1] + ("v1_l1", "i1_l1", "kf_i_l1", "tdd_i_l1", "trd_i_l1", "i_l1", "i_n")
        at = {name: points.at(name) for name in names}
        self._at = at
        self._distortion = [[at[name] for name in rows] for rows in _DISTORTION]
        self._fundamentals = (at["v1_l1"], at["i1_l1"])
        self._lists = [[points.list(name) for name in rows] for rows in _LISTS]
        self._between = [[points.list(name) for name in rows] for rows in _BETWEEN_LISTS]
        self._powers = [points.list(name) for name in ("hp_l1", "hp_l2", "hp_l3")]
        self._groups = config.harmonics == "groups"
        self._smoothed = None
        if config.smoothing != "none":
            self._smoothed = [array("i", bytes(4 * _ORDERS)) for _ in range(w.CHANNELS)]
            self._share = int(65536 * (1 - 2.718281828 ** (-window_s / 1.5)) + 0.5)
            self._settled = False
        self._pairs = array("i", bytes(8 * _ORDERS))
        self._sums = array("i", bytes(24))
        self._roots = array("i", bytes(4 * orders.GATHERED))
        self._scales = None

    def restart(self):
        """Forgets what smoothing remembers."""
        self._settled = False

    def steps(self, window, volts, amperes):
        """Fills lists and stage from a synchronised window, a part a yield of True; volts, amperes: a code's."""
        if self._scales is None or self._scales[0] != amperes:
            self._scales = (amperes, self._factors(volts), self._factors(amperes), self._products(volts, amperes))
        scales = self._scales
        for phase in range(self.wiring.phases):
            self._channel(window, 0, phase, w.V1 + phase, volts, scales[1])
            yield True
            self._channel(window, 1, phase, w.I1 + phase, amperes, scales[2])
            yield True
            self._phase_currents(window, phase, amperes)
            orders.products(window.phasors[w.V1 + phase], window.phasors[w.I1 + phase], self._pairs)
            self.p1[phase] = harmonics.energy(self._pairs, 2) * scales[3][2]
            self._points.put_pairs(self._powers[phase], 0, self._pairs, 0, 1, scales[3][0])
            self._points.put_pairs(self._powers[phase], 1, self._pairs, 1, harmonics.HIGHEST, scales[3][1])
            self.v_rest[phase] = self._rest(window, w.V1 + phase, w.V1V1 + phase) * volts * volts
            slot = -1 if self._coils else w.I1I1 + phase
            self.i_rest[phase] = self._rest(window, w.I1 + phase, slot) * amperes * amperes
            yield True
        if self.wiring.phases == 3:
            self._lines(window, volts)
        if self.neutral_ct:
            self._list(window, self._lists[1][3], w.IN, scales[2])
            self.i_n = self._phasor(window, w.IN, amperes)
            self.n_rest = self._rest(window, w.IN, -1 if self._coils else w.ININ) * amperes * amperes
        elif self.wiring.neutral and self.wiring.phases > 1:
            self._neutral(window, amperes, scales[2])
        if self._smoothed:
            self._settled = True

    def _factors(self, scale):
        """Of a list: order 0, the others, between the orders."""
        factor = self._points.scale_factor
        others = scale / PHASOR
        return factor(scale / DC), factor(others / sqrt(2) if self._groups else others), factor(others)

    def _products(self, volts, amperes):
        factor = self._points.scale_factor
        watts = volts * amperes / (PHASOR * PHASOR)
        return factor(volts * amperes / (DC * DC)), factor(watts), watts

    @staticmethod
    def _phasor(window, channel, scale):
        phasors = window.phasors[channel]
        scale /= PHASOR
        return complex(phasors[2] * scale, phasors[3] * scale)

    def _channel(self, window, kind, phase, channel, scale, factors):
        stage = self._stage
        phasor = (self.i if kind else self.v)[phase] = self._phasor(window, channel, scale)
        size = (self.i1 if kind else self.v1)[phase] = abs(phasor)
        stage[self._fundamentals[kind] + phase] = size
        self._list(window, self._lists[kind][phase], channel, factors)
        self._points.put_list(self._between[kind][phase], 0, window.between[channel], 0, _ORDERS, factors[2])
        summary = window.summaries[channel]
        if summary[1] < PHASOR:
            return  # a fundamental below 1 LSB rms: a ratio to it would be noise
        orders.weighted(summary, self._sums)
        orders.gather(summary, window.own[channel], self._sums, self._pairs)
        roots = self._roots
        orders.roots(self._pairs, roots, orders.GATHERED)
        thd, thd40, thdg, thdh, pwhd = self._distortion[kind]
        percent = 100 / roots[orders.ALL_SG1]
        stage[thd + phase] = roots[orders.ALL_THDS] * percent
        stage[thd40 + phase] = roots[orders.ALL_THDS40] * percent
        stage[pwhd + phase] = 64 * roots[orders.ALL_H] * percent
        stage[thdg + phase] = 100 * roots[orders.ALL_THDG] / roots[orders.ALL_G1]
        stage[thdh + phase] = 100 * roots[orders.ALL_OWN_REST] / (roots[orders.ALL_OWN1] or nan)
        if kind:
            stage[self._at["kf_i_l1"] + phase] = (roots[orders.ALL_H2] / (roots[orders.ALL_1] or nan)) ** 2

    def _list(self, window, handle, channel, factors):
        """Order 0: signed dc; 1..50: rms of what the setting `harmonics` says."""
        magnitudes = window.lists[channel]
        if self._smoothed:
            state = self._smoothed[channel]
            if not self._settled:
                state[:] = magnitudes[:_ORDERS]
            magnitudes = magnitudes[:_ORDERS]
            orders.smooth(state, magnitudes, self._share)
        self._points.put_list(handle, 0, window.phasors[channel], 0, 1, factors[0])
        self._points.put_list(handle, 1, magnitudes, 1, harmonics.HIGHEST, factors[1])

    def _rest(self, window, channel, slot):
        """Mean square of all but the fundamental, in codes; `slot` of its sum of squares, -1: not known."""
        orders.rest(window.own[channel], window.sums, slot, window.phasors[channel][0], self._sums)
        return harmonics.energy(self._sums, 0) / 33554432

    def _lines(self, window, volts):
        """The same of the line voltages, less what lies between the orders and above 50 in their product."""
        twice = 2 * (volts / PHASOR) ** 2
        for line in range(3):
            a, b = line, (line + 1) % 3
            orders.products(window.phasors[w.V1 + a], window.phasors[w.V1 + b], self._pairs)
            orders.add(self._pairs, 2, self._sums)
            total = harmonics.energy(self._pairs, 0) / 2 + harmonics.energy(self._sums, 0)  # dc counts half
            self.lines_rest[line] = max(0.0, self.v_rest[a] + self.v_rest[b] - total * twice)

    def _neutral(self, window, amperes, factors):
        """Neutral current without a sensor: what the phases leave over, order by order (Kirchhoff; interharmonics are
        not in it)."""
        phasors = self._pairs
        i1, i2 = window.phasors[w.I1], window.phasors[w.I2]
        orders.add_phasors(i1, i2, window.phasors[w.I3], phasors)  # of a split phase I3 is zeros
        self._points.put_list(self._lists[1][3], 0, phasors, 0, 1, factors[0])
        orders.products(phasors, phasors, phasors)
        orders.add(phasors, 2, self._sums)
        scale = (amperes / PHASOR) ** 2
        self.n_rest = (harmonics.energy(phasors, 0) / 2 + harmonics.energy(self._sums, 0)) * scale  # dc counts half
        self._stage[self._at["i_n"]] = sqrt(self.n_rest + harmonics.energy(phasors, 2) * scale)
        orders.roots(phasors, phasors, _ORDERS)
        self._points.put_list(self._lists[1][3], 1, phasors, 1, harmonics.HIGHEST, factors[1])

    def _phase_currents(self, window, phase, amperes):
        """TDD (IEEE 519, orders 2..50 to the demand current), TRD (IEEE 1547, everything but the fundamental to the
        rated current)."""
        at, stage = self._at, self._stage
        if self._demand:
            total = sqrt(harmonics.energy(window.summaries[w.I1 + phase], spectrum.THDS)) * (amperes / PHASOR)
            stage[at["tdd_i_l1"] + phase] = 100 * total / self._demand
        if self._rated:
            i, i1 = stage[at["i_l1"] + phase], self.i1[phase]
            stage[at["trd_i_l1"] + phase] = 100 * sqrt(max(0.0, (i - i1) * (i + i1))) / self._rated
