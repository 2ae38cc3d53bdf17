"""What each pass saw and declined: one canonical line per block, and a decline only where something changed."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from keeper.journal.database import Database, insert_returning
from keeper.journal.place import Reader
from keeper.journal.text import hex_text, line_json, to_json
from keeper.types import BlockHead, Declined

KEPT_BLOCKS: Final = 100_000
"""Canonical lines older than this many blocks are dropped: two weeks on Ethereum, the log files have the rest."""
_PRUNED_EVERY: Final = 1_000

_SUBJECT_COLUMNS: Final = ("deployment", "position", "reason", "debt_token", "collateral_token")
_Subject: TypeAlias = tuple[str, str | None, str, str | None, str | None]


@dataclass(slots=True)
class _Standing:
    """A decline that still stands: its row, and the last block it was seen in."""

    row: int
    last_block: int


class PassLedger:
    """Invariant: a decline that goes on is one row whose range grows; when it stops and comes back, a second one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._standing: dict[_Subject, _Standing] = {}
        self._last_block: int | None = None

    def record(self, run: int, head: BlockHead, line: Mapping[str, object], declines: Sequence[Declined]) -> None:
        """Write the line of a block and what was declined in it, in one transaction."""
        latest = {_subject(declined): declined for declined in declines}
        standing: dict[_Subject, _Standing] = {}
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO blocks (number, hash, run, line) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (number, hash) DO UPDATE SET run = excluded.run, line = excluded.line",
                (head.number, hex_text(head.hash), run, line_json(line)),
            )
            for subject, declined in latest.items():
                known = self._standing.get(subject)
                if known is not None and known.last_block == self._last_block:
                    last_block = max(known.last_block, head.number)  # a reorg may take the head back
                    connection.execute(
                        "UPDATE declines SET last_block = ?, numbers = ? WHERE id = ?",
                        (last_block, to_json(declined.numbers), known.row),
                    )
                    standing[subject] = _Standing(known.row, head.number)
                    continue

                row = dict(zip(_SUBJECT_COLUMNS, subject, strict=True))
                block = {"first_block": head.number, "last_block": head.number}
                numbers = to_json(declined.numbers)
                values = {"run": run, **row, **block, "numbers": numbers}
                row_id = insert_returning(connection, "declines", values, "id")
                standing[subject] = _Standing(row_id, head.number)

            if head.number % _PRUNED_EVERY == 0:
                connection.execute("DELETE FROM blocks WHERE number < ?", (head.number - KEPT_BLOCKS,))

        self._standing = standing
        self._last_block = head.number


def chain_time(reader: Reader) -> int:
    """The newest block's timestamp (unix s), which limits go by; this machine's clock before the first block."""
    rows = reader.read("SELECT line FROM blocks ORDER BY number DESC LIMIT 1")
    return int(json.loads(rows[0]["line"]).get("timestamp", time.time())) if rows else int(time.time())


def _subject(declined: Declined) -> _Subject:
    """Name what was declined; adapters that tell the pair apart do so by these two numbers."""
    position = None if declined.key is None else hex_text(declined.key)
    debt, collateral = declined.numbers.get("debt_token"), declined.numbers.get("collateral_token")
    return (
        declined.deployment,
        position,
        declined.reason.value,
        None if debt is None else str(debt),
        None if collateral is None else str(collateral),
    )
