"""From the `[keys]` and `[[lane]]` tables to who signs: a key opened here, or a signer that holds it."""

import os
import sys
from collections.abc import Callable
from getpass import getpass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import structlog

from keeper.app.wiring import bid_policy
from keeper.config.model import ExecutorConfig, KeeperConfig, KeyConfig, KeysConfig
from keeper.errors import ConfigError, SignerError, SigningKeyError
from keeper.execution.calldata import EXECUTE_SELECTOR
from keeper.execution.keys import hide_memory, open_keystore, read_address, read_passphrase
from keeper.execution.meter import Caps, SigningMeter
from keeper.execution.remote import RemoteSigner, Wire
from keeper.execution.signer import LocalSigner, Signer, SigningPolicy
from keeper.execution.wires import HttpWire, SocketWire
from keeper.types import Address, to_checksum

CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
"""The environment variable by which systemd names the folder of a service's credentials; it holds no secret."""

log = structlog.get_logger(__name__)


def keys_of(config: KeeperConfig) -> tuple[KeyConfig, ...]:
    """Every operator key of a configuration, the first one first."""
    return () if config.keys is None else (config.keys, *config.lanes)


def address_of(key: KeyConfig) -> Address:
    """Return a key's address, by its keystore or the configuration; `SigningKeyError` if they differ."""
    if key.keystore is None:
        if key.address is None:
            raise ConfigError("a key that a signer holds needs its address beside it")

        return key.address

    named = read_address(key.keystore)
    if key.address is not None and key.address != named:
        raise SigningKeyError(
            f"{key.keystore} names {to_checksum(named)}, the configuration {to_checksum(key.address)}"
        )

    return named


def operators_of(config: KeeperConfig) -> tuple[Address, ...]:
    """Who calls the executor: the addresses of all operator keys."""
    return tuple(address_of(key) for key in keys_of(config))


def refuse_shared_roles(config: KeeperConfig, owners: dict[str, Address]) -> None:
    """Refuse an operator key that is anything else too: another lane, the relay key, or one of the named roles."""
    roles = dict(owners)
    if config.keys is not None and config.keys.relay_keystore is not None:
        roles["the relay key"] = read_address(config.keys.relay_keystore)

    operators = operators_of(config)
    for index, operator in enumerate(operators):
        if operator in operators[:index]:
            raise SigningKeyError(f"{to_checksum(operator)} is the key of two lanes: each needs its own")

    for role, address in roles.items():
        if address in operators:
            raise SigningKeyError(
                f"{to_checksum(address)} is an operator and {role} too: whoever steals the hot key would have both. "
                'Make the operator a key of its own with "keeper keys new"',
                role=role,
            )


def open_signers(config: KeeperConfig, epoch: Callable[[], int | None] = lambda: None) -> tuple[Signer, ...]:
    """Open every operator key, or the way to its signer: first of all, so that a wrong passphrase costs no warming up.

    `epoch` is the lease's, where there is one.
    """
    _, executor = needed(config)
    policy = SigningPolicy(
        config.chain.id, frozenset({executor.address}), frozenset({EXECUTE_SELECTOR}), max_fee_wei(config)
    )
    return tuple(_open(config, key, policy, epoch) for key in keys_of(config))


async def check_signers(signers: tuple[Signer, ...]) -> None:
    """Ask every signer whether it holds its key; one that is away is waited for while the run goes on."""
    for signer in signers:
        try:
            await signer.check()
        except SignerError as error:
            log.warning("signer_awaited", operator=to_checksum(signer.address), why=error.message)


async def close_signers(signers: tuple[Signer, ...]) -> None:
    """Close the ways to remote signers."""
    for signer in signers:
        if isinstance(signer, RemoteSigner):
            await signer.close()


def passphrase(key: KeyConfig) -> str:
    """Read the passphrase from its file or credential, or ask a person for it."""
    if key.passphrase_file is not None:
        return read_passphrase(key.passphrase_file)

    if key.passphrase_credential is not None:
        return read_passphrase(_credential(key.passphrase_credential))

    if not sys.stdin.isatty():
        raise SigningKeyError("no terminal to ask for the passphrase at: name its file in [keys] passphrase_file")

    return getpass(f"Passphrase of {key.keystore}: ")


def max_fee_wei(config: KeeperConfig) -> int:
    """The dearest fee per gas any strategy may pay."""
    return max(bid_policy(strategy).max_fee_wei for strategy in config.strategies)


def needed(config: KeeperConfig) -> tuple[KeysConfig, ExecutorConfig]:
    """Return what going live cannot do without; `ConfigError` where it is missing."""
    if config.keys is None or config.executor is None:
        raise ConfigError("going live needs the tables [keys] and [executor]: see docs/configuration.md")

    return config.keys, config.executor


def _open(config: KeeperConfig, key: KeyConfig, policy: SigningPolicy, epoch: Callable[[], int | None]) -> Signer:
    if key.signer is not None:
        return RemoteSigner(_wire(key.signer.reveal()), address_of(key), policy, epoch)

    if key.keystore is None:
        raise ConfigError("a key needs a keystore or a signer")

    address_of(key)
    hide_memory()
    governor = config.governor
    # Replacements and cancels come on top of what the governor lets be planned: twice its rate is a defect's.
    caps = Caps(governor.signing_budget_per_day.amount, 2 * governor.max_transactions_per_minute)
    return LocalSigner(open_keystore(key.keystore, passphrase(key)), policy, SigningMeter(None, caps))


def _wire(url: str) -> Wire:
    parts = urlsplit(url)
    return SocketWire(parts.path) if parts.scheme == "ipc" else HttpWire(url)


def _credential(name: str) -> Path:
    folder = os.environ.get(CREDENTIALS)
    if not folder:
        raise SigningKeyError(
            f"passphrase_credential names {name}, but the service was given no credentials: "
            f"LoadCredential={name}:/path/of/its/file in its unit, or name a passphrase_file"
        )

    return Path(folder) / name
