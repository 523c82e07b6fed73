"""The virtual device as a board: the released mpremote, as library and as command, finds what a board has."""

import contextlib
import hashlib
import os
import subprocess
import sys
import time

import pytest
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport


@pytest.fixture
def board(device):
    """mpremote's transport on the device, at its raw prompt."""
    transport = SerialTransport(device.path)
    transport.serial.timeout = 10
    transport.enter_raw_repl()
    yield transport
    with contextlib.suppress(OSError):  # the cable was pulled
        transport.close()


def mpremote(device, *words):
    command = [sys.executable, "-m", "mpremote", "connect", device.path, *words]
    done = subprocess.run(command, capture_output=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout.replace(b"\r\n", b"\n").decode()


def typed(board, text, ending=b">>> "):
    """What the friendly prompt answers to it."""
    board.serial.write(text)
    return board.read_until(1, ending, timeout=5)


def test_execution(board):
    assert board.exec("print(6 * 7)\nprint('\\xe4')") == "42\r\n\xe4\r\n".encode()
    assert board.use_raw_paste  # it was taken
    assert board.exec("x = " + repr("y" * 3000) + "\nprint(len(x))") == b"3000\r\n"
    assert board.eval("x[:2]") == "yy"
    with pytest.raises(TransportExecError) as error:
        board.exec("def f():\n    return 1 / 0\nf()")
    traceback = 'Traceback (most recent call last):\r\n  File "<stdin>", line 3, in <module>\r\n'
    assert error.value.error_output.startswith(traceback)
    assert error.value.error_output.endswith("ZeroDivisionError: divide by zero\r\n")
    with pytest.raises(TransportExecError, match="SyntaxError"):
        board.exec("1 +")
    assert board.exec("print('still there')") == b"still there\r\n"


def test_execution_without_raw_paste(board):
    board.use_raw_paste = False
    assert board.exec("print(6 * 7)") == b"42\r\n"
    assert board.read_until(1, b">") == b">"
    board.serial.write(b"\x05B\x01")  # an answer for what it does not know
    assert board.read_until(1, b">", timeout=5) == b"R\x00>"


def test_ctrl_c_while_it_executes(board):
    board.exec_raw_no_follow("import time\nprint('on')\nwhile True: time.sleep(1)")
    assert board.read_until(1, b"on\r\n").endswith(b"on\r\n")
    board.serial.write(b"\x03")
    out, error = board.follow(5)
    assert b"KeyboardInterrupt" in error
    assert board.exec("print(1)") == b"1\r\n"


def test_ctrl_c_in_a_raw_paste(board):
    board.read_until(1, b">")
    board.serial.write(b"\x05A\x01")
    assert board.serial.read(5) == b"R\x01\x80\x00\x01"
    board.serial.write(b"x = 1\n\x03")
    answer = board.read_until(1, b">", timeout=5)
    assert answer.startswith(b"\x04\x04") and b"KeyboardInterrupt" in answer


def test_a_window_is_announced_whenever_one_is_used_up(board):
    """128 bytes, half of MicroPython's buffer, and two at the start."""
    board.read_until(1, b">")
    board.serial.write(b"\x05A\x01")
    assert board.serial.read(5) == b"R\x01\x80\x00\x01"
    board.serial.write(b"#" * 127)
    assert board.serial.read(0) == b""
    board.serial.write(b"#")
    assert board.serial.read(1) == b"\x01"
    board.serial.write(b"\n\x04")
    assert board.read_until(1, b">", timeout=5) == b"\x04\x04\x04>"


def test_files_are_on_littlefs(board, device):
    kind = board.exec("import vfs\nprint(vfs.mount())")
    assert kind.strip() == b"[(<VfsLfs2>, '/')]"
    data = bytes(range(256)) * 20
    board.fs_writefile("some.bin", data)
    assert board.fs_readfile("some.bin") == data
    assert b"littlefs" in device.disk.read_bytes()[:64]
    board.close()
    device.power_cycle()
    assert mpremote(device, "exec", "import os; print(os.listdir())") == "['some.bin']\n"


def test_boot_order_and_soft_resets(board, device):
    board.fs_writefile("boot.py", b"print('boot.py')\n")
    board.fs_writefile("main.py", b"import sys\nprint('main.py', sys.argv)\n")
    device.forget()
    board.enter_raw_repl(soft_reset=True)  # from raw mode: boot.py, no main.py
    assert b"boot.py\r\n" in device.output and b"main.py" not in device.output
    board.exit_raw_repl()
    assert typed(board, b"").endswith(b'Type "help()" for more information.\r\n>>> ')
    out = typed(board, b"\x04")
    assert out.startswith(
        b"\r\nMPY: sync filesystems\r\nMPY: soft reboot\r\nboot.py\r\nmain.py ['main.py']\r\nMicroPython"
    )
    device.forget()
    device.power_cycle()
    assert device.wait_for(">>> ")
    assert device.output.startswith(b"boot.py\r\nmain.py")


def test_sys_exit_in_main_restarts_for_ever(board, device):
    """As on boards, which is why our main.py catches it."""
    board.fs_writefile("main.py", b"import sys, time\ntime.sleep(0.1)\nsys.exit()\n")
    boots = device.boots
    board.exit_raw_repl()
    typed(board, b"")
    board.serial.write(b"\x04")
    end = time.monotonic() + 10
    while device.boots < boots + 4 and time.monotonic() < end:
        time.sleep(0.01)
    assert device.boots >= boots + 4


def test_the_friendly_prompt(board):
    board.exit_raw_repl()
    typed(board, b"")
    assert typed(board, b"1 + 1\r") == b"1 + 1\r\n2\r\n>>> "
    assert typed(board, b"x = 3o\x08\r") == b"x = 3o\x08 \x08\r\n>>> "
    assert typed(board, b"for i in (1,\r x):\r  print(i)\r\r").endswith(b"... \r\n1\r\n3\r\n>>> ")
    assert typed(board, b"1 +\x03") == b"1 +\r\n>>> "
    assert typed(board, b"nothing\r").endswith(b"NameError: name 'nothing' isn't defined\r\n>>> ")
    assert typed(board, b"s = '''(\r'''; s\r").endswith(b"'(\\n'\r\n>>> ")
    assert typed(board, b"\x1b[A# (\r") == b"# (\r\n>>> "
    pasted = typed(board, b"\x05if x:\r    print('pasted')\r\x04")
    assert b"paste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== " in pasted and pasted.endswith(
        b"\r\npasted\r\n>>> "
    )


def test_reset_and_what_it_leaves(board, device):
    board.exec("import machine\nx = 1")
    boots = device.boots
    device.forget()
    board.exec_raw_no_follow("machine.reset()")
    assert device.wait_for("Wattless virtual device")
    board.enter_raw_repl(soft_reset=False)
    assert device.boots == boots + 1
    with pytest.raises(TransportExecError, match="NameError"):
        board.exec("x")


def test_input_of_a_program_is_the_programs(board):
    """Bytes that are not Ctrl-C, Ctrl-A to Ctrl-D included."""
    board.exec_raw_no_follow("import sys\nprint(repr(sys.stdin.read(5)))")
    time.sleep(0.05)
    board.serial.write(b"a\x01\x02\x04z")
    assert board.follow(5)[0] == b"'a\\x01\\x02\\x04z'\r\n"


def test_mpremotes_commands(device, tmp_path):
    (tmp_path / "here.txt").write_text("from the PC\n")
    mpremote(device, "cp", str(tmp_path / "here.txt"), ":there.txt")
    assert mpremote(device, "cat", ":there.txt") == "from the PC\n"
    assert "there.txt" in mpremote(device, "ls")
    assert hashlib.sha256(b"from the PC\n").hexdigest() in mpremote(device, "sha256sum", ":there.txt")
    mount = mpremote(device, "mount", str(tmp_path), "exec", "print(open('/remote/here.txt').read())")
    assert mount.endswith("from the PC\n\n")
    script = tmp_path / "script.py"
    script.write_text("print('run', 6 * 7)\n")
    assert mpremote(device, "run", str(script)) == "run 42\n"
    command = [sys.executable, "-m", "mpremote", "connect", device.path, "exec", "import nowhere"]
    failed = subprocess.run(command, capture_output=True, timeout=20)
    assert failed.returncode == 1 and b"no module named 'nowhere'" in failed.stdout + failed.stderr
    mpremote(device, "rm", ":there.txt", "+", "soft-reset")
    assert "there.txt" not in mpremote(device, "ls")


def test_the_cable_is_pulled(board, device):
    start = time.monotonic()
    device.unplug()
    with pytest.raises((OSError, TransportError)):
        board.exec("print(1)")
    assert time.monotonic() - start < 5
    device.plug_in()
    assert os.path.exists(device.path)


def test_a_link_to_the_port(devices, tmp_path):
    device = devices(link=tmp_path / "port")
    assert os.readlink(tmp_path / "port") == device.path
    assert mpremote(device, "exec", "print(1)") == "1\n"
    device.plug_in()
    assert os.readlink(tmp_path / "port") == device.path
    device.close()
    assert not os.path.lexists(tmp_path / "port")


def test_frames_come_on_their_own_descriptor(devices):
    records = [bytes([n]) * 24 * 10 for n in range(100)]
    device = devices(frames=(records, 0.01, 24))
    program = "import os\na = open(int(os.getenv('WATTLESS_FRAMES_FD')), 'rb').read(24)\nprint(a == a[:1] * 24)"
    assert mpremote(device, "exec", program) == "True\n"


def test_a_board_that_crashed_says_so(device):
    with device._lock:
        os.kill(device._child.pid, 6)
    assert device.wait_for("MicroPython ended, code -6")
    device.power_on()
    assert mpremote(device, "exec", "print(1)") == "1\n"
