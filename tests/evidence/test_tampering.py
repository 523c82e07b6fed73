"""Whatever is changed in a file of evidence is noticed: by the hash, or by the numbers where the hash was made anew."""

import random
import re
from zlib import crc32

import numpy as np
import pytest

from host_tools.evidence import EvidenceError, container, reproduce
from tests.evidence import kept

SETTINGS = {"window": "5/6"}


@pytest.fixture(scope="module")
def data():
    return kept.run(kept.records(SETTINGS, seconds=0.5), SETTINGS, freeze_at=1).kept[0]


def test_any_byte(data):
    """Every byte of the first kilobytes, and some of each other part."""
    places = [*range(0, 200), *random.Random(5).sample(range(len(data)), 500), *range(len(data) - 40, len(data))]
    for place in places:
        for flip in (1, 0x80):
            changed = bytearray(data)
            changed[place] ^= flip
            with pytest.raises(EvidenceError):
                container.parse(bytes(changed))


def crc16(record):
    """The frame's own checksum, as the front end would send it: CRC-16/CCITT-FALSE, bit by bit."""
    crc = 0xFFFF
    for byte in record[4:22]:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return record[:22] + crc.to_bytes(2, "big")


def changed_frame(evidence, at, change, sealed=True):
    """The frames with record `at` changed by change(bytearray), its checksum made right again."""
    raw = bytearray(evidence.frames.tobytes())
    record = raw[24 * at : 24 * (at + 1)]
    change(record)
    raw[24 * at : 24 * (at + 1)] = crc16(bytes(record)) if sealed else record
    return np.frombuffer(bytes(raw), container.FRAME)


def in_window(evidence):
    return evidence.facts["number"] - int(evidence.frames["number"][0]) + 700


def a_sample(evidence):
    def change(record):
        record[7] ^= 0x40  # v1, by 64

    return {"frames": changed_frame(evidence, in_window(evidence), change)}


def a_sample_with_a_wrong_crc(evidence):
    def change(record):
        record[7] ^= 0x40

    return {"frames": changed_frame(evidence, in_window(evidence), change, sealed=False)}


def a_frame_left_out(evidence):
    return {"frames": np.delete(evidence.frames, in_window(evidence))}


def frames_exchanged(evidence):
    frames = evidence.frames.copy()
    at = in_window(evidence)
    frames[[at, at + 5]] = frames[[at + 5, at]]
    return {"frames": frames}


def a_mark_of_jitter(evidence):
    def change(record):
        record[3] |= 0x80

    return {"frames": changed_frame(evidence, in_window(evidence), change)}


def a_register(evidence):
    words = np.frombuffer(evidence.registers, ">u2").copy()
    words[14] += 1  # q1, 0.8 %
    return {"registers": words.tobytes()}


def the_last_digit_of_a_list(evidence):
    words = np.frombuffer(evidence.registers, ">u2").copy()
    words[375 + 2 * 49 + 1] ^= 1  # vh_l1[49]
    return {"registers": words.tobytes()}


def the_sequence_number(evidence):
    words = np.frombuffer(evidence.registers, ">u2").copy()
    words[21] += 1
    return {"registers": words.tobytes()}


def an_integer(evidence):
    integers = evidence.integers.copy()
    integers[30] += 1
    return {"integers": integers}


def an_integer_and_the_fingerprint(evidence):
    integers = evidence.integers.copy()
    integers[30] += 1
    return {"integers": integers, "fingerprint": crc32(integers.tobytes())}


def config_of(**settings):
    def change(evidence):
        return {"config": {**evidence.facts["config"], **settings}}

    return change


def fact(**facts):
    return lambda evidence: facts


CHANGES = {
    "a sample": (a_sample, "sums, integer|extremes, integer"),
    "a sample, wrong crc": (a_sample_with_a_wrong_crc, "sums, integer"),
    "a frame left out": (a_frame_left_out, "sums, integer|extremes, integer"),
    "frames exchanged": (frames_exchanged, "does not follow the one before"),
    "a mark of jitter": (a_mark_of_jitter, "flag jitter: the meter's False, computed anew True"),
    "a register": (a_register, r"q1, register 14 \(40015\): the meter's .*, computed anew "),
    "a digit": (the_last_digit_of_a_list, r"vh_l1\[49\], register 1098 \(41099\)"),
    "seq": (the_sequence_number, r"register 20 \(40021\) \(seq\): 3, the header says 2"),
    "an integer": (an_integer, "fingerprint of the integers"),
    "an integer, fingerprint": (an_integer_and_the_fingerprint, r"extremes, integer 4: the meter's .*, computed anew "),
    "full scale": (config_of(full_scale_i=21.0), r"i_l1, register 42 \(40043\)"),
    "wiring": (config_of(wiring="1p2w"), "sums, integer"),
    "what lists have": (config_of(harmonics="bins"), r"vh_l1\["),
    "sensor": (config_of(current_sensor="rogowski"), "phasors of i1, integer"),
    "length": (lambda evidence: {"length": evidence.facts["length"] + 70000}, "sums, integer"),
    "place": (lambda evidence: {"frac": evidence.facts["frac"] ^ 0x8000}, "sums, integer"),
    "frame of the first sample": (lambda evidence: {"number": evidence.facts["number"] + 1}, "sums, integer"),
    "not a frame of the file": (fact(number=9), "the window begins with frame 9, which is not among the file's"),
    "synced": (fact(synced=False), "flag unsync"),
    "flags": (fact(flags=256 + 16), "register 26"),
    "fingerprint": (fact(fingerprint=1), "fingerprint of the integers"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_with_the_hash_made_anew(name, data, tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce, "compute", kept.compute_once)
    change, said = CHANGES[name]
    path = tmp_path / "forged.evidence"
    evidence = container.parse(data)
    path.write_bytes(kept.packed(evidence, **change(evidence)))
    try:
        report = reproduce.reproduce(path)
    except EvidenceError as error:
        assert re.search(said, str(error)), error
        return
    assert not report.reproduced, report.text()
    assert re.search(said, report.difference), report.difference
    assert report.text().endswith(f"NOT reproduced: {report.difference}")


def test_unchanged(data, tmp_path):
    """The same file written by the same way, with nothing changed, is reproduced."""
    path = tmp_path / "same.evidence"
    path.write_bytes(kept.packed(container.parse(data)))
    report = reproduce.reproduce(path)
    assert report.reproduced, report.text()


def test_a_window_of_another_length(data, tmp_path):
    """Somebody who computes all anew, registers too, for a window that is no whole number of periods."""
    evidence = container.parse(data)
    longer = evidence.facts["length"] + 65536  # 0.08 %
    path = tmp_path / "longer.evidence"
    path.write_bytes(kept.packed(evidence, length=longer))
    found = reproduce.compute(path, "micropython")
    integers = np.concatenate([np.frombuffer(bytes.fromhex(text), "<i4") for _, text in found["integers"]])
    registers = np.frombuffer(bytes.fromhex(found["registers"]), ">u2").copy()
    registers[20:28] = np.frombuffer(evidence.registers, ">u2")[20:28]
    forged = {"length": longer, "fingerprint": found["fingerprint"], "integers": integers}
    path.write_bytes(kept.packed(evidence, registers=registers.tobytes(), **forged))
    assert reproduce.reproduce(path).difference.startswith("window length: ")
