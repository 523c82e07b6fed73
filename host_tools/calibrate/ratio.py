"""What a current input's full scale is, from its transformer or coil.

The converter's range is +-1.2 V / gain (SBAS950 8.5.1.8), so with a transformer of ratio n on a burden R the peak
current at full code is 1.2 / gain / R * n; with a transformer that has its burden inside and gives U at I, it is 1.2 /
gain / U * I. A Rogowski coil gives its voltage in proportion to the frequency: the setting is that of the nominal one.
"""

from __future__ import annotations

import re

from host_tools.recording import InputError

RANGE_V = 1.2  # peak, at a gain of 1
_CT = re.compile(r"(\d+(?:\.\d*)?)\s*A?\s*[/:]\s*(\d*\.?\d+)\s*(A|V|mV)?")
_COIL = re.compile(r"(\d*\.?\d+)\s*(?:mV/kA)?(?:@(\d*\.?\d+)\s*(?:Hz)?)?")


def transformer(text: str, burden: float | None, gain: int = 1) -> float:
    """full_scale_i, A peak, of "200/5" with its burden in ohm, or of "200/0.333V" or "200A/333mV" without."""
    match = _CT.fullmatch(text.strip())
    if not match or not float(match[1]) or not float(match[2]):
        raise InputError(f"--ct {text}: want PRIMARY/SECONDARY in A, e.g. 200/5, or PRIMARY/VOLTAGE, e.g. 200/0.333V")
    primary, secondary = float(match[1]), float(match[2])
    if match[3] in ("V", "mV"):
        if burden is not None:
            raise InputError(f"--burden {burden:g}: {text} has its burden inside")
        volts = secondary * (1e-3 if match[3] == "mV" else 1.0)
    elif burden is None or not burden > 0:
        raise InputError(f"--ct {text}: give the burden resistor in ohm with --burden")
    else:
        volts = secondary * burden
    return _checked(RANGE_V / gain / volts * primary, f"--ct {text}")


def coil(text: str, nominal_frequency: float, gain: int = 1) -> float:
    """full_scale_i, A peak at the nominal frequency, of "100@50": 100 mV (rms) at 1 kA (rms) and 50 Hz."""
    match = _COIL.fullmatch(text.strip())
    if not match or not float(match[1]) or match[2] and not float(match[2]):
        raise InputError(f"--rogowski {text}: want MILLIVOLTS@HZ for 1 kA, e.g. 100@50")
    at = float(match[2] or nominal_frequency)
    volts_per_ampere = float(match[1]) * 1e-6 * nominal_frequency / at
    return _checked(RANGE_V / gain / volts_per_ampere, f"--rogowski {text}")


def _checked(full_scale: float, given: str) -> float:
    if not 1e-6 <= full_scale <= 1e6:
        raise InputError(f"{given}: a full scale of {full_scale:.3g} A: want 0.000001..1000000")
    return float(f"{full_scale:.7g}")


def settings(
    gain: int,
    nominal_frequency: float,
    ct: str | None = None,
    burden: float | None = None,
    rogowski: str | None = None,
    full_scale: float | None = None,
) -> dict[str, object]:
    """The settings full_scale_i and current_sensor; {} where nothing is given. InputError for what does not go
    together."""
    given = [name for name, value in (("--ct", ct), ("--rogowski", rogowski), ("--current-at-full-scale", full_scale))
             if value is not None]  # fmt: skip
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)}: one of them says it all")
    if burden is not None and ct is None:
        raise InputError("--burden goes with --ct")
    if ct is not None:
        return {"full_scale_i": transformer(ct, burden, gain), "current_sensor": "ct"}
    if rogowski is not None:
        return {"full_scale_i": coil(rogowski, nominal_frequency, gain), "current_sensor": "rogowski"}
    return {} if full_scale is None else {"full_scale_i": _checked(full_scale, "--current-at-full-scale")}
