"""Values typed in, and a reference meter read by Modbus (a pymodbus server stands for it)."""

import asyncio
import json
import math
import struct
import threading

import pytest
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusTcpServer

from host_tools import run
from host_tools.calibrate import reference
from host_tools.calibrate.reference import Uncertainty, typed
from host_tools.calibrate.tables import Point
from host_tools.meter_link import LinkError
from host_tools.recording import InputError


def test_uncertainty_of_power():
    """At PF 0.5 a hundredth of a degree is tan(60) * 0.01745 % = 0.0302 %; shares add in squares."""
    assert Uncertainty(0.03, 0.04, 0.01).power(Point(100)) == pytest.approx(0.05)
    assert Uncertainty(0, 0, 0.01).power(Point(100, "0.5L")) == pytest.approx(0.03023, rel=1e-3)
    assert Uncertainty(0, 0, 0.01).power(Point(100, "0.8C")) == pytest.approx(0.01309, rel=1e-3)
    assert reference.uncertainty("v=0.01, i=0.02,phase=0.003", "x") == Uncertainty(0.01, 0.02, 0.003)
    for text in ("", "v=0.01", "v=a,i=1,phase=1", "v=-1,i=1,phase=1"):
        with pytest.raises(InputError, match="want v and i in %"):
            reference.uncertainty(text, "x")


def test_typed_values():
    found = typed("v=230.02 i=5.001, phi=60.01 v_ll=398.4 f=50", (1, 2, 3))
    assert found["v_l3"] == 230.02 and found["i_l1"] == 5.001 and found["phi1_l2"] == 60.01
    assert found["v_l23"] == 398.4 and found["f"] == 50 and len(found) == 13
    assert typed("v_l1=1 v_l2=2 phi_l1=-3 q_l2=4 n=5", (1, 2)) == {
        "v_l1": 1, "v_l2": 2, "phi1_l1": -3, "q1_l2": 4, "i_n": 5}  # fmt: skip
    assert typed("pf=0.5L", (1,))["phi1_l1"] == pytest.approx(60)
    assert typed("pf=0.8c", (1,))["phi1_l1"] == pytest.approx(-36.8699)
    assert typed("pf=1", (1,))["phi1_l1"] == 0
    for text in ("v", "v=x", "w=1", "v_l4=1", "pf=0.5", "pf=2L", "v=nan"):
        with pytest.raises(InputError, match="want"):
            typed(text, (1, 2, 3))


def test_values_that_contradict_one_another():
    with pytest.raises(InputError, match="more than 230 V times 5 A"):
        reference.true_values({"v_l1": 230, "i_l1": 5, "p_l1": 1300}, (1,))
    lines = {f"v_l{k}": 230.0 for k in (1, 2, 3)} | {"v_l12": 398.37, "v_l23": 398.37, "v_l31": 390.0}
    with pytest.raises(InputError, match="do not close"):
        reference.true_values(lines, (1, 2, 3))


@pytest.fixture(scope="module")
def server():
    """Port of a meter: floats at 100, words of an int32 swapped at 200, input registers at 10."""
    block = [0] * 400
    block[100:106] = struct.unpack(">6H", struct.pack(">3f", 230.5, 5.25, math.nan))
    high, low = struct.unpack(">2H", struct.pack(">i", -123456))
    block[200:202] = low, high
    block[300:304] = struct.unpack(">4H", struct.pack(">d", 59.987654321))
    inputs = [0] * 20
    inputs[10] = 0x10000 - 250
    port = run.free_port(15900)
    started, loops = threading.Event(), []

    def serve():
        async def main():
            # a block's first register is 1: pymodbus counts registers, not addresses
            device = ModbusDeviceContext(
                hr=ModbusSequentialDataBlock(1, block), ir=ModbusSequentialDataBlock(1, inputs)
            )
            server = ModbusTcpServer(ModbusServerContext(device, single=True), address=("127.0.0.1", port))
            await server.serve_forever(background=True)
            stop = asyncio.Event()
            loops.append((asyncio.get_running_loop(), stop))
            started.set()
            await stop.wait()
            await server.shutdown()

        asyncio.run(main())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert started.wait(5)
    yield port
    loop, stop = loops[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(5)


def description(port, **others):
    registers = {
        "v_l1": {"address": 100, "type": "float32"},
        "i_l1": {"address": 102, "type": "float32", "scale": 2},
        "v_l2": {"address": 104, "type": "float32"},
        "p_l1": {"address": 200, "type": "int32", "scale": 0.01, "words": "little"},
        "phi1_l1": {"address": 300, "type": "float64"},
        "q1_l1": {"address": 10, "type": "int16", "function": 4},
    }
    return {
        "name": "RMM",
        "certificate": "K-15007",
        "uncertainty": {"v": 0.01, "i": 0.01, "phase": 0.003},
        "modbus": f"127.0.0.1:{port}",
        "registers": registers,
    } | others


def test_a_reference_meter(server, tmp_path):
    path = tmp_path / "reference.json"
    path.write_text(json.dumps(description(server)))
    meter = reference.load(path)
    assert meter.identity.as_dict()["certificate"] == "K-15007" and meter.identity.uncertainty.phase == 0.003
    found = meter.values()
    assert found == {
        "v_l1": 230.5,
        "i_l1": 10.5,
        "p_l1": pytest.approx(-1234.56),
        "phi1_l1": pytest.approx(59.987654321, abs=1e-9),
        "q1_l1": -250,
    }
    meter.link.close()


def test_as_toml(server, tmp_path):
    path = tmp_path / "reference.toml"
    path.write_text(
        f'name = "R"\ncertificate = "C"\nmodbus = "127.0.0.1:{server}"\n'
        "[uncertainty]\nv = 0.1\ni = 0.1\nphase = 0.01\n[registers.v_l1]\naddress = 100\ntype = 'float32'\n"
    )
    meter = reference.load(path)
    assert meter.values() == {"v_l1": 230.5}
    meter.link.close()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"certificate": ""}, "certificate: want a text"),
        ({"uncertainty": {"v": 1}}, "uncertainty: want"),
        ({"registers": {}}, "registers: want"),
        ({"registers": {"x": {"address": 1, "type": "int16"}}}, "x: want an id"),
        ({"registers": {"f": {"address": 1}}}, "f: want address, type"),
        ({"registers": {"f": {"address": 1, "type": "bcd"}}}, "f: want type of int16"),
    ],
)
def test_files_that_are_not_right(tmp_path, change, text):
    path = tmp_path / "reference.json"
    path.write_text(json.dumps(description(1, **change)))
    with pytest.raises(InputError, match=text):
        reference.load(path)


def test_a_meter_that_is_not_there(tmp_path):
    path = tmp_path / "reference.json"
    path.write_text(json.dumps(description(run.free_port(15950))))
    with pytest.raises(LinkError, match="no connection"):
        reference.load(path)
    with pytest.raises(InputError):
        reference.load(tmp_path / "nothing.json")
