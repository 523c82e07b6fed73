"""Prints the checksums of the golden vectors for each job; last argument: "" for viper kernels, "_thumb" for twins."""

import json
import sys

from wattless import kernels, selftest


def main():
    with open(sys.argv[1]) as jobs:
        for _ in jobs:
            found = selftest.checksums(kernels.thumb() if sys.argv[2] else kernels.viper(""))
            print(json.dumps([found[name] for name in sorted(found)]))


main()
