"""Saved state as another process left it: read beside a running keeper, never written."""

from collections.abc import Iterable

from keeper.errors import JournalError
from keeper.journal.place import Place, open_reader
from keeper.journal.records import BlockRef
from keeper.journal.state import SavedState
from keeper.journal.text import from_hex
from keeper.protocols.base import Row


class SavedStateView:
    """Reads what a run saved; what is read anew while looking is forgotten."""

    def __init__(self, place: Place, chain_id: int, until: int | None = None) -> None:
        """Look into the live journal and the dry run's; no journal at all is an empty one.

        With `until`, what was saved after that block is as good as nothing: state cannot be taken back.
        """
        self._until = until
        self._place = place
        self._chain_id = chain_id

    def save(self, source: str, cursor: BlockRef, rows: Iterable[Row]) -> None:
        """Keep nothing: the journal belongs to the run that writes it."""
        del source, cursor
        for _ in rows:
            pass

    def load(self, source: str) -> SavedState | None:
        """Read the newest that was saved of a source, None if nothing was."""
        found = [saved for live in (True, False) if (saved := self.load_of(source, live=live)) is not None]
        found = [saved for saved in found if self._until is None or saved.cursor.number <= self._until]
        return max(found, key=lambda saved: saved.cursor.number, default=None)

    def clear(self, source: str) -> None:
        """Forget a source for this look."""
        del source

    def load_of(self, source: str, *, live: bool) -> SavedState | None:
        """Read what one mode's runs saved of a source, None if nothing was."""
        try:
            reader = open_reader(self._place, self._chain_id, live=live)
        except JournalError:
            return None  # none yet, or an unusable one: a look can do without

        with reader:
            cursors = reader.read("SELECT * FROM state_cursors WHERE source = ?", (source,))
            if not cursors:
                return None

            rows = reader.read("SELECT key, value FROM state_rows WHERE source = ? ORDER BY key", (source,))
            ref = BlockRef(cursors[0]["block_number"], from_hex(cursors[0]["block_hash"]))
            return SavedState(ref, tuple(Row(bytes(row["key"]), bytes(row["value"])) for row in rows))
