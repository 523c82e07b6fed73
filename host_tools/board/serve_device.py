"""`wattless virtual-device`: a virtual board on a pseudo-terminal until Ctrl-C, to try flash, diag and calibrate on."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from host_tools import scenarios
from host_tools.board.session import Session
from host_tools.board.virtual_device import VirtualDevice
from host_tools.run import free_port

DISK_BYTES = 4 << 20
BLOCK_MS = 20
RECORD_BYTES = {16: 24, 24: 36}
CONFIG = "/meter.json"
ARGUMENTS = ("--config", CONFIG, "--modbus", "--store", "/records")


def serve(
    folder: str | Path,
    scenario: str,
    link: str | Path | None = None,
    say: Callable[[str], None] = print,
    arguments: tuple[str, ...] = ARGUMENTS,
    duration: float | None = None,
) -> int:
    """Runs a virtual device whose converter sees the site of a scenario; returns the exit code.

    `folder`: keeps its disk from one time to the next; a new disk gets a meter.json with the site's settings. `link`: a
    symbolic link to the pseudo-terminal. Raises InputError (host_tools.recording) for an unknown scenario."""
    site = scenarios.make(scenario)
    rate = site.config["adc_rate"]
    frames = rate * BLOCK_MS // 1000
    record = RECORD_BYTES[site.config.get("adc_bits", 16)]
    fresh = not Path(folder, "disk.lfs").exists()
    feed = (site.blocks(frames), frames / rate, record)
    asked = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: asked.set()) for number in numbers}
    try:
        with VirtualDevice(folder, DISK_BYTES, arguments=arguments, frames=feed, link=link) as device:
            if fresh:
                _configure(device, {**site.config, "modbus_tcp_port": free_port(1502), "modbus_parity": "N"})
            say(f"virtual board on {link or device.path}: {site.description} (simulated)")
            say(f"    wattless flash --board virtual --port {link or device.path}")
            asked.wait(duration)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def _configure(device: VirtualDevice, settings: dict) -> None:
    with Session(device.path, lambda line: None) as session:
        session.enter()
        session.write(CONFIG, json.dumps(settings).encode())
        session.restart()
