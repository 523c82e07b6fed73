"""`python -m host_tools.accuracy`: prints the table, writes build/accuracy.json; exit code 1 beyond a target."""

import sys
from concurrent.futures import ThreadPoolExecutor

from host_tools.accuracy import cases, table
from host_tools.toolchain.paths import BUILD


def main() -> int:
    with ThreadPoolExecutor() as pool:
        groups = pool.map(lambda group: list(group()), cases.GROUPS)
    results = [result for group in groups for result in group]
    table.show(results)
    table.save(results, BUILD / "accuracy.json")
    missed = sum(not result.passes for result in results)
    print(f"{len(results)} results in build/accuracy.json, {missed or 'none'} beyond their target")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
