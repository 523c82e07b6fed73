"""How the meter itself is: the registers of `diag`, once a window, and the whole report as a dict when asked for it.

The report says what is; verdicts and what to do about them are the host's (host_tools/diagnosis.py).
"""

import gc

from wattless import VERSION

_SECOND_US = 1000000
RATE_MS = 30000
_ROWS = ("cpu_load", "uptime", "heap_free", "heap_low", "capture_rate", "slice_most", "store_errors", "lock_state")
_ROWS += ("tamper", "link")
_COLLECTS = hasattr(gc, "mem_free")  # MicroPython


class Status:
    """board: its board module; meter: Meter; settings: settings.Settings; points: Points.

    persistence: storage.persistence.Persistence or None; lines: Modbus RTU servers by the names of their ports; tcp:
    the Modbus TCP server or None; supervisor: supervisor.Supervisor."""

    def __init__(self, board, meter, settings, points, supervisor, persistence=None):
        self.board = board
        self.lines = {}
        self.tcp = None
        self.tampers = 0
        self.looks = 0  # calls of `window`
        self._meter = meter
        self._settings = settings
        self._points = points
        self._supervisor = supervisor
        self._persistence = persistence
        self._clock = meter.clock
        self._uptime_ms = 0
        self._seen_ms = meter.clock.ticks_ms()
        self._since_us = meter.clock.ticks_us()
        self._counted_ms = None  # since when frames are counted for the rate
        self._frames = 0
        self._rate_s = 0
        self._load = None
        self._rate = None
        self._heap = self._heap_least = None
        self._opened = False
        self.on_tamper = None  # function(open)
        for name in _ROWS:
            points.put(name, None)
        points.put("kernels", 2 if meter.kernels.failed else 1 if meter.kernels.name == "thumb" else 0)

    @property
    def store(self):
        """storage.store.Store, or None."""
        return self._persistence and self._persistence.store

    def window(self, points):
        """Once a window: collects garbage, and brings the registers up to date."""
        self.looks += 1
        now = self._clock.ticks_ms()
        self._uptime_ms += self._clock.diff(now, self._seen_ms)
        self._seen_ms = now
        if _COLLECTS:
            gc.collect()
            self._heap = gc.mem_free()
            self._heap_least = self._heap if self._heap_least is None else min(self._heap, self._heap_least)
            points.put("heap_free", self._heap)
            points.put("heap_low", self._heap_least)
        self._measure()
        points.put("uptime", self._uptime_ms // 1000)
        points.put("slice_most", min(self._meter.longest_us, 0xFFFFFFFE))
        points.put("lock_state", self._settings.state)
        link = self.board.link
        points.put("link", 0 if link is None else 2 if link.connected() else 1)
        if self._persistence:
            points.put("store_errors", self.store_errors())
        self._watch_cover(points)

    def store_errors(self):
        """Damaged records met, records refused and saves that failed."""
        kept = self._persistence
        return kept.store.errors + kept.refused + kept.failed

    def _measure(self):
        """CPU load, over a second or more."""
        now = self._clock.ticks_us()
        took = self._clock.diff(now, self._since_us)
        if took < _SECOND_US:
            return
        self._load = max(0, 1000 - self._meter.idle_us * 1000 // took)
        self._meter.idle_us = 0
        self._since_us = now
        self._points.put("cpu_load", self._load)
        self._time_frames()

    def _time_frames(self):
        """Frame rate, over RATE_MS at least; the count begins anew after ten times that."""
        meter, now = self._meter, self._clock.ticks_ms()
        took = 0 if self._counted_ms is None else self._clock.diff(now, self._counted_ms)
        if took >= RATE_MS:
            self._rate = (meter.stream.count - self._frames) * 1000000 // took
            self._rate_s = took // 1000
            self._points.put("capture_rate", self._rate)
        if not 0 < took < 10 * RATE_MS:
            self._counted_ms = now
            self._frames = meter.stream.count

    def _watch_cover(self, points):
        if self.board.tamper is None:
            return
        opened = bool(self.board.tamper())
        if opened != self._opened:
            self._opened = opened
            self.tampers += opened
            if self.on_tamper:
                self.on_tamper(opened)
        points.put("tamper", opened)

    def report(self):
        """Everything as a dict for JSON; what is not known is None."""
        meter, settings, points = self._meter, self._settings, self._points
        stream = meter.stream
        counters = points.ids("status")
        counters = counters[counters.index("lost_frames") :]
        tells = hasattr(meter.frames, "counters")
        return {
            "firmware": {
                "version": VERSION,
                "board": self.board.NAME,
                "kernels": meter.kernels.name,
                "reason": meter.kernels.reason,
                "failed": list(meter.kernels.failed),
                "rooms": list(self.board.rooms),
            },
            "uptime_s": self._uptime_ms // 1000,
            "cpu_load": None if self._load is None else self._load / 1000,
            "longest_slice_ms": meter.longest_us / 1000,
            "late": self._supervisor.late(),
            "watchdog": self.board.watchdog is not None,
            "heap": {"free": self._heap, "least": self._heap_least},
            "capture": {
                "rate": None if self._rate is None else self._rate / 1000,
                "rate_over_s": self._rate_s,
                "nominal_rate": meter.rate,
                "bits": 24 if stream.wide else 16,
                "front_end": meter.frames.counters() if tells else {},
            },
            "counters": {name: points.get(name) for name in counters},
            "window": {
                "number": points.seq,
                "flags": points.flag_names(),
                "f": points.get("f"),
                "unix_ms": points.window_ms,
            },
            "wiring": {"codes": points.get("wiring_codes"), "setting": settings.config.wiring},
            "events": {"total": meter.log.total, "kept": min(meter.log.total, meter.log.capacity)},
            "lines": {name: self._line(server) for name, server in self.lines.items()},
            "tcp": self._tcp(),
            "link": None if self.board.link is None else self.board.link.status(),
            "clock": {
                "set": self._clock.unix_ms() is not None,
                "unix_ms": self._clock.unix_ms(),
                "steps": meter.time.steps,
            },
            "store": self._persistence.status() if self._persistence else None,
            "lock": settings.state_name,
            "restart_needed": settings.restart,
            "calibration": {"ranges": len(settings.ranges), "neutral": settings.calibration().is_neutral()},
            "tamper": {"open": self._opened, "count": self.tampers} if self.board.tamper else None,
        }

    @staticmethod
    def _line(server):
        framer = server.framer
        from wattless.services.modbus_rtu import COUNTERS  # loaded, as there is a line

        line = dict(zip(COUNTERS, framer.counters))
        line["listen_only"] = framer.listening
        line["unit"] = framer.unit
        return line

    def _tcp(self):
        tcp = self.tcp
        if tcp is None:
            return None
        return {
            "clients": tcp.connected(),
            "requests": tcp.requests,
            "exceptions": tcp.exceptions,
            "refused": tcp.refused,
            "timeouts": tcp.timeouts,
        }
