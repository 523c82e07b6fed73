"""Runs under MicroPython: asyncio.open_connection over an ESP-AT module. Prints what came back, one line each."""

import asyncio
import sys
import time

import link_esp_at
from esp_at_modem import Modem


class Clock:
    def ticks_ms(self):
        return time.ticks_ms()

    def diff(self, a, b):
        return time.ticks_diff(a, b)


class Settings:
    wifi_ssid = "site"
    wifi_password = "secret"


async def main():
    modem = Modem(chunk=7)
    modem.peer = lambda data: b"<" + data + b">\n"
    link = link_esp_at.EspAt(lambda: modem, Clock())
    link.connect(Settings)
    while not link.connected():
        await asyncio.sleep_ms(1)
    reader, writer = await asyncio.open_connection("broker.example", 1883)
    for text in (b"hello", bytes(range(256)) * 4):
        writer.write(text)
        await writer.drain()
        got = b""
        while got.count(b">\n") < (1 if len(text) < 256 else 4):
            got += await reader.read(100)
        print(len(text), modem.sent[-len(text) :] == text, len(got), got[:2], got[-3:])
    modem.receive(b"a line\nhalf")
    print(await reader.readline())
    modem.hang_up()
    print(await reader.read(10), await reader.read(10))
    writer.close()
    await writer.wait_closed()
    print(modem.longest_write, link.errors, link.socket)


sys.modules.pop("socket", None)
asyncio.run(main())
