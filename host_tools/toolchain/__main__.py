"""`python3 -m host_tools.toolchain interpreters|venv|accuracy`: a step of `make setup`, or of `make accuracy`."""

import sys

from host_tools.toolchain import interpreters, venv
from host_tools.toolchain.steps import SetupError

STEPS = {"interpreters": interpreters.provide, "venv": venv.provide, "accuracy": venv.provide_accuracy}


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in STEPS:
        print(f"usage: python3 -m host_tools.toolchain {'|'.join(STEPS)}", file=sys.stderr)
        return 2
    try:
        STEPS[sys.argv[1]]()
    except SetupError as error:
        print(f"\nsetup stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
