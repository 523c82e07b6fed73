"""`python -m host_tools`: the command `wattless`."""

from host_tools.cli import main

main()
