"""Where the next window begins and ends: 10 or 12 periods of the fundamental (short windows: 5 or 6), found from its
phase at both ends.

At each boundary the phase of every voltage is measured (dsp/phase.py). A window that began when the reference voltage
had the phase P ends when it has P again, so many turns later; the reference is the strongest voltage, and it may
change from window to window because all of them are measured. The first boundary, and the first after a loss of
synchronism, follows from measurements up to three periods later, once the frequency is found from two that are one and
in the end two periods apart. Without a voltage between the limits of the range, windows of the last known length
follow, not synchronised.

Integers only; a handful of Python operations a window besides the kernels.
Ranges: 42 to 58 Hz and 50.4 to 69.6 Hz, a little wider than IEC 61000-4-30 asks (42.5 to 57.5, 51 to 69 Hz).
"""

from array import array

from wattless.dsp import phase

_MASK = phase.TURN - 1
_ROUNDS = (1, 1, 2, 2)  # periods between measurements for the first estimate: its error shrinks about tenfold a round
_ANCHORS = (3, 2, 1)  # periods behind a window's start where its phases are measured
_KEEP = 3  # the reference stays while it has 3/4 of the strongest voltage


def _ratio(numerator, denominator, bits):
    """floor(numerator 2**bits / denominator) for 0 <= numerator, 0 < denominator < 2**30 and a result below 2**30, in
    small integers."""
    quotient = numerator // denominator
    rest = numerator - quotient * denominator
    for _ in range(bits):
        rest += rest
        quotient += quotient
        if rest >= denominator:
            rest -= denominator
            quotient += 1
    return quotient


def _wrapped(angle):
    """The same angle within half a turn of zero."""
    return ((angle + (phase.TURN >> 1)) & _MASK) - (phase.TURN >> 1)


class Tracker:
    """Cuts the sample stream into windows.

    ring: object with data, wide (int32, else int16), length (samples), stride, count (samples so far), index(n) -> ring
    index of sample n
    channels: indices of the voltage channels that may serve as the reference
    rate: samples/s; nominal: 50 or 60 Hz; cycles: periods a window
    threshold: smallest usable amplitude in units of a 16-bit code (peak)
    kernels: object with correlate and correlate_wide (default: dsp/phase.py)

    After `window` returned True: first, frac (the window's start: first + frac / 65536), length (1/65536 sample),
    synced.
    """

    def __init__(self, ring, sine, channels, rate, nominal, cycles, threshold, kernels=phase):
        self.ring = ring
        self.sine = sine
        self.channels = channels
        self.cycles = cycles
        self.nominal = _ratio(nominal, rate, 26)
        self.slowest = _ratio(nominal * 21, rate * 25, 26)
        self.fastest = _ratio(nominal * 29, rate * 25, 26)
        self.reach = phase.TURN // self.slowest + 1
        # the sum of the Hann weights is one period, so a sine of amplitude a gives a * 2**4 * period; polar's gain is
        # 0.41169
        self.threshold = threshold * rate // nominal * 6586 // 1000
        self.targets = array("i", bytes(4 * len(channels)))
        self.magnitudes = array("i", bytes(4 * len(channels)))
        self.magnitudes_before = array("i", bytes(4 * len(channels)))
        self.angles = array("i", bytes(4 * len(channels)))
        self._z = array("i", bytes(8))
        self._correlate = kernels.correlate_wide if ring.wide else kernels.correlate
        self._params = array("i", bytes(4 * phase.PARAMS))
        self._params[phase.LENGTH] = ring.length
        self.restart(0)

    def restart(self, sample):
        """Forgets everything; the next window begins at `sample` of the ring."""
        self.first = self.next_first = sample
        self.frac = self.next_frac = 0
        self.step = self.nominal
        self.length = self._nominal_length()
        self.reference = 0
        self.synced = False
        self.locked = False
        self.seeking = False
        self._sought = False
        self._stage = 0
        self._sought_step = self.nominal

    def begin_at(self, sample):
        """The next window begins at `sample`, which lies in the window just cut, instead of at its end; the lock stays.

        IEC 61000-4-30, 4.4: windows begin anew at the tick of the clock, and overlap there. The window's samples must
        still be in the ring. Phases are measured there or, without the period of samples before it that this takes,
        found from those of the next three periods, as `window` goes on."""
        if not self.first < sample <= self.next_first:
            raise ValueError("sample {} is not in the window {}..{}".format(sample, self.first, self.next_first))
        self.next_first = sample
        self.next_frac = 0
        if not self.locked:
            return
        if sample - self.first < self.reach:
            self.locked = False
            self._sought_step = self.step
            self._stage = len(_ROUNDS)
            return
        self._measure(sample, self.step)
        self._remember()
        for i in range(len(self.angles)):
            self.targets[i] = self.angles[i]

    def _nominal_length(self):
        """Length of a window at the frequency `step`, in 1/65536 sample."""
        return _ratio(self.cycles << 16, self.step, 26)

    def _measure(self, sample, step):
        """Magnitudes and angles of the voltages at `sample`; False while the samples after it are missing."""
        params = self._params
        # A step a little off a multiple of 2**15 would shift all angles by nearly the same fraction of a place in the
        # sine table: 90 millionths of a turn in the phase, at 50.05 Hz. Rounded to 2**10 (0.2 %), it is 30 at most.
        step = (step + 512) >> 10 << 10
        params[phase.HALF] = phase.half(step)
        if self.ring.count <= sample + params[phase.HALF]:
            return False
        params[phase.POSITION] = self.ring.index(sample)
        params[phase.STEP] = step
        for i in range(len(self.channels)):
            params[phase.CHANNEL] = self.channels[i] * self.ring.stride
            self._correlate(self.ring.data, self.sine, params, self._z)
            self._z[1] = 0 - self._z[1]
            phase.polar(self._z, phase.ARCTANGENTS)
            self.magnitudes[i] = self._z[0]
            self.angles[i] = self._z[1]
        return True

    def _choose(self, before):
        """Keeps or changes the reference voltage by its weaker end (`before`: magnitudes at the other one); False if
        all are too weak."""
        best = self.reference
        strength = strongest = min(self.magnitudes[best], before[best])
        for i in range(len(before)):
            magnitude = min(self.magnitudes[i], before[i])
            if magnitude > strongest:
                best, strongest = i, magnitude
        if strength < strongest // 4 * _KEEP:
            self.reference, strength = best, strongest
        return strength >= self.threshold

    def _remember(self):
        for i in range(len(self.magnitudes)):
            self.magnitudes_before[i] = self.magnitudes[i]

    def _seek(self):
        """Finds frequency and phases at the start of the coming window, a stage a call, so that none takes long. None
        while samples are missing or stages left, else success."""
        if self.ring.count <= self.next_first + 4 * self.reach:
            return None
        stage = self._stage
        if stage == 0:
            self._sought_step = self.nominal
        if stage < len(_ROUNDS):
            if not self._narrow(self.next_first + self.reach, _ROUNDS[stage]):
                self._stage = 0
                return False
        else:
            self._anchor(_ANCHORS[stage - len(_ROUNDS)])
        self._stage = stage + 1
        if self._stage < len(_ROUNDS) + len(_ANCHORS):
            self.seeking = True
            return None
        self._stage = 0
        self._remember()
        self.step = self._sought_step
        return True

    def _narrow(self, near, periods):
        """Betters the frequency by measuring twice, `periods` apart. False without a voltage of the range."""
        step = self._sought_step
        apart = periods * ((phase.TURN + (step >> 1)) // step)
        self._measure(near, step)
        if not self._choose(self.magnitudes):
            return False
        before = self.angles[self.reference]
        self._measure(near + apart, step)
        step += (_wrapped(self.angles[self.reference] - before - step * apart) + (apart >> 1)) // apart
        self._sought_step = step
        return self.slowest <= step <= self.fastest

    def _anchor(self, periods):
        """Adds one of three terms to the phases at the window's start: 3 a - 3 b + c of those one, two and three
        periods later, also while the frequency changes steadily. All are about the same: what small error depends on
        the phase is the same at the window's end."""
        step = self._sought_step
        self._measure(self.next_first + periods * ((phase.TURN + (step >> 1)) // step), step)
        weight = (0, 3, -3, 1)[periods]
        for i in range(len(self.targets)):
            target = self._turned(step, self.next_frac) if periods == _ANCHORS[0] else self.targets[i]
            self.targets[i] = (target + weight * self.angles[i]) & _MASK

    @staticmethod
    def _turned(step, frac):
        """Angle that `frac` / 65536 sample takes."""
        return ((step >> 6) * frac) >> 10

    def window(self):
        """True when the next window is complete and described by first, frac, length, synced; call again for the one
        after. False: samples are missing, or, when `seeking` is set, this call did a part of the search: call again."""
        self.seeking = False
        if not self.locked and not self._sought:
            found = self._seek()
            if found is None:
                return False
            self._sought = True
            self.locked = found
        length = self._nominal_length()
        if self.locked:
            length = self._synchronised(length)
            if length is None:
                return False
        end = self.next_frac + length
        if self.ring.count <= self.next_first + (end >> 16) + self.reach:
            return False
        self.first = self.next_first
        self.frac = self.next_frac
        self.length = length
        self.synced = self.locked
        self.next_first += end >> 16
        self.next_frac = end & 0xFFFF
        self._sought = False
        return True

    def _synchronised(self, predicted):
        """Length from the phase at the end, None while samples are missing. Also sets the targets of the window after.

        When no voltage can be followed to the end, or it left the range, the lock is given up and the predicted
        length returned."""
        step = self.step
        length = predicted
        for _ in range(2):
            centre = self.next_first + ((self.next_frac + length + 0x8000) >> 16)
            if not self._measure(centre, step):
                return None
            followed = self._choose(self.magnitudes_before)
            ahead = _wrapped(self.targets[self.reference] - self.angles[self.reference])
            # from the centre to the instant of the phase sought, in 1/65536 sample
            offset = _ratio(ahead, step, 16) if ahead >= 0 else 0 - _ratio(0 - ahead, step, 16)
            length = ((centre - self.next_first) << 16) - self.next_frac + offset
            refined = _ratio(self.cycles << 16, length, 26)
            if abs(refined - step) < step >> 10:
                break
            step = refined
        if not (followed and self.slowest <= refined <= self.fastest):
            self.locked = False
            return predicted
        self._remember()
        for i in range(len(self.angles)):
            self.targets[i] = (self.angles[i] + ahead) & _MASK
        self.step = refined
        return length
