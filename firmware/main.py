"""The program of the meter: picks the board, loads the configuration, builds the meter and its services, runs them.

It ends with the frames or on Ctrl-C (exit code 0), with a bad configuration (2), or when a port cannot be opened or the
converter does not answer (1).
"""

import gc

if hasattr(gc, "threshold"):
    gc.threshold(4096)  # until all stands: garbage of the start would scatter what stays over the whole heap

import asyncio  # noqa: E402

import board  # noqa: E402
from wattless.config import ConfigError  # noqa: E402
from wattless.station import Station  # noqa: E402

code = 0
try:
    asyncio.run(Station(board).run())
except ConfigError as error:
    board.complain(str(error))
    code = 2
except OSError as error:
    board.complain(str(error))
    code = 1
except KeyboardInterrupt:
    pass
board.leave(code)
