"""What several models of the dsp kernels share (tests/dsp/jobs_*.py)."""

import numpy as np


def bit_reversed(n):
    """The indices 0..n-1 with their bits in reverse order."""
    bits = n.bit_length() - 1
    return np.array([int(format(i, f"0{bits}b")[::-1], 2) for i in range(n)])


def interleaved(re, im):
    return np.stack([re, im], axis=1).ravel()
