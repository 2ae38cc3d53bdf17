"""Checks of this machine: the journal's place, room on the disk, the key's files and its gas money."""

import os
import shutil
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from keeper.app.doctor.finding import Finding, failed, from_error, passed, warned
from keeper.app.keys import address_of, keys_of
from keeper.chain.live import LiveChain
from keeper.config.derived import place_of
from keeper.config.model import KeeperConfig, KeyConfig
from keeper.errors import JournalError, KeeperError
from keeper.journal.place import journal_path, open_reader
from keeper.types import to_checksum
from keeper.units import GWEI, WAD

_LEAST_FREE_BYTES: Final = 1_000_000_000
_GAS_OF_A_PLAN: Final = 1_000_000
_LEAST_PLANS: Final = 20


def check_disk(config: KeeperConfig, *, live: bool) -> Iterator[Finding]:
    """See whether the journal can be written, and for how long."""
    if config.run.postgres is not None:
        yield _look_into_database(config, live=live)
        return

    path = journal_path(config.run.journal, live=live)
    folder = path.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        yield failed("journal", f"{folder} cannot be written to", "make the folder, or correct [run] journal")
        return

    yield passed("journal", f"{path} ({'there' if path.exists() else 'will be made'})")
    free = shutil.disk_usage(folder).free
    text = f"{free / 10**9:,.1f} GB free"
    if free < _LEAST_FREE_BYTES:
        yield warned("disk", text, "make room: without it nothing can be journaled, and nothing is signed")
    else:
        yield passed("disk", text)


async def check_key(config: KeeperConfig, chain: LiveChain, *, live: bool) -> AsyncIterator[Finding]:
    """See whether each key is there, kept to its owner, and can pay for gas; none is opened."""
    keys = keys_of(config)
    if not keys and live:
        yield failed("key", "no [keys] table", "`keeper keys new`, then name its keystore in [keys]")
    elif not keys:
        yield passed("key", "none configured; a dry run needs none")

    for key in keys:
        async for finding in _check_one(key, chain):
            yield finding


async def _check_one(keys: KeyConfig, chain: LiveChain) -> AsyncIterator[Finding]:
    check = "key"
    try:
        address = address_of(keys)
    except KeeperError as error:
        yield from_error(check, error)
        return

    for path in (keys.keystore, keys.passphrase_file):
        if path is not None and path.exists() and _is_shared(path):
            yield warned(check, f"others may read {path}", f"chmod 600 {path}")

    if keys.passphrase_file is not None and not keys.passphrase_file.exists():
        yield failed(check, "[keys] passphrase_file names no file", "make it, readable by you alone")

    balance, head = await chain.balance(address), await chain.latest()
    price = 2 * head.base_fee_wei + GWEI if head is not None else GWEI
    plans = balance // (price * _GAS_OF_A_PLAN)
    holds = f"{to_checksum(address)} holds {balance / WAD:.6f} native"
    text = f"{holds}, gas for about {plans:,} liquidations at twice today's fee"
    if plans == 0:
        yield failed(check, text, "send it gas money")
    elif plans < _LEAST_PLANS:
        yield warned(check, text, "send it gas money")
    else:
        yield passed(check, text)

    code = await chain.code(address)
    if code:
        hint = "an EIP-7702 delegation or a contract: use another key; nothing is signed with this one"
        yield failed(check, f"{to_checksum(address)} has code", hint)


def _look_into_database(config: KeeperConfig, *, live: bool) -> Finding:
    try:
        with open_reader(place_of(config), config.chain.id, live=live) as reader:
            return passed("journal", reader.name)
    except JournalError as error:
        return warned("journal", error.message, "a first run makes it, where the database answers and lets it")


def _is_shared(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
