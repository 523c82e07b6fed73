"""The fake meter as a running server: under CPython in this process, under MicroPython in one of its own."""

import asyncio
import socket
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

from tests.services import fake_meter

INTERPRETERS = ("cpython", "micropython")
SCRIPT = Path(fake_meter.__file__)
HOST = "127.0.0.1"


class Server:
    def __init__(self, port, path):
        self.port = port  # Modbus TCP
        self.path = path  # pseudo-terminal, Modbus RTU

    def connect(self):
        """A socket of its own, for clients that misbehave."""
        client = socket.create_connection((HOST, self.port), timeout=5)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client


@contextmanager
def running(interpreter, micropython, clients=4, idle_s=60):
    """A fake meter on `interpreter`; `micropython`: the fixture."""
    start = _in_this_process if interpreter == "cpython" else _in_its_own(micropython)
    port = _free_port()
    path, stop = start(port, clients, idle_s)
    try:
        yield Server(port, path)
    finally:
        stop()


def _free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _in_this_process(port, clients, idle_s):
    started = threading.Event()
    box = {}

    async def run():
        box["loop"] = asyncio.get_running_loop()
        box["end"] = asyncio.Event()

        def ready(path):
            box["path"] = path
            started.set()

        await fake_meter.serve(port, clients, idle_s, ready, box["end"].wait())

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()

    def stop():
        box["loop"].call_soon_threadsafe(box["end"].set)
        thread.join(5)
        assert not thread.is_alive(), "the server does not stop"

    assert started.wait(5), "the server does not start"
    return box["path"], stop


def _in_its_own(micropython):
    def start(port, clients, idle_s):
        process = micropython(SCRIPT, port, clients, idle_s, stdin=subprocess.PIPE)
        words = process.stdout.readline().split()
        assert words[:1] == ["ready"], f"the server does not start: {words}"

        def stop():
            process.stdin.close()
            assert process.wait(5) == 0, "the server failed"
            process.stdout.close()

        return words[1], stop

    return start
