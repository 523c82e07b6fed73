"""The virtual environment build/venv with the project in it, editable. Works without Debian's python3-venv too."""

import importlib.util
import os
import shutil
import sys
import tomllib

from host_tools.toolchain.debian import Archive, mirrors
from host_tools.toolchain.paths import ROOT, TOOLS, VENV
from host_tools.toolchain.steps import SetupError, run, step

COMPLETE = VENV / "complete"  # the stamps that the Makefile looks at
ACCURACY = VENV / "accuracy"
PYTHON = VENV / "bin/python"


def provide() -> None:
    if not (PYTHON.exists() and (VENV / "bin/pip").exists()):
        _create()
    step("installing the Python packages of pyproject.toml (first time: a minute or two)")
    run([PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "-e", ".[dev]"], cwd=ROOT)
    COMPLETE.touch()


def provide_accuracy() -> None:
    """The extra "accuracy": what `make accuracy` shows beside the meter. It can do without, so a failure is only told.

    Never in CI, which does not run `make accuracy`."""
    if os.environ.get("CI") == "true":
        return
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["accuracy"]
    step(f"installing {', '.join(extra)}, the yardstick of make accuracy")
    try:
        run([PYTHON, "-m", "pip", "install", "--disable-pip-version-check", *extra])
    except SetupError as error:
        print(f"\n{error}\n\n  Without it: the table of make accuracy has no column for it.\n", file=sys.stderr)
        return
    ACCURACY.touch()


def _create() -> None:
    step(f"making build/venv with Python {sys.version.split()[0]}")
    if importlib.util.find_spec("ensurepip"):
        run([sys.executable, "-m", "venv", "--clear", VENV])
        return
    urls = mirrors()
    if not urls:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        raise SetupError(f"this Python has no ensurepip: `sudo apt-get install {package}`, then `make` again")
    step("this Python has no ensurepip (package python3-venv): fetching pip")
    run([sys.executable, "-m", "venv", "--clear", "--without-pip", VENV])
    packages = TOOLS / "pip"
    shutil.rmtree(packages, ignore_errors=True)
    with Archive(urls) as archive:
        archive.unpack(["python3-pip-whl"], packages)
    wheel = next(packages.glob("usr/share/python-wheels/pip-*.whl"))
    run([PYTHON, wheel / "pip", "install", "--disable-pip-version-check", "pip"])
    shutil.rmtree(packages)
