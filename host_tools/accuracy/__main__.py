"""`python -m host_tools.accuracy [GROUP ...]`: the table, and build/accuracy.json; exit code 1 beyond a target.

GROUP: names of groups; none: all of `make accuracy`."""

import os
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from host_tools.accuracy import groups, peer, table
from host_tools.toolchain.paths import BUILD


def main(names: list[str]) -> int:
    known = {group.__name__: group for group in (*groups.QUICK, *groups.SLOW, *groups.SAMPLES)}
    if unknown := [name for name in names if name not in known]:
        print(f"no such group: {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    chosen = [known[name] for name in names] or [*groups.QUICK, *groups.SLOW]
    peer.enabled = peer.installed() and os.environ.get("CI") != "true"
    if not peer.enabled:
        print(
            "pqopen-lib is not installed: the table comes without its errors; make accuracy installs it",
            file=sys.stderr,
        )
    with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool:  # class_grid has processes of its own
        longest_first = sorted(chosen, key=lambda group: group not in groups.SLOW)
        jobs = {group: pool.submit(_run, group) for group in longest_first}
        results = [result for group in chosen for result in jobs[group].result()]
    table.show(results)
    table.save(results, BUILD / "accuracy.json")
    missed = sum(not result.passes for result in results)
    print(f"{len(results)} results in build/accuracy.json, {missed or 'none'} beyond their target")
    return 1 if missed else 0


def _run(group: Callable) -> list[table.Result]:
    start = time.monotonic()
    try:
        results = list(group())
    except Exception as error:
        traceback.print_exc()
        results = [table.Result(group.__name__, "stopped", type(error).__name__, float("nan"), 0)]
    missed = sum(not result.passes for result in results)
    verdict = f"{missed} of {len(results)} beyond their target" if missed else f"{len(results)} results"
    print(f"  {group.__name__}: {verdict}, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    return results


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
