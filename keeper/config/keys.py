"""The `[keys]` and `[[lane]]` tables: where each operator key is, and who signs with it."""

from typing import Annotated, TypeAlias

from pydantic import Field, StrictInt

from keeper.config.adapters import Section
from keeper.config.urls import RpcUrlText
from keeper.config.values import AddressText, ConfigPath, Name

CredentialName: TypeAlias = Name


class KeyConfig(Section):
    """One key: a keystore this process opens, or a signer that holds it."""

    keystore: ConfigPath | None = None
    """Encrypted keystore (V3 JSON), as `keeper keys new` writes it; left out where a signer holds the key."""
    passphrase_file: ConfigPath | None = None
    """File with the passphrase on its first line, readable by you alone; asked for at a terminal when left out."""
    passphrase_credential: CredentialName | None = None
    """Instead of a file: the name of a systemd credential (`LoadCredential=`) with the passphrase."""
    signer: RpcUrlText | None = None
    """Who signs instead of this process: `ipc:///run/keeper/signer.sock` (`keeper signer`), or web3signer's URL."""
    address: AddressText | None = None
    """The key's address; needed with a signer, and compared with the keystore where both are given."""


class KeysConfig(KeyConfig):
    """`[keys]`: the operator key, which pays gas and may call the executor, nothing more."""

    gas_warning_days: Annotated[StrictInt, Field(ge=0, le=365)] = 7
    """Warn when the key's balance lasts fewer days at the recent rate; 7 leaves a weekend to act."""
    doppelganger_blocks: Annotated[StrictInt, Field(ge=0, le=1_000)] = 2
    """Blocks a start watches for somebody else using the key before it signs; 2 show a keeper that is at work."""
    relay_keystore: ConfigPath | None = None
    """The key that signs requests to relays, if you have one: it must be another one, and hold nothing."""


class LaneConfig(KeyConfig):
    """`[[lane]]`: one more operator key, working beside the first; what does not depend on each other is spread."""
