"""`python -m host_tools.memory` (or `make memory`): what takes how much heap, and whether the boards' profiles fit.

Writes build/memory.json. Exit code 1 when a profile that a board claims does not fit.

    --seconds N     length of a profile's run (default 240)
    --smallest      look for the smallest heap in which each profile runs 20 s
"""

import argparse
import json
import sys
from dataclasses import asdict

from host_tools.memory import gate, measure, table
from host_tools.memory.rooms import OPTIONAL, profiles
from host_tools.toolchain.build_mpy import CompileError
from host_tools.toolchain.paths import BUILD, ToolMissing
from host_tools.toolchain.steps import SetupError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m host_tools.memory", description="heap of the meter, room by room")
    parser.add_argument("--seconds", type=float, default=240.0, help="length of a profile's run (default 240)")
    parser.add_argument("--smallest", action="store_true", help="look for the smallest heap of each profile")
    given = parser.parse_args(arguments)
    try:
        return _report(given.seconds, given.smallest)
    except (SetupError, ToolMissing, CompileError, gate.CannotMeasure) as error:
        print(f"make memory stopped: {error}", file=sys.stderr)
        return 1


def _report(seconds: float, smallest: bool) -> int:
    machines = {"mpy": measure.plain(), "frozen": measure.frozen()}
    rooms = {build: gate.rooms_of(machine, OPTIONAL) for build, machine in machines.items()}
    print(table.of_rooms(rooms))
    same = gate.fingerprints([*machines.values(), measure.stock()])
    print(table.of_fingerprints(same))
    verdicts = []
    for profile in profiles():
        verdict = gate.run(machines[profile.build], profile, seconds, smallest)
        verdicts.append(verdict)
        print(table.of_verdict(verdict), flush=True)
    content = {
        "rooms": {build: {name: asdict(room) for name, room in found.items()} for build, found in rooms.items()},
        "fingerprints": same,
        "profiles": [asdict(verdict) for verdict in verdicts],
    }
    (BUILD / "memory.json").write_text(json.dumps(content, indent=1) + "\n")
    good = len(set(same.values())) == 1 and all(verdict.fits for verdict in verdicts)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
