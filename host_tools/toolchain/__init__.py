"""What `make` provides below build/: the interpreters, the virtual environment, and the firmware compiled to .mpy.

`python3 -m host_tools.toolchain` runs before any virtual environment exists: everything it imports is standard library.
"""
