"""The program of the meter: picks the board, loads the configuration, builds the meter and its services, runs them.

It ends with the frames or on Ctrl-C (exit code 0), with a bad configuration (2), or when a port cannot be opened (1).
"""

import asyncio
import sys

import board
from wattless import config
from wattless.meter import Meter
from wattless.points import Points
from wattless.services.console import Console
from wattless.services.modbus_pdu import ModbusPdu
from wattless.services.modbus_rtu import ModbusRtu
from wattless.services.modbus_tcp import ModbusTcp


async def main(settings):
    points = Points()
    meter = Meter(board, settings, points)
    if board.serve_json:
        console = Console(points, board.console, meter.fingerprint)
        meter.on_window.append(console.window)
        meter.log.listeners.append(console.event)
        if board.serve_half_cycle:
            meter.on_half.append(console.half)
    running = []
    if board.serve_modbus:
        running = await start_modbus(settings, points)
        board.announce("kernels", {"name": meter.kernels.name, "reason": meter.kernels.reason})
    await meter.run()
    for task in running:
        task.cancel()


async def start_modbus(settings, points):
    """Serves the points over TCP and on every RS-485 port; returns the tasks. OSError where a port cannot be had."""
    pdu = ModbusPdu(points, points)
    unit = settings.modbus_unit
    port = settings.modbus_tcp_port
    if port is not None:
        tcp = ModbusTcp(pdu, unit, settings.modbus_tcp_clients, settings.modbus_tcp_idle_s)
        try:
            await tcp.start(board.host, port)
        except OSError as error:
            raise OSError(f"modbus_tcp_port: {port} cannot be served: {error}")
        board.announce("modbus_tcp", {"host": board.host, "port": port})
    tasks = []
    for uart in board.uarts:
        uart.init(settings.modbus_baud, settings.modbus_parity)
        tasks.append(asyncio.create_task(ModbusRtu(pdu, unit, uart.baud).serve(uart, board.clock)))
        board.announce("modbus_rtu", {"path": uart.path, "baud": uart.baud, "parity": uart.parity})
    return tasks


try:
    asyncio.run(main(config.load(board.config_path)))
except config.ConfigError as error:
    board.complain(str(error))
    sys.exit(2)
except OSError as error:
    board.complain(str(error))
    sys.exit(1)
except KeyboardInterrupt:
    pass
