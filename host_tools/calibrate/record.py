"""The record of a calibration: a JSON file that shows when somebody has changed it.

It is signed with HMAC-SHA256 by a key that this computer keeps (made at the first use): whoever has the key can tell
whether the record is as it was written, and could write another one; others have to ask them. The signature is of the
record without its "signature", as JSON with sorted keys and without spaces.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from host_tools.calibrate import model

FORMAT = "wattless-calibration 1"
ALGORITHM = "HMAC-SHA256"
KEY_BYTES = 32
_NEEDED = ("format", "meter", "reference", "before", "after", "as_found", "as_left", "time")


class RecordError(Exception):
    """The message says what is wrong with the record or its key."""


def default_key() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "wattless" / "calibration.key"


def key(path: Path | None = None, make: bool = False) -> bytes:
    """The key in a file of 64 hexadecimal digits. make: a new one where there is none, readable by its owner only."""
    path = path or default_key()
    if make and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
    try:
        found = bytes.fromhex(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        raise RecordError(f"{path}: there is no key: records are verified with the key that signed them") from None
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: {error}") from None
    if len(found) != KEY_BYTES:
        raise RecordError(f"{path}: a key has {2 * KEY_BYTES} hexadecimal digits")
    return found


def key_id(secret: bytes) -> str:
    """Names a key without telling it."""
    return hashlib.sha256(b"wattless key " + secret).hexdigest()[:16]


def _digest(record: Mapping, secret: bytes) -> str:
    body = {name: value for name, value in record.items() if name != "signature"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def signed(record: Mapping, secret: bytes) -> dict:
    signature = {"algorithm": ALGORITHM, "key": key_id(secret), "value": _digest(record, secret)}
    return {**record, "signature": signature}


def save(record: Mapping, path: Path, secret: bytes) -> dict:
    """Signs and writes it; the file is whole or not there. Returns what was written."""
    whole = signed(record, secret)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(part, path)
    return whole


def load(path: Path) -> dict:
    """A record, not verified. RecordError for a file that is none."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: {error}") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise RecordError(f"{path}: no calibration record ({FORMAT})")
    absent = [name for name in _NEEDED if name not in record]
    if absent:
        raise RecordError(f"{path}: without {', '.join(absent)}")
    return record


def verify(record: Mapping, secret: bytes) -> None:
    """RecordError unless the record is as it was signed with this key."""
    signature = record.get("signature")
    if not isinstance(signature, Mapping) or signature.get("algorithm") != ALGORITHM:
        raise RecordError(f"the record has no {ALGORITHM} signature")
    if signature.get("key") != key_id(secret):
        raise RecordError(f"signed with another key, {signature.get('key')}; this one is {key_id(secret)}")
    try:
        found = _digest(record, secret)
    except ValueError as error:
        raise RecordError(f"the record holds what JSON does not have: {error}") from None
    if not hmac.compare_digest(str(signature.get("value")), found):
        raise RecordError("the record was changed after it was signed")


def calibration(record: Mapping, which: str = "before") -> model.Calibration:
    """The calibration before or after it. RecordError for one that is not legal."""
    try:
        return model.from_dict(record[which])
    except (model.CalibrationError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{which}: {error}") from None
