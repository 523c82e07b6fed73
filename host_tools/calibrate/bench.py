"""The simulated bench: source, planted errors, the virtual meter behind them, a reference that knows the truth.

    with bench.started(errors) as (place, link, process):
        Wizard(bench.Settled(connect(link), place), place, place, bench.job()).run()

The virtual meter is the real firmware; it gets its frames as fast as it can take them, some 40 times faster than real
time, so a whole calibration takes some ten seconds.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from host_tools import run
from host_tools.adc_model import Adc, tones
from host_tools.calibrate import refuse
from host_tools.calibrate.link import Meter
from host_tools.calibrate.model import Calibration
from host_tools.calibrate.reference import Identity, Uncertainty
from host_tools.calibrate.tables import Point
from host_tools.calibrate.wizard import Job, Step
from host_tools.front_end import Errors, FrontEnd, parse
from host_tools.meter_link import LinkError, ShellLink
from host_tools.virtual_meter import VirtualMeter

VOLTS, AMPERES = 230.0, 5.0
PLANTED = (
    "all:noise=0.5; i1:gain=3,phase=-4,offset=0.4%; i2:gain=-2,phase=1.5,offset=-0.02; i3:gain=0.7,phase=-0.3;"
    "v1:gain=-3,offset=1.5; v2:gain=1.1,phase=0.4,offset=0.2%; v3:gain=-0.6,phase=-0.25; in:gain=2,offset=0.1%"
)
CODE = "2468"
UNCERTAINTY = Uncertainty(0.01, 0.01, 0.002)
ERRORS = {"v": 2e-5, "i": -3e-5, "phase": 5e-4}  # of the reference: relative, relative, degrees
START_S = 20.0
QUICK = {"pause": lambda: time.sleep(0.002)}  # of steady.wait
_ANGLES = (0.0, -120.0, 120.0)


def settings(frequency: int = 50, **others: object) -> dict[str, object]:
    """Of the meter on the bench: In 5 A."""
    site = {
        "wiring": "3p4w",
        "nominal_frequency": frequency,
        "nominal_voltage": VOLTS,
        "nominal_current": AMPERES,
        "adc_rate": 12800,
        "full_scale_v": 500.0,
        "full_scale_i": 10.0,
        "neutral_current": "measured",
        "lamp": "none",
        "modbus_parity": "N",
    }
    return {**site, **others}


class Bench:
    """The front end and the source before it: an Operator without hands, and a Reference."""

    def __init__(
        self,
        errors: Errors,
        config: Mapping,
        truth: Mapping[str, float] = ERRORS,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.adc = Adc(config["adc_rate"], "ads131m08", config["full_scale_v"], config["full_scale_i"])
        self.frequency = float(config["nominal_frequency"])
        self._truth = truth
        self._say = say or (lambda text: None)
        self.identity = Identity("simulated bench", "none: simulated", UNCERTAINTY, how="simulated")
        self._step = Step("offset")
        self.front_end = FrontEnd(self._waveform(), self.adc, self.frequency, errors)

    def connect(self, step: Step) -> None:
        """Sets the source."""
        self._step = step
        self.front_end.connect(self._waveform())

    def _tones(self) -> dict[str, tuple[float, float]]:
        """rms and degrees by channel."""
        step = self._step
        found = {f"v{k}": (VOLTS, _ANGLES[k - 1]) for k in (1, 2, 3)}
        if step.kind == "point":
            amperes = AMPERES * step.where.percent / 100
            found |= {f"i{k}": (amperes, _ANGLES[k - 1] - step.where.angle) for k in (1, 2, 3)}
        elif step.kind == "neutral":
            found["in"] = (AMPERES, 0.0)
        return found

    def _waveform(self) -> np.ndarray:
        count = int(self.adc.rate) // math.gcd(int(self.adc.rate), int(self.frequency))
        components = [(name, self.frequency, rms, degrees) for name, (rms, degrees) in self._tones().items()]
        return tones(components, count, self.adc)

    # As a reference.

    def values(self) -> dict[str, float]:
        tones_, off = self._tones(), self._truth
        found = {"f": self.frequency}
        for k in (1, 2, 3):
            found[f"v_l{k}"] = tones_[f"v{k}"][0] * (1 + off["v"])
            if f"i{k}" in tones_:
                found[f"i_l{k}"] = tones_[f"i{k}"][0] * (1 + off["i"])
                found[f"phi1_l{k}"] = self._step.where.angle + off["phase"]
        for a, b in ((1, 2), (2, 3), (3, 1)):
            found[f"v_l{a}{b}"] = math.sqrt(3) * VOLTS * (1 + off["v"])
        if "in" in tones_:
            found["i_n"] = tones_["in"][0] * (1 + off["i"])
        return found

    # As an operator.

    def tell(self, text: str) -> None:
        self._say(text)

    def waiting(self, text: str) -> None:
        pass

    def prepare(self, step: Step, text: str) -> bool:
        self._say(text)
        self.connect(step)
        return True

    def again(self, step: Step, refusal: refuse.Refusal) -> bool:
        return False

    def confirm(self, text: str) -> bool:
        return True

    def code(self) -> str:
        return CODE


class Settled:
    """A Meter of this bench. Its frames are in a hurry: some windows pass before the front end has heard of a new
    calibration, which a real converter has at once; so it is waited for."""

    def __init__(self, meter: Meter, place: Bench) -> None:
        self._meter = meter
        self._front_end = place.front_end

    def __getattr__(self, name: str) -> object:
        return getattr(self._meter, name)

    def calibrate(self, wanted: Calibration) -> None:
        self._meter.calibrate(wanted)
        self._wait()

    def undo(self) -> None:
        self._meter.undo()
        self._wait()

    def _wait(self) -> None:
        kept = self._meter.calibration()
        end = time.monotonic() + START_S
        while not self._has(kept):
            if time.monotonic() > end:
                raise LinkError("the simulated converter has not heard of the calibration")
            time.sleep(0.002)

    def _has(self, kept: Calibration) -> bool:
        found = self._front_end.registers
        return (
            all(abs(a - b) <= 16 for a, b in zip(found.gain, kept.gain, strict=False))
            and all(found.offset[k] == kept.offset[k] for k in range(7))
            and all(found.phase[k] == kept.fine(k) for k in range(7))
        )


def job(**others: object) -> Job:
    """For this bench, unattended."""
    return Job(VOLTS, AMPERES, **{"who": "simulated", "wait": QUICK, **others})


def true_at(where: Point) -> dict[str, float]:
    """Of a phase, free of the reference's errors: v, i, p."""
    amperes = AMPERES * where.percent / 100
    return {"v": VOLTS, "i": amperes, "p": VOLTS * amperes * math.cos(math.radians(where.angle))}


@contextlib.contextmanager
def started(
    errors: Errors | str = PLANTED,
    config: Mapping | None = None,
    *,
    store: Path | None = None,
    paced: bool = False,
    truth: Mapping[str, float] = ERRORS,
    say: Callable[[str], None] | None = None,
) -> Iterator[tuple[Bench, ShellLink, VirtualMeter]]:
    """The bench with its meter running, its console, with the access code set, and the process. store: a folder;
    without one the meter forgets everything when it ends."""
    config = dict(config or settings())
    config.setdefault("modbus_tcp_port", run.free_port(15700))
    place = Bench(parse(errors) if isinstance(errors, str) else errors, config, truth, say)
    with contextlib.ExitStack() as stack:
        extras = ["--shell", *(["--store", str(store)] if store else [])]
        meter = stack.enter_context(run.started_meter(place.front_end, config, extras=extras, paced=paced))
        wait_for(meter, "shell", "ready")
        link = stack.enter_context(ShellLink(meter.announcements["shell"]["path"]))
        if link.command("diag")["lock"] == "no code":
            link.command(f"code {CODE}")
        yield place, link, meter


def wait_for(meter: VirtualMeter, *names: str) -> None:
    """Until the meter has announced these. LinkError with what it complained of otherwise."""
    end = time.monotonic() + START_S
    while not all(name in meter.announcements for name in names):
        if meter.exit_code() is not None or time.monotonic() > end:
            meter.stop()  # and with it, all it had to say is read
            heard = "; ".join(meter.complaints) or f"it has said {', '.join(meter.announcements) or 'nothing'}"
            raise LinkError(f"the virtual meter does not start (exit code {meter.exit_code()}): {heard}")
        time.sleep(0.01)
