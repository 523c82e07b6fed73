"""Factors of dsp/flicker.py for a lamp and a mains frequency in Hz, in 2**-16.

Made by host_tools/make_flicker.py; do not edit. In the order of its NAMES:
MEAN_FACTOR, GAIN, HIGH_PASS, ZERO, POLE, LAMP1,
LAMP2, EDGE1, EDGE2, EDGE3, SMOOTH.
"""

FILTERS = {
    ("230 V", 50): (24, 26546, 206, 8521, -4781, 22512, 26282, -16629, -2443, 5198, 2149),
    ("230 V", 60): (20, 21166, 171, 7131, -3989, 30419, 22901, -12792, 183, 5743, 1795),
    ("120 V", 50): (24, 19391, 206, 10628, -5398, 22192, 26879, -10889, 974, 6213, 2149),
    ("120 V", 60): (20, 15225, 171, 8919, -4510, 30041, 23472, -7079, 3702, 6706, 1795),
}
