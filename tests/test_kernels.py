"""Selection of the kernels at start, and the golden vectors it relies on, on every interpreter."""

from types import SimpleNamespace

import pytest

from tests.dsp import on_interpreters
from tests.simulate import meter, records_of, run
from wattless import kernels, selftest


@pytest.mark.parametrize("name", on_interpreters.NAMES)
def test_golden_checksums(name, tmp_path):
    """Viper on the checked shim, which equals the models, gave them; every other interpreter has them too."""
    expected = [selftest.GOLDEN[test] for test in sorted(selftest.TESTS)]
    on_interpreters.check(name, "run_selftest.py", [({"kernel": "selftest"}, expected)], tmp_path)


def test_every_module_of_kernels_has_a_test():
    assert set(selftest.TESTS) == set(kernels.Kernels.NAMES) == set(selftest.GOLDEN)


def test_a_board_without_thumb_runs_viper():
    chosen = kernels.choose("auto", False)
    assert (chosen.name, chosen.failed) == ("viper", [])
    assert "no Thumb-2" in chosen.reason


def test_viper_can_be_forced():
    chosen = kernels.choose("viper", True, load=lambda: pytest.fail("Thumb-2 kernels were loaded"))
    assert (chosen.name, chosen.reason) == ("viper", "as configured")


def twins(**replaced):
    """Viper kernels in the part of Thumb-2 ones, some replaced."""
    modules = [replaced.get(name, getattr(kernels.viper(""), name)) for name in kernels.Kernels.NAMES]
    return kernels.Kernels("thumb", "", modules)


@pytest.mark.parametrize("wanted, reason", [("auto", "self-test passed"), ("thumb", "as configured")])
def test_twins_that_are_right_are_taken(wanted, reason):
    chosen = kernels.choose(wanted, True, load=twins)
    assert (chosen.name, chosen.reason) == ("thumb", reason)


@pytest.mark.parametrize("wanted", ["auto", "thumb"])
def test_one_wrong_bit_falls_back_to_viper(wanted):
    from wattless.dsp import tone

    def wrong(ring, sine, params, out):
        tone.tone(ring, sine, params, out)
        out[1] ^= 1

    chosen = kernels.choose(wanted, True, load=lambda: twins(tone=SimpleNamespace(tone=wrong)))
    assert (chosen.name, chosen.failed) == ("viper", ["tone"])
    assert "tone" in chosen.reason


def test_missing_twins_fall_back_to_viper():
    def missing():
        raise ImportError("no module named 'wattless.dsp.fft_thumb'")

    chosen = kernels.choose("auto", True, load=missing)
    assert chosen.name == "viper" and "not installed" in chosen.reason


def test_wrong_viper_kernels_are_reported():
    golden = {**selftest.GOLDEN, "fft": 0}
    chosen = kernels.choose("auto", False, golden=golden)
    assert chosen.failed == ["fft"] and "self-test failed: fft" in chosen.reason


TONES = [("v1", 50, 230, 0), ("i1", 50, 5, -30)]


def test_the_meter_says_which_kernels_it_runs():
    made = meter(records_of(TONES, 0.1, {"wiring": "1p2w"}), {"wiring": "1p2w"})
    assert (made.kernels.name, made.kernels.failed) == ("viper", [])


def test_a_fallback_flags_every_window(monkeypatch):
    monkeypatch.setitem(selftest.GOLDEN, "half", 0)
    windows = run(records_of(TONES, 0.5, {"wiring": "1p2w"}), {"wiring": "1p2w"})
    assert [window.flags for window in windows] == [["fallback"]] * len(windows)
