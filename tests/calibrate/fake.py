"""A meter of phasors in float64, for the wizard: exact, at once, with whatever errors and mistakes one likes."""

import cmath
import math

from host_tools.calibrate.link import About, Window
from host_tools.calibrate.model import NAMES, PEAK, UNITY, Calibration, copy
from host_tools.meter_link import Refused

RATE, F = 12800.0, 50.0
FULL_SCALE = {"v": 500.0, "i": 10.0}
ANGLES = {1: 0.0, 2: -120.0, 3: 120.0}


def true_phasors(volts, amperes, phi, reverse=False):
    sign = -1 if reverse else 1
    made = {f"v{k}": cmath.rect(volts, math.radians(sign * ANGLES[k])) for k in ANGLES}
    made |= {f"i{k}": cmath.rect(amperes, math.radians(sign * ANGLES[k] - phi)) for k in ANGLES}
    return made | {"in": 0j}


class FakeMeter:
    """errors: channel -> (gain %, offset, degrees late). change(phasors): a mistake in the wiring. ripple: relative, by
    window, of the currents; thd: %."""

    def __init__(self, errors=None, change=None, wiring="3p4w"):
        self.errors = {name: (errors or {}).get(name, (0, 0, 0)) for name in NAMES[:7]}
        self.change = change or (lambda phasors: phasors)
        self.signal = true_phasors(230, 5, 0)
        self.kept = [Calibration()]
        self.open = False
        self.seq = 0
        self.ripple = lambda seq: 0.0
        self.thd = {"v": 0.1, "i": 0.1}
        self.f = F
        self.flags = ()
        self.v_u2 = 0.01
        self.calls = []
        self.after_write = None
        self.settings = {}
        self.wiring = wiring

    def about(self):
        scales = {"full_scale_v": FULL_SCALE["v"], "full_scale_i": FULL_SCALE["i"]}
        known = {"rate": RATE, "nominal_frequency": F, "nominal_voltage": 230.0, "nominal_current": 5.0}
        return About("fake", "fake board", "0.0", 1, 1, self.wiring, neutral_current="measured", **scales, **known)

    def calibration(self):
        return copy(self.kept[-1])

    def unlock(self, code):
        if code != "1234":
            raise Refused("wrong access code")
        self.open = True

    def calibrate(self, wanted):
        assert self.open
        self.calls.append("calibrate")
        self.kept.append(copy(wanted))
        if self.after_write:
            self.after_write()

    def undo(self):
        assert self.open
        self.kept.append(self.kept[-2])

    def set(self, name, value):
        self.settings[name] = value

    def restart(self):
        self.calls.append("restart")

    def read(self, ids):
        self.seq += 1
        wave, dc = {}, {}
        for name, phasor in self.change(dict(self.signal)).items():
            gain, offset, late = self.errors[name]
            k = NAMES.index(name)
            now = self.kept[-1]
            factor = now.gain[k] / UNITY
            delay = late + now.phase[k] / 256 / RATE * F * 360
            ripple = 1 + (self.ripple(self.seq) if name.startswith("i") else 0)
            wave[name] = phasor * (1 + gain / 100) * factor * ripple * cmath.rect(1, -math.radians(delay))
            dc[name] = (offset - now.offset[k] / PEAK * FULL_SCALE[name[0]]) * factor
        return Window(self.seq, self.flags, {id_: self._value(id_, wave, dc) for id_ in ids})

    def _value(self, id_, wave, dc):
        quantity, _, line = id_.partition("_")
        if id_ == "f":
            return self.f
        if quantity in ("vdc", "idc"):
            return dc["in" if line == "n" else quantity[0] + line[1]]
        if quantity == "thd":
            return self.thd[line[0]]
        if id_ in ("v_u2", "v_u0"):
            return self.v_u2 if id_ == "v_u2" else 0.01
        if id_ == "i_n":
            return math.hypot(abs(wave["in"]), dc["in"])
        if len(line) == 3:
            a, b = line[1], line[2]
            return math.hypot(abs(wave["v" + a] - wave["v" + b]), dc["v" + a] - dc["v" + b])
        k = line[1]
        power = wave["v" + k] * wave["i" + k].conjugate()
        found = {
            "v": math.hypot(abs(wave["v" + k]), dc["v" + k]),
            "i": math.hypot(abs(wave["i" + k]), dc["i" + k]),
            "p": power.real + dc["v" + k] * dc["i" + k],
            "phi1": math.degrees(cmath.phase(power)) if power else 0.0,
        }
        return found[quantity]


class Hands:
    """Sets the fake's source as the steps say, and knows what is true. script: what values() types, step by step."""

    def __init__(self, meter, identity, live=True, lines=True, off=None):
        self.meter, self.identity = meter, identity
        self.live, self.lines = live, lines
        self.off = off or {}
        self.told, self.skip, self.agree, self.steps = [], set(), True, []
        self.typed = {}

    def tell(self, text):
        self.told.append(text)

    waiting = tell

    def prepare(self, step, text):
        self.steps.append(step)
        self.text = text
        amperes = 0 if step.kind != "point" else 5 * step.where.percent / 100
        self.meter.signal = true_phasors(230, amperes, step.where.angle if step.where else 0)
        if step.kind == "neutral":
            self.meter.signal["in"] = 5 + 0j
        self.step = step
        return step.name not in self.skip

    def again(self, step, refusal):
        return False

    def confirm(self, text):
        return self.agree

    def code(self):
        return "1234"

    def truth(self):
        signal = self.meter.signal
        found = {"f": F}
        for k in ANGLES:
            v, i = signal[f"v{k}"], signal[f"i{k}"]
            found |= {f"v_l{k}": abs(v), f"i_l{k}": abs(i)}
            if i:
                found[f"phi1_l{k}"] = math.degrees(cmath.phase(v * i.conjugate()))
        if self.lines:
            for a, b in ((1, 2), (2, 3), (3, 1)):
                found[f"v_l{a}{b}"] = abs(signal[f"v{a}"] - signal[f"v{b}"])
        if signal["in"]:
            found["i_n"] = abs(signal["in"])
        return found | {id_: found[id_] + value for id_, value in self.off.items() if id_ in found}

    # as a reference
    def values(self, *asked):
        if not asked:
            return self.truth() if self.live else None
        return self.typed[self.step.name]
