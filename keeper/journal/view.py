"""Saved state as another process left it: read beside a running keeper, never written."""

from collections.abc import Iterable
from pathlib import Path

from keeper.errors import JournalError
from keeper.journal.records import BlockRef
from keeper.journal.sqlite import connect_read_only
from keeper.journal.state import SavedState
from keeper.journal.store import journal_path
from keeper.journal.text import from_hex
from keeper.protocols.base import Row


class SavedStateView:
    """Reads what a run saved; what is read anew while looking is forgotten."""

    def __init__(self, path: Path) -> None:
        """Look into the live journal, else the dry run's; no journal at all is an empty one."""
        self._paths = [found for live in (True, False) if (found := journal_path(path, live=live)).is_file()]

    def save(self, source: str, cursor: BlockRef, rows: Iterable[Row]) -> None:
        """Keep nothing: the file belongs to the run that writes it."""
        del source, cursor
        for _ in rows:
            pass

    def load(self, source: str) -> SavedState | None:
        """Read the newest that was saved of a source, None if nothing was."""
        found = [saved for path in self._paths if (saved := _load(path, source)) is not None]
        return max(found, key=lambda saved: saved.cursor.number, default=None)

    def clear(self, source: str) -> None:
        """Forget a source for this look."""
        del source


def _load(path: Path, source: str) -> SavedState | None:
    try:
        connection = connect_read_only(path)
    except JournalError:
        return None  # an unusable journal is the run's business; a look can do without it

    try:
        cursor = connection.execute("SELECT * FROM state_cursors WHERE source = ?", (source,)).fetchone()
        if cursor is None:
            return None

        rows = connection.execute("SELECT key, value FROM state_rows WHERE source = ? ORDER BY key", (source,))
        ref = BlockRef(cursor["block_number"], from_hex(cursor["block_hash"]))
        return SavedState(ref, tuple(Row(bytes(row["key"]), bytes(row["value"])) for row in rows))
    finally:
        connection.close()
