"""The documentation says what the code does."""

import re

from host_tools import docs, scenarios
from host_tools.toolchain.paths import ROOT

README = docs.README.read_text()


def test_register_tables_are_the_generated_ones():
    assert docs.readme(README) == README, "run python -m host_tools.docs"
    assert docs.registers() == docs.REGISTERS.read_text(), "run python -m host_tools.docs"


def test_the_codes_are_the_generated_ones():
    assert docs.codes_page() == docs.CODES.read_text(), "run python -m host_tools.docs"


def test_the_readme_shows_the_vectors():
    for number in range(40001, 40021, 2):
        assert f"| {number} |" in README


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_every_scenario_is_named():
    for name in scenarios.NAMES:
        assert f"`{name}`" in README or f"SCENARIO={name}" in README, name
