"""NumPy recordings: an .npz of one-dimensional arrays under the channels' names, with the scalar fs (S/s) or an array t
(s).
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from host_tools.recording import InputError, Segment, check_finite, check_rate, choose_columns
from host_tools.time_base import rate_of


def read(path: Path, fs: float | None, mapping: Mapping[str, str]) -> tuple[list[Segment], list[str]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"is not an .npz of plain arrays: {error}") from error
    stored_fs = arrays.pop("fs", None)
    chosen = choose_columns(list(arrays), mapping, "array")
    if not chosen:
        raise InputError("no arrays: expected v1, i1, ... and fs")
    if fs is None and stored_fs is not None:
        if stored_fs.size != 1 or stored_fs.dtype.kind not in "iuf":
            raise InputError(f"fs is an array {stored_fs.dtype} {stored_fs.shape}: expected one number, in S/s")
        fs = check_rate(float(stored_fs.item()), "fs")
    if fs is not None:
        chosen.pop("t", None)
    elif "t" not in chosen:
        raise InputError("no time: there is neither fs nor t, so give the sampling rate with --fs HZ")

    data = {name: _samples(arrays[source], source) for name, source in chosen.items()}
    lengths = {chosen[name]: values.size for name, values in data.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(
            f"arrays of different lengths ({', '.join(f'{k}: {n}' for k, n in lengths.items())}): they must be equal"
        )
    if not any(lengths.values()):
        raise InputError("no samples: the arrays are empty")

    def sample(row: int) -> str:
        return f"sample {row + 1}"

    check_finite(data, sample)
    if "t" in data:
        fs = check_rate(rate_of(data.pop("t"), sample), "array t:")
    return [Segment(0.0, fs, data)], []


def _samples(array: np.ndarray, name: str) -> np.ndarray:
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise InputError(f"array {name} is {array.dtype} {array.shape}: expected one dimension of real numbers")
    return array.astype(np.float64)
