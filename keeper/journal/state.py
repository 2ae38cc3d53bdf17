"""Saved state of the book and the pools: rows and the block they are true at, kept together so that neither lies."""

from collections.abc import Iterable
from dataclasses import dataclass

from keeper.journal.database import Database
from keeper.journal.records import BlockRef
from keeper.journal.text import from_hex, hex_text
from keeper.protocols.base import Row


@dataclass(frozen=True, slots=True)
class SavedState:
    """Everything a source saved."""

    cursor: BlockRef
    rows: tuple[Row, ...]


class StateStore:
    """Invariant: a source's rows are exactly those saved up to its cursor."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, source: str, cursor: BlockRef, rows: Iterable[Row]) -> None:
        """Add or replace rows and move the cursor, in one transaction; an empty value removes its row."""
        with self._database.write() as connection:
            for row in rows:
                if row.value:
                    connection.execute(
                        "INSERT INTO state_rows (source, key, value) VALUES (?, ?, ?) "
                        "ON CONFLICT (source, key) DO UPDATE SET value = excluded.value",
                        (source, row.key, row.value),
                    )
                else:
                    connection.execute("DELETE FROM state_rows WHERE source = ? AND key = ?", (source, row.key))

            connection.execute(
                "INSERT INTO state_cursors (source, block_number, block_hash) VALUES (?, ?, ?) ON CONFLICT (source) "
                "DO UPDATE SET block_number = excluded.block_number, block_hash = excluded.block_hash",
                (source, cursor.number, hex_text(cursor.hash)),
            )

    def load(self, source: str) -> SavedState | None:
        """Read back what was saved, rows in key order; None for a source never saved."""
        cursors = self._database.read("SELECT * FROM state_cursors WHERE source = ?", (source,))
        if not cursors:
            return None

        rows = self._database.read("SELECT key, value FROM state_rows WHERE source = ? ORDER BY key", (source,))
        return SavedState(
            BlockRef(cursors[0]["block_number"], from_hex(cursors[0]["block_hash"])),
            tuple(Row(bytes(row["key"]), bytes(row["value"])) for row in rows),
        )

    def clear(self, source: str) -> None:
        """Forget a source, so that it is read from the chain again: after a reorg below its cursor."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM state_rows WHERE source = ?", (source,))
            connection.execute("DELETE FROM state_cursors WHERE source = ?", (source,))
