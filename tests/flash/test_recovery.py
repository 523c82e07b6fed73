"""Boards whose program does not want to stop: the ladder gets to the prompt, and says by which step."""

import threading
import time

import pytest

from host_tools.board import recovery
from host_tools.board import session as sessions
from host_tools.board.session import Session
from tests.flash import programs

# All say "up" from where they are deaf. This one swallows so many KeyboardInterrupts, then ends as a program does.
SWALLOWS = """\
import time
left = {}
while True:
    try:
        print('up')
        while True:
            time.sleep(0.01)
            {}
    except KeyboardInterrupt:
        if left == 0:
            raise
        left -= 1
"""
DEAF = """\
import time
time.sleep(0.5)
def deaf():
    while True:
        try:
            print('up')
            while True:
                pass
        except KeyboardInterrupt:
            pass
while True:
    try:
        deaf()
    except KeyboardInterrupt:
        pass
"""
# It takes Ctrl-C and Ctrl-A for itself, as prompts of programs do; Ctrl-D restarts the board.
OWN_PROMPT = DEAF.replace(
    "pass\n        except", "if sys.stdin.read(1) == '\\x04': sys.exit()\n        except"
).replace("time\n", "time, sys\n", 1)
FIRST, SECOND, THIRD, FOURTH, FIFTH = (name for name, _ in recovery.STEPS)


@pytest.fixture
def stuck(device):
    """stuck(main.py) -> the device with it running."""

    def run(program):
        with Session(device.path, print) as session:
            session.enter()
            session.write("main.py", program.encode())
        device.forget()
        device.power_cycle()
        assert device.wait_for("up")
        return device

    return run


def entered(device, by_hand_s=0.0, heard=lambda line: None, patience_s=0.3):
    """(the step that worked, what was said) of a session that then works."""
    said = []
    with Session(device.path, lambda line: [said.append(line), heard(line)], by_hand_s, patience_s) as session:
        session.enter()
        assert session.run("print(6 * 7)") == "42"
        return session.step, said


@pytest.mark.parametrize(
    "program",
    [
        "print('up')\nwhile True: pass\n",
        "import time\nprint('up')\nwhile True: time.sleep(10)\n",
        "while True: print('up' * 100)\n",
        "print('up')\nraise ValueError\n",
        SWALLOWS.format(1, "pass"),
        SWALLOWS.format(1, "print('x' * 500)"),
    ],
    ids=["loop", "sleep", "flood", "ended", "swallows one", "floods and swallows one"],
)
def test_the_first_step_is_enough_and_says_nothing(stuck, program):
    assert entered(stuck(program)) == (FIRST, [])


@pytest.mark.parametrize("output", ["pass", "print('x' * 500)"], ids=["quiet", "floods"])
def test_a_program_that_swallows_four(stuck, output):
    step, said = entered(stuck(SWALLOWS.format(4, output)))
    assert step == SECOND
    assert said == [f"{FIRST}: no prompt", f"{SECOND}: worked"]


def test_a_program_with_a_prompt_of_its_own(stuck):
    device = stuck(OWN_PROMPT)
    boots = device.boots
    step, said = entered(device)
    assert step == THIRD
    assert said == [f"{FIRST}: no prompt", f"{SECOND}: no prompt", f"{THIRD}: worked"]
    assert device.boots > boots


def test_a_deaf_program_is_reset_by_the_lines(stuck, monkeypatch):
    device = stuck(DEAF)
    lines = []

    def toggle(port, active):
        lines.append(active)
        if active:
            device.power_off()
        else:
            device.power_on()
        return True

    monkeypatch.setattr(sessions._Port, "lines", toggle)
    step, said = entered(device, patience_s=0.2)
    assert step == FOURTH and said[-1] == f"{FOURTH}: worked"
    assert lines == [True, False]


def test_a_deaf_program_is_reset_by_hand(stuck):
    device = stuck(DEAF)

    def press(line):
        if line.startswith("press"):
            threading.Timer(0.2, device.power_cycle).start()

    step, said = entered(device, by_hand_s=10.0, heard=press, patience_s=0.1)
    assert step == FIFTH
    assert said[3:] == [
        f"{FOURTH}: this port has no DTR and RTS",
        "press the board's reset button now (I wait 10 s)",
        f"{FIFTH}: worked",
    ]


class Silence:
    """A port at which nobody is."""

    written = b""

    def write(self, data):
        self.written += data

    def read(self, seconds):
        time.sleep(seconds)
        return b""

    def lines(self, active):
        return True


def test_nobody_there():
    port, said = Silence(), []
    with pytest.raises(recovery.BoardStuck) as error:
        recovery.recover(port, said.append, patience_s=0.01)
    assert said == [f"{step}: no prompt" for step in (FIRST, SECOND, THIRD, FOURTH)]
    for line in said:
        assert line in str(error.value)
    assert FIFTH not in str(error.value) and "safe mode" in str(error.value)
    assert port.written.startswith(b"\r\x03\x03\r\x01\x03")


@pytest.mark.parametrize(
    "typed",
    [b"\x05x = 1\r", b"\x01print(1", b"\x01\x05A\x01x = 1\n" + b"y = 2\n" * 15, b"for i in (1,\r", b"'''"],
    ids=["paste mode", "raw mode", "half a raw paste", "a bracket", "a string"],
)
def test_a_prompt_that_was_left_in_the_middle(device, typed):
    """The last host went away without a word."""
    with Session(device.path, print) as session:
        session._transport.serial.write(typed)
    assert entered(device)[0] == FIRST


def test_flash_says_the_steps(stuck, update):
    device = stuck(SWALLOWS.format(4, "pass"))
    code, said = update(device, programs.make("1"))
    assert code == 0
    assert said[:2] == [f"{FIRST}: no prompt", f"{SECOND}: worked"]


def test_a_watchdog_is_left_behind(device, update):
    """It cannot be stopped, and would reset the board under our hands: so the board restarts without its program."""
    board = "import machine\nwatchdog = machine.WDT(timeout=1000)\n"
    program = (
        'import board, time\nprint(\'{"announce": "ready"}\')\nwhile True:\n time.sleep(0.05)\n board.watchdog.feed()\n'
    )
    files = {"board.py": board.encode(), "meter_main.py": program.encode()}
    image = programs.image.make("virtual", programs.MACHINE, files)
    code, said = update(device, image)
    assert code == 0, said
    assert device.wait_for('"announce": "ready"')
    with Session(device.path, print, patience_s=0.3) as session:
        session.enter()
        boots = device.boots
        session.run("import time\ntime.sleep(1.5)")  # longer than the watchdog's patience
        assert device.boots == boots
        assert session.run("print('safe_boot' in os.listdir())") == "False"
    device.power_cycle()
    code, said = update(device, image)
    assert code == 0 and said[-1] == "No changes applied"


def test_the_watchdog_of_the_virtual_device_bites(device):
    with Session(device.path, print) as session:
        session.enter()
        boots = device.boots
        session.run(
            "import machine, time\nw = machine.WDT(timeout=200)\nfor i in range(4):\n time.sleep(0.1)\n w.feed()"
        )
        assert device.boots == boots
        device.forget()
        assert device.wait_for(">>> ", 5.0)
        assert device.boots == boots + 1
