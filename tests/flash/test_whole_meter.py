"""The meter itself on the virtual device: flashed over its prompt, measuring, cut off while it gets a new version."""

import asyncio
import json
import random

import pytest
from pymodbus.client import AsyncModbusTcpClient

from host_tools import scenarios
from host_tools.board import image
from host_tools.board.session import ConnectionLost, Session
from host_tools.run import free_port
from tests.flash.test_cuts import SEED

READY = '"announce": "ready"'
FRAMES = 256
READY_S = 20.0


@pytest.fixture
def meter(devices):
    """A virtual device with a site behind its converter, and room for the firmware twice."""
    site = scenarios.make("ev-site")
    frames = (site.blocks(FRAMES), FRAMES / site.config["adc_rate"], 24)
    arguments = ["--config", "/meter.json", "--modbus"]
    device = devices(disk_bytes=2 << 20, block=4096, frames=frames, arguments=arguments)
    device.settings = {**site.config, "modbus_tcp_port": free_port(15020), "modbus_parity": "N"}
    configure(device, device.settings)
    return device


def configure(device, settings):
    with Session(device.path, print) as session:
        session.enter()
        session.write("meter.json", json.dumps(settings).encode())


async def registers(port):
    async with AsyncModbusTcpClient("127.0.0.1", port=port) as client:
        return (await client.read_holding_registers(0, count=20, device_id=1)).registers


def test_flashed_cut_and_flashed_again(meter, update):
    built = image.build("virtual")
    code, said = update(meter, built, ready_s=READY_S)
    assert code == 0, said
    assert update(meter, built, ready_s=READY_S) == (0, ["No changes applied"])
    assert len(asyncio.run(registers(meter.settings["modbus_tcp_port"]))) == 20

    files = {path: data for path, data in built.files.items() if path != image.MANIFEST}
    newer = image.make("virtual", built.machine, {**files, "wattless/news.mpy": built.files["board.mpy"]})
    meter.cut_after = meter.received + random.Random(SEED).randrange(14000, 24000)  # behind the survey
    with pytest.raises(ConnectionLost):
        update(meter, newer, ready_s=READY_S)
    meter.forget()
    meter.plug_in()
    meter.power_on()
    assert meter.wait_for(READY, READY_S), f"seed {SEED}: {bytes(meter.output)}"
    code, said = update(meter, newer, ready_s=READY_S)
    assert code == 0, f"seed {SEED}: {said}"

    # A configuration that the meter refuses: flash passes on what it says, and leaves it as it is.
    configure(meter, {"adc_rate": 3})
    code, said = update(meter, built, ready_s=READY_S)
    assert code == 1
    assert any("Going back" in line and "adc_rate" in line for line in said), said
    with Session(meter.path, print) as session:
        session.enter()
        assert session.read("meter.json") == b'{"adc_rate": 3}'
