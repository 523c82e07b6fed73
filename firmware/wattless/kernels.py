"""Which kernels the signal core runs on: viper everywhere, Thumb-2 twins where a board has them and they are right.

At start the twins work through the same small golden vectors as the viper kernels (selftest.py, which leaves memory
again afterwards). One difference, in one bit, and the meter runs on viper and says so; `name` and `reason` are for
diagnostics.
"""

import sys


class Kernels:
    """name: "viper" or "thumb"; reason: why; failed: names of the kernels whose self-test failed.

    One attribute a module of kernels, by the names in NAMES.
    """

    NAMES = ("unpack", "fft", "resample", "resample_wide", "sums", "spectrum", "correction", "phase", "half", "tone")

    def __init__(self, name, reason, modules, failed=()):
        self.name = name
        self.reason = reason
        self.failed = failed
        for module_name, module in zip(self.NAMES, modules):
            setattr(self, module_name, module)


def viper(reason, failed=()):
    """The kernels that work everywhere."""
    from wattless.capture import unpack
    from wattless.dsp import correction, fft, half, phase, resample, resample_wide, spectrum, sums, tone

    modules = (unpack, fft, resample, resample_wide, sums, spectrum, correction, phase, half, tone)
    return Kernels("viper", reason, modules, failed)


def thumb():
    """The Thumb-2 twins, not tested. ImportError where they were not built."""
    from wattless.capture import unpack_thumb
    from wattless.dsp import (
        correction_thumb,
        fft_thumb,
        half_thumb,
        phase_thumb,
        resample_thumb,
        resample_wide_thumb,
        spectrum_thumb,
        sums_thumb,
        tone_thumb,
    )

    modules = (unpack_thumb, fft_thumb, resample_thumb, resample_wide_thumb, sums_thumb, spectrum_thumb)
    return Kernels("thumb", "", modules + (correction_thumb, phase_thumb, half_thumb, tone_thumb))


def choose(wanted, runs_thumb, load=thumb, golden=None):
    """The Kernels for the setting `wanted` ("auto", "viper", "thumb") on a board that runs Thumb-2 code or does not.

    load, golden: for tests."""
    if wanted == "viper":
        return _checked(viper("as configured"), golden)
    if not runs_thumb:
        return _checked(viper("this board runs no Thumb-2 kernels"), golden)
    try:
        fast = load()
    except ImportError as error:
        return _checked(viper("the Thumb-2 kernels are not installed: {}".format(error)), golden)
    failed = _failures(fast, golden)
    if failed:
        return viper("Thumb-2 kernels failed their self-test: " + ", ".join(failed), failed)
    fast.reason = "as configured" if wanted == "thumb" else "self-test passed"
    return fast


def _checked(kernels, golden):
    """Viper kernels can be wrong too, where an old compiler made them."""
    kernels.failed = _failures(kernels, golden)
    if kernels.failed:
        kernels.reason += "; self-test failed: " + ", ".join(kernels.failed)
    return kernels


def _failures(kernels, golden):
    """Runs the self-test, whose module takes 1.2 KB of heap frozen and 5 KB from a .mpy file, and forgets it."""
    known = "wattless.selftest" in sys.modules
    import wattless
    from wattless import selftest

    failed = selftest.failures(kernels, golden)
    if not known:
        del sys.modules["wattless.selftest"], wattless.selftest
    return failed
