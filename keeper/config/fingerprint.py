"""What a configuration decides, as text: for the journal, and for a flight record that must be replayable alone."""

import hashlib

from keeper.config.model import KeeperConfig


def decisive_json(config: KeeperConfig) -> str:
    """Write everything decisions depend on as JSON; endpoints, keys and paths are left out, so it holds no secret."""
    unnamed = {"__all__": {"preset"}}  # what a preset gave is there; its name decides nothing
    aside = dict.fromkeys(("keys", "lanes", "governor", "monitor", "run"), True)
    return config.model_dump_json(
        by_alias=True, exclude={"chain": {"rpc", "preset"}, "deployments": unnamed, "venues": unnamed, **aside}
    )


def fingerprint(config: KeeperConfig) -> str:
    """Name those decisions by 16 hex digits."""
    return hashlib.sha256(decisive_json(config).encode()).hexdigest()[:16]


def from_decisive_json(text: str) -> KeeperConfig:
    """Read `decisive_json` back; the endpoint it names is nobody's."""
    return KeeperConfig.model_validate_json(text.replace('"chain":{', '"chain":{"rpc":["http://replay.invalid"],', 1))
