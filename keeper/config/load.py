"""From a TOML file, and the environment's overrides, to a validated configuration.

Every refusal is one `ConfigError` naming file and line (or variable), the fault and the likely meaning. Secrets are
never read here: the configuration only names the files that hold them.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from keeper.config.checks import check, missing_tables, not_ready_to_go_live, warn
from keeper.config.files import shared_files
from keeper.config.lines import KeyPath, index_lines
from keeper.config.model import KeeperConfig, KeyConfig
from keeper.config.overrides import apply_overrides
from keeper.config.presets import KEY, UsedPreset, fill_presets
from keeper.config.problems import Places, Problem, dotted, raise_problems
from keeper.config.translate import problems_of
from keeper.errors import ConfigError, KeeperError, SigningKeyError

_LARGEST_FILE_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that holds together, and what is worth saying about it."""

    config: KeeperConfig
    warnings: tuple[str, ...]
    places: Places
    presets: tuple[UsedPreset, ...] = ()
    """The presets it was filled from; a flight record has none."""

    def refuse(self, kind: type[KeeperError], path: KeyPath, fault: str, hint: str = "") -> KeeperError:
        """Make the error for a setting that only turned out to be wrong later, at the line it was written on."""
        return kind(f"{self.places.of(path)}: {dotted(path)}: {fault}" + (f"\n  {hint}" if hint else ""), path=path)


def load_config(path: Path, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read, override, fill from presets, validate and cross-check; `ConfigError` for anything wrong.

    `environ` defaults to the process's own; only names starting with `KEEPER__` are looked at.
    """
    text = read_text(path)
    document, lines = parse_toml(path, text), index_lines(text)
    variables = apply_overrides(document, os.environ if environ is None else environ)
    filled = fill_presets(document)
    given = {(*each.path, key): each.preset.name for each in filled.used for key in each.keys}
    places = Places(str(path), lines, variables, given)
    raise_problems(filled.problems, places)
    document.setdefault("run", {})  # so that its defaults are resolved against the file's folder too
    try:
        config = KeeperConfig.model_validate(document, context={"base_dir": path.absolute().parent})
    except ValidationError as error:
        found = problems_of(error, KeeperConfig)
        raise_problems((*found, *(each for each in missing_tables(document) if not _misspelt(each, found))), places)
        raise  # unreachable while pydantic reports at least one problem

    raise_problems((*missing_tables(document), *check(config), *shared_files(config, path.absolute())), places)
    doubts = (*warn(config), *map(_doubt, (each for each in filled.used if not each.preset.verified)))
    warnings = tuple(f"{places.of(p.path)}: {dotted(p.path)}: {p.fault} ({p.hint})" for p in doubts)
    return Loaded(config, warnings, places, filled.used)


def _misspelt(missing: Problem, found: Iterable[Problem]) -> bool:
    """Tell whether a table is there after all, under a name nobody knows."""
    return any(problem.hint == f'did you mean "{missing.path[0]}"?' for problem in found)


def require_ready(loaded: Loaded, *, live: bool) -> None:
    """Check what a run needs beyond a sound configuration, before anything slow is started.

    `ConfigError` where going live lacks a table, `SigningKeyError` at the line that names a key file which cannot be
    read. The path is not repeated: a passphrase written in its place must not reach the terminal.
    """
    if live:
        raise_problems(not_ready_to_go_live(loaded.config), loaded.places)

    tables: list[tuple[KeyPath, KeyConfig]] = [(("lane", i), lane) for i, lane in enumerate(loaded.config.lanes)]
    if loaded.config.keys is not None:
        tables.insert(0, (("keys",), loaded.config.keys))

    for table, named in tables:
        for key, path in (("keystore", named.keystore), ("passphrase_file", named.passphrase_file)):
            if path is not None:
                _require_key_file(loaded, (*table, key), path)


def _require_key_file(loaded: Loaded, setting: KeyPath, path: Path) -> None:
    if not path.exists():
        raise loaded.refuse(SigningKeyError, setting, "no such file", _missing_key_file(str(setting[-1])))

    if not path.is_file() or not os.access(path, os.R_OK):
        raise loaded.refuse(
            SigningKeyError, setting, "not a file this user can read", "check its owner and permissions"
        )


def _missing_key_file(key: str) -> str:
    if key == "keystore":
        return 'make one with "keeper keys new", or correct the path (relative to the configuration file)'

    return "write the passphrase to a file only you can read and name it here (relative to the configuration file)"


def _doubt(used: UsedPreset) -> Problem:
    return Problem(
        (*used.path, KEY), f'"{used.preset.name}" is not verified', f"{used.preset.doubt}; compare before going live"
    )


# Reading ------------------------------------------------------------------------------------------------------------


def read_text(path: Path) -> str:
    """Read a configuration file; `ConfigError` where there is none, or it is not text."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        others = sorted(found.name for found in path.parent.glob("*.toml")) if path.parent.is_dir() else []
        hint = f"; in that folder: {', '.join(others[:5])}" if others else ""
        raise ConfigError(f"{path}: no such configuration file{hint}\n  name one with --config FILE") from None
    except OSError as error:
        raise ConfigError(f"{path}: the configuration cannot be read: {error.strerror}") from None

    if len(raw) > _LARGEST_FILE_BYTES:
        raise ConfigError(f"{path}: {len(raw):,} bytes is too large to be a configuration")

    try:
        return raw.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text\n  save the file as UTF-8") from None


def parse_toml(path: Path, text: str) -> dict[str, object]:
    """Parse a configuration; `ConfigError` names the line, and what it looks like instead."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault = str(error)
        place = re.search(r"line (\d+)", fault)
        line = int(place[1]) if place else text.count("\n") + 1
        source = text.splitlines()[line - 1] if 0 < line <= len(text.splitlines()) else ""
        raise ConfigError(f"{path}:{line}: not TOML: {fault}\n  {_syntax_hint(source)}") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply to be a configuration") from None

    return document


def _syntax_hint(source: str) -> str:
    source = source.strip()
    if source.startswith("\ufeff"):
        return "the file starts with a byte order mark: save it as UTF-8 without one"

    if re.match(r"[\w-]+\s*:", source):
        return 'this looks like YAML; TOML is written key = "value"'

    if source.startswith("{"):
        return 'this looks like JSON; TOML is written key = "value" under a [table] line'

    if re.match(r"\[\[?[^\]]*$", source):
        return "a table line ends with as many brackets as it starts with"

    if re.match(r"[\w.-]+\s*=\s*[A-Za-z/.~]", source):
        return 'text goes between quotes: key = "value"; true and false are lower case'

    return "expected a [table] line or key = value; text goes between quotes, and a key may be given once"
