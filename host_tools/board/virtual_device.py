"""A virtual board on a pseudo-terminal: to mpremote, `wattless flash` and a terminal it is a MicroPython board.

    with VirtualDevice(folder) as device:
        ... SerialTransport(device.path) ...

MicroPython's unix port runs boards/virtual/repl.py on a disk of its own (a file with littlefs in it, in `folder`),
which boots, prompts, and executes. This file is what is around it: the wires, with Ctrl-C as SIGINT; power; resets; the
watchdog; frames for the meter's front end on the descriptor in WATTLESS_FRAMES_FD.

For tests: power_off(), power_on(), `cut_after` (the power goes and the cable is pulled after so many bytes), `taps`
(called after every byte that comes in), `output` (the last 64 KB that the board said). Not simulated: the time that
bytes take.
"""

from __future__ import annotations

import contextlib
import functools
import os
import select
import signal
import subprocess
import threading
import time
import tty
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from host_tools.board import virtual_page
from host_tools.toolchain import build_mpy, paths

SOFT_RESET, SOFT_RESET_RAW, HARD_RESET = 10, 11, 12  # exit codes, as in boards/virtual/repl_rom.py
CTRL_C = b"\x03"
OUTPUT_KEPT = 65536
PENDING_BYTES = 65536  # towards a client that does not read; then the board waits
CHUNK = 4096
PIPE_ATOMIC = 4096  # PIPE_BUF of Linux: a write up to this is all or nothing
TICK_MS = 20
STOP_S = 2.0


class VirtualDevice:
    """`folder`: for the disk, kept there between power cycles. `disk_bytes`, `block`: of the flash. `arguments`: what
    the meter's main finds in sys.argv. `frames`: (blocks of records, seconds a block, bytes a record), fed while it
    runs.

    `path`: of the pty, a new one whenever the cable was pulled. `link`: a symbolic link to it, kept up to date."""

    def __init__(
        self,
        folder: str | Path,
        disk_bytes: int = 1 << 20,
        block: int = 4096,
        arguments: Sequence[str] = (),
        frames: tuple[Iterable[bytes], float, int] | None = None,
        heap: str = "8m",
        link: str | Path | None = None,
    ) -> None:
        tree = _tree()
        self.disk = Path(folder, "disk.lfs").absolute()  # MicroPython starts in another folder
        self.disk.parent.mkdir(parents=True, exist_ok=True)
        if not self.disk.exists():
            self.disk.write_bytes(b"\xff" * disk_bytes)
        self._block = block
        self._link = Path(link) if link else None
        self._argv = [str(paths.micropython("x64")), "-X", f"heapsize={heap}", "-m", "repl"]
        self._arguments = list(arguments)
        self._env = {**os.environ, "MICROPYPATH": f"{tree / 'boards/virtual'}:.frozen"}
        self._empty = self.disk.parent / "empty"  # MicroPython starts where there are no modules
        self._empty.mkdir(exist_ok=True)
        self._page_path = self.disk.parent / "page"
        self._page = virtual_page.Page(self._page_path)
        self._frames = frames
        self._frames_out: int | None = None
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._child: subprocess.Popen | None = None
        self._master: int | None = None
        self._closing = False
        self.path = ""
        self.output = bytearray()
        self.boots = 0
        self.received = 0
        self.cut_after: int | None = None
        self.taps: list[Callable[[int], None]] = []
        self.plug_in()
        self.power_on()
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        if frames:
            self._threads.append(threading.Thread(target=self._feed, daemon=True))
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> VirtualDevice:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def plug_in(self) -> None:
        """A new pty in place of the old one."""
        with self._lock:
            self.unplug()
            self._master, slave = os.openpty()
            tty.setraw(slave)
            self.path = os.ttyname(slave)
            os.close(slave)
            os.set_blocking(self._master, False)
            if self._link:
                self._link.unlink(missing_ok=True)
                self._link.symlink_to(self.path)

    def unplug(self) -> None:
        """Pulls the cable: who has the port open reads its end."""
        with self._lock:
            if self._master is not None:
                os.close(self._master)
            self._master = None

    def power_off(self) -> None:
        """The power goes, in the middle of whatever was happening."""
        with self._lock:
            if self._child:
                self._child.kill()
                self._child.wait()
                self._release()

    def power_on(self) -> None:
        with self._lock:
            if not self._child:
                self._start("hard")

    def power_cycle(self) -> None:
        """Off and on; the pty stays, as with a USB bridge that has a supply of its own."""
        self.power_off()
        self.power_on()

    def close(self) -> None:
        self._closing = True
        for thread in self._threads:
            thread.join(STOP_S)
        self.power_off()
        self.unplug()
        self._page.close()
        if self._link:
            self._link.unlink(missing_ok=True)

    def wait_for(self, text: str | bytes, timeout: float = 10.0) -> bool:
        """Whether `text` stands in `output`, now or within `timeout` seconds."""
        wanted = text.encode() if isinstance(text, str) else text
        with self._changed:
            return self._changed.wait_for(lambda: wanted in self.output, timeout)

    def forget(self) -> None:
        """Empties `output`."""
        with self._lock:
            self.output.clear()

    def idle(self, timeout: float = 5.0) -> bool:
        """Whether the board came to wait for something, is off, or ended to start anew."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            with self._lock:
                if not self._child:
                    return True
                state = virtual_page.state(self._child.pid)
            if state in ("S", "Z", ""):
                return True
            time.sleep(0.0002)
        return False

    def _start(self, how: str) -> None:
        """A process for the board. After a soft reset the wires stay, with what is still in them."""
        if how == "hard":
            self._in, self._to_child = os.pipe()
            self._from_child, self._out = os.pipe()
            for end in (self._to_child, self._from_child):
                os.set_blocking(end, False)
            self._pending_in = b""
            self._pending_out = b""
            self._last = b""
            self._inbox = bytearray()
        self._page.clear(how == "hard")
        extra = {}
        frames_in = None
        if self._frames:
            self._close_frames()
            frames_in, self._frames_out = os.pipe()
            os.set_blocking(self._frames_out, False)
            extra["WATTLESS_FRAMES_FD"] = str(frames_in)
        files = [str(self._page_path), str(self.disk), str(self._block), how, "--", *self._arguments]
        self._child = subprocess.Popen(
            [*self._argv, *files],
            stdin=self._in,
            stdout=self._out,
            stderr=self._out,
            pass_fds=[] if frames_in is None else [frames_in],
            env={**self._env, **extra},
            cwd=self._empty,
            start_new_session=True,
        )
        if frames_in is not None:
            os.close(frames_in)
        self._pidfd = os.pidfd_open(self._child.pid)
        self._interrupts = virtual_page.Interrupts(self._child.pid)
        self.boots += 1

    def _release(self) -> None:
        """What a board without power lets go of."""
        self._child = None
        os.close(self._pidfd)
        for end in (self._in, self._to_child, self._from_child, self._out):
            os.close(end)
        self._close_frames()

    def _close_frames(self) -> None:
        if self._frames_out is not None:
            os.close(self._frames_out)
            self._frames_out = None

    def _ended(self) -> None:
        """The board's process ended: a reset, or a crash, after which a board would stand still."""
        assert self._child
        code = self._child.wait()
        os.close(self._pidfd)
        self._child = None
        if code in (SOFT_RESET, SOFT_RESET_RAW):
            self._start("raw" if code == SOFT_RESET_RAW else "soft")
            return
        self._drain()
        if code != HARD_RESET:
            self._say(f"\r\n[virtual device: MicroPython ended, code {code}]\r\n".encode())
        for end in (self._in, self._to_child, self._from_child, self._out):
            os.close(end)
        self._close_frames()
        if code == HARD_RESET:
            self._start("hard")

    # --- the wires ----------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while not self._closing:
            with self._lock:
                poller, names = self._poller()
            ready = poller.poll(TICK_MS)
            with self._lock:
                for fd, events in ready:
                    self._attend(names[fd], events)
                self._carry_on()

    def _poller(self) -> tuple[select.poll, dict[int, str]]:
        poller = select.poll()
        names = {}

        def add(fd: int, name: str, events: int) -> None:
            names[fd] = name
            poller.register(fd, events)

        hung_up = self._hung_up()
        if self._master is not None and not hung_up and not self._inbox:
            add(self._master, "master", select.POLLIN | (select.POLLOUT if self._child and self._pending_out else 0))
        if self._child:
            if hung_up or len(self._pending_out) < PENDING_BYTES:
                add(self._from_child, "board", select.POLLIN)
            add(self._pidfd, "process", select.POLLIN)
        return poller, names

    def _attend(self, name: str, events: int) -> None:
        if name == "master" and self._master is not None and events & select.POLLIN:
            with contextlib.suppress(OSError):  # EIO: the client has gone
                self._inbox += os.read(self._master, CHUNK)
            if self._child:
                self._pump()
            else:
                self._inbox.clear()
        elif name == "board" and self._child:
            self._drain(1)
        elif name == "process" and self._child and self._child.poll() is not None:
            self._ended()

    def _carry_on(self) -> None:
        """What could not be done at once: bytes that wait, Ctrl-C that waits, the watchdog."""
        if self._child and self._pending_in:
            self._to_board(b"")
        if self._inbox:
            self._pump()
        if self._pending_out:
            self._say(b"")
        if self._child and self._page.watchdog_bites():
            self.power_off()
            self._start("hard")

    def _hung_up(self) -> bool:
        if self._master is None:
            return True
        poller = select.poll()
        poller.register(self._master, 0)
        return any(events & select.POLLHUP for _, events in poller.poll(0))

    def _drain(self, times: int = 1000) -> None:
        for _ in range(times):
            try:
                data = os.read(self._from_child, CHUNK)
            except BlockingIOError:
                return
            self._say(self._cooked(data))

    def _cooked(self, data: bytes) -> bytes:
        """Line ends as boards print them, CR LF, except while a program switched Ctrl-C off to carry other bytes."""
        before, self._last = self._last, data[-1:] if data.endswith(b"\r") else b""
        if b"\n" not in data or self._page.ctrl_c == virtual_page.BINARY:
            return data
        text = before + data
        return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")[len(before) :]

    def _say(self, data: bytes) -> None:
        if data:
            self.output += data
            del self.output[:-OUTPUT_KEPT]
            self._changed.notify_all()
        if self._hung_up():  # nobody there to read
            self._pending_out = b""
            return
        self._pending_out += data
        with contextlib.suppress(BlockingIOError, OSError):
            while self._pending_out and self._master is not None:
                self._pending_out = self._pending_out[os.write(self._master, self._pending_out) :]

    def _pump(self) -> None:
        """Client's bytes to the board, in their order, up to a Ctrl-C whose time has not come, or to the cut."""
        while self._inbox:
            at = self._inbox.find(CTRL_C)
            if at == 0:
                if not self._ctrl_c():
                    return
                count = 1
            else:
                count = at if at > 0 else len(self._inbox)
                if self.cut_after is not None:
                    count = min(count, self.cut_after - self.received)
                if self.taps:
                    count = 1
                self._to_board(bytes(self._inbox[:count]))
            del self._inbox[:count]
            self.received += count
            for tap in self.taps:
                tap(self.received)
            if self.cut_after is not None and self.received >= self.cut_after:
                self.cut_after = None
                self.power_off()
                self.unplug()

    def _to_board(self, data: bytes) -> None:
        """Bytes into the board's buffer; what does not fit into 64 KB is lost."""
        if self._child:
            self._pending_in = (self._pending_in + data)[-PENDING_BYTES:]
            with contextlib.suppress(BlockingIOError):
                while self._pending_in:
                    self._pending_in = self._pending_in[os.write(self._to_child, self._pending_in) :]

    def _ctrl_c(self) -> bool:
        """SIGINT, or the byte where Ctrl-C does not interrupt. False: not yet, the last one may be pending."""
        if not self._child:
            return True
        with self._page.locked():
            if self._page.ctrl_c == virtual_page.INTERRUPT:
                if not self._interrupts.settled():
                    return False
                self._child.send_signal(signal.SIGINT)
                self._interrupts.sent()
                return True
        self._to_board(CTRL_C)
        return True

    # --- frames -------------------------------------------------------------------------------------------------------

    def _feed(self) -> None:
        """Writes frames when they are due, whole records; what the board does not fetch is lost, as on a board."""
        assert self._frames
        blocks, block_s, record = self._frames
        part = PIPE_ATOMIC // record * record
        due = time.monotonic()
        for block in blocks:
            due += block_s
            while not self._closing and (wait := due - time.monotonic()) > 0:
                time.sleep(min(wait, STOP_S / 10))
            if self._closing:
                return
            with self._lock, contextlib.suppress(OSError):
                for at in range(0, len(block), part):
                    if self._frames_out is not None:
                        os.write(self._frames_out, block[at : at + part])


@functools.cache
def _tree() -> Path:  # once a process
    return build_mpy.build("x64")
