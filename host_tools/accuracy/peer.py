"""pqopen-lib (PyPI, MIT) beside the meter: the same codes, times volts and amperes per code, through its PowerSystem.

It gets every help that it takes: samples in float64 (its own default is float32), its zero-crossing filter at the
nominal frequency, channels calibrated there, and the converter's sinc3 as the frequency response of the voltages (it
corrects no current). `make accuracy` installs it, and runs without it, and says so, where it cannot be had.
"""

import importlib.util
import logging
import sys
from collections.abc import Mapping
from itertools import zip_longest

import numpy as np

from host_tools import adc_model

PHASES = {"1p2w": 1, "1p3w": 2, "3p4w": 3}  # wiring -> phases; it knows no two-wattmeter circuit
WINDOW = {"10/12": {50: 10, 60: 12}}
BLOCK = 1280  # frames a call: at most one window ends in it
BUFFER = 1 << 15
HIGHEST_ORDER = 50

enabled = False  # the tests and whoever imports a group do without


def installed() -> bool:
    return all(importlib.util.find_spec(name) for name in ("pqopen", "daqopen"))


def made_for(config: Mapping[str, object]) -> "Peer | None":
    """One for a configuration; None where it is not wanted or cannot measure that."""
    known = config.get("wiring", "3p4w") in PHASES and config.get("window", "10/12") in WINDOW
    return Peer(config) if enabled and known and config.get("adc_bits", 16) == 16 else None


class Peer:
    """windows: a row for each of its windows, named as the meter's rows are; t: start of the window, s.

    thd40_v: it sums subgroups to order 40. f: mean of its periods in the window.
    events: what its level detectors found, once `watch` was called; pst: flicker, once `watch_flicker` was. An
    exception in it leaves nothing of all this, and a line on standard error."""

    def __init__(self, config: Mapping[str, object]):
        from daqopen.channelbuffer import AcqBuffer
        from pqopen.powersystem import PowerSystem

        logging.getLogger("pqopen").setLevel(logging.ERROR)
        self.windows: list[dict] = []
        self.events: list[dict] = []
        self.pst: list[float] = []
        self._detectors: list[tuple[str, str, object]] = []
        self._time = None
        self._failed = False
        self._rate = float(config.get("adc_rate", 12800))
        nominal = int(config.get("nominal_frequency", 50))
        phases = PHASES[str(config.get("wiring", "3p4w"))]
        self._volts = float(config.get("full_scale_v", 500.0)) / adc_model.CODE_PEAK
        self._amperes = float(config.get("full_scale_i", 100.0)) / adc_model.CODE_PEAK
        response = ()
        if config.get("adc", "ads131m08") != "ideal":
            f = np.linspace(0, self._rate / 2, 400)
            gain = float(adc_model.sinc3(np.float64(nominal), self._rate))
            response = tuple(zip(f, adc_model.sinc3(f, self._rate) / gain, strict=True))
            self._volts /= gain
            self._amperes /= gain
        self._channels = [AcqBuffer(BUFFER, dtype=np.float64, freq_response=response) for _ in range(phases)]
        # Below 12.8 kS/s its spectra of currents have 1024 points, too few for order 50, which it does not survive.
        measured = phases if self._rate >= 12800 else 0
        self._currents = [AcqBuffer(BUFFER, dtype=np.float64) for _ in range(measured)]
        self._system = system = PowerSystem(
            self._channels[0],
            self._rate,
            zcd_cutoff_freq=nominal,
            nominal_frequency=nominal,
            nper=WINDOW["10/12"][nominal],
        )
        for voltage, current in zip_longest(self._channels, self._currents):
            system.add_phase(voltage, current)
        system.enable_harmonic_calculation(HIGHEST_ORDER)
        if config.get("signalling_frequency"):
            system.enable_mains_signaling_calculation(float(config["signalling_frequency"]))
        self._rows = {"p": "P"} if phases > 1 and measured else {}
        self._rows |= {"v_u2": "U_unbal_2", "v_u0": "U_unbal_0"} if phases == 3 else {}
        for k in range(1, phases + 1):
            self._rows |= {
                f"v_l{k}": f"U{k}_rms",
                f"vh_l{k}": f"U{k}_H_rms",
                f"vih_l{k}": f"U{k}_IH_rms",
                f"thd40_v_l{k}": f"U{k}_THD",
            }
            if measured:
                self._rows |= {
                    f"i_l{k}": f"I{k}_rms",
                    f"p_l{k}": f"P{k}",
                    f"q1_l{k}": f"Q{k}_H1",
                    f"ih_l{k}": f"I{k}_H_rms",
                    f"thd40_i_l{k}": f"I{k}_THD",
                }
            if config.get("signalling_frequency"):
                self._rows[f"msv_l{k}"] = f"U{k}_msv_rms"
        self._end: int | None = None  # sample at which its last window ended

    def watch(self, nominal: float) -> None:
        """Dips below 90 %, swells above 110 % of the nominal voltage of L1, hysteresis 2 %, on its Urms(1/2)."""
        from pqopen.eventdetector import EventDetectorLevelHigh, EventDetectorLevelLow

        self._system._update_calc_channels()  # otherwise made with the first samples
        self._nominal = nominal
        half_periods = self._system.output_channels["U1_1p_hp_rms"]
        for event, value, kind, limit in (
            ("dip", "residual", EventDetectorLevelLow, 0.9),
            ("swell", "maximum", EventDetectorLevelHigh, 1.1),
        ):
            self._detectors.append((event, value, kind(limit * nominal, 0.02 * nominal, half_periods)))
        self._detected = 0

    def watch_flicker(self, nominal: float, start: float) -> None:
        """Pst over whole 10 min; the first sample is `start` s behind the begin of such."""
        from daqopen.channelbuffer import AcqBuffer

        self._start = start
        self._time = AcqBuffer(BUFFER, dtype=np.float64)
        self._system.enable_nper_abs_time_sync(self._time)
        self._system.enable_fluctuation_calculation(nominal)

    def put(self, codes: np.ndarray) -> None:
        """The next frames (n, 8)."""
        if self._failed:
            return
        try:
            for first in range(0, len(codes), BLOCK):
                self._put(codes[first : first + BLOCK].astype(np.float64))
        except Exception as error:
            self._failed = True
            self.windows, self.events, self.pst = [], [], []
            print(f"pqopen-lib stopped: {type(error).__name__}: {error}", file=sys.stderr)

    def _put(self, block: np.ndarray) -> None:
        for k, channel in enumerate(self._channels):
            channel.put_data(block[:, k] * self._volts)
        for k, channel in enumerate(self._currents):
            channel.put_data(block[:, 3 + k] * self._amperes)
        if self._time:
            seconds = self._start + (self._time.sample_count + np.arange(len(block))) / self._rate
            self._time.put_data(seconds * 1e6)
        with np.errstate(all="ignore"):  # ratios to an absent current
            self._system.process()
        self._collect()
        self._detect()

    def _collect(self) -> None:
        channels = self._system.output_channels
        end = channels["U1_rms"].last_sample_acq_sidx
        if not channels["U1_rms"].sample_count or end == self._end:
            return
        start, self._end = self._end, end
        if start is None:
            return  # of its first window it does not say where it began
        row: dict[str, object] = {"t": start / self._rate}
        for name, channel in self._rows.items():
            row[name] = channels[channel].last_sample_value
        row["f"] = float(np.mean(channels["Freq"].read_data_by_acq_sidx(start + 1, end + 1)[0]))
        if self._currents:
            row.setdefault("p", row["p_l1"])
            row["q1"] = sum(row[f"q1_l{k}"] for k in range(1, len(self._currents) + 1))
        self.windows.append(row)
        pst = channels.get("U1_pst")
        if pst is not None and pst.sample_count > len(self.pst):
            self.pst.append(float(pst.last_sample_value))

    def _detect(self) -> None:
        end = self._channels[0].sample_count
        for event, value, detector in self._detectors:
            for found in detector.process(self._detected, end) or ():
                if found["stop_sidx"] is not None:
                    seconds = (found["stop_sidx"] - found["start_sidx"]) / self._rate
                    share = 100 * float(found["extrem_value"]) / self._nominal
                    line = {"event": event, "t": found["start_sidx"] / self._rate, "duration": seconds, value: share}
                    self.events.append(line)
        self._detected = end
