"""Verdicts of `wattless diag`: each limit turns its line, and only it."""

import copy
import json

import pytest

from host_tools import diagnosis
from host_tools.diagnosis import BAD, LOOK, OK, UNKNOWN, judge, worst

WELL = {
    "firmware": {"version": "0.1.0", "board": "virtual", "kernels": "thumb", "reason": "as configured", "failed": []},
    "uptime_s": 3600,
    "cpu_load": 0.4,
    "longest_slice_ms": 3.0,
    "late": [],
    "watchdog": True,
    "heap": {"free": 12000, "least": 9000},
    "capture": {"rate": 12800.3, "rate_over_s": 300, "nominal_rate": 12800, "front_end": {"overruns": 0}},
    "counters": dict.fromkeys(diagnosis.COUNTERS, 0),
    "window": {"number": 17, "flags": [], "f": 50.01, "unix_ms": 1},
    "wiring": {"codes": 0},
    "events": {"total": 0},
    "lines": {
        "usart6": {
            "bus_message": 1000,
            "bus_comm_error": 5,
            "slave_message": 400,
            "exception": 2,
            "overrun": 0,
            "listen_only": False,
        }
    },
    "tcp": {"clients": 1, "requests": 10, "refused": 0},
    "link": {"connected": True, "rssi": -60},
    "clock": {"set": True, "unix_ms": 1, "offset_s": 0.3, "steps": 0},
    "store": {"errors": 0, "wear": 0.01, "years": 120},
    "lock": "locked",
    "restart_needed": False,
    "calibration": {"neutral": False, "ranges": 1},
    "tamper": {"open": False, "count": 0},
}


def changed(path, value):
    report = copy.deepcopy(WELL)
    place = report
    *way, last = path.split(".")
    for step in way:
        place = place[step]
    place[last] = value
    return report


def test_a_well_meter():
    findings = judge(WELL)
    assert {finding.verdict for finding in findings} == {OK}
    assert all(finding.fix == "" for finding in findings)
    assert worst(findings) == OK


# what is changed, its verdict, a word of the line (topic and finding), a word of the fix
CASES = [
    ("firmware.failed", ["fft"], BAD, "fft", "slower kernels"),
    ("firmware.kernels", None, UNKNOWN, "firmware", ""),
    ("restart_needed", True, LOOK, "settings", "restart"),
    ("late", ["storage"], BAD, "storage", "watchdog"),
    ("cpu_load", 0.9, OK, "90 %", ""),
    ("cpu_load", 0.91, BAD, "91 %", "kernels"),
    ("cpu_load", None, UNKNOWN, "load", ""),
    ("longest_slice_ms", 5.0, OK, "5.0 ms", ""),
    ("longest_slice_ms", 5.1, LOOK, "5.1 ms", "Modbus"),
    ("heap.least", 8192, OK, "8192", ""),
    ("heap.least", 8191, BAD, "8191", "frozen"),
    ("heap.free", None, UNKNOWN, "memory", ""),
    ("capture.rate", 12800 * (1 + 280e-6), OK, "+280 ppm", ""),  # 200 ppm and 25 ms of 300 s
    ("capture.rate", 12800 * (1 + 290e-6), BAD, "+290 ppm", "crystal"),
    ("capture.rate", 12800 * (1 - 290e-6), BAD, "-290 ppm", "crystal"),
    ("capture.rate", None, UNKNOWN, "capture", ""),
    ("capture.front_end", {"overruns": 3}, LOOK, "overruns", "wiring.md"),
    ("window.number", 0, LOOK, "none", "frames"),
    ("window.flags", ["clip"], LOOK, "clip", "burden"),
    ("window.flags", ["unsync"], LOOK, "unsync", "voltage"),
    ("window.flags", ["short"], OK, "5/6", ""),
    ("window.flags", ["overrun"], LOOK, "overrun", "points"),
    ("counters.lost_frames", 4, BAD, "4 since", "clients"),
    ("counters.jitter_frames", 1, LOOK, "1 since", "oscillator"),
    ("wiring.codes", None, UNKNOWN, "wiring", "load"),
    ("wiring.codes", 1 << 7, BAD, "CT_REVERSED_L1", "turn the CT"),
    ("wiring.codes", 1 << 15, OK, "EXPORT", ""),
    ("lines.usart6.bus_comm_error", 10, OK, "10 broken", ""),
    ("lines.usart6.bus_comm_error", 11, LOOK, "11 broken", "wires"),
    ("lines.usart6.listen_only", True, LOOK, "listens", "FC08"),
    ("tcp.refused", 1, LOOK, "1 refused", "modbus_tcp_clients"),
    ("link.connected", False, BAD, "down", "antenna"),
    ("clock.offset_s", None, OK, "set", ""),
    ("clock.set", False, LOOK, "not set", "rtc"),
    ("clock.steps", 2, LOOK, "2 steps", "back"),
    ("clock.offset_s", -2.0, OK, "-2.0 s", ""),
    ("clock.offset_s", 2.1, LOOK, "+2.1 s", "rtc"),
    ("store", None, LOOK, "lost with the power", "FRAM"),
    ("store.problem", "foreign", BAD, "foreign", "format"),
    ("store.failed", 2, BAD, "2 errors", "memory"),
    ("store.errors", 1, BAD, "1 errors", "memory"),
    ("store.wear", 0.81, LOOK, "81.0 %", "FRAM"),
    ("store.years", 9, LOOK, "9 years", "FRAM"),
    ("lock", "no code", LOOK, "no code", "code"),
    ("lock", "unlocked", LOOK, "unlocked", "lock"),
    ("tamper.open", True, BAD, "open", "seal"),
    ("calibration.neutral", True, LOOK, "none", "calibrate"),
]


@pytest.mark.parametrize("path, value, verdict, word, fix", CASES)
def test_one_thing_at_a_time(path, value, verdict, word, fix):
    findings = judge(changed(path, value))
    mine = [finding for finding in findings if word in f"{finding.topic} {finding.what}"]
    assert verdict in {finding.verdict for finding in mine}
    found = next(finding for finding in mine if finding.verdict == verdict)
    if fix:
        assert fix in found.fix
    elif verdict == OK and not path.startswith("wiring"):
        assert found.fix == ""
    others = {finding.verdict for finding in findings if finding is not found}
    assert others <= {OK}


def test_json_is_json():
    findings = judge(WELL)
    said = json.loads(json.dumps(diagnosis.as_json(WELL, findings)))
    assert said["verdict"] == OK and len(said["findings"]) == len(findings) and said["report"] == WELL


def test_every_flag_and_counter_has_its_words():
    from wattless.capture.health import COUNTERS
    from wattless.points import FLAGS

    assert set(COUNTERS) == set(diagnosis.COUNTERS)
    assert {"overrun", "fallback"} == set(FLAGS) - set(diagnosis.FLAGS) - set(diagnosis.HARMLESS_FLAGS)
