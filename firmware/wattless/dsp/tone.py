"""Amplitude and phase of a tone of any frequency in the samples of one channel: the correlation with its cosine and
sine. For the few bins that the transform of a window does not have: mains signalling, an interharmonic between bins,
and a second opinion on the transform itself.

    out += sum x[i] c[t], sum x[i] s[t],    t = ((angle + i step + 2**14) >> 15) & 2047,  i = 0..count-1

with c, s = 32768 cos, sin(2 pi t / 2048) as the table of dsp/sine.py has them (rounded, -32768 sin at most 32767):
exact integers, two words (high, low) = high 2**28 + low each. Angles are binary, 2**26 a turn: f Hz at fs samples/s
is a step of 2**26 f / fs. A sine of amplitude a LSB at that frequency gives 16384 a count; what is not at that
frequency leaks in as sinc, so take count = whole periods of the mains. The angle is rounded to 1/2048 turn: beside a
fundamental, a line below 2.5 kHz hears 2 ppm of it, at worst 150 ppm (-76 dB). A step is good to 0.1 mHz at 12 800
samples/s.

Not the recursion of Goertzel (1958), which needs one multiplication less a sample: with 2 cos(2 pi f / fs) in 16 bits
its pole sits where acos of a multiple of 2**-15 lies, which near 0 is nowhere. At 12 800 samples/s 50 Hz becomes
50.3 Hz, every frequency below 11.2 Hz becomes dc, and between 42.5 and 69 Hz it is up to 3.4 % off (tests/dsp).

It goes on where it stopped: position and angle in `params` move on, `out` is added to. Up to 4096 samples a call
(2900 in 5 ms of viper), 2**28 together. Cost (ARM instructions a sample, viper / Thumb-2): 114 / 11; no heap. The same
function for Thumb-2: tone_thumb.py.
"""

import micropython

# params, array('i'): the channel's first word in the ring; samples a channel; index of the next sample in the channel;
# samples to do; angle of the next sample; angle a sample
CHANNEL, LENGTH, POSITION, COUNT, ANGLE, STEP = range(6)
PARAMS = 6
TURN = 1 << 26
# out, array('i') of 4: where the words of the sums are
COS, SIN = 0, 2


@micropython.viper
def tone(ring: ptr16, sine: ptr16, params: ptr32, out: ptr32):
    """Correlates params[COUNT] samples of `ring` (int16) and adds the sums to `out`."""
    position = params[2]
    count = params[3]
    angle = params[4] + 16384
    step = params[5]
    ring = ptr16(int(ring) + ((params[0] + position) << 1))
    cos_high = 0
    cos_low = 0
    sin_high = 0
    sin_low = 0
    while count:
        run = params[1] - position
        if count < run:
            run = count
        count = count - run
        position = position + run
        while run:
            x = (ring[0] ^ 0x8000) - 0x8000
            t = (angle >> 15) & 2047
            y = ((sine[t] ^ 0x8000) - 0x8000) * x
            sin_low = (y & 0xFFFF) + sin_low
            sin_high = (y >> 16) + sin_high
            t = (t + 512) & 2047
            y = ((sine[t] ^ 0x8000) - 0x8000) * x
            cos_low = (y & 0xFFFF) + cos_low
            cos_high = (y >> 16) + cos_high
            angle = (angle + step) & 0x3FFFFFF
            ring = ptr16(int(ring) + 2)
            run -= 1
        if position == params[1]:
            position = 0
            ring = ptr16(int(ring) - (params[1] << 1))
    params[2] = position
    params[4] = (angle - 16384) & 0x3FFFFFF
    # the table is negated
    cos_low = out[1] - ((cos_high & 0xFFF) << 16) - cos_low
    out[0] = (cos_low >> 28) - (cos_high >> 12) + out[0]
    out[1] = cos_low & 0xFFFFFFF
    sin_low = out[3] - ((sin_high & 0xFFF) << 16) - sin_low
    out[2] = (sin_low >> 28) - (sin_high >> 12) + out[2]
    out[3] = sin_low & 0xFFFFFFF
