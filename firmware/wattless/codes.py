"""Every error and event code: what it is called, what raised it, what to check, how to mend it. Not on the meter.

For host tools, documentation and people who search for a name. Numbers below 64 are codes of the event log; 30 + k is
bit k of the point wiring_codes; a number of None is of no event: the name is what an error is called elsewhere. The
modules that raise codes keep the numbers as constants of their own; tests/test_codes.py keeps both equal.
"""

from collections import namedtuple

# number    of the event log
# name      to search for
# event     key "event" of the JSON line
# sentence  one plain sentence; {where}, {value} and {detail} are filled in by `sentence`
# cause, check, fix   why, how to be sure, what to do
Code = namedtuple("Code", ("number", "name", "event", "sentence", "cause", "check", "fix"))

CODES = tuple(Code(*row) for row in (
    (1, "DIP", "dip", "The voltage{where} dipped to {value:.1f} % of the reference.",
     "a short circuit or a large load started on the same grid",
     "is the current high at the same time? then the cause is on this site",
     "soft starter for the load; ask the grid operator when the cause is outside"),
    (2, "SWELL", "swell", "The voltage{where} rose to {value:.1f} % of the reference.",
     "a large load switched off, an earth fault on another phase, or a lost neutral",
     "do the other phases dip? then look at the neutral",
     "tighten the neutral; transformer tap; limit feed-in at noon"),
    (3, "INTERRUPTION", "interruption", "All voltages were gone: {value:.1f} % of the nominal voltage at most.",
     "supply off, or the meter's voltage fuses are out", "measure at the terminals in front of the fuses",
     "replace fuses; else the grid operator"),
    (4, "RVC", "rvc", "The voltage{where} changed rapidly, by {value:.1f} % at most and by {detail:.1f} % in the end.",
     "a load or generator switched on this or a neighbouring site", "does the current step at the same time?",
     "soft starter, or spread the switching"),
    (10, "LOST_FRAMES", "gap", "Samples are missing ({value:.0f} frames): values of that time are unknown.",
     "the meter was busy for too long, or the converter stopped", "counter lost_frames; do gaps come with requests?",
     "fewer clients, faster kernels (setting kernels), check the converter's clock"),
    (11, "CRC_ERROR", "crc", "Frames of the converter had wrong checksums and were not used ({value:.0f} of them).",
     "disturbance on the SPI wires, or a clock too fast for them", "counter crc_errors; does it rise with a load?",
     "shorter wires, ground beside each signal, slower SPI"),
    (12, "CLIP", "clip", "The input {input} was driven to the end of its range: peaks are cut off.",
     "a signal beyond full scale: wrong divider, burden or setting, or an inrush current",
     "full_scale_v and full_scale_i against the hardware", "smaller burden or larger range"),
    (13, "FLAT", "flat", "The input {input} shows one constant value.",
     "a wire is off, or the converter's channel is dead", "swap the input with one that works",
     "mend the wire; replace the converter"),
    (14, "JITTER", "jitter", "Samples did not come in equal steps, {value:.0f} times.",
     "the converter's clock is disturbed, or its interrupt was late", "counter jitter_frames",
     "check oscillator and supply; keep interrupts short"),
    (15, "OFFSET", "offset", "The input {input} has a dc part of {value:.2f} % of full scale.",
     "the converter's offset is not calibrated, or there is dc in the current",
     "does it stay with the inputs shorted?", "setting offsets; look for half-wave loads"),
    (16, "NOISE", "noise", "The input {input} is noisy: {value:.2f} % of full scale.",
     "bad ground, open input, or interference", "does it stay with the inputs shorted?",
     "shield, ground at one point, filter"),
    (17, "SUPPLY", "supply", "The auxiliary supply was down to {value:.1f} V.",
     "power supply overloaded or failing", "measure it with a load", "replace it; setting aux_minimum"),
    (20, "NO_LOAD", "noload", "The current{where} is below the starting current and is not counted.",
     "nothing is switched on", "setting starting_current", "nothing: it is what the standard asks for"),
    (30, "SEQUENCE_REVERSED", "wiring",
     "The voltages follow each other as L1, L3, L2 (measured angle {value:.0f} degrees).",
     "two voltage wires exchanged, or the supply turns that way", "phase sequence indicator at the supply",
     "exchange two voltage wires together with their CTs, if a motor's direction agrees with the meter's"),
    (31, "VOLTAGE_MISSING", "wiring", "The voltage{where} is missing ({value:.1f} % of the nominal voltage).",
     "fuse out, wire off, phase lost", "measure in front of and behind the fuse", "replace the fuse, mend the wire"),
    (32, "SAME_PHASE", "wiring",
     "The voltages{where} and L{detail:.0f} are the same phase ({value:.0f} degrees apart).",
     "two inputs on one phase", "measure between the two: there is nothing", "move one to the phase that is missing"),
    (33, "VOLTAGE_REVERSED", "wiring",
     "The voltage{where} is the wrong way round ({value:.0f} degrees to another one).",
     "L and N of an input, or the wires of a voltage transformer, are exchanged",
     "measure between the phases: 1.73 times the phase voltage each", "exchange the two wires of that input"),
    (34, "NEUTRAL_SHIFTED", "wiring",
     "The voltages to the neutral are far apart (zero sequence {value:.0f} %) while those between the phases are fine.",
     "the neutral is lost or has a bad contact: loads may get too much voltage",
     "measure from N to earth; look for a phase above nominal",
     "tighten the neutral at once, or reconnect the meter's"),
    (35, "VOLTAGE_LEVEL", "wiring", "The voltage{where} is {value:.0f} % of the nominal one.",
     "setting nominal_voltage (near 173 or 58 %: line and phase voltage mixed up), full_scale_v, or a wrong tap",
     "compare with a multimeter", "correct the setting, or the transformer's ratio"),
    (36, "CURRENT_MISSING", "wiring", "There is no current{where} while another phase carries {detail:.1f} A.",
     "nothing is switched on there, the CT is open, or its wire is off", "switch on a load on that phase",
     "connect the CT; never leave a live CT open unless it has its own burden"),
    (37, "CT_REVERSED_L1", "wiring", "",
     "the CT points from grid to load the wrong way, or its two wires are exchanged",
     "the arrow on the CT (P1/K to the grid)", "turn the CT or exchange its two wires, without opening a live one"),
    (38, "CT_REVERSED_L2", "wiring", "", "as CT_REVERSED_L1", "as CT_REVERSED_L1", "as CT_REVERSED_L1"),
    (39, "CT_REVERSED_L3", "wiring", "", "as CT_REVERSED_L1", "as CT_REVERSED_L1", "as CT_REVERSED_L1"),
    (40, "CT_REVERSED_N", "wiring", "The CT of the neutral is mounted backwards{evidence}.",
     "as CT_REVERSED_L1", "the neutral current should be the sum of the others", "as CT_REVERSED_L1"),
    (41, "CURRENTS_SWAPPED", "wiring", "The currents of {others} are exchanged{alone}{evidence}.",
     "two CTs are on each other's wire, or their cables are exchanged", "follow both cables",
     "exchange the two CTs' cables at the meter"),
    (42, "VOLTAGES_SWAPPED", "wiring", "The voltages of {others} are exchanged{alone}{evidence}.",
     "two voltage wires are exchanged", "phase sequence is reversed as well", "exchange the two voltage wires"),
    (43, "PAIRING_120", "wiring",
     "Each voltage is measured with the next phase's current: V1 with I2, V2 with I3, V3 with I1{evidence}.",
     "voltage wires or CT cables moved by one phase", "angles are 120 degrees too large in all phases",
     "move the currents (or the voltages) by one place"),
    (44, "PAIRING_240", "wiring",
     "Each voltage is measured with the previous phase's current: V1 with I3, V2 with I1, V3 with I2{evidence}.",
     "voltage wires or CT cables moved by one phase", "angles are 120 degrees too small in all phases",
     "move the currents (or the voltages) by one place"),
    (45, "EXPORT", "wiring",
     "Power flows to the grid{where}: {value:.0f} degrees is export, not a reversed CT{evidence}.",
     "a generator, battery or V2G charger gives power", "nothing: the wiring is right", "nothing"),
    (46, "LEADING", "wiring",
     "The current{where} leads by {lead:.0f} degrees: a capacitive load, not a reversed CT{evidence}.",
     "capacitors, filters of idle chargers, LED lamps, or an inverter that gives vars",
     "does it stay with the capacitor bank off?", "nothing; or adjust the compensation"),
    (47, "CANNOT_TELL", "wiring", "", "values that several explanations fit",
     "switch a known load of one phase on and off a few times; set `site` to load or generator; measure the neutral",
     "none until it is known which"),
    (48, "UNPROVEN", "wiring", "", "ordinary values that wrong wiring could give as well", "as CANNOT_TELL",
     "nothing: it goes when loads have switched often enough"),
    (49, "CONTRADICTION", "wiring",
     "These values do not fit what was seen before ({value:.0f} degrees): a CT does not turn by itself.",
     "power flows against the setting `site`, or the wiring was changed meanwhile",
     "is there a generator on a site that is set to load?", "set `site` to both; after rewiring, restart the meter"),
    (50, "CLOCK_STEP", "clock", "The meter's clock was set, by {value:.3f} s.", "time server or user set it",
     "which of both was right?", "nothing; time stamps before it are in the old time"),
    (51, "SETTING_CHANGED", "setting", "The setting {setting} was changed{to} by {by}.",
     "somebody with the access code changed it", "who has the code? `wattless diag` shows what differs from the file",
     "set it back; change the access code"),
    (52, "CALIBRATED", "calibrated", "The calibration was changed by {by}: {value:.0f} ranges are calibrated.",
     "`wattless calibrate`, an undo, or a write to the calibration registers", "the signed record of the calibration",
     "`undo` goes back to the one before"),
    (53, "UNLOCKED", "unlocked", "The meter was unlocked by {by}.", "the right access code was given",
     "was it somebody who may?", "change the access code"),
    (54, "WRONG_CODE", "wrong_code", "A wrong access code was given by {by}.", "a typing error, or somebody guesses",
     "how often, and from which interface?", "set the jumper of the write protection; find out who it is"),
    (55, "RESTART", "restart", "The meter started.", "power came back, somebody restarted it, or the watchdog did",
     "is there a SUPPLY event before it? does it happen again and again?",
     "supply; what hangs stands in `late` of the diagnosis"),
    (56, "TAMPER", "tamper", "The cover was {cover}.", "the loop of the tamper input was opened or closed",
     "is the seal broken?", "inspect wiring and seal; compare calibration and settings with their records"),
    (57, "STORE_ERROR", "store", "The store had errors ({value:.0f} so far): what is saved may be of before.",
     "the memory for energy and settings is worn out, disturbed, or not connected", "store in `wattless diag`",
     "replace the memory; the last good records stay in use"),
    (None, "SYNC-ERR", None, "The window is not synchronised with the mains: no harmonics, angles or reactive power.",
     "no voltage, or a frequency out of range, or one that changes fast",
     "flag unsync; voltages; setting nominal_frequency",
     "connect a voltage; correct the setting"),
    (None, "MODBUS_EXCEPTION_1", None, "The meter does not know that Modbus function.", "illegal function",
     "the client's function code", "use 3 or 4 to read, 6 or 16 to write"),
    (None, "MODBUS_EXCEPTION_2", None, "There is no such Modbus register, or the request runs over the end of a block.",
     "illegal data address: often one too many or too few, 40001 is address 0",
     "the register map: PDU address, 4xxxx and hex", "correct address or count"),
    (None, "MODBUS_EXCEPTION_3", None, "The Modbus request has an illegal number of registers, or a wrong length.",
     "illegal data value", "1 to 125 registers in one request", "split the request"),
    (None, "MODBUS_EXCEPTION_4", None, "The meter may not do what the Modbus request wants: it is locked or sealed.",
     "a write without the access code", "registers 20002 (state) and 20005 (result)",
     "write the access code to 20000 first; take the write protection jumper off"),
    (None, "MODBUS_EXCEPTION_11", None, "The gateway knows no device of that unit.",
     "a wrong unit identifier, or the device behind the gateway is silent", "setting modbus_unit",
     "use the meter's unit, or 255 on TCP"),
    (None, "TIMEOUT_EXCEEDED", None, "No answer came in time.",
     "wrong unit, baud or parity, A and B exchanged, no termination, or a master too fast for the line",
     "counters of FC08: does bus_message count up? then the line is right and the unit is wrong; does bus_comm_error? "
     "then baud, parity or wires are",
     "correct the setting or the wires; a longer timeout: a reply of 125 registers takes 292 ms at 9600 Bd"),
    (None, "THD-HIGH-VOLT", None, "The harmonic distortion of the voltage is above its limit.",
     "rectifiers, chargers or drives on this site or next door, or a resonance with a capacitor bank",
     "thd_v_l1..3 over 10 minutes; source_h3.. says which side; which order is it?",
     "filter or detune; another transformer; IEEE 519 allows 8 % below 1 kV, EN 50160 8 %"),
    (None, "PHASE-IMBAL", None, "The voltages or currents of the phases differ too much.",
     "single-phase loads on one phase, a lost phase or neutral, a blown fuse of a capacitor bank",
     "v_u2 (EN 50160: 2 %), v_u0, i_u2; wiring diagnosis", "spread the loads; tighten the neutral"),
    (None, "PKT-LOSS-NET", None, "Messages were lost on the network.",
     "weak WiFi, a broker that is away, or a client too slow for what it asked for",
     "link and counters in `wattless diag`", "antenna, channel, or a wired link; fewer points"),
    (None, "E-HARM-61850", None, "A harmonic value is not available under its IEC 61850 name.",
     "the window is not synchronised, the order is above 50, or the input is not wired",
     "flag unsync; wiring; is the metric in the register map's Sparkplug column?",
     "connect a voltage; ask for orders 0 to 50"),
))  # fmt: skip

BY_NUMBER = {code.number: code for code in CODES if code.number is not None}
BY_NAME = {code.name: code for code in CODES}

_CHANNELS = ("", "L1", "L2", "L3", "N", "L1-L2", "L2-L3", "L3-L1")
_INPUTS = ("V1", "V2", "V3", "I1", "I2", "I3", "IN", "SUPPLY")  # of the converter
_EVIDENCE = (
    (1, "the direction that the setting `site` allows"),
    (2, "the neutral current"),
    (4, "the voltage's answer to load steps"),
    (8, "loads that are balanced with it"),
    (16, "a current exactly opposite to a balanced load"),
)
_RELATIVE = 32
_PHASES = ("L1", "L2", "L3")
_EXCHANGES = (  # bits 8 to 12 of the explanations
    "each voltage with the next phase's current",
    "each voltage with the previous phase's current",
    "the currents or voltages of L1 and L2 exchanged",
    "the currents or voltages of L2 and L3 exchanged",
    "the currents or voltages of L3 and L1 exchanged",
)
_VOLTAGES_ODD, _NEUTRAL_ODD = 1 << 13, 1 << 14
_MOST = 3  # explanations of a kind: more are not listed


def sentence(code, channel=0, value=float("nan"), detail=float("nan"), by="somebody"):
    """What an entry of the event log or a finding of the diagnosis says, in one sentence.

    code: 1..57; channel: 0 all or none, 1..3 = L1..L3, 4 = N, 5..7 = line voltages; value, detail: as logged; by: who
    asked for a change. KeyError when there is no such code, ValueError for a channel that there is not."""
    if code not in BY_NUMBER:
        raise KeyError(f"no code {code}: there are {', '.join(map(str, sorted(BY_NUMBER)))}")
    if not 0 <= channel < len(_CHANNELS):
        raise ValueError(f"channel must be 0..{len(_CHANNELS) - 1}, not {channel}")
    where = _CHANNELS[channel]
    if 37 <= code <= 39:
        return _reversed(_PHASES[code - 37], value, detail)
    if code == 47:
        return _cannot_tell(value, detail)
    if code == 48:
        return f"Nothing looks wrong, but nothing has proved the wiring yet{_explanations(detail, value)}."
    words = {
        "where": where and " " + where if code == 32 else where and " of " + where,
        "value": value,
        "detail": detail,
        "input": _INPUTS[int(detail)] if 0 <= detail < len(_INPUTS) else where or "(unknown)",
        "lead": -value,
        "evidence": _evidence(detail),
        "alone": f"; {where} is right" if where else "",
        "by": by,
        "setting": _setting(value),
        "to": f" to {detail:g}" if detail == detail else "",
        "cover": "opened" if value else "closed",
        "others": " and ".join(phase for phase in _PHASES if phase != where) if where else "two phases",
    }
    return BY_NUMBER[code].sentence.format(**words).replace("nan", "unknown")


def _setting(value):
    from wattless.config import SETTINGS  # here: who only looks codes up needs no `micropython`

    return f"`{SETTINGS[int(value)][0]}`" if 0 <= value < len(SETTINGS) else "(unknown)"


def _bits(detail):
    return int(detail) if detail == detail else 0


def _evidence(detail):
    words = [text for bit, text in _EVIDENCE if _bits(detail) & bit]
    return " (by " + ", ".join(words) + ")" if words else ""


def _reversed(where, value, detail):
    turned = (value + 180 + 180) % 360 - 180
    angles = f": its angle is {value:.0f} degrees, and {turned:.0f} when it is turned" if value == value else ""
    way = "against the other CTs" if _bits(detail) & _RELATIVE else "backwards"
    return f"The CT of {where} is mounted {way}{angles}{_evidence(detail)}."


def _cannot_tell(value, detail):
    angle = f" ({value:.0f} degrees)" if value == value else ""
    if _bits(detail) & _VOLTAGES_ODD:
        return f"The angles between the voltages{angle} fit no known connection."
    return f"The wiring cannot be told from these values{angle}{_explanations(detail, value)}."


def _explanations(detail, value):
    """The explanations in the mask `detail`, in words; `value`: the measured angle."""
    mask = _bits(detail)
    words = []
    if mask & 1:
        load = " and export" if abs(value) > 90 else " and a leading load" if value < -10 else ""
        words.append("right wiring" + load)
    sets = [n for n in range(1, 8) if mask >> n & 1]
    if len(sets) > _MOST:
        words.append("one or more backward CTs")
    else:
        for n in sets:
            phases = [phase for k, phase in enumerate(_PHASES) if n >> k & 1]
            words.append(f"{'a backward CT' if len(phases) == 1 else 'backward CTs'} of {' and '.join(phases)}")
    exchanges = [text for k, text in enumerate(_EXCHANGES) if mask >> (8 + k) & 1]
    words += exchanges if len(exchanges) <= _MOST else ["voltages and currents of different phases together"]
    if mask & _NEUTRAL_ODD:
        words.append("a backward CT of the neutral")
    return ": it may be " + ", or ".join(words) if words else ""
