"""`make memory`: its arithmetic, and that the least of the meter runs in the heap that it is said to need."""

import pytest

from host_tools.memory import gate, measure, native, rooms, table
from host_tools.memory.measure import Look, Report
from host_tools.memory.rooms import Profile
from host_tools.toolchain.build_mpy import build

LEAST = 384 * 1024  # of heap: the meter without optional rooms from .mpy files on viper kernels takes 321 KB
PROFILE = Profile("a board", "mpy", 106160, 102400, 8192, 0, ())


@pytest.fixture(scope="module")
def machine():
    return measure.stock()


@pytest.fixture(scope="module")
def parts(machine):
    """Heap by module and part, on Debian's interpreter."""
    report = measure.run(machine, "table", 0.5)
    assert not report.error
    return report.parts


def test_machine_code_of_a_module():
    """points_viper is four kernels and little else, so its file is little more than their code; in the heap each
    begins a new block of 16 bytes."""
    path = build("armv7emsp") / "wattless/points_viper.mpy"
    size = path.stat().st_size
    code = native.code_bytes(path)
    assert size - 400 < code < size
    assert code <= native.heap_bytes(path) < code + 6 * native.BLOCK
    assert native.heap_bytes(path) % native.BLOCK == 0


def test_bytecode_is_no_machine_code():
    tree = build("armv7emsp")
    assert native.heap_bytes(tree / "wattless/meter.mpy") == 0
    alone = native.heap_bytes(tree / "wattless/points_viper.mpy")
    assert native.heap_bytes_of(tree, ["wattless.meter", "no.such.module", "wattless.points_viper"]) == alone


def test_every_module_of_the_firmware_has_a_room():
    tree = build("armv7emsp")
    for path in [*(tree / "wattless").rglob("*.mpy")]:
        name = ".".join(path.relative_to(tree).with_suffix("").parts).removesuffix(".__init__")
        assert rooms.room_of(name) in rooms.ROOMS


@pytest.mark.parametrize(
    "name, room",
    [
        ("wattless.dsp.flicker_filter", "flicker"),
        ("wattless.dsp.fft_thumb", "dsp"),
        ("+wattless.dsp.window.Window", "dsp"),
        ("wattless.metering.source_moves", "source"),
        ("wattless.metering.interval_sums", "aggregation"),
        ("wattless.points_packed", "points"),
        ("wattless.services.modbus_tcp", "tcp"),
        ("asyncio.stream", "tcp"),
        ("asyncio.core", "interpreter, asyncio"),
    ],
)
def test_rooms(name, room):
    assert rooms.room_of(name) == room


def test_a_module_without_a_room_is_an_error():
    with pytest.raises(KeyError, match="belongs to no room"):
        rooms.room_of("elsewhere.module")


def test_sums_of_the_table():
    found = rooms.by_room(
        {"wattless.dsp.fft": 3000, "wattless.dsp.sums": 1000, "+wattless.dsp.window.Window": 500, "asyncio": 70},
        {"wattless.dsp.fft": 2000},
    )
    assert (found["dsp"].modules, found["dsp"].native, found["dsp"].data, found["dsp"].total) == (4000, 2000, 500, 4500)
    everything = table.total(found)
    assert (everything.modules, everything.native, everything.data, everything.total) == (4070, 2000, 500, 4570)
    text = table.of_rooms({"mpy": found, "frozen": found})
    assert " 4000 " in text and "(2000)" in text and text.count("4570") == 2


def looks(*used):
    return [Look(30.0 + 60 * n, size + 900, size, 102400 - size, 9000) for n, size in enumerate(used)]


def test_growth_is_seen():
    """By 96 bytes a minute, which are a year's 50 MB; a wobble by a block is none."""
    assert gate.slope(looks(90000, 90096, 90192)) == pytest.approx(96)
    assert abs(gate.slope(looks(90000, 90016, 90000, 90016, 90000))) < gate.GROWTH
    found = Report(looks=looks(80000, 80096), seconds=180.0, windows=895, asked=9, answered=9)
    assert gate.problems(PROFILE, found, 96.0, 180.0) == ["the heap grows by 96 B a minute"]


def test_what_fits():
    found = Report(looks=looks(80000, 80000), seconds=180.0, windows=895, asked=9, answered=9)
    assert gate.problems(PROFILE, found, 0.0, 180.0) == []


@pytest.mark.parametrize(
    "changed, problem",
    [
        ({"error": "memory error: allocating 164 bytes", "looks": []}, "ended at the start: memory error"),
        ({"error": "memory error: allocating 164 bytes"}, "ended after 90 s: memory error"),
        ({"windows": 200}, "200 windows in 180 s"),
        ({"answered": 3}, "3 answers to 9 requests"),
        ({"looks": looks(80000, 94300)}, "8100 B free after a collection, wanted 8192 B"),
    ],
)
def test_what_does_not(changed, problem):
    good = {"looks": looks(80000, 80000), "seconds": 180.0, "windows": 895, "asked": 9, "answered": 9}
    assert problem in "; ".join(gate.problems(PROFILE, Report(**{**good, **changed}), 0.0, 180.0))


def test_boards_say_which_rooms_they_have(tmp_path):
    folder = tmp_path / "boards/one"
    folder.mkdir(parents=True)
    (folder / "board.py").write_text('import x\n_ROOMS_FROZEN = ("tcp",)\nrooms = () if x else _ROOMS_FROZEN\n')
    assert rooms.declared_rooms("one", "_ROOMS_FROZEN", tmp_path) == ("tcp",)
    assert rooms.declared_rooms("one", "rooms", tmp_path) is None
    assert rooms.declared_rooms("none", "rooms", tmp_path) is None
    assert [profile for profile in rooms.profiles() if profile.board == "pybv11"]
    for profile in rooms.profiles():
        assert set(profile.rooms) <= set(rooms.OPTIONAL), profile.board


def test_native_code_outside_of_the_heap_is_subtracted(machine, parts):
    """64 KB of kernels in all, those of the optional rooms and Thumb-2 among them."""
    budget = gate.heap_for(machine, LEAST, parts)
    assert 25000 < LEAST - budget < 70000
    assert LEAST - budget == sum(gate.native_bytes(machine, Report(parts=parts)).values())


def test_the_table_has_what_is_known_beforehand(parts):
    """The transform's buffer is 16384 bytes; Points has 3700 registers of two bytes."""
    assert 16384 + 9000 < parts["+wattless.dsp.window.Window"] < 16384 + 14000
    assert 7000 < parts["+wattless.points.Points"] < 13000


def test_the_least_profile_runs_in_its_heap(machine, parts):
    report = measure.run(machine, "run", 2.5, heap=gate.heap_for(machine, LEAST, parts), every_s=0.5)
    assert report.error == ""
    assert report.windows >= 8 and report.answered >= 1 and len(report.looks) >= 4


def test_too_small_a_heap_is_named(machine):
    report = measure.run(machine, "run", 0.5, heap=100 * 1024)
    assert "memory" in report.error and "alloc" in report.error
