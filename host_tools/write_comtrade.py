"""The waveform around an event as a COMTRADE file (IEC 60255-24 / IEEE C37.111-1999, BINARY), from what the converter
sent.

    keeper = Keeper(adc, channels, frequency, folder, pre_s=0.2, post_s=0.2)
    keeper.feed(records)        # every block of records, as it goes to the meter
    keeper.event(line)          # a line of JSON of an ended event
    keeper.close()              # writes what still waits for its last samples; returns the paths of all files

A ring of KEEP_S seconds of records (18 MB at 12.8 kS/s) is all that is held. A waveform longer than MAX_S is cut behind
its start; of an event that began before the ring does, what the ring has is written.
"""

from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

import numpy as np

from host_tools.adc_model import COLUMN, FRAME, Adc

NUMBER = 0x3FFFFFFF  # the number of a frame; the bits above mark it
KEEP_S = 60.0
MAX_S = 10.0
PHASES = {"1": "A", "2": "B", "3": "C", "n": "N", "12": "AB", "32": "CB"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Keeper:
    """adc: the converter (words of 16 bits); channels: names of Recording.channels; frequency: nominal, Hz; folder:
    where the files go, made if missing; start: time of day of the first frame (default: 1970, COMTRADE knows no
    "unknown"). files: the .cfg files written so far.
    """

    def __init__(
        self,
        adc: Adc,
        channels: tuple[str, ...],
        frequency: float,
        folder: Path,
        pre_s: float = 0.2,
        post_s: float = 0.2,
        start: datetime | None = None,
        station: str = "wattless",
    ) -> None:
        self._adc, self._channels, self._frequency = adc, channels, frequency
        self._folder, self._pre_s, self._post_s = folder, pre_s, post_s
        self._start, self._station = start or EPOCH, station
        self._blocks: deque[np.ndarray] = deque()
        self._waiting: list[dict] = []
        self._lock = Lock()  # the feeder is a thread of its own
        self._ended = False
        self.files: list[Path] = []

    def feed(self, records: bytes) -> None:
        """Takes whole records, in order."""
        block = np.frombuffer(records, dtype=FRAME).copy()
        block["number"] &= NUMBER
        if not len(block):
            return
        with self._lock:
            self._blocks.append(block)
            newest = int(block["number"][-1])
            while newest - int(self._blocks[0]["number"][-1]) > KEEP_S * self._adc.rate:
                self._blocks.popleft()
            self._write_ready(newest)

    def event(self, line: dict) -> None:
        """An event with its `t` (s) and `duration` (s, None: unknown)."""
        with self._lock:
            self._waiting.append(line)
            if self._blocks:
                self._write_ready(int(self._blocks[-1]["number"][-1]))

    def close(self) -> list[Path]:
        """The frames are over: writes the rest."""
        with self._lock:
            self._ended = True
            if self._blocks:
                self._write_ready(int(self._blocks[-1]["number"][-1]))
        return self.files

    def _span(self, line: dict) -> tuple[int, int]:
        """First frame wanted and the one behind the last."""
        t = line["t"] or 0.0
        end = min(t + (line["duration"] or 0.0) + self._post_s, t + MAX_S)
        return max(0, round((t - self._pre_s) * self._adc.rate)), round(end * self._adc.rate)

    def _write_ready(self, newest: int) -> None:
        ready = [line for line in self._waiting if self._ended or self._span(line)[1] <= newest]
        for line in ready:
            self._waiting.remove(line)
            self._write(line)

    def _write(self, line: dict) -> None:
        first, stop = self._span(line)
        records = np.concatenate(self._blocks)
        records = records[(records["number"] >= first) & (records["number"] < stop)]
        if not len(records):
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"event-{line.get('number') or len(self.files) + 1:04d}-{line['event']}.cfg"
        path.write_text(self._cfg(line, records), encoding="ascii", newline="\r\n")
        path.with_suffix(".dat").write_bytes(self._dat(records))
        self.files.append(path)

    def _cfg(self, line: dict, records: np.ndarray) -> str:
        rate, count = self._adc.rate, len(self._channels)
        rows = [f"{self._station},wattless,1999", f"{count},{count}A,0D"]
        for number, name in enumerate(self._channels, 1):
            volts = name.startswith("v")
            full_scale = self._adc.full_scale_v if volts else self._adc.full_scale_i
            unit, scale = ("V" if volts else "A"), full_scale / 32768
            rows.append(f"{number},{name},{PHASES[name[1:]]},,{unit},{scale:.9g},0,0,-32768,32767,1,1,P")
        first = self._start + timedelta(seconds=int(records["number"][0]) / rate)
        trigger = self._start + timedelta(seconds=line["t"] or 0.0)
        rows += [f"{self._frequency:g}", "1", f"{rate:g},{len(records)}"]
        rows += [when.strftime("%d/%m/%Y,%H:%M:%S.%f") for when in (first, trigger)]
        return "\n".join([*rows, "BINARY", "1", ""])

    def _dat(self, records: np.ndarray) -> bytes:
        """Lost frames keep their time: they leave a step in the time stamps, which count microseconds."""
        rows = np.zeros(len(records), dtype=[("n", "<u4"), ("t", "<u4"), ("a", "<i2", len(self._channels))])
        rows["n"] = np.arange(1, len(records) + 1)
        rows["t"] = np.rint((records["number"] - records["number"][0]) * (1e6 / self._adc.rate))
        columns = [1 + COLUMN[name] for name in self._channels]
        rows["a"] = records["words"][:, columns].astype(np.uint16).view(np.int16)
        return rows.tobytes()
