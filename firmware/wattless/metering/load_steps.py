"""The grid's answer to load steps: more load, less voltage, and in the phase that the load is in.

Behind the grid's impedance R + jX, a step dP + j dQ of a phase's power moves its voltage by about -(R dP + X dQ) / V.
With R, X >= 0 the voltage falls when the step lags by 0 to 90 degrees and rises when it lags by 180 to 270; in between
it depends on X / R, so such steps say nothing. What the grid itself does to the voltage moves a load's current by a few
times as much, in per cent, not by eight times: smaller steps of current are not used, nor voltages that answer no more
than they move by themselves. A step of one current alone tells its phase: it leaves the line voltage between the two
others as it was, whatever the neutral does.
Each step votes on the currents that have it, each with each voltage: the current belongs there as it is, it does with
the opposite sign, or it does not. What an explanation (explanations.py) says of one current is outvoted by 6 votes that
contradict it, if four in five do; that outvotes the explanation.

Windows are compared with the last but one, so that the one with the step in it does not count. Cost: see diagnosis.py.
"""

from array import array

import micropython
from micropython import const
from wattless.metering import explanations

_MOST = const(24)  # votes: more halve all of a current and a voltage
_FALLS_FROM = const(-100)  # lag of a step, tenths of a degree, that lowers the voltage whatever X / R is
_FALLS_TO = const(800)
_SWING = 0.001  # of the voltage: what is less is not seen for sure,
_SURE = 3  # nor what is less than so many times what the voltages do by themselves
_RESTLESS = 0.002  # which is thought to be so much at first,
_LOOKS = const(16)  # and averaged over so many windows
_STIFF = 8.0  # the current must step by so many times the voltage's step, relative
_PAUSE = const(2)  # windows


@micropython.viper
def _contradicted(true: ptr8, votes: ptr8, phases: int) -> int:
    """Mask of the explanations of which a part is outvoted."""
    mask = 0
    at = 0
    n = 0
    phase = 0
    while n < 13:
        if phase < phases:
            k = true[at]
            own = 3 * (4 * phase + (k & 7))
            favour = votes[own]
            against = votes[own + 1]
            if k & 8:
                favour = votes[own + 1]
                against = votes[own]
            against += votes[own + 2]
            if against >= 6 and against >= 4 * favour:
                mask |= 1 << n
        at += 1
        phase += 1
        if phase == 3:
            phase = 0
            n += 1
    return mask


class LoadSteps:
    """wiring: metering.wiring.Wiring; least: A, the smallest step; present: V, below which there is no voltage."""

    def __init__(self, wiring, least, present):
        self.phases = wiring.phases
        self.three_wires = not wiring.neutral
        self._least = least
        self._present = present
        self._kept = ([0j] * 6, [0j] * 6)  # of two windows: V, I
        self._angles = array("h", [0] * 12)
        self._votes = bytearray(36)  # as it is, opposite, not: of phase m and channel k at 3 (4 m + k)
        self.restart()

    def restart(self):
        """Forgets all votes."""
        for at in range(len(self._votes)):
            self._votes[at] = 0
        self.count = 0
        self._restless = _RESTLESS
        self.interrupt()

    def interrupt(self):
        """The next window does not follow the last one."""
        self._age = 0
        self._pause = 0

    def window(self, v, i):
        """Phasors of a window, lists of `phases`, rotated together."""
        kept = self._kept[self._age & 1]
        if self._pause:
            self._pause -= 1
        elif self._age >= 2:
            self._compare(kept, v, i)
        for k in range(self.phases):
            kept[k] = v[k]
            kept[3 + k] = i[k]
        self._age = 2 + (self._age + 1) % 2 if self._age >= 2 else self._age + 1

    def outvoted(self, true):
        """Mask of the explanations that the steps contradict; true: explanations' channels."""
        return _contradicted(true, self._votes, self.phases)

    def _compare(self, kept, v, i):
        """kept: the last window but one."""
        largest = swing = 0.0
        for k in range(self.phases):
            step = abs(i[k] - kept[3 + k])
            if step > largest:
                largest = step
            size = abs(kept[k])
            if size < self._present:
                return
            step = abs(1 - abs(v[k]) / size)
            if step > swing:
                swing = step
        if largest < self._least:
            self._restless += (swing - self._restless) / _LOOKS
            return
        least = max(_SWING, _SURE * self._restless)
        flow = max([max(abs(i[k]), abs(kept[3 + k])) for k in range(self.phases)])
        if swing < least or largest < _STIFF * swing * flow:
            return
        steps = [i[k] - kept[3 + k] for k in range(self.phases)]
        if self.three_wires:
            steps.append(steps[0] - steps[2])
        sags = [1 - abs(v[k]) / abs(kept[k]) for k in range(self.phases)]
        self._pause = _PAUSE
        self.count += 1
        explanations.lags(v, steps, self._angles)
        sizes = [abs(step) for step in steps]
        alone = None
        if self.phases > 1 and not self.three_wires:
            alone = self._alone(kept, v, sizes, sags, least)
        for phase in range(self.phases):
            for k in range(len(steps)):
                if alone and (alone[0] == k) != (alone[1] == phase):
                    self._vote(phase, k, 2)
                elif sizes[k] >= 0.5 * largest and abs(sags[phase]) >= least / 2:
                    angle = self._angles[4 * phase + k]
                    if _FALLS_FROM <= angle <= _FALLS_TO:
                        self._vote(phase, k, 0 if sags[phase] > 0 else 1)
                    elif _FALLS_FROM <= explanations.wrap(angle + 1800) <= _FALLS_TO:
                        self._vote(phase, k, 1 if sags[phase] > 0 else 0)

    def _alone(self, kept, v, sizes, sags, least):
        """(channel of the only current that stepped, phase that it is in), None: not so clear."""
        channel = -1
        for k in range(self.phases):
            if sizes[k] > 0.25 * max(sizes):
                if channel >= 0:
                    return None
                channel = k
        if self.phases == 2:  # the other half moves the other way, by the neutral's share
            sags = [abs(sag) for sag in sags]
            answer = 0 if sags[0] > sags[1] else 1
            clear = min(sags) <= 0.6 * max(sags)
        else:
            # the line voltage between the two others is the one that no load of a phase moves
            lines = ((1, 2), (2, 0), (0, 1))
            sags = [abs(1 - abs(v[m] - v[n]) / abs(kept[m] - kept[n])) for m, n in lines]
            low, middle, high = sorted(sags)
            answer = sags.index(low)
            clear = low <= 0.3 * high and middle >= 0.45 * high
        return (channel, answer) if clear and max(sags) >= least else None

    def _vote(self, phase, k, what):
        at = 3 * (4 * phase + k)
        self._votes[at + what] += 1
        if self._votes[at + what] > _MOST:
            for n in range(at, at + 3):
                self._votes[n] //= 2
