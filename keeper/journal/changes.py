"""Versions of the journal's tables after the first, oldest first; a released one is never edited."""

from collections.abc import Sequence
from typing import Final

from keeper.journal.ddl import Statement

HOLDS: Final[Sequence[Statement]] = (
    # A limit that tripped, or the operator's word: nothing is planned for while one stands.
    """
    CREATE TABLE holds (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs (id),
        cause TEXT NOT NULL,
        reason TEXT NOT NULL,
        since INTEGER NOT NULL, -- unix s, the chain's clock
        until INTEGER, -- unix s; none: until somebody lifts it
        after_outcome INTEGER NOT NULL, -- outcomes up to this one count no more for this cause
        lifted_at INTEGER, -- unix s
        lifted_by TEXT
    )
    """,
    "CREATE INDEX holds_by_cause ON holds (cause, id)",
    "CREATE INDEX outcomes_by_time ON outcomes (block_timestamp)",
)

CHANGES: Final[tuple[Sequence[Statement], ...]] = (HOLDS,)
