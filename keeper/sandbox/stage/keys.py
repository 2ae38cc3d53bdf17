"""Keys for one run: encrypted keystores with their passphrases in files, readable by this user alone."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from keeper.sandbox.stage.command import keeper
from keeper.types import Address, parse_address


@dataclass(frozen=True, slots=True)
class Key:
    """A key that exists only encrypted, and where."""

    account: Address
    keystore: Path
    passphrase: Path


def make_key(folder: Path, name: str, environ: Mapping[str, str]) -> Key:
    """Make `<name>.json` and `<name>.passphrase` in a folder."""
    keystore, passphrase = folder / f"{name}.json", folder / f"{name}.passphrase"
    descriptor = os.open(passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(24) + "\n")

    shown = keeper(("keys", "new", str(keystore), "--passphrase-file", str(passphrase), "--json"), environ)
    return Key(parse_address(json.loads(shown)["address"]), keystore, passphrase)
