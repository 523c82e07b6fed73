"""`make bench`: ARM instructions of the dsp kernels and of metering, for each and for a 200 ms window, against targets
and yardsticks.

Counted, not timed: the shipped machine code runs in an emulated Cortex-M4 (host_tools/emulator), so that the figures
are the same on every PC. What MicroPython itself takes between the kernels, in bytecode, is not in them. Metering is
mostly bytecode: all of it is counted, MicroPython with it (host_tools/metering_cost.py).
"""

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from host_tools import metering_cost
from host_tools.emulator.stm32f405.cost import handler_cost
from host_tools.emulator.window import SIZES, Costs, Tally, costs
from host_tools.toolchain import build_mpy
from host_tools.toolchain.paths import BUILD

CLOCK_HZ, WINDOW_S = 168_000_000, 0.2
CPI = {"viper": (2.0, 2.5), "thumb": (1.6, 2.0)}  # cycles an instruction: a planning bracket, not yet measured
SLICE_MS, SLICE_CPI = 5, 2.5
SLICE_LIMIT = int(SLICE_MS * CLOCK_HZ / 1000 / SLICE_CPI)
COUNTED = ("capture.", "dsp.")  # kernels outside are shown, but are not the dsp of a window
HALF_PERIODS = ("dsp.half.", "dsp.flicker.")  # nor are those of half periods, which have a sum of their own
INTERRUPT_LIMITS = (300, 300)  # instructions a frame
METERING_LIMITS = (2_000_000, 16_384)  # instructions, bytes of garbage
COLUMNS = ("viper", "thumb")

# limit and aim, instructions
TARGETS = {
    "fft_complex_2048": {"viper": (1_400_000, 1_100_000), "thumb": (186_000, 150_000)},
    "window": {"viper": (11_000_000, 11_000_000), "thumb": (2_500_000, 1_800_000)},
    "longest_call": {"viper": (SLICE_LIMIT, SLICE_LIMIT), "thumb": (SLICE_LIMIT, SLICE_LIMIT)},
}
# instructions of others for a complex transform of this length (ulab's 2048: between two versions of it)
YARDSTICKS = {
    "fft_complex_512": {"CMSIS-DSP q31": 56_600, "CMSIS-DSP f32": 33_600, "CMSIS-DSP q15": 32_700, "ulab f32": 73_600},
    "fft_complex_1024": {
        "CMSIS-DSP q31": 108_900,
        "CMSIS-DSP f32": 86_200,
        "CMSIS-DSP q15": 60_500,
        "ulab f32": 158_000,
        "micropython-fourier asm f32": 748_000,
    },
    "fft_complex_2048": {
        "CMSIS-DSP q31": 268_900,
        "CMSIS-DSP f32": 185_800,
        "CMSIS-DSP q15": 151_600,
        "ulab f32": [339_000, 406_000],
        "micropython-fourier asm f32": 1_629_000,
    },
}


def measure() -> dict[str, Costs | None]:
    """Costs by column; None where no kernel of that kind exists. Each in a process of its own: kernels are chosen when
    the firmware is imported."""
    tree = build_mpy.build("armv7emsp")
    wanted = [False] + [True] * any(tree.rglob("*_thumb.mpy"))
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        found = dict(zip(COLUMNS, pool.map(costs, wanted), strict=False))
    if "thumb" not in found or not found["thumb"].thumb:
        found["thumb"] = None
    return found


def figures(found: dict[str, Costs | None]) -> dict[str, dict]:
    """What build/bench.json holds: name -> {"viper": instructions, "thumb": instructions or null, ...}."""
    rows = {}
    for size in SIZES:
        row = rows[f"fft_complex_{size}"] = _row(found, lambda c, n=size: c.transforms[n])
        row["per_point"] = {column: None if row[column] is None else round(row[column] / size, 1) for column in COLUMNS}
    for name in _by_cost(found):
        row = rows[name] = _row(found, lambda c, name=name: _tally(c, name).instructions)
        viper = _tally(found["viper"], name)
        row |= {"calls": viper.calls, "unit": viper.unit, "units": viper.units}
        row["per_unit"] = _row(row, lambda n, units=viper.units: round(n / units, 1) if units else None)
        row["longest_call"] = _row(found, lambda c, name=name: _tally(c, name).longest)
    rows["longest_call"] = _row(found, lambda c: max(tally.longest for tally in c.kernels.values()))
    rows["half_periods"] = _row(found, half_periods)
    rows["window"] = _row(found, window)
    for name, row in rows.items():
        for column, (limit, aim) in TARGETS.get(name, {}).items():
            row[f"{column}_target"], row[f"{column}_aim"] = limit, aim
            row[f"{column}_pass"] = None if row[column] is None else row[column] <= limit
        if name in YARDSTICKS:
            row["yardsticks"] = YARDSTICKS[name]
    rows["window"]["estimated_cpu_percent_at_168_mhz"] = {
        column: None if count is None else [round(share(count, cpi), 1) for cpi in CPI[column]]
        for column, count in _row(rows["window"], lambda count: count).items()
    }
    return rows


def _row(by_column: dict, value) -> dict:
    return {column: None if by_column[column] is None else value(by_column[column]) for column in COLUMNS}


def _tally(found: Costs, name: str) -> Tally:
    return found.kernels.get(name, Tally())


def _by_cost(found: dict[str, Costs | None]) -> list[str]:
    """All kernels, those that take most of the viper window first."""
    names = {name for costs in found.values() if costs for name in costs.kernels}
    return sorted(names, key=lambda name: (-_tally(found["viper"], name).instructions, name))


def window(found: Costs) -> int:
    """Instructions of capture and dsp in one window."""
    names = [name for name in found.kernels if name.startswith(COUNTED) and not name.startswith(HALF_PERIODS)]
    return sum(found.kernels[name].instructions for name in names)


def half_periods(found: Costs) -> int:
    """Instructions of the kernels of half periods in one window: 60 of them."""
    return sum(tally.instructions for name, tally in found.kernels.items() if name.startswith(HALF_PERIODS))


def share(instructions: int, cpi: float) -> float:
    """Per cent of a 168 MHz processor that so many instructions a window take."""
    return 100 * instructions * cpi / (CLOCK_HZ * WINDOW_S)


def table(found: dict[str, Costs | None], rows: dict[str, dict]) -> str:
    """The figures for a reader."""
    total = rows["window"]["viper"]
    lines = ["ARM instructions of the shipped .mpy in an emulated Cortex-M4; Python between the kernels is not counted"]
    others = list(YARDSTICKS["fft_complex_2048"])
    heads = "".join(f"{who:>{len(who) + 3}}" for who in others)
    lines += ["", f"{'Complex transform of':<28}{'viper':>14}{'Thumb-2':>14}{heads}"]
    for size in SIZES:
        row = rows[f"fft_complex_{size}"]
        cells = "".join(f"{_thousands(row['yardsticks'].get(who)):>{len(who) + 3}}" for who in others)
        lines.append(f"  {size:>4} points{'':<15}{_cells(row)}{cells}")
    lines += ["", "One 200 ms window: 3 V + 3 I + IN at 12.8 kS/s, 50 Hz, 2560 frames"]
    lines.append(f"  {'kernel':<22}{'calls':>6}{'viper':>14}{'Thumb-2':>14}{'share':>9}   viper, Thumb-2 of one item")
    for name in _by_cost(found):
        row = rows[name]
        counted = name.startswith(COUNTED) and not name.startswith(HALF_PERIODS)
        part = f"{100 * row['viper'] / total:8.1f}%" if counted else "   (not)"
        each = " ".join(f"{_number(row['per_unit'][column]):>9}" for column in COLUMNS)
        lines.append(f"  {name:<22}{row['calls']:>6}{_cells(row)}{part:>9}   {each} a {row['unit']}")
    lines.append(f"  {'all capture and dsp':<28}{_cells(rows['window'])}{100:8.1f}%")
    lines.append(f"  {'kernels of half periods':<28}{_cells(rows['half_periods'])}   (not)")
    lines += ["", "Targets"]
    lines += [
        _verdict(name, column, rows[name][column], limit, aim)
        for name, wanted in TARGETS.items()
        for column, (limit, aim) in wanted.items()
    ]
    slowest = max(rows, key=lambda name: rows[name].get("longest_call", {}).get("viper", 0))
    lines.append(f"  longest_call: {slowest}; {SLICE_MS} ms at 168 MHz are {SLICE_LIMIT:,} instructions of 2.5 cycles")
    lines += ["", "Share of a 168 MHz processor, an ESTIMATE: cycles an instruction are assumed, not run on hardware"]
    for column, (low, high) in CPI.items():
        count = rows["window"][column]
        text = "-" if count is None else f"{share(count, low):.0f} to {share(count, high):.0f} %"
        lines.append(f"  {column:<6} {text} at {low} to {high} cycles an instruction")
    return "\n".join(lines)


def metering_table(costs: dict[str, tuple[int, int]]) -> str:
    """What the parts of metering take, for a reader."""
    lines = ["", "Metering and points of a window, MicroPython and its kernels (viper) together"]
    lines.append(f"  {'part':<22}{'instructions':>14}{'garbage, bytes':>17}")
    lines += [f"  {part:<22}{count:>14,}{garbage:>17,}" for part, (count, garbage) in costs.items()]
    total = [sum(column) for column in zip(*costs.values(), strict=True)]
    lines.append(f"  {'all':<22}{total[0]:>14,}{total[1]:>17,}")
    lines.append(f"  {'target':<22}{METERING_LIMITS[0]:>14,}{METERING_LIMITS[1]:>17,}")
    return "\n".join(lines)


def interrupt_table(cost: dict[str, int]) -> str:
    """What the converter's interrupt takes on the F405, for a reader."""
    lines = ["", "DRDY interrupt of the STM32F405 (viper, the shipped handler in the register model)"]
    words = {"frame": "a frame", "wrap": "at the ring's end", "byte": "with a byte for RS-485"}
    words["worst"] = "behind lost frames"
    lines += [f"  {text:<28}{cost[name]:>14,}" for name, text in words.items()]
    lines.append(_verdict("interrupt", "viper", cost["frame"], *INTERRUPT_LIMITS))
    return "\n".join(lines)


def _verdict(name: str, column: str, count: int | None, limit: int, aim: int) -> str:
    wanted = f"target {limit:>10,}" + (f", aiming at {aim:,}" if aim != limit else "")
    mark = "-" if count is None else "ok" if count <= limit else f"{count / limit:.2f} times too many"
    return f"  {name:<18}{column:<6}{_number(count):>12}   {wanted:<38} {mark}"


def _cells(row: dict) -> str:
    return "".join(f"{_number(row[column]):>14}" for column in COLUMNS)


def _number(count: float | None) -> str:
    return "-" if count is None else f"{count:,}"


def _thousands(count: int | list[int] | None) -> str:
    if count is None:
        return "-"
    if isinstance(count, list):
        return "-".join(f"{n / 1000:.0f}" for n in count) + " k"
    return f"{count / 1000:,.1f} k"


def main() -> None:
    found = measure()
    rows = figures(found)
    print(table(found, rows), flush=True)
    rows["interrupt"] = handler_cost()
    print(interrupt_table(rows["interrupt"]), flush=True)
    costs = metering_cost.measure()
    print(metering_table(costs))
    rows["metering"] = {part: {"instructions": count, "garbage": size} for part, (count, size) in costs.items()}
    (BUILD / "bench.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
