"""Which groups there are. A group is a function that yields Results; they run at the same time, shown in this order."""

from host_tools.accuracy import cases, events, grid, influences, intervals, source, states, transforms

# in `make test` and in `make accuracy`
QUICK = (
    transforms.transform,
    transforms.resampler,
    cases.harmonics,
    cases.fundamental,
    cases.spurs,
    cases.dynamic_range,
    cases.frequency,
    cases.synchronism,
    influences.distorted_loads,
    states.test_states,
    states.magnitudes,
    states.asymmetry,
    states.interharmonics,
)
# in `make test` only: samples of what `make accuracy` does whole
SAMPLES = (grid.class_points,)
# in `make accuracy` only
SLOW = (
    grid.class_grid,
    influences.influences,
    states.signalling,
    intervals.ten_seconds,
    intervals.flicker,
    events.energy,
    events.events,
    source.source,
)
