"""The virtual environment build/venv with the project in it, editable. Works without Debian's python3-venv too."""

import importlib.util
import shutil
import sys

from host_tools.toolchain.debian import Archive, mirrors
from host_tools.toolchain.paths import ROOT, TOOLS, VENV
from host_tools.toolchain.steps import SetupError, run, step

COMPLETE = VENV / "complete"  # the stamp that the Makefile looks at
PYTHON = VENV / "bin/python"


def provide() -> None:
    if not (PYTHON.exists() and (VENV / "bin/pip").exists()):
        _create()
    step("installing the Python packages of pyproject.toml (first time: a minute or two)")
    run([PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "-e", ".[dev]"], cwd=ROOT)
    COMPLETE.touch()


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
