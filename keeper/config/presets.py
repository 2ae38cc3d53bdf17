"""Names in place of addresses: what `preset = "..."` stands for, and a parsed document filled from it.

The figures are data, `keeper/presets/*.toml`; nothing here knows a chain or a protocol. What the operator wrote, in the
file or the environment, stands above the preset.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from keeper.config.lines import KeyPath
from keeper.config.problems import PLAUSIBLE_KEY, Problem, did_you_mean

KEY: Final = "preset"
LISTS: Final = ("deployment", "venue")
_CHAIN: Final = "chain"
_ABOUT: Final = frozenset({"chain", "sources", "verified", "doubt", "tokens"})
_TOKEN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,11}")


@dataclass(frozen=True, slots=True)
class Preset:
    """What one name stands for, and how far its figures can be relied on."""

    table: str
    """`chain`, `deployment` or `venue`."""
    name: str
    chain: str
    """The chain preset it belongs to; its own name for a chain."""
    sources: tuple[str, ...]
    """Packages and publications the figures were read from."""
    verified: bool
    """Whether two sources published apart from each other agree on every figure."""
    doubt: str
    """What could not be compared; empty when verified."""
    values: Mapping[str, object]
    """Keys of the table, as they would be written there."""
    tokens: Mapping[str, str]
    """A chain's tokens by name; empty for other tables."""


@dataclass(frozen=True, slots=True)
class UsedPreset:
    """A preset that filled a table, and the keys it gave: those the operator left out."""

    path: KeyPath
    preset: Preset
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filled:
    """What filling a document did: the presets used, the names resolved, and what was wrong."""

    used: tuple[UsedPreset, ...]
    problems: tuple[Problem, ...]


@cache
def shipped() -> Mapping[str, Mapping[str, Preset]]:
    """Read the presets of this version: by table, then by name; a name that two files give is a defect."""
    found: dict[str, dict[str, Preset]] = {_CHAIN: {}, **{table: {} for table in LISTS}}
    for file in sorted(files("keeper.presets").iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue

        for table, entries in tomllib.loads(file.read_text(encoding="utf-8")).items():
            for name, entry in entries.items():
                if name in found[table]:
                    raise ValueError(f"{file.name}: a second {table} preset named {name}")

                found[table][name] = _preset(table, name, entry)

    return found


def fill_presets(document: dict[str, Any]) -> Filled:
    """Write what the named presets stand for into a parsed document, in place, above nothing the operator wrote."""
    used: list[UsedPreset] = []
    problems: list[Problem] = []
    for path, table in _tables(document):
        name = table.get(KEY)
        if not isinstance(name, str):
            continue  # absent, or of a wrong type, which validation names

        kind = str(path[0])
        preset = shipped()[kind].get(name)
        if preset is None:
            problems.append(_unknown(path, name, shipped()[kind]))
            continue

        given = preset.values if kind == _CHAIN else {"name": name, **preset.values}
        missing = tuple(key for key in given if key not in table)
        table.update({key: given[key] for key in missing})
        used.append(UsedPreset(path, preset, missing))

    problems += _on_another_chain(document, used)
    problems += _resolve_tokens(document, used)
    return Filled(tuple(used), tuple(problems))


# Reading ------------------------------------------------------------------------------------------------------------


def _preset(table: str, name: str, entry: Mapping[str, Any]) -> Preset:
    return Preset(
        table,
        name,
        chain=str(entry.get("chain", name)),
        sources=tuple(entry["sources"]),
        verified=entry["verified"],
        doubt=entry.get("doubt", ""),
        values={key: value for key, value in entry.items() if key not in _ABOUT},
        tokens=entry.get("tokens", {}),
    )


# Filling ------------------------------------------------------------------------------------------------------------


def _tables(document: Mapping[str, Any]) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """Yield the tables that may name a preset, wherever the document has the right shape for one."""
    chain = document.get(_CHAIN)
    if isinstance(chain, dict):
        yield (_CHAIN,), chain

    for kind in LISTS:
        entries = document.get(kind)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict):
                yield (kind, index), entry


def _unknown(path: KeyPath, name: str, known: Iterable[str]) -> Problem:
    # Shown only where it could be a name: anything else may be a secret.
    shown = f' "{name}"' if PLAUSIBLE_KEY.fullmatch(name) else ""
    return Problem((*path, KEY), f"no {path[0]} preset{shown}", did_you_mean(name, known))


def _on_another_chain(document: Mapping[str, Any], used: Sequence[UsedPreset]) -> Iterator[Problem]:
    chain = document.get(_CHAIN)
    chain_id = chain.get("id") if isinstance(chain, dict) else None
    for each in used:
        home = shipped()[_CHAIN][each.preset.chain].values["id"]
        if isinstance(chain_id, int) and chain_id != home:
            yield Problem(
                (*each.path, KEY),
                f'"{each.preset.name}" is on chain {home} ({each.preset.chain}), [chain] id is {chain_id}',
                "one process follows one chain: give this one a configuration of its own",
            )


def _resolve_tokens(document: Mapping[str, Any], used: Sequence[UsedPreset]) -> Iterator[Problem]:
    """Replace token names in `[assets] trusted` by the chain preset's addresses."""
    assets = document.get("assets")
    found = assets.get("trusted") if isinstance(assets, dict) else None
    trusted: list[object] = found if isinstance(found, list) else []
    tokens = {name: token for each in used for name, token in each.preset.tokens.items()}
    for index, text in enumerate(trusted):
        if not isinstance(text, str) or not _TOKEN_NAME.fullmatch(text):
            continue  # an address, or nothing a token is called: validation reads it

        if text in tokens:
            trusted[index] = tokens[text]
            continue

        hint = did_you_mean(text, tokens) or 'name tokens by address, or write [chain] preset = "..." first'
        yield Problem(("assets", "trusted", index), f'no token is known as "{text}"', hint)
