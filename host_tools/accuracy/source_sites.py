"""Grids and sites for metering.source: who moves how, as phasors and as the words that a 16-bit meter makes of them."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host_tools.toolchain import build_mpy, paths

ORDERS = 12
H = 2 * np.arange(ORDERS) + 3
UNKNOWN, GRID, SITE, BOTH = range(4)
SETTINGS = {"wiring": "1p2w", "nominal_voltage": 230.0, "full_scale_v": 500.0, "full_scale_i": 100.0}
VOLTS, AMPERES = 500 / 32768, 100 / 32768  # per code
BASE = 230 / (100 / 1.867)  # ohm: nominal voltage and current
PHASOR = 4096 * np.sqrt(2)
NOISE_LSB = np.hypot(0.5, 12**-0.5) * np.sqrt(2 / 2560)  # rms of a phasor: converter's noise and rounding, 2560 samples
ANSWER = np.dtype([("verdict", "u1", ORDERS), ("confidence", "u1", ORDERS), ("ohms", "<f4", ORDERS)])
Complex = np.ndarray


@dataclass
class Sites:
    """Thevenin sources of grid (u) and site (c) at each order: impedances and mean E, (trials, 12); standard deviation
    and AR(1) coefficient (of samples 2.4 s apart) of what E moves around its mean."""

    zu: Complex
    zc: Complex
    eu: Complex
    ec: Complex
    su: np.ndarray
    sc: np.ndarray
    ru: np.ndarray
    rc: np.ndarray


@dataclass
class Series:
    """(trials, samples, 12): what the meter sees, and the mean of E_c between set-point steps; (trials, samples): where
    those steps are."""

    v: Complex
    i: Complex
    mean_ec: Complex
    told: np.ndarray


def between(rng, low, high, shape):
    """Uniform in the logarithm."""
    return np.exp(rng.uniform(np.log(low), np.log(high), shape))


def angles(rng, shape):
    return np.exp(2j * np.pi * rng.random(shape))


def draw(rng: np.random.Generator, trials: int, ratio: float | None, site=(0.03, 0.3)) -> Sites:
    """Random sites: short circuit 10 to 100 times the rating, site reactance 3 to 30 % of it, X / R of both 1 to 10 at
    the order; |E_u| / |E_c| 0.2 to 5 at any angle; 30 mA to 3 A; the site moves by 1 to 20 %.

    ratio: of the movements as Norton currents, |dE_u / Z_u| / |dE_c / Z_c|; None: 0.02 to 5."""
    shape = (trials, ORDERS)
    zu = H * BASE / between(rng, 10, 100, shape) * np.exp(1j * np.arctan(between(rng, 1, 10, shape)))
    zc = H * BASE * between(rng, *site, shape) * np.exp(1j * np.arctan(between(rng, 1, 10, shape)))
    k = between(rng, 0.2, 5, shape)
    size = between(rng, 0.03, 3, shape) * abs(zu + zc) / np.sqrt(1 + k * k)
    sc = between(rng, 0.01, 0.2, shape) * size
    su = (between(rng, 0.02, 5, shape) if ratio is None else ratio) * sc * abs(zu / zc)
    ec, eu = size * angles(rng, shape), k * size * angles(rng, shape)
    return Sites(zu, zc, eu, ec, su, sc, rng.uniform(0, 0.98, shape), rng.uniform(0, 0.98, shape))


def _wander(rng, coefficient, samples):
    """AR(1) of standard deviation 1, circular: (trials, samples, 12)."""
    trials = len(coefficient)
    x = rng.normal(size=(trials, samples, ORDERS)) + 1j * rng.normal(size=(trials, samples, ORDERS))
    x /= np.sqrt(2)
    for j in range(1, samples):
        x[:, j] = coefficient * x[:, j - 1] + np.sqrt(1 - coefficient**2) * x[:, j]
    return x


def series(rng: np.random.Generator, sites: Sites, samples: int, every: int = 0) -> Series:
    """Samples of V and I; every: samples between set-point steps, told, to 30 to 130 % of E_c; 0: none."""
    trials = len(sites.zu)
    level = np.ones((trials, samples))
    told = np.zeros((trials, samples), bool)
    for j in range(every, samples, every) if every else ():
        level[:, j:] = rng.uniform(0.3, 1.3, (trials, 1))
        told[:, j] = True
    eu = sites.eu[:, None] + sites.su[:, None] * _wander(rng, sites.ru, samples)
    mean = sites.ec[:, None] * level[..., None]
    ec = mean + sites.sc[:, None] * _wander(rng, sites.rc, samples)
    i = (eu - ec) / (sites.zu + sites.zc)[:, None]
    return Series(eu - sites.zu[:, None] * i, i, mean, told)


def words(rng, phases, i1=20 - 5j, z1=0.0, f=50.0, told=True, voltage_scale=1.0) -> bytes:
    """Windows for source_child.py of the Series in `phases`, one of each phase.

    i1: fundamental of the site's current in A, to the grid's voltage, to whose angle the harmonics are; scalar or
    (trials, samples). z1: the grid's impedance at the fundamental; scalar or (trials,). f: scalar or (trials, samples).
    told: does the site tell its steps? voltage_scale: of the wiring."""
    first = phases[0]
    shape = first.v.shape
    turn = angles(rng, shape)
    fields = [(f"x{n}", "<i4") for n in range(4 * len(phases))]
    fields += [(name, "<f4") for name in ("vr", "vi", "ir", "ii", "f")] + [("flags", "<i4")]
    out = np.zeros(shape, fields)
    for p, one in enumerate(phases):
        for q, (values, one_code) in enumerate(((one.v / voltage_scale, VOLTS), (one.i, AMPERES))):
            noise = rng.normal(0, NOISE_LSB / np.sqrt(2), (2, *shape))
            codes = (values * turn**H / one_code + noise[0] + 1j * noise[1]) * PHASOR
            out[f"x{4 * p + 2 * q}"] = np.rint(codes.real)
            out[f"x{4 * p + 2 * q + 1}"] = np.rint(codes.imag)
    current = np.broadcast_to(np.asarray(i1), shape[:2])[..., None] * turn
    voltage = 230 * turn - np.reshape(z1, (-1, 1, 1)) * current
    out["vr"], out["vi"], out["ir"], out["ii"] = voltage.real, voltage.imag, current.real, current.imag
    out["f"] = np.broadcast_to(np.asarray(f), shape[:2])[..., None]
    out["flags"][..., 0] = first.told & told
    return out.tobytes()


def task(trials: int, samples: int, wiring="1p2w", site=None, **settings) -> dict:
    """What source_child.py is told."""
    settings = {**SETTINGS, "wiring": wiring, **settings}
    return {"settings": settings, "wiring": wiring, "site": site, "trials": trials, "windows": ORDERS * samples}


def answers(records: bytes, trials: int, samples: int, machine="x64", **options) -> np.ndarray:
    """What the firmware says, on MicroPython "x64" (this PC) or "arm": fields verdict, confidence, ohms, (trials,
    samples, 12). options: as for `task`."""
    tree = build_mpy.build({"x64": "x64", "arm": "armv7emsp"}[machine])
    script = Path(__file__).with_name("source_child.py")
    told = json.dumps(task(trials, samples, **options))
    argv = [paths.micropython(machine), "-X", "heapsize=8m", script, told]
    env = {**os.environ, "MICROPYPATH": f"{tree}:.frozen"}
    with tempfile.TemporaryDirectory(prefix="wattless-") as folder:
        done = subprocess.run(argv, input=records, capture_output=True, cwd=folder, env=env, check=False)
    if done.returncode:
        raise RuntimeError(f"the firmware ended with code {done.returncode}:\n{done.stderr.decode()}")
    return np.frombuffer(done.stdout, ANSWER).reshape(trials, samples)
