"""Modbus masters that others wrote, against the services on CPython and on MicroPython: pymodbus and mbpoll."""

import re
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from host_tools.toolchain import paths
from tests.services.fake_meter import UNIT, register
from tests.services.servers import HOST, INTERPRETERS, running

VALUE = -1234.5  # in registers 0 and 1
CLIENTS = 4


@pytest.fixture(params=INTERPRETERS, scope="module")
def server(request, micropython):
    with running(request.param, micropython, CLIENTS) as server:
        yield server


@contextmanager
def pymodbus(server, line):
    if line == "tcp":
        client = ModbusTcpClient(HOST, port=server.port, retries=0)
    else:
        client = ModbusSerialClient(server.path, baudrate=19200, retries=0, timeout=2)  # a pty refuses parity
    assert client.connect()
    try:
        yield client
    finally:
        client.close()


@pytest.mark.parametrize("line", ["tcp", "rtu"])
def test_pymodbus_reads(server, line):
    with pymodbus(server, line) as client:
        for read in (client.read_holding_registers, client.read_input_registers):
            two = read(0, count=2, device_id=UNIT).registers
            assert struct.unpack(">f", struct.pack(">2H", *two))[0] == VALUE
            longest = read(100, count=125, device_id=UNIT).registers
            assert longest == [register(address) for address in range(100, 225)]
            assert read(2047, count=1, device_id=UNIT).registers == [register(2047)]


@pytest.mark.parametrize("line", ["tcp", "rtu"])
def test_pymodbus_gets_exceptions(server, line):
    with pymodbus(server, line) as client:
        assert client.read_holding_registers(49, count=3, device_id=UNIT).exception_code == 2
        assert client.read_holding_registers(65535, count=1, device_id=UNIT).exception_code == 2
        assert client.read_coils(0, count=1, device_id=UNIT).exception_code == 1
        assert client.write_register(5, 1, device_id=UNIT).exception_code == 1
        assert client.report_device_id(device_id=UNIT).exception_code == 1
        assert client.read_holding_registers(2, count=1, device_id=UNIT).registers == [register(2)]


def test_pymodbus_clients_at_the_same_time(server):
    def poll(first):
        with pymodbus(server, "tcp") as client:
            for address in range(first, first + 40):
                reply = client.read_holding_registers(address, count=20, device_id=UNIT)
                if reply.registers != [register(a) for a in range(address, address + 20)]:
                    return address
        return None

    with ThreadPoolExecutor(CLIENTS + 1) as pool:
        serial = pool.submit(lambda: test_pymodbus_reads(server, "rtu"))
        assert list(pool.map(poll, (100, 300, 500, 700))) == [None] * CLIENTS
        serial.result()


def test_a_serial_client_comes_back(server):
    for _ in range(2):
        with pymodbus(server, "rtu") as client:
            assert client.read_holding_registers(7, count=1, device_id=UNIT).registers == [register(7)]


def mbpoll(server, line, *options):
    mode = ["-m", "rtu", "-b", "19200", "-P", "none"] if line == "rtu" else ["-m", "tcp", "-p", str(server.port)]
    target = server.path if line == "rtu" else HOST
    command = [paths.mbpoll(), *mode, "-a", str(UNIT), *options, "-1", "-o", "2", target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    values = [value for _, value in re.findall(r"^\[(\d+)\]:\s+(\S+)", done.stdout, re.MULTILINE)]
    return done.returncode, values, done.stderr


@pytest.mark.parametrize("line", ["tcp", "rtu"])
@pytest.mark.parametrize("table", ["3", "4"])
def test_mbpoll_reads(server, line, table):
    code, values, _ = mbpoll(server, line, "-t", f"{table}:float", "-B", "-r", "1", "-c", "1")
    assert (code, values) == (0, ["-1234.5"])
    code, values, _ = mbpoll(server, line, "-t", f"{table}:hex", "-r", "101", "-c", "125")
    assert (code, values) == (0, [f"0x{register(address):04X}" for address in range(100, 225)])


@pytest.mark.parametrize("line", ["tcp", "rtu"])
def test_mbpoll_gets_exceptions(server, line):
    code, values, complaint = mbpoll(server, line, "-t", "4:hex", "-r", "51", "-c", "1")
    assert code != 0 and not values and "Illegal data address" in complaint
    code, values, complaint = mbpoll(server, line, "-t", "0", "-r", "1", "-c", "1")
    assert code != 0 and not values and "Illegal function" in complaint
