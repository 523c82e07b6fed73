"""Physics: from the integers of a window to volts, amperes, watts and vars. Floats begin here."""
