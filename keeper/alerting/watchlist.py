"""The accounts people follow: a small text file, one address and a label on each line, edited by hand or by verb.

The running keeper reads it again whenever it changed; what it cannot read it goes on without, and says so.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog

from keeper.errors import ConfigError
from keeper.private import make_private
from keeper.telemetry.sanitise import line_text
from keeper.types import Address, parse_address, to_checksum

LABEL_CHARS: Final = 64
MOST_ACCOUNTS: Final = 100_000
_MOST_BYTES: Final = 20_000_000
_HEADING: Final = "# Accounts that `keeper watchlist` follows: an address, then a label if wanted.\n"

log = structlog.get_logger(__name__)


def read_watchlist(path: Path) -> dict[Address, str]:
    """Read the accounts and their labels, in the file's order; empty without a file, `ConfigError` at a bad line."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path}: far too large to be a watchlist")

        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the watchlist cannot be read: {error}") from None

    found: dict[Address, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.split("#", 1)[0].strip()
        if not entry:
            continue

        word, _, label = entry.partition(" ")
        try:
            found[parse_address(word)] = clean_label(label)
        except ValueError as error:
            raise ConfigError(f"{path}:{number}: {error}\n  write an address, then a label if wanted") from None

        if len(found) > MOST_ACCOUNTS:
            raise ConfigError(f"{path}: more than {MOST_ACCOUNTS:,} accounts")

    return found


def write_watchlist(path: Path, accounts: Mapping[Address, str]) -> None:
    """Put a list in place of whatever stood there, whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    lines = [f"{to_checksum(account)} {clean_label(label)}".rstrip() for account, label in accounts.items()]
    try:
        make_private(beside)
        with beside.open("w", encoding="utf-8") as file:
            file.write(_HEADING + "".join(line + "\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())

        beside.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}; name another place in [watch] watchlist") from None


def clean_label(label: str) -> str:
    """Make a label one harmless line of at most 64 characters."""
    return line_text(label.strip()[:LABEL_CHARS]).replace("#", " ")[:LABEL_CHARS].strip()


class Watchlist:
    """The list as a run sees it. Invariant: `accounts` is the last content that could be read."""

    def __init__(self, path: Path) -> None:
        """Read it; `ConfigError` for a bad line: a start must not overlook an account."""
        self._path = path
        self._seen = self._stamp()
        self.accounts: Mapping[Address, str] = read_watchlist(path)

    def refresh(self) -> None:
        """Read it again if it changed."""
        stamp = self._stamp()
        if stamp == self._seen:
            return

        self._seen = stamp
        try:
            self.accounts = read_watchlist(self._path)
        except ConfigError as error:
            log.warning("watchlist_unreadable", error=error.message)
        else:
            log.info("watchlist_read", accounts=len(self.accounts))

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None

        return found.st_mtime_ns, found.st_size
