"""What cannot be right, said before it is calibrated away: each refusal has its reason and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import sqrt

from host_tools.calibrate import model
from host_tools.calibrate.reference import Uncertainty
from host_tools.calibrate.tables import Point, limit

RATIO = 20.0  # % by which a gain may be off: the converter's own limit (calibration.GAIN_LIMITS)
ANGLE = 10.0  # degrees by which an input may turn: what delays of 7.5 samples reach at 50 Hz
NEAR = 15.0  # degrees about 60, 120, 180 that are taken for a mistake in the wiring
DISTORTION = 2.0  # % THD of the source, voltage and current
FREQUENCY = 0.5  # Hz off nominal
SHARE = 4.0  # the reference is to be so many times better than the limit
APPLIED = 0.2  # of the wanted current and voltage
APPLIED_ANGLE = 10.0  # degrees of the wanted angle
NO_CURRENT = 0.002  # of full scale, rms: more is no open circuit
OFFSET = 100.0 * model.OFFSET_LIMIT / model.PEAK  # % of full scale
NO_SIGNAL = 0.01  # of the true value
_FACTORS = (
    (sqrt(3), "line voltage in place of phase voltage"),
    (sqrt(2), "peak in place of rms"),
    (0.5, "half: one of two turns or dividers"),
    (2.0, "twice: two turns through the transformer"),
    (5.0, "a transformer of 5 A in place of 1 A"),
    (0.2, "a transformer of 1 A in place of 5 A"),
)


class Refusal(Exception):
    """reason: what cannot be right; remedy: what to do."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}: {remedy}")
        self.reason, self.remedy = reason, remedy


def wiring(name: str | None) -> tuple[int, ...]:
    """The phases that can be calibrated one by one."""
    if name == "3p3w":
        raise Refusal(
            "with wiring 3p3w the phases are virtual, each of two inputs",
            "a calibration belongs to the inputs: `set wiring 3p4w`, restart, calibrate with three phase voltages to N "
            "on the bench, then `set wiring 3p3w` and restart",
        )
    if name not in model.ELEMENTS:
        raise Refusal("the meter does not tell its wiring", "give it with --wiring 1p2w, 1p3w or 3p4w")
    return model.ELEMENTS[name]


def reference(uncertainty: Uncertainty, points: Iterable[Point], class_: str) -> None:
    for where in points:
        allowed = limit(where, class_)
        found = uncertainty.power(where)
        if allowed is not None and found > allowed / SHARE:
            raise Refusal(
                f"the reference's uncertainty at {where} is {found:.3g} %, the limit of class {class_} {allowed:g} %",
                f"it may be a quarter of that at most, {allowed / SHARE:.3g} %: use a better reference or --class 0.5S",
            )


def frequency(read: float | None, nominal: float, true: float | None = None) -> None:
    if read is None:
        raise Refusal("the meter finds no frequency", "apply the voltage to L1 at least, a fiftieth of nominal or more")
    if abs(read - nominal) > FREQUENCY:
        raise Refusal(
            f"the source has {read:.3f} Hz, the meter is set to {nominal:g} Hz",
            f"set the source to {nominal:g} Hz, or the meter's nominal_frequency to the site's",
        )
    if true is not None and abs(read - true) > 0.02:
        raise Refusal(
            f"meter {read:.3f} Hz, reference {true:.3f} Hz",
            "both must measure the same source; if they do, the meter's sample clock is off and angles with it",
        )


def distortion(values: Mapping[str, float | None], phases: Iterable[int], currents: bool) -> None:
    for k in phases:
        for quantity in "vi" if currents else "v":
            found = values.get(f"thd_{quantity}_l{k}")
            if found is not None and found > DISTORTION:
                name = "voltage" if quantity == "v" else "current"
                raise Refusal(
                    f"the {name} of L{k} has {found:.1f} % THD",
                    f"reference conditions allow {DISTORTION:g} %: use a source of sine waves, not the mains",
                )


def rotation(values: Mapping[str, float | None]) -> None:
    """Of three voltages."""
    unbalance, zero = values.get("v_u2") or 0.0, values.get("v_u0") or 0.0
    if unbalance > 100 and zero < 0.3 * unbalance:  # both are relative to the positive sequence: there is none
        raise Refusal(
            "the voltages turn the other way round (L1, L3, L2)", "exchange two of them at the source or at the meter"
        )
    parts = {"unbalance": unbalance, "zero sequence": zero}
    if max(parts.values()) > 30:
        raise Refusal(
            "the voltages are no three-phase system: " + ", ".join(f"{name} {x:.0f} %" for name, x in parts.items()),
            "check that each phase is there, 120 degrees apart, and that none of them is turned round",
        )


def applied(where: Point, true: Mapping[str, float], phases: Iterable[int], volts: float, amperes: float) -> None:
    """What the reference reads against what the step asked for."""
    for k in phases:
        wanted = (("v", "V", volts), ("i", "A", amperes * where.percent / 100))
        for name, unit, value in wanted:
            found = true[f"{name}_l{k}"]
            if abs(found / value - 1) > APPLIED:
                raise Refusal(
                    f"the reference reads {found:.4g} {unit} in L{k}, the step wants {value:.4g} {unit} ({where})",
                    "set the source, or give nominal voltage and current with --un and --in",
                )
        off = model.turn(true[f"phi1_l{k}"] - where.angle)
        if abs(off) > APPLIED_ANGLE:
            raise Refusal(
                f"the reference reads phi {true[f'phi1_l{k}']:.2f} degrees in L{k}, the step wants {where.angle:.2f}",
                "set the source's angle; positive is inductive, the current lags",
            )


def ratio(name: str, read: float, true: float) -> None:
    """name: of the channel, for people."""
    if read < NO_SIGNAL * true:
        raise Refusal(
            f"{name}: the meter reads {read:.3g}, the reference {true:.5g}",
            "nothing arrives: check connection, fuse, shorting link of the transformer",
        )
    off = 100 * (read / true - 1)
    if abs(off) > RATIO:
        hint = next((text for factor, text in _FACTORS if abs(read / true / factor - 1) < 0.05), "")
        raise Refusal(
            f"{name}: the meter reads {read:.5g}, the reference {true:.5g}: off by {off:+.0f} %"
            + (f" ({hint}?)" if hint else ""),
            "that is another ratio, not an error: check divider, transformer and burden; set the ratio with --ct, "
            "--burden, --rogowski or --current-at-full-scale",
        )


def angle(phase: int, error: float) -> None:
    """error: degrees, phi1 as read less the true one."""
    off = model.turn(error)
    size = abs(off)
    if size > 180 - NEAR:
        raise Refusal(
            f"L{phase}: the angle is off by {off:+.1f} degrees: the current transformer is reversed",
            "exchange its two wires (k and l), or turn it round",
        )
    if abs(size - 120) < NEAR:
        raise Refusal(
            f"L{phase}: the angle is off by {off:+.1f} degrees: the current is another phase's",
            "phases are swapped: bring voltage and current of the same phase to the same pair of inputs",
        )
    if abs(size - 60) < NEAR:
        raise Refusal(
            f"L{phase}: the angle is off by {off:+.1f} degrees: the current is another phase's, and reversed",
            "phases are swapped and the transformer is turned round: check both",
        )
    if size > ANGLE:
        raise Refusal(
            f"L{phase}: the angle is off by {off:+.1f} degrees, more than {ANGLE:g}",
            "no transformer turns so far: check the source's angle, the wiring and current_sensor (a coil turns by 90)",
        )


def offset(name: str, dc: float, full_scale: float) -> None:
    share = 100 * dc / full_scale
    if abs(share) > OFFSET:
        raise Refusal(
            f"{name}: an offset of {share:+.1f} % of full scale",
            f"the converter takes back {OFFSET:.0f} % at most: check the input's bias and the source for dc",
        )


def current_flows(name: str, rms: float, dc: float, full_scale: float) -> None:
    """In the step without current."""
    found = model.without_dc(rms, dc)
    if found > NO_CURRENT * full_scale:
        raise Refusal(
            f"{name}: {found:.3g} A flow in the step without current", "open the current circuits at the source"
        )


_FLAGS = {
    "clip": "the signal is beyond full scale: check full_scale, gain and the source",
    "unsync": "the meter finds no frequency: apply the voltage to L1 at least",
    "gap": "samples are lost: `wattless diag` says why",
    "crc": "samples are spoilt on the SPI: `wattless diag` says more",
    "flat": "a voltage input shows one constant code: check its connection",
}


def unsteady(reason: str) -> Refusal:
    """Of a wait that ended: reason as steady.Unsteady has it."""
    remedies = [text for flag, text in _FLAGS.items() if flag in reason.split("flagged")[-1] and "flagged" in reason]
    usual = "let source and meter warm up, use a source and not the mains, or give it more time with --timeout"
    return Refusal(reason, "; ".join(remedies) or usual)
