"""The executor as an operator gets one: deployed, wired and verified with the `keeper` command."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from keeper.sandbox.stage.command import keeper
from keeper.sandbox.stage.keys import Key
from keeper.types import Address, to_checksum


@dataclass(frozen=True, slots=True)
class Deployed:
    """What goes into the configuration's `[executor]` table."""

    address: str
    code_hash: str
    start_block: int


def deploy(config: Path, environ: Mapping[str, str], owner: Key, treasury: Address) -> Deployed:
    """Deploy for the operator key the configuration names; the owner pays, so it needs gas."""
    asked = ("--owner", to_checksum(owner.account), "--treasury", to_checksum(treasury))
    facts = json.loads(keeper(("executor", "deploy", *_given(config, owner), *asked, "--json"), environ))
    return Deployed(facts["address"], facts["code_hash"], facts["start_block"])


def wire(config: Path, environ: Mapping[str, str], owner: Key) -> None:
    """List what the configuration needs, and have the outcome verified; it must name the executor by now."""
    keeper(("executor", "allow", "--from-config", *_given(config, owner), "--json"), environ)
    expected = ("--owner", to_checksum(owner.account))
    keeper(("executor", "verify", "--config", str(config), *expected, "--json"), environ)


def _given(config: Path, owner: Key) -> tuple[str, ...]:
    key = ("--keystore", str(owner.keystore), "--passphrase-file", str(owner.passphrase))
    return ("--config", str(config), *key)
