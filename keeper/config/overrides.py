"""Settings taken from the environment: `KEEPER__RUN__LIVE=true` stands above `[run] live` in the file.

Two underscores step into a table; an element of a list of tables is named by its index from 0
(`KEEPER__STRATEGY__0__MIN_PROFIT`). A name ending in `_FILE` reads the value from that file, which keeps an RPC URL
with a key out of the environment.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from keeper.config.lines import KeyPath
from keeper.config.model import KeeperConfig
from keeper.config.translate import keys_of, tables_in
from keeper.errors import ConfigError

PREFIX: Final = "KEEPER__"
_FILE: Final = "_file"
_PLAIN: Final = ("true", "false")
_QUOTED: Final = ("[", "{", '"', "'")


def apply_overrides(document: dict[str, object], environ: Mapping[str, str]) -> dict[KeyPath, str]:
    """Write the environment's settings into a parsed document, in place; return which variable set which key."""
    variables: dict[KeyPath, str] = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue

        path, text = _path_and_text(name, environ[name])
        _set(document, path, _value(path, text), name)
        variables[path] = name

    return variables


def _path_and_text(name: str, text: str) -> tuple[KeyPath, str]:
    parts = name.removeprefix(PREFIX).lower().split("__")
    if not all(parts) or len(parts) < 2:
        raise ConfigError(f"environment variable {name}: expected {PREFIX}TABLE__KEY, such as {PREFIX}RUN__LIVE")

    path: KeyPath = tuple(int(part) if part.isdecimal() else part for part in parts)
    last = parts[-1]
    if not last.endswith(_FILE) or last in _keys_ending_in_file():
        return path, text

    try:
        content = Path(text).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        # The text is not repeated: it may be the secret itself, put where its file should have been named.
        raise ConfigError(f"environment variable {name}: the file it names cannot be read as text") from None

    return (*path[:-1], last.removesuffix(_FILE)), content


def _keys_ending_in_file() -> frozenset[str]:
    tables = [table for field in KeeperConfig.model_fields.values() for table in tables_in(field.annotation)]
    return frozenset(key for table in tables for key in keys_of(table) if key.endswith(_FILE))


def _value(path: KeyPath, text: str) -> object:
    """Read a value as TOML would where it looks like TOML, as text otherwise: addresses need no quotes here."""
    stripped = text.strip()
    if path == ("chain", "rpc") and not stripped.startswith("["):
        return stripped.replace(",", " ").split()

    is_integer = stripped.removeprefix("-").isdecimal() and stripped.isascii()
    if not (is_integer or stripped in _PLAIN or stripped.startswith(_QUOTED)):
        return stripped

    try:
        return tomllib.loads(f"value = {stripped}")["value"]
    except tomllib.TOMLDecodeError:
        return stripped


def _set(document: dict[str, object], path: KeyPath, value: object, name: str) -> None:
    here: object = document
    for part in path[:-1]:
        match here, part:
            case dict(), str():
                here = here.setdefault(part, {})
            case list(), int() if part < len(here):
                here = here[part]
            case _:
                raise _nowhere(name)

    match here, path[-1]:
        case dict(), str() as key:
            here[key] = value
        case list(), int() as index if index < len(here):
            here[index] = value
        case _:
            raise _nowhere(name)


def _nowhere(name: str) -> ConfigError:
    return ConfigError(
        f"environment variable {name}: leads nowhere in the configuration\n"
        f"  a list of tables takes an existing index from 0, such as {PREFIX}STRATEGY__0__MIN_PROFIT"
    )
