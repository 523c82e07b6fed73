"""Signals for metering/half_cycle.py and what it should say of them: closed forms."""

import json

import numpy as np

from host_tools.adc_model import Adc, frame_bytes

RUNNER = "tests/metering/run_half_cycle.py"
RATE = 12800
V, I, LAG, PHASE = 230.0, 20.0, 30.0, 17.0  # rms, rms, degrees, of L1 at the start
HARMONICS = ((3, 0.10, 10), (5, 0.05, 40), (7, 0.05, 0))  # order, share of V and of I, degrees
SHAPE = np.sqrt(1 + sum(share**2 for _, share, _ in HARMONICS))  # rms over that of the fundamental
VALUES = ("v_l1", "v_l2", "v_l3", "i_l1", "i_l2", "i_l3", "p_l1", "p_l2", "p_l3", "p", "q1_l1", "q1_l2", "q1_l3", "q1")


def site(seconds, f=50.0, size=1.0, shift=0.0, harmonics=HARMONICS, rate=RATE, phase=PHASE):
    """Three phases: V and I, times `size`, `shift` degrees ahead. f, size, shift: numbers or functions of time (f: of
    the turns since the start)."""
    t = np.arange(round(seconds * rate)) / rate
    turns = f(t) if callable(f) else f * t
    size = size(t) if callable(size) else size
    shift = shift(t) if callable(shift) else shift
    values = np.zeros((len(t), 7))
    for n in range(3):
        for column, rms, lag in ((n, V, 0), (n + 3, I, LAG)):
            angle = 2 * np.pi * turns + np.radians(phase + shift - 120 * n - lag)
            wave = np.cos(angle) + sum(share * np.cos(h * angle + np.radians(a)) for h, share, a in harmonics)
            values[:, column] = np.sqrt(2) * rms * size * wave
    return values


def between(start, stop, inside, outside=1.0):
    return lambda t: np.where((t >= start) & (t < stop), inside, outside)


def three_wires(seconds, f):
    """V12 and V32, I1 and I3 of an unbalanced system; phasors of its two elements."""
    v = [230 * np.exp(1j * np.radians(x)) for x in (17, -105, 141)]
    v[1] *= 220 / 230
    i = [20 * np.exp(1j * np.radians(-13)), 15 * np.exp(1j * np.radians(165))]
    phasors = [v[0] - v[1], v[2] - v[1], i[0], i[1]]
    t = np.arange(round(seconds * RATE)) / RATE
    values = np.zeros((len(t), 7))
    for column, phasor in zip((0, 2, 3, 5), phasors, strict=True):
        values[:, column] = np.sqrt(2) * (phasor * np.exp(2j * np.pi * f * t)).real
    return values, phasors


def without(values, columns):
    values = values.copy()
    values[:, columns] = 0
    return values


def coil(values, f):
    """The currents' derivatives as coils give them: equal at 50 Hz."""
    t = np.arange(len(values)) / RATE
    values = values.copy()
    for n in range(3):
        angle = 2 * np.pi * f * t + np.radians(PHASE - 120 * n - LAG + 90)
        values[:, 3 + n] = np.sqrt(2) * I * f / 50 * np.cos(angle)
    return values


def ramp(f, slope):
    return lambda t: f * t + slope * t * t / 2


SIXTY = {"nominal_frequency": 60}
# the frequencies that are allowed, whole numbers of samples a period and not
STEADY = {
    (rate, nominal, f)
    for rate in (12800, 10240)
    for nominal, frequencies in ((50, (42.5, 47.75, 50.0, 53.0, 57.5)), (60, (51.0, 58.2, 60.0, 63.6, 69.0)))
    for f in frequencies
}
# name -> values, settings, more for the job
CASES = (
    {
        f"steady {rate} {nominal} {f}": (
            site(0.4, f, rate=rate),
            {"adc_rate": rate, "nominal_frequency": nominal},
            {},
        )
        for rate, nominal, f in STEADY
    }
    | {
        "1p2w": (site(0.2), {"wiring": "1p2w"}, {}),
        "1p3w": (site(0.2, 61.2), {"wiring": "1p3w", **SIXTY}, {}),
        "3p3w": (three_wires(0.3, 49.7)[0], {"wiring": "3p3w", "full_scale_v": 800.0, "nominal_voltage": 400.0}, {}),
        "24 bit": (site(0.2, 50.3), {"adc_bits": 24, "window": "5/6"}, {}),
        "small currents": (site(0.3, 50.3) * ([1] * 3 + [0.01] * 4), {}, {}),
        "dip": (site(0.5, size=between(0.2, 0.3, 0.7), harmonics=(), phase=-90), {}, {}),
        "interruption": (site(0.5, 49.0, between(0.2, 0.3, 0.0)), {}, {}),
        "5 %": (site(0.5, 51.0, between(0.2, 0.3, 0.05)), {}, {}),
        "ramp up": (site(0.7, ramp(50, 1)), {}, {}),
        "ramp down": (site(0.7, ramp(50, -1)), {}, {}),
        "frequency step": (site(0.5, lambda t: 50 * t + 2 * np.maximum(0, t - 0.2)), {}, {}),
        "late voltage": (site(0.4, 52.0, between(0.1, 9, 1.0, 0.0)), {}, {}),
        "lost frames": (site(0.4, 50.1), {}, {"drop": range(2500, 2510)}),
        "gap": (site(0.4, 50.1), {}, {"drop": range(2500, 3000)}),
        "no V2": (without(site(0.3, 51.3), [1]), {}, {}),
        "no voltage": (without(site(0.3), [0, 1, 2]), {}, {}),
        "no voltage, windows": (without(site(0.3, 51.3), [0, 1, 2]), {}, {"follow": [[0, round(51.3 / RATE * 2**26)]]}),
        "40 Hz": (site(0.3, 40.0), {}, {}),
        "coils": (coil(site(0.3, 51.0, harmonics=()), 51.0), {"current_sensor": "rogowski"}, {}),
        "short": (site(0.13, 50.2, between(0.06, 0.08, 0.5))[:, :], {}, {"drop": range(1000, 1003)}),
        "short, 24 bit": (site(0.1, 52.7), {"adc_bits": 24, "window": "5/6", "wiring": "1p2w"}, {}),
    }
    | {f"jump {jump}": (site(0.45, shift=between(0.2, 9, jump, 0.0)), {}, {}) for jump in (30, 80, 180)}
)
LATE = {f: (site(0.4, f, harmonics=()), {"nominal_frequency": n}, {"slice": 20}) for f, n in ((42.5, 50), (69, 60))}
CASES |= {f"late {f}": case for f, case in LATE.items()}


class Told:
    """What was told of a case: points, events, flicker, in order."""

    def __init__(self, told, settings):
        self.rate = settings.get("adc_rate", RATE)
        self.raw = told
        self.events = [row[1:] for row in told if row[0] == "event"]
        self.flicker = [row[1:] for row in told if row[0] == "flicker"]
        rows = [row[1:] for row in told if row[0] == "points"]
        self.come = np.array([row[0] for row in rows])
        self.flags = [row[1] for row in rows]
        values = np.array([row[2:] for row in rows], dtype=np.uint32).view(np.float32).astype(float)
        self.values = {name: values[:, n] for n, name in enumerate(VALUES)} if rows else {}
        self.volts = settings.get("full_scale_v", 500.0) / 32768 / 64

    def __getattr__(self, name):
        return self.values[name]

    def of(self, element):
        """Times of the ends in s, values in V."""
        found = [(sample / self.rate, v * self.volts) for e, sample, v in self.events if e == element]
        return np.array(found).T


def write_job(name, folder):
    """The job of a case for the runner, its frames in `folder`."""
    values, settings, more = CASES[name]
    settings = {"adc": "ideal", **settings}
    rate, bits = settings.get("adc_rate", RATE), settings.get("adc_bits", 16)
    adc = Adc(rate, "ideal", settings.get("full_scale_v", 500.0), settings.get("full_scale_i", 100.0), bits)
    path = folder / name.replace(" ", "_")
    path.write_bytes(b"".join(frame_bytes([(0, values)], adc, drop=more.get("drop", ()))))
    more = {key: value for key, value in more.items() if key != "drop"}
    return {"kernel": "half_cycle", "frames": str(path), "settings": settings} | more


def write_jobs(names, folder):
    """{name: job}, and a file of all of them for the runner."""
    jobs = {name: write_job(name, folder) for name in names}
    (folder / "jobs").write_text("\n".join(json.dumps(job) for job in jobs.values()))
    return jobs


def closed_form():
    """V, I, P, Q1 of a phase of `site`."""
    lag = np.radians(LAG)
    p = V * I * (np.cos(lag) + sum(share**2 * np.cos(h * lag) for h, share, _ in HARMONICS))
    return V * SHAPE, I * SHAPE, p, V * I * np.sin(lag)
