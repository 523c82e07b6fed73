"""A whole meter: the board's hardware, the stored state, the path of the samples and the services, put together.

    board, meter.json --> settings <--> store
                             |
    frames ------------> Meter --> points --> Modbus RTU and TCP, console
                             \\--> energy, events --> store

Order of a start: the store is read, the kernels are tested, the meter is built, services start, and last the converter
with its calibration, as nobody would take its frames before. From then on the watchdog wants to hear of all of them.
"""

import asyncio
import gc

from wattless import VERSION, config
from wattless.meter import Meter
from wattless.points import Points
from wattless.services import sleep_ms
from wattless.settings import Settings
from wattless.status import Status
from wattless.supervisor import Supervisor

RESTART = 55  # codes of the event log
TAMPER = 56
STORE_ERROR = 57

_KINDS = {"config": 4, "calibration": 3, "code": 5}  # of the store
_ENERGY = 1
_EVENTS = 2
_WATCHDOG_MS = 8000
_HOUSE_MS = 10
_TURNS = 100
_RESTART_MS = 300


class Station:
    """board: a board module. ConfigError for a meter.json that is not legal, OSError when the converter does not answer
    or a port cannot be had."""

    def __init__(self, board):
        self.board = board
        self.rooms = board.rooms
        self.tasks = []
        self.evidence = None
        self.no_evidence = "this board has no memory for raw frames"
        self._console = None
        self._store_errors = 0
        self.settings = Settings(config.read(board.config_path), board.clock, board.seal)
        self.persistence = self._open_store()
        self.points = Points()
        self.meter = Meter(board, self.settings.config, self.points, self.settings.calibration())
        self.supervisor = Supervisor(board.watchdog, board.clock, self._parts())
        self.status = Status(board, self.meter, self.settings, self.points, self.supervisor, self.persistence)
        self._connect()
        if "evidence" in self.rooms and board.evidence_ram:
            self._keep_frames()

    def _parts(self):
        """Who has to report to the watchdog: all that this board has."""
        board = self.board
        parts = (
            ("sampling", board.frames is not None),
            ("services", (board.serve_modbus and board.uarts) or board.shell is not None),
            ("storage", self.persistence is not None),
        )
        return [name for name, there in parts if there]

    def _keep_frames(self):
        from wattless.capture.evidence import Evidence

        meter, settings = self.meter, self.settings
        memory = self.board.evidence_buffer()
        try:
            self.evidence = Evidence(
                memory, settings.config, self.points, meter.window, self._about, settings.calibration
            )
        except ValueError as error:
            self.no_evidence = str(error)
            return
        meter.evidence = self.evidence
        meter.stream.tap = self.evidence.tap

    def _about(self):
        """What evidence says beside the frames."""
        return {
            "firmware": VERSION,
            "board": self.board.NAME,
            "kernels": self.meter.kernels.name,
            "epoch_ms": self.board.epoch_ms,
        }

    def _open_store(self):
        """The board's store, with the stored settings taken; a blank medium is made one, a foreign one left alone."""
        if self.board.store is None:
            return None
        from wattless.storage.persistence import Persistence
        from wattless.storage.store import Store

        store = Store(self.board.store)
        if store.blank:
            store.format()
        persistence = Persistence(store, self.board.clock)
        for what in _KINDS:
            self._persist(persistence, what)
        persistence.restore()
        settings = self.settings
        settings.save = lambda what: persistence.soon(_KINDS[what])
        settings.earlier = lambda: store.load(_KINDS["calibration"], 1)
        return persistence

    def _persist(self, persistence, what):
        settings = self.settings
        persistence.add(_KINDS[what], lambda: settings.pack(what), lambda data: settings.restore(what, data))

    def _open_converter(self):
        """Starts the frames, where they have to be started. A board without a front end serves all the same."""
        frames = self.board.frames
        if frames is None:
            self.board.complain("no frames: " + self.board.CAPTURE_REASON)
        elif hasattr(frames, "open"):
            frames.open(self.settings.config, self.settings.calibration())

    def _connect(self):
        meter, settings, status = self.meter, self.settings, self.status
        settings.log = meter.log
        settings.sample = lambda: meter.stream.count
        settings.on_change.append(meter.events.set_thresholds)
        settings.on_change.append(meter.health.set_limits)
        settings.on_calibration.append(self._recalibrate)
        status.on_tamper = self._cover
        if self.board.realtime:
            meter.on_window.append(status.window)
            meter.on_samples = lambda: self.supervisor.beat("sampling")
        if self.persistence:
            self.persistence.add(_ENERGY, meter.energy.state, meter.energy.restore)
            self.persistence.add(_EVENTS, meter.log.state, meter.log.restore)
            self.persistence.restore()
            meter.log.add(RESTART, sample=0)

    async def _keep_house(self):
        """Saves what is due and seals evidence, a slice at a time; looks at cover and lock where no window comes."""
        persistence, evidence, status = self.persistence, self.evidence, self.status
        turns = looks = 0
        while True:
            turns += 1
            if turns == _TURNS:
                turns = 0
                if looks == status.looks:
                    status.window(self.points)
                looks = status.looks
            if persistence:
                persistence.poll()
                errors = self.status.store_errors()
                if errors != self._store_errors:
                    self._store_errors = errors
                    self.meter.log.add(STORE_ERROR, sample=self.meter.stream.count, value=errors)
                if persistence.alive:
                    self.supervisor.beat("storage")
            if evidence:
                evidence.poll()
            await sleep_ms(_HOUSE_MS)

    def _recalibrate(self, ranges):
        """Takes new calibrations at once: frames may be missing meanwhile."""
        calibration = self.settings.calibration()
        frames = self.board.frames
        if hasattr(frames, "calibrate"):
            frames.calibrate(calibration)
        self.meter.stream.delay([calibration.coarse(channel) for channel in range(8)])
        if self.evidence:
            self.evidence.restart()

    def _cover(self, opened):
        self.meter.log.add(TAMPER, sample=self.meter.stream.count, value=1.0 if opened else 0.0)

    # Services.

    async def _start_services(self):
        board = self.board
        if board.serve_json:
            self._follow(True)
        if board.serve_modbus:
            await self._start_modbus()
        if board.shell is not None:
            self._start_shell()
        if board.realtime:
            self.tasks.append(asyncio.create_task(self._keep_house()))

    def _follow(self, on):
        """Starts or stops the console's JSON lines."""
        meter = self.meter
        if self._console is None:
            from wattless.services.console import Console

            self._console = Console(self.points, self.board.console, meter.fingerprint)
        console = self._console
        listeners = ((meter.on_window, console.window), (meter.log.listeners, console.event))
        if self.board.serve_half_cycle:
            listeners += ((meter.on_half, console.half),)
        for functions, function in listeners:
            if on and function not in functions:
                functions.append(function)
            elif not on and function in functions:
                functions.remove(function)

    async def _start_modbus(self):
        """Serves the points over TCP and on every RS-485 port. OSError where a port cannot be had."""
        from wattless.services.modbus_pdu import ModbusPdu
        from wattless.services.modbus_settings import SettingsBank

        board, config = self.board, self.settings.config
        actions = {"restart": self.restart}
        if self.evidence:
            actions["freeze"], actions["release"] = self.evidence.freeze, self.evidence.release
        bank = SettingsBank(self.settings, actions, self.points)
        pdu = ModbusPdu(bank, bank)
        if self.evidence:
            from wattless.services.modbus_files import FUNCTION, FileRecords

            pdu.handlers[FUNCTION] = FileRecords(self.evidence).handle
        if board.uarts:
            self._start_lines(pdu, config)
        if config.modbus_tcp_port is not None and board.host is not None and "tcp" in self.rooms:
            from wattless.services.modbus_tcp import ModbusTcp

            port = config.modbus_tcp_port
            tcp = ModbusTcp(pdu, config.modbus_unit, config.modbus_tcp_clients, config.modbus_tcp_idle_s)
            try:
                await tcp.start(board.host, port)
            except OSError as error:
                raise OSError("modbus_tcp_port: {} cannot be served: {}".format(port, error))
            self.status.tcp = tcp
            board.announce("modbus_tcp", {"host": board.host, "port": port})

    def _start_lines(self, pdu, config):
        from wattless.services.modbus_rtu import ModbusRtu

        board = self.board
        for uart in board.uarts:
            uart.init(config.modbus_baud, config.modbus_parity)
            server = ModbusRtu(pdu, config.modbus_unit, uart.baud)
            self.status.lines[uart.path] = server
            self.tasks.append(asyncio.create_task(server.serve(uart, board.clock, self._serving)))
            board.announce("modbus_rtu", {"path": uart.path, "baud": uart.baud, "parity": uart.parity})

    def _start_shell(self):
        from wattless.commands import REFUSED, TABLE, Commands
        from wattless.services.shell import Shell

        kept = (self.evidence, self.no_evidence)
        commands = Commands(self.restart, self.points, self.meter.log, self.settings, self.status, kept, self._follow)
        self.tasks.append(asyncio.create_task(Shell(TABLE, commands, REFUSED).serve(self.board.shell, self._serving)))

    def restart(self):
        """Starts the board again, a little later: the answer has to leave, and what is not saved yet to be saved."""
        self.tasks.append(asyncio.create_task(self._restart()))

    async def _restart(self):
        await sleep_ms(_RESTART_MS)
        self._save_all()
        self.board.reset()

    def _save_all(self):
        """Saves what has changed, at once. A store that fails is told of in the diagnosis, as long as there is one."""
        persistence = self.persistence
        if persistence is None:
            return
        for kind in (_ENERGY, _EVENTS) + tuple(_KINDS.values()):
            try:
                persistence.save_now(kind)
            except (OSError, ValueError) as error:
                self.board.complain("not saved: {}".format(error))

    def _serving(self):
        self.supervisor.beat("services")

    async def run(self):
        """Measures and serves until the frames end."""
        board = self.board
        await self._start_services()
        self._open_converter()
        if hasattr(gc, "threshold"):
            gc.collect()
            gc.threshold(-1)  # from now on, once a window (status.py)
        if board.realtime:
            board.start_watchdog(_WATCHDOG_MS)
            kernels = self.meter.kernels
            board.announce("ready", {"kernels": kernels.name, "reason": kernels.reason, "failed": list(kernels.failed)})
        try:
            await self.meter.run()
        finally:
            self._save_all()
        for task in self.tasks:
            task.cancel()
