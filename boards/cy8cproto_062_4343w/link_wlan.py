"""WiFi as a link, by MicroPython's network.WLAN; `socket` is the port's own.

On the PSoC 6 port WLAN.connect waits until it has joined or failed, for seconds; it raises ValueError when it fails.
The driver does not join again by itself: connected() does it, every 30 s at most. Heap: 1.9 KB from .mpy. Not yet
run on hardware.
"""

import network

from micropython import const

_RETRY_MS = const(30000)


class Wlan:
    """clock: ticks_ms and diff. restarts: attempts to join."""

    name = "wlan"

    def __init__(self, clock):
        self._clock = clock
        self._wlan = None
        self._ssid = self._password = None
        self._tried = 0
        self.restarts = 0
        self.reason = "not started"

    def connect(self, settings):
        """Joins settings.wifi_ssid with settings.wifi_password; whether it did, connected() tells. Waits for seconds.
        ValueError without a name."""
        if not getattr(settings, "wifi_ssid", None):
            raise ValueError("wifi_ssid is not set: want the name of an access point")
        self._ssid = settings.wifi_ssid
        self._password = getattr(settings, "wifi_password", None)
        if self._wlan is None:
            self._wlan = network.WLAN(network.STA_IF)
            self._wlan.active(True)
        self._join()

    def connected(self):
        """Is there an access point? Where it was lost, tries to join again."""
        if self._wlan is None:
            return False
        if self._wlan.isconnected():
            return True
        if self._clock.diff(self._clock.ticks_ms(), self._tried) >= _RETRY_MS:
            self._join()
        return self._wlan.isconnected()

    def poll(self):
        """Nothing to do: the driver has its own thread."""

    def status(self):
        up = self._wlan is not None and self._wlan.isconnected()
        return {
            "name": self.name,
            "state": "off" if self._wlan is None else "up" if up else "joining",
            "reason": None if up else self.reason,
            "ip": self._wlan.ifconfig()[0] if up else None,
            "rssi": self._wlan.status("rssi") if up else None,
            "restarts": self.restarts,
        }

    def _join(self):
        self.restarts += 1
        self._tried = self._clock.ticks_ms()
        try:
            if self._password:
                self._wlan.connect(self._ssid, self._password)
            else:
                self._wlan.connect(self._ssid)
            self.reason = "joining"
        except (OSError, ValueError) as error:
            self.reason = "joining failed: %s" % error
