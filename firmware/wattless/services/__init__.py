"""What talks to the world: each service reads points, and knows nothing of how they are measured."""

import asyncio

try:
    from asyncio import sleep_ms  # MicroPython: does not allocate
except ImportError:

    def sleep_ms(t):
        """Awaitable that ends after t milliseconds."""
        return asyncio.sleep(t / 1000)


class Prefixes:
    """prefixes[n] is memoryview(buffer)[:n], made once for each n: slices allocate, and replies have few lengths."""

    def __init__(self, buffer):
        self._whole = memoryview(buffer)
        self._made = {}

    def __getitem__(self, n):
        if n not in self._made:
            self._made[n] = self._whole[:n]
        return self._made[n]
