"""What a configuration decides, as text: for the journal, and for a flight record that must be replayable alone."""

import hashlib
import json
from pathlib import Path

from keeper.config.model import KeeperConfig, RunConfig


def decisive_json(config: KeeperConfig) -> str:
    """Write everything decisions depend on as JSON; endpoints, keys and paths are left out, so it holds no secret."""
    unnamed = {"__all__": {"preset"}}  # what a preset gave is there; its name decides nothing
    aside = dict.fromkeys(("keys", "lanes", "governor", "monitor", "watch", "alerts", "channels"), True)
    if not config.strategies:
        aside |= {"strategies": True, "assets": True}  # a run that only watches has neither to decide with

    run = set(RunConfig.model_fields) - {"audit_every_blocks"}  # what an audit reads must be in the record
    chain = {"rpc", "preset"}
    return config.model_dump_json(
        by_alias=True, exclude={"chain": chain, "run": run, "deployments": unnamed, "venues": unnamed, **aside}
    )


def fingerprint(config: KeeperConfig) -> str:
    """Name those decisions by 16 hex digits."""
    return hashlib.sha256(decisive_json(config).encode()).hexdigest()[:16]


def from_decisive_json(text: str) -> KeeperConfig:
    """Read `decisive_json` back; the endpoint it names is nobody's, and so are its paths."""
    document = json.loads(text)
    document["chain"]["rpc"] = ["http://replay.invalid"]
    return KeeperConfig.model_validate(document, context={"base_dir": Path()})
