"""`wattless flash`: makes a board equal to its image, or leaves it as it was.

    compare     SHA-256 of every file on the board; nothing to do: "No changes applied"
    stage       new files into update/new, each verified by its hash as read back
    commit      one rename makes the journal valid; from here on the board finishes the update, whatever happens
    swap        at its next start, by on_device/main.py, before the meter is imported
    try         the meter must say {"announce": "ready", ...}; otherwise, or when the board restarts unconfirmed: back
    confirm     forget the old version; then main.py itself, where it changed, by one rename

A cut before the commit leaves the old version, a cut after it the new one or, unconfirmed, the old one.
Not yet run on hardware.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from host_tools.board import image as images
from host_tools.board import plan, recovery
from host_tools.board.image import MAIN, MANIFEST, Image
from host_tools.board.session import BoardError, ConnectionLost, Session, choose, list_ports

__all__ = ["console", "list_ports", "run", "update"]

NO_CHANGES = "No changes applied"
READY = b'"announce": "ready"'
UNDONE = b'"state": "undone"'
PROMPT = b"\r\n" + recovery.PROMPT
STOPPED = '{"announce": "stopped"'  # why stands before it
CHATTER = (">>>", "MicroPython v", 'Type "help()"', "MPY: ", "Traceback ", "  File ", STOPPED)
READY_S = 60.0
BY_HAND_S = 30.0
KEPT_BYTES = 4096  # of what the meter says while we wait
DONE, FAILED, WOULD_CHANGE = 0, 1, 2  # exit codes

IDENTITY = """\
import os, sys
fat = None
try:
 import vfs
 for v, at in vfs.mount():
  if at == '/' or os.getcwd().startswith(at): fat = 'Fat' in str(v)
except Exception: pass
name = getattr(sys.implementation, '_machine', None)
if name is None: name = os.uname().machine
disk = os.statvfs('')
print(repr((name, getattr(sys.implementation, '_mpy', None), os.getcwd(), disk[1], disk[4], fat)))"""
SETTLE = "s = settle()\nif s == 'trial': s = settle()\nprint(s)"
CONFIRM = "import os\nos.rename('update/trial', 'update/clean')\nprint('confirmed')"
GIVE_UP = "import os\nos.rename('update/trial', 'update/undo')"
SHOW = "with open({0!r}) as file:\n for line in file: print(line, end='')"
COPY = """\
with open({0!r}, 'rb') as a:
 with open({1!r}, 'wb') as b:
  while True:
   data = a.read(512)
   if not data: break
   b.write(data)"""


@dataclass(frozen=True)
class Identity:
    machine: str
    mpy: int
    folder: str
    block: int
    free_blocks: int
    fat: bool | None


def run(
    board: str,
    port: str | None,
    check: bool,
    say: Callable[[str], None] = print,
    ready_s: float = READY_S,
    by_hand_s: float = BY_HAND_S,
) -> int:
    """Flashes a board; `check`: only says what would change. Returns the exit code: 0 done, or nothing to do; 1 it
    could not be done, the reason is said, the board has its old version; 2 with `check`: something would change.

    `ready_s`: how long the meter may take to its self-test line. `by_hand_s`: how long we wait for somebody to press
    the reset button of a board that cannot be stopped otherwise. Raises CompileError and ToolMissing."""
    try:
        image = images.build(board)
        with Session(choose(port), say, by_hand_s) as session:
            return update(session, image, check, say, ready_s)
    except ConnectionLost as error:
        say(f"wattless: {error}. At its next start the board has its old or its new version, whole; flash it again")
        return FAILED
    except (BoardError, images.ImageError, recovery.BoardStuck) as error:
        say(f"wattless: {error}")
        return FAILED


def update(session: Session, image: Image, check: bool, say: Callable[[str], None], ready_s: float = READY_S) -> int:
    """run() with an image of one's own on an open connection; raises what run() says."""
    session.enter()
    here = _identify(session, image)
    if session.run(SETTLE) == "undone":
        say("an update that nobody had confirmed was undone: the board had its former version again")
    session.run(f"if there({plan.NEXT!r}): os.remove({plan.NEXT!r})")
    table, had_program = _compare(session, image)
    if not plan.changes(table):
        if check:
            say(plan.lines(table)[-1])
        else:
            say(NO_CHANGES)
        return _carry_on(session, say, check, ready_s)
    for line in plan.lines(table):
        say(line)
    if check:
        _carry_on(session, say, check, ready_s)
        return WOULD_CHANGE
    if here.fat:
        say("the board's file system is FAT, which a power cut can damage: littlefs is safe")
    return _Update(session, image, table, here, had_program, say, ready_s).apply()


def console(port: str | None) -> int:
    """The board's console in this terminal, by mpremote (Ctrl-] ends it); returns the exit code. BoardError."""
    command = [sys.executable, "-m", "mpremote", "connect", choose(port), "resume", "repl"]
    return subprocess.run(command, check=False).returncode


class _Update:
    """One update of one board, step by step."""

    def __init__(
        self,
        session: Session,
        image: Image,
        table: list[plan.Row],
        here: Identity,
        had_program: bool,
        say: Callable[[str], None],
        ready_s: float,
    ) -> None:
        self._session = session
        self._image = image
        self._table = table
        self._here = here
        self._had_program = had_program  # something ran before
        self._say = say
        self._ready_s = ready_s
        self._main = next(row.kind for row in table if row.path == MAIN)
        self._old_main = b""  # to be put back where the update fails
        self._limps = False  # ready once, then not
        self._new_start = False  # main.py had to come first: what was there does not know our journal

    def apply(self) -> int:
        try:
            self._check_space()
            text = self._stage()
            if text:
                if self._main != "same":
                    self._start_first()
                self._commit(text)
        except ConnectionLost:
            raise
        except BoardError as error:
            return self._abandon(str(error))
        if text:
            why = self._try()
            if why:
                return self._back(why)
        if self._main != "same" and not self._new_start:
            why = self._start_last()
            if why:
                return FAILED
        paused = time.monotonic() - (self._session.stopped_at or 0.0)
        self._say(f"done: {len(plan.changes(self._table))} files; metering paused for {paused:.1f} s")
        return FAILED if self._limps else DONE

    def _check_space(self) -> None:
        need = plan.space(self._table, self._here.block)
        free = self._here.free_blocks * self._here.block
        if need > free:
            raise BoardError(
                f"not enough space in {self._here.folder}: the update needs {need} bytes besides the version that is"
                f" there, {free} are free. Use a larger file system (SD card, SPI flash) or a frozen build"
            )

    def _stage(self) -> str:
        """New files into update/new, verified; returns the journal."""
        text, staged = plan.journal(self._table)
        if text:
            self._session.run("empty('update')\nfor f in ('update', 'update/new', 'update/old'): os.mkdir(f)")
        for path, name in staged.items():
            self._put(name, self._image.files[path], path)
        return text

    def _put(self, name: str, data: bytes, path: str) -> None:
        for _ in range(2):
            self._session.write(name, data)
            if self._session.digest(name) == images.sha256(data):
                return
        raise BoardError(f"{path} did not arrive as it was sent, twice: the board's disk or its cable is bad")

    def _start_first(self) -> None:
        """Our main.py in place of none, a stranger's, or one that knows another journal. It runs what was there."""
        session = self._session
        if self._main == "change":
            self._old_main = session.read(MAIN)
            if images.format_of(self._old_main) == images.format_of(self._image.main):
                return  # it can do this update; its successor comes last
            session.run(COPY.format(MAIN, plan.BEFORE))
            if session.digest(plan.BEFORE) != images.sha256(self._old_main):
                raise BoardError(f"{MAIN} could not be copied to {plan.BEFORE}")
        self._new_start = True
        self._replace_main(self._image.main)

    def _replace_main(self, data: bytes) -> None:
        self._put(plan.NEXT, data, MAIN)
        self._session.run(f"os.rename({plan.NEXT!r}, {MAIN!r})")

    def _commit(self, text: str) -> None:
        if self._new_start and self._main == "change":
            text += f"{len(text.splitlines())} delete {plan.BEFORE}\n"
        self._put("update/journal", text.encode(), "the journal")
        self._session.run("os.rename('update/journal', 'update/swap')")

    def _try(self) -> str:
        """Starts the new version and confirms it. Returns why that failed, "" where it did not."""
        self._say("restarting with the new version")
        self._session.restart()
        why = wait_ready(self._session, self._ready_s)
        if why:
            return why
        if self._session.enter(first=CONFIRM) != "confirmed":
            return "it restarted before it was confirmed"
        self._session.run(SETTLE)
        if self._main == "same" or self._new_start:
            self._session.restart()
            why = wait_ready(self._session, self._ready_s)
            if why:
                self._limps = True
                self._say(f"the new version was ready once and is confirmed, but not after its second start: {why}")
        return ""

    def _start_last(self) -> str:
        """The new main.py by one rename; the old one again where the meter does not get ready with it."""
        if self._main == "change" and not self._old_main:
            self._old_main = self._session.read(MAIN)
        self._replace_main(self._image.main)
        self._session.restart()
        why = wait_ready(self._session, self._ready_s)
        if why and self._old_main:
            self._say(f"with the new {MAIN} the meter did not report ready: {why}. Putting the old one back")
            self._session.enter()
            self._replace_main(self._old_main)
            self._restarted()
        elif why:
            self._say(f"with {MAIN} in place the meter did not report ready: {why}")
        return why

    def _abandon(self, why: str) -> int:
        """Nothing was committed: cleans up and starts what was there."""
        self._say(f"wattless: {why}")
        self._session.run("empty('update')")
        self._old_start()
        self._say("nothing was changed")
        self._restarted()
        return FAILED

    def _back(self, why: str) -> int:
        self._say(f"the new version did not report ready: {why}. Going back to the old one")
        try:
            self._session.enter(first=GIVE_UP)
        except recovery.BoardStuck as error:
            self._say(f"wattless: {error}. At its next start the board goes back to its old version by itself")
            return FAILED
        self._session.run(SETTLE)
        self._old_start()
        self._restarted()
        return FAILED

    def _old_start(self) -> None:
        """main.py as it was, where we had put ours in its place."""
        if self._new_start and self._main == "add":
            self._session.run(f"os.remove({MAIN!r})")
        elif self._new_start:
            self._session.run(f"os.rename({plan.BEFORE!r}, {MAIN!r})")

    def _restarted(self) -> None:
        """Starts the old version again and says how that went."""
        self._session.restart()
        if self._new_start or not self._had_program:
            self._say("the board is as it was" + ("" if self._had_program else ", without a program"))
            return
        why = wait_ready(self._session, self._ready_s)
        self._say(f"the old version did not report ready: {why}" if why else "the old version runs again")


def wait_ready(session: Session, seconds: float) -> str:
    """Why the meter that was just started is not ready; "" when it says that it is."""
    end = time.monotonic() + seconds
    heard = b""
    while (left := end - time.monotonic()) > 0:
        heard = (heard + session.listen(min(left, 0.5)))[-KEPT_BYTES:]
        if UNDONE in heard:
            return "the board restarted by itself and went back to its old version"
        if READY in heard and b"\n" in heard[heard.index(READY) :]:
            return ""
        if heard.endswith(PROMPT):
            return f"the program ended: {_last_words(heard)}"
    return f"no line with {READY.decode()} within {seconds:.0f} s; its last words: {_last_words(heard)}"


def _last_words(heard: bytes) -> str:
    lines = [line for line in heard.decode(errors="replace").splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(CHATTER)]
    return said[-1].strip()[:200] if said else "none"


def _identify(session: Session, image: Image) -> Identity:
    here = Identity(*session.value_of(IDENTITY))
    if image.machine not in here.machine:
        raise BoardError(f"wrong board on {session.port}: it is {here.machine!r}, {image.board} is {image.machine!r}")
    if here.mpy is None:
        raise BoardError("the board's MicroPython does not load .mpy files")
    why = images.misfit(image, here.mpy)
    if why:
        raise BoardError(f"{why}: the board needs another MicroPython, 1.23 or later")
    return here


def _compare(session: Session, image: Image) -> tuple[list[plan.Row], bool]:
    """(the table, whether the board has a program to go back to)."""
    present = dict(session.values(f"walk('')\nwalk({images.FOLDER!r})"))
    manifest = session.run(SHOW.format(MANIFEST)) if MANIFEST in present else ""
    concerned = sorted(plan.candidates(image, present, manifest) | ({MAIN} & present.keys()))
    return plan.rows(image, present, session.digests(concerned)), MAIN in present


def _carry_on(session: Session, say: Callable[[str], None], check: bool, ready_s: float) -> int:
    """Lets the meter run again that we had stopped to look at it."""
    session.restart()
    why = wait_ready(session, ready_s)
    if why and not check:
        say(f"the meter did not report ready: {why}")
    return FAILED if why and not check else DONE
