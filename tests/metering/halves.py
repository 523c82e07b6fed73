"""Urms(1/2) from a waveform, by its definition, and events from them.

A waveform is a sine whose rms value steps: PROFILE = ((seconds, % of Udin), ...), each step from its time on. Urms(1/2)
is the rms of one period, every half period, of 96 points a half period in float64.
"""

import numpy as np

from wattless import config as settings
from wattless.event_log import EventLog
from wattless.metering.events import Events
from wattless.metering.wiring import wiring

POINTS = 96  # a half period
UDIN = 1048576  # of SETTINGS in 1/64 code: 250 V of 500 V
SETTINGS = {"nominal_voltage": 250.0, "full_scale_v": 500.0, "wiring": "1p2w"}


def urms(profile, seconds, f, shift=0.0):
    """Urms(1/2) in % of Udin; value k is that of the period that ends with half period k + 2. shift: degrees."""
    halves = int(round(seconds * 2 * f))
    t = (np.arange(halves * POINTS) + 0.5) / (2 * f * POINTS)
    times, levels = zip(*profile, strict=True)
    level = np.array(levels)[np.searchsorted(times, t, side="right") - 1]
    squares = (level * np.sqrt(2) * np.sin(2 * np.pi * f * t + np.radians(shift))) ** 2
    means = squares.reshape(halves, POINTS).mean(axis=1)
    return np.sqrt((means[1:] + means[:-1]) / 2)


def built(**changes):
    """(Events, EventLog)"""
    config = settings.load({**SETTINGS, **changes})
    log = EventLog(rate=config.adc_rate)
    return Events(config, wiring(config.wiring), log), log


def feed(events, rounds, f=50.0, first=2, rate=12800):
    """Gives rows of values, a column a channel, in % of Udin, to `events`."""
    for k, row in enumerate(rounds):
        sample = round((first + k) * rate / (2 * f))
        for element, percent in enumerate(row):
            events.half(element, sample, round(percent * UDIN / 100))


def ended(log):
    """The entries, oldest first, that are over."""
    return [entry for entry in reversed(list(log.entries())) if entry.state]
