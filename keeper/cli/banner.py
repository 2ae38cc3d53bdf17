"""What `keeper run` says before it starts: which chain, which contract, which key, and whether anything can be sent."""

from typing import Final

import click

from keeper import __version__
from keeper.config.derived import place_of
from keeper.config.fingerprint import fingerprint
from keeper.config.load import Loaded
from keeper.config.model import KeyConfig
from keeper.config.presets import KEY, UsedPreset
from keeper.journal.place import name_of
from keeper.types import to_checksum

_LABEL_WIDTH: Final = 12


def banner_facts(loaded: Loaded, *, live_asked: bool) -> dict[str, object]:
    """Collect what the operator must know, in the order it is shown; no secret is among it."""
    config = loaded.config
    live = live_asked and config.run.live
    return {
        "mode": "live" if live else "dry run",
        "armed": live,
        "why": _why(loaded, live_asked=live_asked),
        "version": __version__,
        "config": f"{loaded.places.file} ({fingerprint(config)})",
        "chain": config.chain.id,
        "rpc": [str(url) for url in config.chain.rpc],
        "executor": None if config.executor is None else to_checksum(config.executor.address),
        "keys": [_key_text(key) for key in (config.keys, *config.lanes) if key is not None],
        "journal": name_of(place_of(config), config.chain.id, live=live),
        "deployments": [f"{table.name} ({table.adapter})" for table in config.deployments],
        "presets": [_preset(loaded, each) for each in loaded.presets] or None,
        "strategies": [f"{table.name} (at least {table.min_profit})" for table in config.strategies]
        or ["none: it only watches"],
        "told": [f"{table.name} ({table.least})" for table in config.channels] or None,
    }


def banner_text(facts: dict[str, object]) -> str:
    """Lay the facts out for a terminal, the mode first and impossible to overlook."""
    live = facts["armed"] is True
    headline = " LIVE: transactions will be signed and sent " if live else " DRY RUN: nothing will be signed or sent "
    lines = [click.style(headline, fg="white", bg="red" if live else "blue", bold=True)]
    for key, value in facts.items():
        if key in ("mode", "armed") or value is None:
            continue

        shown = ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
        lines.append(f"  {key:<{_LABEL_WIDTH}}{shown}")

    return "\n".join(lines)


def _preset(loaded: Loaded, used: UsedPreset) -> str:
    """Say what a preset gave, and whether it could be checked."""
    doubt = "" if used.preset.verified else f" NOT VERIFIED: {used.preset.doubt}"
    return f"{used.preset.name} ({loaded.places.of((*used.path, KEY))}: {', '.join(used.keys)}){doubt}"


def _key_text(key: KeyConfig) -> str:
    """Say where a key is, never what protects it."""
    if key.signer is None:
        return str(key.keystore)

    return f"{'' if key.address is None else to_checksum(key.address)} at {key.signer}"


def _why(loaded: Loaded, *, live_asked: bool) -> str:
    place = loaded.places.of(("run", "live"))
    if loaded.config.run.live:
        return f"{place} and --live agree" if live_asked else f"{place} says live, --live was not given"

    if live_asked:
        return f"--live was given, but [run] live is false ({place}): set live = true to send"

    return f"[run] live is false ({place}) and --live was not given; sending needs both"
