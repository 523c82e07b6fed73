# Wattless: `make` sets everything up below build/, once; `make help` lists the rest.

# The first Python >= 3.11 of these; another one: make PYTHON=...
PYTHONS = python3 python3.14 python3.13 python3.12 python3.11
NEW_ENOUGH = -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
PYTHON = $(or $(shell for p in $(PYTHONS); do $$p $(NEW_ENOUGH) && echo $$p && break; done), \
	$(error Wattless needs Python 3.11 or later: `sudo apt-get install python3` on Debian 12 and Ubuntu 24.04 or later))
VENV = build/venv/bin

# A Debian mirror, for systems other than Debian: make DEBIAN_MIRROR=URL
export DEBIAN_MIRROR

.PHONY: setup run test accuracy lint mpy bench memory clean distclean help

setup: build/toolchain/complete build/venv/complete  ## (default) interpreters and Python packages, fetched once

build/toolchain/complete:
	@echo "Interpreters (MicroPython for this PC and for ARM):"
	@$(PYTHON) -m host_tools.toolchain interpreters

build/venv/complete: pyproject.toml | build/toolchain/complete
	@echo "Python packages:"
	@$(PYTHON) -m host_tools.toolchain venv

run: setup  ## the virtual meter, live; SCENARIO=name picks the site, HEADLESS=1 leaves the table out
	@$(VENV)/wattless run $(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(HEADLESS),--headless)

test: lint mpy  ## lint, compile, and every test
	$(VENV)/pytest -q

accuracy: mpy build/venv/accuracy  ## errors against closed forms, beside targets, limits and pqopen-lib (5 min)
	$(VENV)/python -m host_tools.accuracy

build/venv/accuracy: build/venv/complete
	@$(PYTHON) -m host_tools.toolchain accuracy

lint: setup  ## ruff
	$(VENV)/ruff check .

mpy: setup  ## the firmware as .mpy in build/mpy
	$(VENV)/python -m host_tools.toolchain.build_mpy

bench: mpy  ## ARM instructions of the dsp kernels, counted; also as build/bench.json
	@$(VENV)/python -m host_tools.bench

memory: mpy  ## heap room by room, and whether the boards' profiles fit; also as build/memory.json (fetches 60 MB once)
	@$(VENV)/python -m host_tools.memory

clean:  ## what was made here; what was fetched stays
	rm -rf build/mpy build/generated build/log build/bench.json build/memory build/memory.json .pytest_cache .ruff_cache .hypothesis

distclean: clean  ## everything below build/
	rm -rf build *.egg-info

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18
