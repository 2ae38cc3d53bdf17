"""How values are written down: decimal text for amounts, 0x text for bytes, JSON for what has no column."""

import dataclasses
import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from keeper.types import Address, PositionKey, to_checksum


def hex_text(data: bytes) -> str:
    """Write bytes as 0x text."""
    return "0x" + data.hex()


def from_hex(text: str) -> bytes:
    """Read 0x text back."""
    return bytes.fromhex(text[2:])


def position_text(key: PositionKey | None) -> str | None:
    """Write a position: a checksummed address where the key is just an account, else the whole key as 0x text."""
    if key is None:
        return None

    return to_checksum(Address(key)) if len(key) == 20 else hex_text(key)


def to_json(value: object) -> str:
    """Write any frozen value as compact JSON; every int becomes decimal text, so no reader can round it."""
    return json.dumps(_plain(value), separators=(",", ":"), sort_keys=True)


def line_json(line: Mapping[str, object]) -> str:
    """Write a log line as JSON, small ints as numbers."""
    return json.dumps(line, separators=(",", ":"), default=_plain)


def _plain(value: object) -> Any:  # noqa: ANN401 - JSON is whatever it is
    if isinstance(value, Enum):
        return _plain(value.value)

    if value is None or isinstance(value, bool | str):
        return value

    if isinstance(value, bytes):
        return hex_text(value)

    if isinstance(value, int | float):
        return str(value)

    return _plain_parts(value)


def _plain_parts(value: object) -> Any:  # noqa: ANN401 - JSON is whatever it is
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}

    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}

    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(part) for key, part in value.items()}

    if isinstance(value, frozenset | set):
        return sorted(map(_plain, value), key=str)

    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]

    return type(value).__name__
