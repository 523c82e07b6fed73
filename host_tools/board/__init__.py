"""Boards on a serial port: flash them, open their console, and a virtual one to try it all on."""
