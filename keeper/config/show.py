"""A configuration as it was understood: every setting in the file's own spelling, and where its value came from.

Defaults are settings too. What may be a secret is masked by its own type.
"""

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import PydanticJsonSchemaWarning

from keeper.config.lines import KeyPath
from keeper.config.load import Loaded
from keeper.config.model import KeeperConfig
from keeper.config.problems import dotted
from keeper.config.values import ratio_text
from keeper.types import Address, to_checksum

DEFAULT: Final = "default"
_ADDRESS_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its key path, its value as TOML text, and `keeper.toml:12`, a variable, a preset or "default"."""

    path: KeyPath
    value: str
    origin: str

    def row(self) -> dict[str, str]:
        """Render for JSON."""
        return {"key": dotted(self.path), "value": self.value, "from": self.origin}


def settings(loaded: Loaded) -> Iterator[Setting]:
    """Every setting in the order of the reference; tables that are absent and have no default are left out."""
    yield from _table(loaded.config, (), loaded)


def as_toml(found: Iterator[Setting]) -> str:
    """Write settings as a file that says the same, each with its origin in a comment."""
    lines: list[str] = []
    table: KeyPath = ()
    for setting in found:
        # Plain tables have one part before the key, arrays of tables a name and a number.
        depth = 2 if len(setting.path) > 1 and isinstance(setting.path[1], int) else 1
        if setting.path[:depth] != table:
            table = setting.path[:depth]
            lines += ["", f"[[{table[0]}]]" if depth > 1 else f"[{table[0]}]"]

        key = ".".join(str(part) for part in setting.path[depth:])
        lines.append(f"{key} = {setting.value}  # {setting.origin}")

    return "\n".join(lines[1:]) + "\n"


def schema() -> dict[str, Any]:
    """The file's JSON Schema, for editors that check TOML while it is typed."""
    with warnings.catch_warnings():
        # Defaults that are bytes in memory have no JSON; the reference shows them.
        warnings.simplefilter("ignore", PydanticJsonSchemaWarning)
        return {**KeeperConfig.model_json_schema(by_alias=True), "title": "keeper.toml"}


def _table(table: BaseModel, path: KeyPath, loaded: Loaded) -> Iterator[Setting]:
    for name, field in type(table).model_fields.items():
        value = getattr(table, name)
        if value is not None:
            yield from _value(value, (*path, field.alias or name), loaded)


def _value(value: object, path: KeyPath, loaded: Loaded) -> Iterator[Setting]:
    match value:
        case BaseModel():
            yield from _table(value, path, loaded)
        case tuple() if value and isinstance(value[0], BaseModel):
            for place, table in enumerate(value):
                yield from _table(table, (*path, place), loaded)
        case () if len(path) == 1:
            return  # no table of this kind
        case _:
            yield Setting(path, _text(value, path), _origin(path, loaded))


def _origin(path: KeyPath, loaded: Loaded) -> str:
    """Name the exact place of a key; a key nobody wrote has its default."""
    places = loaded.places
    known = path in places.lines or path in places.variables or path in places.presets
    return places.of(path) if known else DEFAULT


def _text(value: object, path: KeyPath) -> str:
    """Write a value as TOML."""
    match value:
        case tuple():
            return "[" + ", ".join(_text(item, path) for item in value) + "]"
        case bytes():
            return f'"{to_checksum(Address(value))}"' if len(value) == _ADDRESS_BYTES else f'"0x{value.hex()}"'
        case bool():
            return str(value).lower()
        case int() if path[-1] != "margin_call_health":
            return str(value)
        case _:
            return json.dumps(ratio_text(value) if isinstance(value, int) else str(value))
