"""Stand-ins for MicroPython's own modules, so that the firmware runs under CPython.

The folder goes on the path of the firmware, not into the package: `import micropython` finds micropython.py here.
"""
