"""What the tests of flicker measure: the tables of IEC 61000-4-15 ed.2, rms values of half periods in closed form, and
a flickermeter in float64 that works on samples."""

import numpy as np
from scipy import signal

# Tables 1, 2 and 5 as qwtb/verify_flicker_sim.m (M. Sira) has them: fluctuations dU/U in %.
FREQUENCIES = (*np.arange(0.5, 8.5, 0.5), 8.8, *np.arange(9.5, 12.5, 0.5), *range(13, 26), 100 / 3, 40)
SAME_230 = (2.325, 1.397, 1.067, 0.879, 0.747, 0.645, 0.564, 0.497, 0.442, 0.396, 0.357, 0.325, 0.300, 0.280, 0.265)
SAME_230 += (0.256, 0.250, 0.254, 0.261, 0.271, 0.283, 0.298, 0.314, 0.351, 0.393, 0.438, 0.486, 0.537, 0.590)
SAME_120 = (2.453, 1.465, 1.126, 0.942, 0.815, 0.717, 0.637, 0.570, 0.514, 0.466, 0.426, 0.393, 0.366, 0.346, 0.332)
SAME_120 += (0.323, 0.321, 0.329, 0.341, 0.355, 0.373, 0.394, 0.417, 0.469, 0.528, 0.592, 0.660, 0.734, 0.811, 0.892)
TABLE_1 = {
    ("230 V", 50): (*SAME_230, 0.646, 0.704, 0.764, 0.828, 0.894, 0.964, 1.037, 2.128),
    ("120 V", 60): (*SAME_120, 0.977, 1.067, 1.160, 1.257, 1.359, 1.464, 2.570, 4.393),
    ("230 V", 60): (*SAME_230, 0.645, 0.703, 0.764, 0.826, 0.892, 0.959, 1.029, 1.758, 2.963),
    ("120 V", 50): (*SAME_120, 0.978, 1.068, 1.162, 1.261, 1.365, 1.476, 3.111),
}
RECTANGULAR = (*FREQUENCIES[:32], 21.5, 22, 23, 24, 25, 25.5, 28, 30.5, 100 / 3, 37, 40)
TABLE_2 = {
    ("230 V", 50): (0.509, 0.467, 0.429, 0.398, 0.370, 0.352, 0.342, 0.332, 0.312, 0.291, 0.268, 0.248, 0.231, 0.216)
    + (0.207, 0.199, 0.196, 0.199, 0.203, 0.212, 0.222, 0.233, 0.245, 0.272, 0.308, 0.341, 0.376, 0.411, 0.446, 0.497)
    + (0.553, 0.585, 0.592, 0.612, 0.680, 0.743, 0.764, 0.806, 0.915, 0.847, 1.671),
    ("120 V", 60): (0.598, 0.548, 0.503, 0.469, 0.439, 0.419, 0.408, 0.394, 0.373, 0.348, 0.324, 0.302, 0.283, 0.269)
    + (0.258, 0.253, 0.252, 0.258, 0.266, 0.278, 0.292, 0.308, 0.324, 0.367, 0.411, 0.457, 0.509, 0.575, 0.626, 0.688)
    + (0.746, 0.815, 0.837, 0.851, 0.946, 1.067, 1.088, 1.072, 1.383, 1.602, 1.823, 1.304, 3.451),
    ("230 V", 60): (0.510, 0.468, 0.429, 0.399, 0.371, 0.351, 0.342, 0.331, 0.313, 0.291, 0.269, 0.249, 0.231, 0.217)
    + (0.206, 0.200, 0.196, 0.199, 0.203, 0.212, 0.222, 0.233, 0.244, 0.275, 0.306, 0.338, 0.376, 0.420, 0.457, 0.498)
    + (0.537, 0.584, 0.600, 0.611, 0.678, 0.753, 0.778, 0.768, 0.962, 1.105, 1.258, 0.975, 2.327),
    ("120 V", 50): (0.597, 0.547, 0.503, 0.468, 0.438, 0.420, 0.408, 0.394, 0.372, 0.348, 0.323, 0.302, 0.283, 0.269)
    + (0.259, 0.253, 0.252, 0.258, 0.265, 0.278, 0.293, 0.308, 0.325, 0.363, 0.413, 0.460, 0.511, 0.562, 0.611, 0.683)
    + (0.768, 0.811, 0.820, 0.852, 0.957, 1.052, 1.087, 1.148, 1.303, 1.144, 2.443),
}
CHANGES = {50: (1, 2, 7, 39, 110, 1620, 4000), 60: (1, 2, 7, 39, 110, 1620, 4800)}  # a minute
TABLE_5 = {
    ("230 V", 50): (2.715, 2.191, 1.450, 0.894, 0.722, 0.407, 2.343),
    ("120 V", 60): (3.181, 2.564, 1.694, 1.040, 0.844, 0.548, 4.837),
    ("230 V", 60): (2.719, 2.194, 1.450, 0.895, 0.723, 0.409, 3.263),
    ("120 V", 50): (3.178, 2.561, 1.694, 1.045, 0.844, 0.545, 3.426),
}
GRIDS = tuple(TABLE_1)
CODE = 1_200_000  # rms of the mains


def sine(grid, fluctuation, f, seconds, mains=None, cut=0.0):
    """rms values of a voltage modulated with a sine: (1 + d/200 sin(2 pi f t))**2 2 sin(w t)**2 integrated in closed
    form over half periods that begin `cut` degrees behind the zero crossings."""
    mains = mains or grid[1]
    n = round(2 * mains * seconds)
    t = (np.arange(n + 1) + cut / 180) / (2 * mains)
    m, w, o = fluctuation / 200, 2 * np.pi * f, 4 * np.pi * mains
    # (1 + m**2 / 2 + 2 m sin(w t) - m**2 / 2 cos(2 w t)) (1 - cos(o t))
    total = (1 + m * m / 2) * (t - np.sin(o * t) / o)
    total -= 2 * m * np.cos(w * t) / w + m * m / 2 * np.sin(2 * w * t) / (2 * w)
    for a, size, wave, sign in ((w, 2 * m, np.cos, 1), (2 * w, -m * m / 2, np.sin, -1)):
        # - sin(a t) cos(o t) and - cos(2 w t) cos(o t), as sums of tones
        for b in (o + a, o - a) if sign < 0 else (a + o, a - o):
            if b:
                total += size / 2 * wave(b * t) / b if sign > 0 else -size / 2 * wave(b * t) / b
    return CODE * np.sqrt(np.diff(total) * 2 * mains)


def steps(grid, fluctuation, f, seconds, mains=None, start=0.0):
    """rms values of a voltage that changes up and down, `f` times a second each, exactly. start: share of a period."""
    mains = mains or grid[1]
    n = round(2 * mains * seconds)
    cuts = np.arange(n + 1) / (2 * mains)
    changes = (np.arange(1, int(2 * f * seconds) + 3) / 2 - start) / f
    t = np.unique(np.concatenate([cuts, changes[(changes > 0) & (changes < cuts[-1])]]))
    up = np.floor(2 * (f * (t[1:] + t[:-1]) / 2 + start)) % 2 == 0
    power = t - np.sin(4 * np.pi * mains * t) / (4 * np.pi * mains)
    total = np.concatenate([[0], np.cumsum((1 + np.where(up, 1, -1) * fluctuation / 200) ** 2 * np.diff(power))])
    return CODE * np.sqrt(np.diff(np.interp(cuts, t, total)) * 2 * mains)


# Reference page 1.8: k, lambda, w1 to w4 (Hz) of the lamps; sinusoidal fluctuation at 8.8 Hz
LAMPS = {
    "230 V": (1.74802, 4.05981, 9.15494, 2.27979, 1.22535, 21.9, 0.250),
    "120 V": (1.6357, 4.167375, 9.077169, 2.939902, 1.394468, 17.31512, 0.321),
}
WEIGHTS = (
    (0.0314, (0.1,)),
    (0.0525, (0.7, 1, 1.5)),
    (0.0657, (2.2, 3, 4)),
    (0.28, (6, 8, 10, 13, 17)),
    (0.08, (30, 50, 80)),
)


def severity(levels):
    """Pst of many Pinst, by the definition."""
    return np.sqrt(sum(w * np.percentile(levels, [100 - p for p in ps]).mean() for w, ps in WEIGHTS))


def flickermeter(lamp, mains, samples, rate):
    """Pinst by the block diagram of IEC 61000-4-15, float64, on samples of the voltage, 3200 a second or more."""
    k, damping, w1, w2, w3, w4, fluctuation = (2 * np.pi * x for x in LAMPS[lamp])
    k, fluctuation = k / (2 * np.pi), fluctuation / (2 * np.pi)

    def first_order(x, seconds, before=0.0):
        keep = np.exp(-1 / (seconds * rate))
        return signal.lfilter([1 - keep], [1, -keep], x, zi=[keep * before])[0]

    weighting = signal.zpk2sos(
        *signal.bilinear_zpk([0, -w2], [*np.roots([1, 2 * damping, w1 * w1]), -w3, -w4], k * w1 * w3 * w4 / w2, rate)
    )
    low_pass = signal.butter(6, 35 if mains == 50 else 42, fs=rate, output="sos")
    high_pass = signal.butter(1, 0.05, "high", fs=rate, output="sos")

    def chain(square):
        x = signal.sosfilt(weighting, signal.sosfilt(low_pass, signal.sosfilt(high_pass, square - 1)))
        return first_order(x * x, 0.3)

    t = np.arange(20 * rate) / rate
    tone = (1 + fluctuation / 200 * np.sin(2 * np.pi * 8.8 * t)) ** 2 * 2 * np.sin(2 * np.pi * mains * t) ** 2
    square = samples**2
    mean = first_order(square, 27.3, square[:rate].mean())
    return chain(square / mean) / chain(tone)[10 * rate :].max()


def fluctuating(kind, mains, rate, seconds):
    """Samples of a voltage of 1 V rms that fluctuates at random."""
    rng = np.random.default_rng(7)
    n = seconds * rate
    if kind == "noise":
        m = signal.sosfilt(signal.butter(2, 40, fs=rate, output="sos"), rng.standard_normal(n))
        m *= 0.003 / m.std()
    else:
        steps_at = np.sort(rng.integers(1, n, seconds // 2))
        m = np.repeat(rng.normal(0, 0.006, len(steps_at) + 1), np.diff([0, *steps_at, n]))
        m += 0.02 * np.sin(2 * np.pi * np.arange(n) / n)
    return (1 + m) * np.sqrt(2) * np.sin(2 * np.pi * mains * np.arange(n) / rate)
