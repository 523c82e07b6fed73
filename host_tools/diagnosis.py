"""`wattless diag`: what a meter says of itself, each line with a verdict and what to do about it.

    with open_link(port=...) as meter:
        report = collect(meter)             a dict, over the serial console all of it, over Modbus what registers say
        findings = judge(report)

Limits: the sampling clock may be 200 ppm off (a crystal is better), the processor may be busy 90 % of the time, a slice
may take 5 ms (a Modbus master's patience, DESIGN), 8 KB of heap stay free.
"""

from __future__ import annotations

import struct
import time
from dataclasses import asdict, dataclass

from host_tools.firmware_path import codes, points_table
from host_tools.meter_link import LinkError, ModbusLink, Refused, ShellLink

OK, LOOK, BAD, UNKNOWN = VERDICTS = ("ok", "look", "bad", "unknown")

CLOCK_PPM = 200
BLOCK_S = 0.025  # frames come in blocks
LEAST_S = 30.0  # over which a frame rate is taken
BUSY = 0.9
SLICE_MS = 5.0
HEAP_BYTES = 8192
OFFSET_S = 2.0  # between the meter's clock and the PC's; over Modbus it is a window's time, 0.4 s old at most
WORN = 0.8
YEARS = 10
LINE_ERRORS = 0.01  # of the messages on the bus
LOCKS = ("unlocked", "locked", "no code", "blocked", "sealed")
KERNELS = ("viper", "thumb", "viper")
COUNTERS = {  # counter: (code that explains it, verdict where it is not 0)
    "lost_frames": ("LOST_FRAMES", BAD),
    "crc_errors": ("CRC_ERROR", BAD),
    "clipped_frames": ("CLIP", LOOK),
    "jitter_frames": ("JITTER", LOOK),
    "flat_windows": ("FLAT", BAD),
    "gaps": ("LOST_FRAMES", BAD),
    "offset_alarms": ("OFFSET", LOOK),
    "noise_alarms": ("NOISE", LOOK),
    "supply_alarms": ("SUPPLY", BAD),
}
FLAGS = {
    "gap": "LOST_FRAMES",
    "clip": "CLIP",
    "flat": "FLAT",
    "jitter": "JITTER",
    "crc": "CRC_ERROR",
    "unsync": "SYNC-ERR",
    "offset": "OFFSET",
    "noise": "NOISE",
    "supply": "SUPPLY",
    "noload": "NO_LOAD",
}
HARMLESS_FLAGS = {"short": "windows of 5/6 periods, not IEC 61000-4-7", "event": "an event touched this window"}
HARMLESS_WIRING = ("EXPORT", "LEADING", "UNPROVEN")
_NOT_KNOWN = {"uint16": 0xFFFF, "uint32": 0xFFFFFFFF, "uint64": 0xFFFFFFFFFFFFFFFF}


@dataclass(frozen=True)
class Finding:
    """topic: what is looked at; what: what was found; verdict: one of VERDICTS; fix: what to do, "" where nothing."""

    topic: str
    what: str
    verdict: str
    fix: str = ""


def collect(link: ShellLink | ModbusLink) -> dict:
    """The report of a meter (firmware/wattless/status.py), as far as the link can tell: what is missing is None."""
    report = link.command("diag", timeout=10) if isinstance(link, ShellLink) else _over_modbus(link)
    clock = report["clock"]
    clock["offset_s"] = None if clock["unix_ms"] is None else round(clock["unix_ms"] / 1000 - time.time(), 1)
    return report


def _over_modbus(link: ModbusLink) -> dict:
    values = _read_points(link, ("cpu_load", "link"), ("event_count", "event_count"), ("wiring_codes", "wiring_codes"))
    values |= _read_points(link, ("lost_frames", "supply_alarms"), ("seq", "f"))
    try:
        line = link.line_counters()
    except (Refused, LinkError):
        line = None  # no serial line
    try:
        lock, restart = struct.unpack(">H", link.read(20002, 1))[0], struct.unpack(">H", link.read(20006, 1))[0]
    except Refused:
        lock = restart = None
    flags = values["flags"] or 0
    names = _flag_names()
    kernels, link_state = values["kernels"], values["link"]
    return {
        "firmware": {
            "version": None,
            "board": None,
            "kernels": None if kernels is None else KERNELS[kernels],
            "reason": "",
            "failed": ["self-test"] if kernels == 2 else [],
        },
        "uptime_s": values["uptime"],
        "cpu_load": _scaled(values["cpu_load"], 1000),
        "longest_slice_ms": _scaled(values["slice_most"], 1000),
        "late": None,
        "watchdog": None,
        "heap": {"free": values["heap_free"], "least": values["heap_low"]},
        "capture": {"rate": _scaled(values["capture_rate"], 1000), "nominal_rate": None, "front_end": None},
        "counters": {name: values[name] for name in COUNTERS},
        "window": {
            "number": values["seq"],
            "flags": [name for bit, name in enumerate(names) if flags >> bit & 1],
            "f": values["f"],
            "unix_ms": values["window_ms"],
        },
        "wiring": {"codes": values["wiring_codes"]},
        "events": {"total": values["event_count"]},
        "lines": {} if line is None else {"RS-485": line},
        "tcp": None,
        "link": None if not link_state else {"connected": link_state == 2},
        "clock": {"set": values["window_ms"] is not None, "unix_ms": values["window_ms"], "steps": None},
        "store": None if values["store_errors"] is None else {"errors": values["store_errors"]},
        "lock": None if lock is None else LOCKS[lock],
        "restart_needed": bool(restart),
        "calibration": None,
        "tamper": None if values["tamper"] is None else {"open": bool(values["tamper"]), "count": None},
    }


def _flag_names() -> tuple[str, ...]:
    from wattless.points import FLAGS

    return FLAGS


def _read_points(link: ModbusLink, *stretches: tuple[str, str]) -> dict:
    """Values of all points from one to another, in the order of addresses; None: not known."""
    found = {}
    by_id = {row.id: row for row in points_table.ROWS}
    for first, last in stretches:
        start, end = by_id[first].address, by_id[last].address + points_table.registers(by_id[last])
        data = link.read(start, end - start)
        for row in points_table.ROWS:
            if start <= row.address < end:
                found[row.id] = _value(data[2 * (row.address - start) :], row.type)
    return found


def _value(data: bytes, kind: str) -> float | int | None:
    size = 2 * points_table.REGISTERS[kind]
    if kind == "float32":
        value = struct.unpack(">f", data[:size])[0]
        return value if value == value else None
    value = int.from_bytes(data[:size], "big")
    return None if value == _NOT_KNOWN[kind] else value


def _scaled(value: int | None, by: int) -> float | None:
    return None if value is None else value / by


def judge(report: dict) -> list[Finding]:
    """The verdicts, in the order of the page."""
    parts = (_firmware, _load, _heap, _capture, _window, _counters, _wiring, _lines, _network, _clock, _store, _access)
    return [finding for part in parts for finding in part(report)]


def worst(findings: list[Finding]) -> str:
    """The worst verdict of them: bad, look or ok."""
    found = {finding.verdict for finding in findings}
    return next((verdict for verdict in (BAD, LOOK) if verdict in found), OK)


def as_json(report: dict, findings: list[Finding]) -> dict:
    return {"verdict": worst(findings), "findings": [asdict(finding) for finding in findings], "report": report}


def _firmware(report: dict):
    firmware = report["firmware"]
    version = " ".join(filter(None, (firmware["version"], firmware["board"] and f"on {firmware['board']}")))
    if firmware["kernels"] is None:
        yield Finding("firmware", version or "not known", UNKNOWN)
        return
    what = f"{version}{', ' if version else ''}{firmware['kernels']} kernels"
    if firmware["failed"]:
        fix = "flash again; if it stays: an old compiler or a damaged chip; the meter runs on the slower kernels"
        yield Finding("firmware", f"{what}: self-test failed ({', '.join(firmware['failed'])})", BAD, fix)
    else:
        yield Finding("firmware", f"{what} ({firmware['reason']})" if firmware["reason"] else what, OK)
    if report["restart_needed"]:
        yield Finding("settings", "changed, and waiting for a restart", LOOK, "`restart` on the console, or power")
    if report["late"]:
        fix = "the watchdog will restart the meter; tell us what it did before" if report["watchdog"] else "restart it"
        yield Finding("parts", f"no sign of life from: {', '.join(report['late'])}", BAD, fix)


def _load(report: dict):
    load, slice_ms = report["cpu_load"], report["longest_slice_ms"]
    if load is None:
        yield Finding("processor", "load not known (yet)", UNKNOWN)
    else:
        busy = load > BUSY
        fix = "faster kernels (setting kernels: auto), fewer rooms, windows of 5/6 periods" if busy else ""
        yield Finding("processor", f"{100 * load:.0f} % busy", BAD if busy else OK, fix)
    if slice_ms is not None:
        long = slice_ms > SLICE_MS
        fix = f"above {SLICE_MS:g} ms Modbus answers late; above 25 ms frames get lost" if long else ""
        yield Finding("longest slice", f"{slice_ms:.1f} ms", LOOK if long else OK, fix)


def _heap(report: dict):
    heap = report["heap"]
    if heap["free"] is None:
        yield Finding("memory", "not known", UNKNOWN)
        return
    short = heap["least"] < HEAP_BYTES
    fix = "leave rooms out (board.rooms), or use the frozen build" if short else ""
    what = f"{heap['free']} bytes free, {heap['least']} at least since the start"
    yield Finding("memory", what, BAD if short else OK, fix)


def _capture(report: dict):
    capture = report["capture"]
    rate, nominal = capture["rate"], capture["nominal_rate"]
    if rate is None:
        yield Finding("capture", "rate not known (yet)", UNKNOWN)
    else:
        nominal = nominal or min((12800, 10240), key=lambda r: abs(r - rate))
        ppm = (rate / nominal - 1) * 1e6
        over_s = capture.get("rate_over_s") or min(report["uptime_s"] or LEAST_S, LEAST_S)
        off = abs(ppm) > CLOCK_PPM + BLOCK_S / over_s * 1e6
        fix = "frames are missing, or one of the clocks is wrong: is it the right crystal?" if off else ""
        what = f"{rate:.1f} frames/s, {ppm:+.0f} ppm by the processor's clock"
        yield Finding("capture", what, BAD if off else OK, fix)
    for name, count in (capture["front_end"] or {}).items():
        if count:
            yield Finding(f"front end {name}", str(count), LOOK, "see the converter's chapter of wiring.md")


def _window(report: dict):
    window = report["window"]
    if not window["number"]:
        yield Finding("window", "none measured yet", LOOK, "wait a second; do frames come?")
        return
    f = window["f"]
    yield Finding("window", f"number {window['number']}, {'no frequency' if f is None else f'{f:.3f} Hz'}", OK)
    for name in window["flags"]:
        if name in HARMLESS_FLAGS:
            yield Finding(f"flag {name}", HARMLESS_FLAGS[name], OK)
        elif name in FLAGS:
            row = codes.BY_NAME[FLAGS[name]]
            yield Finding(f"flag {name}", row.cause, OK if name == "noload" else LOOK, row.fix)
        else:
            yield Finding(f"flag {name}", "set", LOOK, f"see the points table: {name}")


def _counters(report: dict):
    quiet = True
    for name, count in report["counters"].items():
        if count and name in COUNTERS:
            quiet = False
            code, verdict = COUNTERS[name]
            row = codes.BY_NAME[code]
            yield Finding(name, f"{count} since the start: {row.cause}", verdict, row.fix)
    if quiet:
        yield Finding("counters", "all 0", OK)


def _wiring(report: dict):
    mask = report["wiring"]["codes"]
    if mask is None:
        yield Finding("wiring", "not judged yet", UNKNOWN, "needs a few windows with load")
        return
    if not mask:
        yield Finding("wiring", "no fault seen", OK)
    for bit in range(20):
        if mask >> bit & 1:
            row = codes.BY_NUMBER[30 + bit]
            harmless = row.name in HARMLESS_WIRING
            yield Finding("wiring", f"{row.name}: {row.cause}", OK if harmless else BAD, row.fix)


def _lines(report: dict):
    for name, line in report["lines"].items():
        heard, errors = line["bus_message"], line["bus_comm_error"]
        what = f"{heard} messages, {line['slave_message']} for us, {errors} broken, {line['exception']} exceptions"
        if line.get("listen_only"):
            yield Finding(f"line {name}", "listens only", LOOK, "FC08 01 ends that")
        elif errors + line["overrun"] > LINE_ERRORS * (heard + errors):
            row = codes.BY_NAME["TIMEOUT_EXCEEDED"]
            yield Finding(f"line {name}", what, LOOK, row.fix)
        else:
            yield Finding(f"line {name}", what, OK)


def _network(report: dict):
    link, tcp = report["link"], report["tcp"]
    if link is not None:
        up = link.get("connected", link.get("state") == "connected")
        detail = ", ".join(f"{key} {value}" for key, value in link.items() if key != "connected" and value is not None)
        what = ("up" if up else "down") + (f" ({detail})" if detail else "")
        yield Finding("network", what, OK if up else BAD, "" if up else "antenna, access point, name and password")
    if tcp is not None:
        what = f"{tcp['clients']} clients, {tcp['requests']} requests, {tcp['refused']} refused"
        refused = tcp["refused"] > 0
        yield Finding("modbus tcp", what, LOOK if refused else OK, "setting modbus_tcp_clients" if refused else "")


def _clock(report: dict):
    clock = report["clock"]
    if not clock["set"]:
        fix = "mpremote rtc --set, or network time"
        yield Finding("clock", "not set: no time stamps, no 10-minute intervals", LOOK, fix)
    else:
        steps, offset = clock["steps"], clock.get("offset_s")
        what = "set" if offset is None else f"{offset:+.1f} s from this PC's"
        if steps is not None:
            what += f", {steps} steps since the start"
        if offset is not None and abs(offset) > OFFSET_S:
            yield Finding("clock", what, LOOK, "set it (mpremote rtc --set), or this PC's")
        else:
            yield Finding("clock", what, LOOK if steps else OK, "who sets it back and forth?" if steps else "")


def _store(report: dict):
    store = report["store"]
    if store is None:
        yield Finding("store", "none: energy and settings are lost with the power", LOOK, "FRAM, see wiring.md")
        return
    if store.get("problem"):
        yield Finding("store", store["problem"], BAD, "`format` on the console clears it")
        return
    errors, wear, years = store.get("errors"), store.get("wear"), store.get("years")
    errors += sum(store.get(name) or 0 for name in ("refused", "failed"))
    what = ", ".join(
        filter(
            None,
            (
                f"{errors} errors",
                wear is not None and f"worn {100 * wear:.1f} %",
                years is not None and f"{years:.0f} years left",
            ),
        )
    )
    if errors:
        yield Finding("store", what, BAD, codes.BY_NAME["STORE_ERROR"].fix)
    elif (wear or 0) > WORN or (years is not None and years < YEARS):
        yield Finding("store", what, LOOK, "save less often, or use FRAM")
    else:
        yield Finding("store", what, OK)


def _access(report: dict):
    lock, tamper, calibration = report["lock"], report["tamper"], report["calibration"]
    if lock is not None:
        fix = {"no code": "set one: `code` on the console", "unlocked": "`lock` when you are done"}.get(lock, "")
        yield Finding("access", lock, LOOK if fix else OK, fix)
    if tamper is not None:
        is_open = tamper["open"]
        fix = codes.BY_NAME["TAMPER"].fix if is_open else ""
        yield Finding("cover", "open" if is_open else "closed", BAD if is_open else OK, fix)
    if calibration is not None:
        neutral = calibration["neutral"]
        what = "none in this range" if neutral else f"{calibration['ranges']} ranges"
        yield Finding("calibration", what, LOOK if neutral else OK, "`wattless calibrate`" if neutral else "")
