"""Runs on MicroPython in the place of a board's start: runs the meter's main, and says what happens to the heap.

    start(path): path of the options as JSON, see board.begin. "what" of them: "table": every import, and the making of
    every part in PARTS, is framed by two collections; "run": main as it is. In both the board's frame source looks at
    the heap now and then.

Results are lines on standard output that begin with "@". What it takes itself is told, and not booked to anybody.
"""

import builtins
import gc
import sys

# module: classes and functions in it that make what stays
PARTS = {
    "wattless.kernels": ("choose",),
    "wattless.dsp.sine": ("table",),
    "wattless.config": ("load",),
    "wattless.capture.stream": ("Stream",),
    "wattless.capture.health": ("Health",),
    "wattless.dsp.frequency": ("Tracker",),
    "wattless.dsp.window": ("Window",),
    "wattless.event_log": ("EventLog",),
    "wattless.metering.aggregation": ("Aggregation",),
    "wattless.metering.diagnosis": ("Diagnosis",),
    "wattless.metering.energy": ("Energy",),
    "wattless.metering.events": ("Events",),
    "wattless.metering.flicker": ("Flicker",),
    "wattless.metering.half_cycle": ("HalfCycles",),
    "wattless.metering.quantities": ("Quantities",),
    "wattless.metering.source": ("Source",),
    "wattless.metering.spectra": ("Spectra",),
    "wattless.meter": ("Meter",),
    "wattless.points": ("Points",),
    "wattless.services.console": ("Console",),
    "wattless.services.modbus_pdu": ("ModbusPdu",),
    "wattless.services.modbus_rtu": ("ModbusRtu",),
    "wattless.services.modbus_tcp": ("ModbusTcp",),
    "wattless.services.shell": ("Shell",),
    "wattless.settings": ("Settings",),
    "wattless.storage.persistence": ("Persistence",),
    "wattless.storage.store": ("Store",),
}
_WHOLE = ("+wattless.kernels.choose",)  # parts that make others and drop them again
_MOST = 400
_names = _bytes = _inner = None  # made when they are needed: lists that do not grow while others are measured
_count = 0
_depth = 0
_whole = False  # within one of _WHOLE
_import = builtins.__import__


def used():
    gc.collect()
    return gc.mem_alloc()


def _enter():
    global _depth
    _depth += 1
    _inner[_depth] = 0
    return used()


def _leave(name, before):
    """Books what was allocated since `before`, less what parts inside have booked."""
    global _depth, _count
    total = used() - before
    own = total - _inner[_depth]
    _depth -= 1
    _inner[_depth] += total
    if own > 15 or own < -15:
        _names[_count] = name
        _bytes[_count] = own
        _count += 1


def _importing(name, *rest):
    if len(rest) == 4 and rest[3]:  # a relative import, of which asyncio alone has some
        name = "asyncio." + name if name else "asyncio"
        rest = (None, None, rest[2] or (name,), 0)
    if name in sys.modules:
        return _import(name, *rest)
    before = _enter()
    module = _import(name, *rest)
    _leave(name, before)
    if name in PARTS and name in sys.modules:
        before = used()
        for part in PARTS[name]:
            if hasattr(sys.modules[name], part):
                setattr(sys.modules[name], part, _counted(getattr(sys.modules[name], part), "+" + name + "." + part))
        _inner[_depth] += used() - before
    return module


def _counted(make, name):
    def counted(*args, **kwargs):
        global _whole
        if _whole:
            return make(*args, **kwargs)
        before = _enter()
        _whole = name in _WHOLE
        made = make(*args, **kwargs)
        _whole = False
        _leave(name, before)
        return made

    return counted


class _Anything:
    """In the place of a microcontroller's module: has every name, can be called, and counts for nothing."""

    def __getattr__(self, name):
        return self

    def __call__(self, *_, **__):
        return self


class _Zeros:
    """In the place of the module of register addresses."""

    def __getattr__(self, name):
        return 0


def _load(drivers):
    """Loads what stands beside a board's board.py: it finds no pins here, and nobody starts it."""
    for name in ("machine", "pyb", "network"):
        sys.modules[name] = _Anything()
    sys.modules["stm"] = _Zeros()
    for name in drivers:
        __import__(name)


def _measured(drivers):
    global _names, _bytes, _inner
    _names = [None] * _MOST
    _bytes = [0] * _MOST
    _inner = [0] * 40  # what is already accounted for, one a nesting depth
    builtins.__import__ = _importing
    try:
        _load(drivers)
        import main  # noqa: F401  runs the meter until the frames end
    finally:
        builtins.__import__ = _import


def tell(what, *values):
    print("@" + what, *values)


def start(path):
    before = used()
    import json

    import board

    with open(path) as file:
        options = json.load(file)

    board.begin(options, tell, used)
    tell("board", used() - before, before)
    code = None
    try:
        if options["what"] == "table":
            _measured(options["drivers"])
        else:
            _load(options["drivers"])
            import main  # noqa: F401
    except MemoryError as error:
        tell("memory_error", error)
        sys.print_exception(error, sys.stderr)
    except SystemExit as error:
        code = error.args[0] if error.args else 0
    board.finish(code)
    for i in range(_count):
        tell("part", _bytes[i], _names[i])
