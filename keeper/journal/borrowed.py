"""Saved state on loan: read from another keeper's journal, kept in memory, written down once the journal is ours."""

from collections.abc import Iterable

from keeper.journal.records import BlockRef
from keeper.journal.state import SavedState, StateStore
from keeper.journal.view import SavedStateView
from keeper.protocols.base import Row


class BorrowedState:
    """A store that writes nothing. Invariant: it knows every row that changed since what it read was saved."""

    def __init__(self, view: SavedStateView) -> None:
        self._view = view
        self._rows: dict[str, dict[bytes, Row]] = {}
        self._worthless: set[str] = set()

    def save(self, source: str, cursor: BlockRef, rows: Iterable[Row]) -> None:
        """Keep the rows for later."""
        del cursor
        self._rows.setdefault(source, {}).update({row.key: row for row in rows})

    def load(self, source: str) -> SavedState | None:
        """Read what live runs saved of a source; None for one never saved."""
        return self._view.load_of(source, live=True)

    def clear(self, source: str) -> None:
        """Count what was saved of a source as nothing."""
        self._worthless.add(source)

    def hand_over(self, store: StateStore, source: str, cursor: BlockRef, rows: Iterable[Row]) -> None:
        """Write a source down as of a block of ours: `rows` are those that changed since they were last asked for."""
        self.save(source, cursor, rows)
        if source in self._worthless:
            store.clear(source)

        store.save(source, cursor, self._rows.pop(source, {}).values())
