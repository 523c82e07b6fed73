"""Is what the converter says fit to be measured? Sample diagnostics of each window: flags, counters, events.

    code  flag     condition                                                   value of the event
    10    gap      frames missing, or the converter restarted between two      frames lost
    11    crc      wrong checksums                                             frames
    12    clip     codes at an end of their range                              frames
    13    flat     a voltage shows one constant code                           that code, % of full scale
    14    jitter   the front end saw DRDY off its time                         frames
    15    offset   dc above offset_limit, in three windows running             largest dc, % of full scale
    16    noise    noise above noise_limit, in three windows running           largest noise, % of full scale
    17    supply   auxiliary supply below aux_minimum (until 2 % above it)     lowest voltage, V

An event begins with the first window that has the condition and is over when it was away for 3 s; its duration is that
until the last window that had it. channel: 1 to 3 = l1 to l3, 4 = n, 0 = none; detail: the converter's input, 0 to 6 =
v1 v2 v3 i1 i2 i3 in, 7 = supply. 3p3w mixes its inputs: there flat, dc and noise are those of the virtual phases, and
the voltages that clip are 5 = l12, 6 = l23.

Dc of a current is watched like that of a voltage: a current transformer lets none pass, so it is the front end's. Dc
and noise are not looked at in windows that are not synchronised, and noise neither in those with gaps, wrong
checksums or clipping; a step of the load or a dip in one or two windows has both, which the three windows keep out.

Noise: the least of the magnitudes between the orders 26 and 50 (IEC 61000-4-7 interharmonics), where loads leave
nothing, taken for the density of white noise up to half the sample rate. The least of 24 is low by a known factor
(Rayleigh statistics), and scatters by 10 to 30 %; noise of the converter behind its sinc3 is raised there by the
correction of its droop, another known factor. The neutral conductor has no such list.

Measured on 32-bit ARM: heap 0.6 KB, and 0.1 KB an event in progress; garbage of a window 48 bytes, 0.1 KB with events.
About 90 k instructions a window (counted on x86-64).
"""

from math import nan

import micropython
from micropython import const
from wattless.capture.stream import CLIP, CRC, GAP, JITTER

GAP_CODE = const(10)
CRC_CODE = const(11)
CLIP_CODE = const(12)
FLAT_CODE = const(13)
JITTER_CODE = const(14)
OFFSET_CODE = const(15)
NOISE_CODE = const(16)
SUPPLY_CODE = const(17)

FLAT = 4  # bits of a window's flags
UNSYNCHRONISED = 32
OFFSET = 2048
NOISE = 4096
SUPPLY = 8192

# Inputs of the converter that a wiring uses; channels of dsp.Window with voltages, with currents.
_WIRED = {
    "1p2w": ((0, 3), (0,), (3,)),
    "1p3w": ((0, 1, 3, 4), (0, 1), (3, 4)),
    "3p4w": ((0, 1, 2, 3, 4, 5), (0, 1, 2), (3, 4, 5)),
    "3p3w": ((0, 2, 3, 5), (0, 1, 2), (3, 4, 5)),
}
_NEUTRAL = const(6)
_AUX = const(7)
_NO_INPUT = const(8)
_LINES = b"\x01\x02\x03\x01\x02\x03\x04\x00\x00"  # of the inputs
_LINE_VOLTAGES = b"\x05\x00\x06"

# The first four are the stream's, in the order of _COUNTED.
COUNTERS = ("lost_frames", "crc_errors", "clipped_frames", "jitter_frames", "gaps", "flat_windows")
COUNTERS += ("offset_alarms", "noise_alarms", "supply_alarms")
_COUNTED = ((GAP, GAP_CODE), (CRC, CRC_CODE), (CLIP, CLIP_CODE), (JITTER, JITTER_CODE))
_LOST = const(0)
_CLIPPED = const(2)
_GAPS = const(4)
_FLAT = const(5)
_ALARMS = const(6)
_LARGEST = 0xFFFFFFFE  # count: all ones would say that it is not known

_CONFIRM = const(3)  # windows in succession
_AWAY_S = const(3)
_RECOVERED = 1.02
_DC = 8192.0  # in a window's phasors, of one code
_RMS = 5792.6  # magnitude of one code rms: 4096 sqrt(2)
_FULL = 327.68  # codes in 1 % of full scale
# n bins between two orders -> least of 24 magnitudes of white noise over their rms: mean of sqrt(chi2(2 n) / 2 n)
_LEAST = {2: 0.360, 3: 0.463, 4: 0.528, 5: 0.575, 7: 0.638, 9: 0.679, 11: 0.709}
_RAISED = 1.13  # mean over these orders of what flattens the sinc3


@micropython.viper
def _quietest(magnitudes: ptr32, coil: int) -> int:
    """The least of magnitudes[26:50]; coil: of a spectrum that was divided by the order, times that."""
    least = 0x3FFFFFFF
    h = 26
    while h < 50:
        x = magnitudes[h]
        if coil:
            if x > 0xFFFFFF:
                x = 0xFFFFFF
            x = x * h
        if x < least:
            least = x
        h += 1
    return least


class Health:
    """config: settings; stream: capture.stream.Stream; log: event_log.EventLog; points: points.Points."""

    def __init__(self, config, stream, log, points):
        inputs, voltages, currents = _WIRED[config.wiring]
        neutral = config.neutral_current == "measured" and config.wiring != "3p3w"
        stream.watched = sum([1 << k for k in inputs]) + (neutral << _NEUTRAL)
        self._stream, self._log, self._points = stream, log, points
        self._stage = points.stage
        at = points.at
        self._aux_at, self._noise_v_at, self._noise_i_at = at("aux_v"), at("noise_v"), at("noise_i")
        self._rate = config.adc_rate
        self._line_voltages = config.wiring == "3p3w"
        self._voltages, self._currents = voltages, currents
        self._with_dc = voltages + currents + ((_NEUTRAL,) if neutral else ())
        self._coil = config.current_sensor == "rogowski"
        self._aux_scale = config.aux_full_scale / (8388608 if config.adc_bits == 24 else 32768)
        self._aux_offset = config.offsets[_AUX]
        periods = (10 if config.nominal_frequency == 50 else 12) // (1 if config.window == "10/12" else 2)
        bins = periods - (3 if config.interharmonics == "subgroups" else 1)
        band = config.adc_rate * periods / config.nominal_frequency / 2  # bins up to half the sample rate
        self._noise_scale = (band / bins) ** 0.5 / (_LEAST[bins] * _RMS * _FULL)
        if config.adc != "ideal":
            self._noise_scale /= _RAISED
        self.set_limits(config)
        self._dc_windows = bytearray(_AUX)  # in succession, above the limit
        self._noise_windows = bytearray(_AUX)
        self._clipped = 0  # inputs, in the last window that clipped
        self._events = {}  # in progress: (code << 4 | input) -> [number, first sample, behind the last, value]
        self._counts = [0] * len(COUNTERS)
        self._put = [-1] * len(COUNTERS)  # as the points have them
        self._told = [0] * len(_COUNTED)  # as events have them: frames are taken ahead of the window they flag
        self._publish()

    def set_limits(self, config):
        """Other limits of dc, noise and supply, from now on; events in progress go on."""
        self._noise_limit = int(min(config.noise_limit / self._noise_scale, 0x3FFFFFFF))
        self._offset_limit = int(config.offset_limit * _FULL * _DC)
        self._minimum = config.aux_minimum

    def count(self, name):
        """A counter, by its name in COUNTERS."""
        return self._counts[COUNTERS.index(name)]

    def window(self, window, first, last, flags):
        """Looks at a window of samples `first` to `last`, whose flags so far are `flags`; returns the flags to add.

        window: dsp.window.Window. Fills the stage's rows aux_v, noise_v and noise_i, and puts the counters."""
        end = last + 1
        self._take_counts()
        if flags & (GAP | CRC | CLIP | JITTER):
            for place in range(len(_COUNTED)):
                bit, code = _COUNTED[place]
                if flags & bit:
                    self._counted(code, place, first, end)
        added = self._flat(window, first, end) | self._supply(first, end)
        if not flags & UNSYNCHRONISED:
            added |= self._offset(window, first, end)
            if not flags & (GAP | CRC | CLIP):
                added |= self._noise(window, first, end)
        if self._events:
            self._finish(end, flags & UNSYNCHRONISED)
        self._publish()
        return added

    def broken(self, first, end):
        """Frames are missing or stay out: no window has the samples `first` to `end` - 1."""
        self._take_counts()
        self._counted(GAP_CODE, _LOST, first, max(first, end))
        self._publish()

    def _take_counts(self):
        counts, stream = self._counts, self._stream
        counts[0], counts[1], counts[2] = stream.lost, stream.crc_errors, stream.clipped_frames
        counts[3], counts[_GAPS] = stream.jitter_frames, stream.gaps

    def _publish(self):
        counts, put = self._counts, self._put
        for place in range(len(COUNTERS)):
            if counts[place] != put[place]:
                put[place] = counts[place]
                self._points.put(COUNTERS[place], min(counts[place], _LARGEST))

    def _counted(self, code, place, first, end):
        """Frames of a kind in this window: an event for each input that clips, else one. Its value: frames so far."""
        more = self._counts[place] - self._told[place]
        self._told[place] = self._counts[place]
        if place != _CLIPPED:
            self._goes_on(code, _NO_INPUT, more, first, end)
            return
        inputs = self._stream.clipped or self._clipped  # as with frames: the last window may have told it
        self._stream.clipped = 0
        self._clipped = inputs
        for k in range(_AUX):
            if inputs >> k & 1:
                self._goes_on(code, k, more, first, end)

    def _flat(self, window, first, end):
        added = 0
        for channel in self._voltages:
            code = window.extremes[2 * channel]
            if code == window.extremes[2 * channel + 1]:
                self._goes_on(FLAT_CODE, channel, code / (64 * _FULL), first, end)
                added = FLAT
        if added:
            self._counts[_FLAT] += 1
        return added

    def _supply(self, first, end):
        code = self._stream.aux()
        if code is None:
            return 0
        volts = self._stage[self._aux_at] = (code - self._aux_offset) * self._aux_scale
        limit = self._minimum
        if limit is None:
            return 0
        if SUPPLY_CODE << 4 | _AUX in self._events:
            limit *= _RECOVERED
        return self._alarm(SUPPLY, SUPPLY_CODE, _AUX, volts, first, end) if volts < limit else 0

    def _offset(self, window, first, end):
        added = 0
        limit, windows = self._offset_limit, self._dc_windows
        for channel in self._with_dc:
            dc = window.phasors[channel][0]
            if 0 - limit <= dc <= limit:
                windows[channel] = 0
            elif self._confirmed(windows, channel):
                added |= self._alarm(OFFSET, OFFSET_CODE, channel, dc / (_DC * _FULL), first, end)
        return added

    def _noise(self, window, first, end):
        added = self._noise_of(window, self._voltages, 0, self._noise_v_at, first, end)
        return added | self._noise_of(window, self._currents, self._coil, self._noise_i_at, first, end)

    def _noise_of(self, window, channels, coil, slot, first, end):
        added = most = 0
        windows = self._noise_windows
        for channel in channels:
            least = _quietest(window.between[channel], coil)
            most = max(most, least)
            if least <= self._noise_limit:
                windows[channel] = 0
            elif self._confirmed(windows, channel):
                added |= self._alarm(NOISE, NOISE_CODE, channel, least * self._noise_scale, first, end)
        self._stage[slot] = most * self._noise_scale
        return added

    @staticmethod
    def _confirmed(windows, channel):
        """True from the third window in succession on."""
        windows[channel] = min(windows[channel] + 1, _CONFIRM)
        return windows[channel] == _CONFIRM

    def _alarm(self, flag, code, input, value, first, end):
        if self._goes_on(code, input, value, first, end):
            self._counts[_ALARMS + code - OFFSET_CODE] += 1
        return flag

    def _goes_on(self, code, input, value, first, end):
        """This window has the condition. True if it began here."""
        event = self._events.get(code << 4 | input)
        if event is None:
            line = self._line(code, input)
            number = self._log.begin(code, line, first, 1 << line >> 1)
            self._events[code << 4 | input] = [number, first, end, value]
            return True
        event[2] = end
        if code < FLAT_CODE or code == JITTER_CODE:
            event[3] += value
        elif value < event[3] if code == SUPPLY_CODE else abs(value) > abs(event[3]):
            event[3] = value
        return False

    def _line(self, code, input):
        """The event log's channel for an input."""
        if code == CLIP_CODE and self._line_voltages and input < len(_LINE_VOLTAGES):
            return _LINE_VOLTAGES[input]
        return _LINES[input]

    def _finish(self, end, blind):
        """Ends the events whose condition was away long enough. blind: dc and noise cannot be seen."""
        for key in list(self._events):
            number, first, behind, value = self._events[key]
            code = key >> 4
            if end - behind >= _AWAY_S * self._rate and not (blind and code in (OFFSET_CODE, NOISE_CODE)):
                del self._events[key]
                line = self._line(code, key & 15)
                detail = nan if key & 15 == _NO_INPUT else key & 15
                duration = (behind - first) / self._rate
                self._log.end(number, code, line, first, duration, value, detail, 1 << line >> 1)
