"""Designs the filters of the flickermeter, firmware/wattless/dsp/flicker_filter.py (dsp/flicker.py says how they run).

Its input is one mean square a half period, 100 or 120 a second. Cut at the zero crossings, the mean over half a period
T of (1 + m)**2 2 sin**2 weighs the modulation with a Hann window, whose response is sinc(f T) / (1 - (f T)**2). What
IEC 61000-4-15 asks for, Butterworth and lamp, goes up to a third of that rate and more: no transform of the analog
filters (bilinear, matched, invariant) is near it there. So poles and zeros are fitted to the magnitude of

    |lamp(f)| |Butterworth(f)| / |Hann(f)|

with zeros at 0 and (two) at half the rate fixed. Five poles are near those of the lamp and three more make the droop
and the edge of the Butterworth. The high-pass is exact. Run `python -m host_tools.make_flicker` after a change.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

from host_tools.toolchain.paths import ROOT

TURN = 2 * np.pi
ONE = 1 << 16  # of a factor
INPUT_ONE = 1 << 25  # of (v / mean)**2 - 1, before the gain
LEVEL_ONE = 1 << 15  # of Pinst
DISCARDED = 10  # bits, before the squaring
MEAN_S = 27.3
SMOOTHING_S = 0.3
HIGH_PASS_HZ = 0.05
REFERENCE_HZ = 8.8
LARGEST = 3.0  # (v / mean)**2 - 1 at v = 2 mean
NAMES = ("MEAN_FACTOR", "GAIN", "HIGH_PASS", "ZERO", "POLE", "LAMP1", "LAMP2", "EDGE1", "EDGE2", "EDGE3", "SMOOTH")


@dataclass(frozen=True)
class Lamp:
    """The weighting filter of IEC 61000-4-15, 5.5; frequencies in Hz. fluctuation: sinusoidal dU/U in % for Pinst = 1
    at 8.8 Hz (Table 1)."""

    k: float
    damping: float
    w1: float
    w2: float
    w3: float
    w4: float
    fluctuation: float

    def response(self, f):
        s = 1j * np.asarray(f)
        band = self.k * self.w1 * s / (s * s + 2 * self.damping * s + self.w1**2)
        return band * (1 + s / self.w2) / ((1 + s / self.w3) * (1 + s / self.w4))


LAMPS = {
    "230 V": Lamp(1.74802, 4.05981, 9.15494, 2.27979, 1.22535, 21.9, 0.250),
    "120 V": Lamp(1.6357, 4.167375, 9.077169, 2.939902, 1.394468, 17.31512, 0.321),
}
LOW_PASS_HZ = {50: 35.0, 60: 42.0}


def hann(f, rate):
    """Response of the mean over half a period, 1 / `rate` seconds from a zero crossing to the next."""
    share = np.asarray(f) / rate
    return np.sinc(share) / (1 - share**2)


def wanted(lamp, mains, f):
    """Magnitude that the digital filter needs at `f`, without the high-pass."""
    butterworth = 1 / np.sqrt(1 + (f / LOW_PASS_HZ[mains]) ** 12)
    return np.abs(LAMPS[lamp].response(f)) * butterworth / hann(f, 2 * mains)


def fitted(x, z):
    """Response, up to a factor, at delays z = exp(-j w) of the parameters x: zero, pole, radius and angle of the lamp's
    pair, radius and angle of the edge's pair, pole of the edge."""
    zero, pole, r, a, r2, a2, pole2 = x
    lamp = (1 - pole * z) * (1 - 2 * r * np.cos(a) * z + r * r * z * z)
    edge = (1 - 2 * r2 * np.cos(a2) * z + r2 * r2 * z * z) * (1 - pole2 * z)
    return (1 - z) * (1 - zero * z) * (1 + z) ** 2 / (lamp * edge)


def fit(lamp, mains):
    """The parameters of `fitted`: to a third of the rate least fourth powers of the relative error, above that squares
    with a third of the weight (it comes back as alias of what a lamp sees)."""
    rate, shape = 2 * mains, LAMPS[lamp]
    f = [*np.geomspace(0.2, 5, 40), *np.linspace(5.3, rate / 3, 80), *np.linspace(rate / 3 + 1, 0.49 * rate, 15)]
    f = np.array(f)
    z = np.exp(-1j * TURN * f / rate)
    goal = np.log(wanted(lamp, mains, f))

    def errors(p):
        e = np.log(np.abs(fitted(p[1:], z))) + p[0] - goal
        return np.where(f <= rate / 3, np.sign(e) * (e / 0.01) ** 2, 0.3 * e)

    pair = np.sqrt(shape.w1**2 - shape.damping**2)
    start = [np.exp(-TURN * hz / rate) for hz in (shape.w2, shape.w3, shape.damping)]
    start += [TURN * pair / rate, 0.48, 2.2, 0.4]
    low, high = [-9, 0.3, 0.8, 0.3, 0.1, 0.1, 1.5, 0], [3, 0.99, 0.98, 0.95, 1.2, 0.9, 3, 0.9]
    found = least_squares(errors, [-2.0, *start], bounds=(low, high), max_nfev=5000, xtol=1e-13, ftol=1e-13)
    return found.x[1:]


def words(x, lamp, mains):
    """The factors in the order of NAMES, in 2**-16: those of the kernel, which takes whole multiples apart."""
    zero, pole, r, a, r2, a2, pole2 = x
    rate = 2 * mains
    edge = np.polymul([1, -2 * r2 * np.cos(a2), r2 * r2], [1, -pole2])
    factors = {
        "MEAN_FACTOR": -np.expm1(-1 / (MEAN_S * rate)),
        "HIGH_PASS": -np.expm1(-TURN * HIGH_PASS_HZ / rate),
        "ZERO": 1 - zero,
        "POLE": pole - 1,
        "LAMP1": 2 * r * np.cos(a) - 1,
        "LAMP2": 1 - r * r,
        "EDGE1": -edge[1],
        "EDGE2": -edge[2],
        "EDGE3": -edge[3],
        "SMOOTH": -np.expm1(-1 / (SMOOTHING_S * rate)),
        "GAIN": 0,
    }
    made = {name: round(ONE * factor) for name, factor in factors.items()}
    made["GAIN"] = ONE // 4
    made["GAIN"] = round(ONE // 4 * np.sqrt(LEVEL_ONE / level(made, lamp, mains)))
    return tuple(made[name] for name in NAMES)


def sections(made):
    """[(numerator, denominator)] in powers of z**-1, as the kernel works through them, from input to `y`."""
    k = {name: value / ONE for name, value in made.items()}
    return [
        ([k["GAIN"]], [1]),
        ([1, -1], [1, k["HIGH_PASS"] - 1]),
        ([1, -1], [1]),
        ([1, k["ZERO"] - 1], [1, -1 - k["POLE"]]),
        ([1], [1, -1 - k["LAMP1"], 1 - k["LAMP2"]]),
        ([1, 2, 1], [1, -k["EDGE1"], -k["EDGE2"], -k["EDGE3"]]),
    ]


def response(made, mains, f):
    """Complex response of the kernel's filters to (v / mean)**2 at `f`, y over the input."""
    z = np.exp(-1j * TURN * np.asarray(f) / (2 * mains))
    h = 1.0
    for over, under in sections(made):
        h = h * np.polyval(over[::-1], z) / np.polyval(under[::-1], z)
    return h


def level(made, lamp, mains):
    """Largest level (2**15 is Pinst = 1) at 8.8 Hz with the fluctuation of Table 1."""
    rate = 2 * mains
    modulation = 2 * LAMPS[lamp].fluctuation / 200 * hann(REFERENCE_HZ, rate)
    y = modulation * INPUT_ONE * abs(response(made, mains, REFERENCE_HZ)) / (1 << DISCARDED)
    keep = 1 - made["SMOOTH"] / ONE
    ripple = (1 - keep) / abs(1 - keep * np.exp(-2j * TURN * REFERENCE_HZ / rate))
    return y * y / 2 * (1 + ripple)


def largest(made):
    """The most that each section can give, in units of its integers, for any (v / mean)**2 - 1 of -1 to 3. The sections
    block dc, so half the range counts; the input itself is not halved."""
    pulse = np.zeros(6000)
    pulse[0] = 1
    found = [LARGEST * INPUT_ONE]
    for over, under in sections(made):
        out = np.zeros(len(pulse))
        for n in range(len(pulse)):
            out[n] = sum(b * pulse[n - i] for i, b in enumerate(over) if n >= i)
            out[n] -= sum(a * out[n - i] for i, a in enumerate(under) if i and n >= i)
        pulse = out
        found.append(np.abs(pulse).sum() * (LARGEST + 1) / 2 * INPUT_ONE)
    return found


def filters():
    """{(lamp, mains frequency): factors in the order of NAMES}. ValueError: one is more than the kernel can take."""
    made = {}
    for lamp in LAMPS:
        for mains in LOW_PASS_HZ:
            row = words(fit(lamp, mains), lamp, mains)
            if max(np.abs(row)) >= ONE // 2:
                raise ValueError(f"{lamp}, {mains} Hz: a factor leaves 16 bits: {dict(zip(NAMES, row, strict=True))}")
            made[lamp, mains] = row
    return made


def module(made):
    lines = [f'    ("{lamp}", {mains}): {row},' for (lamp, mains), row in made.items()]
    return (
        '"""Factors of dsp/flicker.py for a lamp and a mains frequency in Hz, in 2**-16.\n\n'
        "Made by host_tools/make_flicker.py; do not edit. In the order of its NAMES:\n"
        f'{", ".join(NAMES[:6])},\n{", ".join(NAMES[6:])}.\n"""\n\nFILTERS = {{\n' + "\n".join(lines) + "\n}\n"
    )


def main():
    path = Path(ROOT) / "firmware/wattless/dsp/flicker_filter.py"
    made = filters()
    path.write_text(module(made))
    print(path.name)
    for (lamp, mains), row in made.items():
        values = dict(zip(NAMES, row, strict=True))
        f = np.geomspace(0.2, 2 * mains / 3, 400)
        shape = np.abs(response(values, mains, f)) / wanted(lamp, mains, f) / np.abs(high_pass(f))
        reference = abs(response(values, mains, REFERENCE_HZ)) / wanted(lamp, mains, np.array(REFERENCE_HZ))
        most = max(largest(values)[1:])
        print(f"  {lamp} {mains} Hz: {100 * np.abs(shape / reference - 1).max():.2f} % up to {f[-1]:.1f} Hz, ", end="")
        print(f"integers up to 2**{np.log2(most):.1f}")


def high_pass(f):
    """Response of the analog high-pass."""
    return 1j * f / (HIGH_PASS_HZ + 1j * f)


if __name__ == "__main__":
    main()
