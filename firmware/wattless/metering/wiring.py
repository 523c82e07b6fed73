"""How the wires of a site reach the channels, as data.

Ring channels: v1 v2 v3 i1 i2 i3 in = 0..6. Three-wire systems measure two line voltages, v12 on channel 0 and v32 on
channel 2, and
two currents. The virtual neutral (reference/metering: va = (2 v12 - v32) / 3, vb = -(v12 + v32) / 3, vc = (2 v32 -
v12) / 3;
ib = -(ia + ic)) is a mix of small integers inside the resampler: the window holds 3/2 of the virtual phase voltages,
and
`voltage_scale` takes that out. Both voltage channels must have the same gain (set it in the converter).
"""

from wattless.dsp.window import Slot


class Wiring:
    """phases: how many have power values; references: ring channels that can carry the frequency;
    slots: what dsp.Window loads; voltage_scale: factor on voltages; lines: number of line voltages; neutral: has one"""

    def __init__(self, phases, references, slots, lines, neutral=True, voltage_scale=1.0):
        self.phases = phases
        self.references = references
        self.slots = slots
        self.lines = lines
        self.neutral = neutral
        self.voltage_scale = voltage_scale


def wiring(name):
    """The Wiring of "1p2w", "1p3w" (split phase), "3p4w" or "3p3w" (two wattmeters)."""
    if name == "1p2w":
        return Wiring(1, (0,), (Slot(0, None), Slot(3, None), None, Slot(None, 6)), 0)
    if name == "1p3w":
        return Wiring(2, (0, 1), (Slot(0, 1), Slot(3, 4), None, Slot(None, 6)), 1)
    if name == "3p4w":
        return Wiring(3, (0, 1, 2), (Slot(0, 1), Slot(3, 4), Slot(2, None), Slot(5, 6)), 3)
    if name == "3p3w":
        slots = (
            Slot(0, 2, (2, -1, -1, -1), 1),
            Slot(3, 5, (1, 0, -1, -1)),
            Slot(0, 2, (-1, 2, 0, 0), 1),
            Slot(5, None),
        )
        return Wiring(3, (0, 2), slots, 3, False, 2 / 3)
    raise ValueError("wiring must be 1p2w, 1p3w, 3p4w or 3p3w, not " + repr(name))
