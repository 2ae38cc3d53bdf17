"""The versions of the journal's tables, and what is checked before an SQLite file is trusted.

The tables themselves are in `tables.py`, what changed since in `changes.py`.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from keeper.errors import JournalError
from keeper.journal.changes import CHANGES
from keeper.journal.ddl import Statement, for_sqlite
from keeper.journal.tables import VERSION_1

APPLICATION_ID: Final = 0x4B454550  # "KEEP": tells our files from any other SQLite file

MIGRATIONS: Final[Sequence[Sequence[Statement]]] = (VERSION_1, *CHANGES)
"""Statements per version, in order; a released one is never edited, a change is a new one at the end."""


def prepare(connection: sqlite3.Connection, migrations: Sequence[Sequence[Statement]] = MIGRATIONS) -> None:
    """Check the file and bring it to the newest version, each version in one transaction.

    `JournalError` for a damaged file, somebody else's file, or one a newer keeper wrote.
    """
    check(connection, migrations)
    for version in range(version_of(connection), len(migrations)):
        connection.execute("BEGIN IMMEDIATE")
        for statement in migrations[version]:
            for spelled in for_sqlite(statement):
                connection.execute(spelled)

        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.execute("COMMIT")


def check(connection: sqlite3.Connection, migrations: Sequence[Sequence[Statement]] = MIGRATIONS) -> None:
    """Refuse a damaged file, somebody else's file, or one a newer keeper wrote; an empty one is fine."""
    damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise JournalError(f"the journal is damaged: {damage}; restore a copy, nothing is signed on it")

    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and tables:
        raise JournalError("the file is a database, but not a keeper's journal: name another path in [run] journal")

    version = version_of(connection)
    if version > len(migrations):
        raise JournalError(
            f"the journal has schema version {version}, this keeper knows {len(migrations)}: "
            "run the keeper that wrote it, or a newer one",
            found=version,
            known=len(migrations),
        )


def version_of(connection: sqlite3.Connection) -> int:
    """Read the schema version; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
