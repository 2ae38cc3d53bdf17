"""The two places a journal may be in: an SQLite file, or a schema of a PostgreSQL database; read and never written."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import psycopg

IN_ORDER = (("transactions", "seq"), ("transitions", "id"), ("intents", "id"), ("verdicts", "id"))
"""Tables whose rows are numbered as they are written."""


class AuditError(Exception):
    """There is no journal to audit."""


class Connection(Protocol):
    """A journal that can be asked."""

    def rows(self, query: str) -> Iterator[Mapping[str, Any]]:
        """Run one query; its rows by column."""
        ...

    def damage(self) -> Iterator[str]:
        """Yield what the database itself finds wrong."""
        ...


def connect(journal: str, schema: str | None = None) -> AbstractContextManager[Connection]:
    """Open a journal: a file's path, or a `postgresql://` URL with the schema, which may be left out if it is the only.

    `sqlite3.Error`, `AuditError` where it cannot be read.
    """
    return _postgres(journal, schema) if journal.startswith(("postgresql://", "postgres://")) else _sqlite(journal)


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, query: str) -> Iterator[Mapping[str, Any]]:
        yield from map(dict, self._connection.execute(query))

    def damage(self) -> Iterator[str]:
        for (found,) in self._connection.execute("PRAGMA integrity_check"):
            if found != "ok":
                yield f"the file is damaged: {found}"

        for row in self._connection.execute("PRAGMA foreign_key_check"):
            yield f"a row of {row['table']} refers to a row of {row['parent']} that is gone"


class _Postgres:
    def __init__(self, connection: "psycopg.Connection[dict[str, Any]]") -> None:
        self._connection = connection

    def rows(self, query: str) -> Iterator[Mapping[str, Any]]:
        with self._connection.cursor() as cursor:
            yield from cursor.execute(query)

    def damage(self) -> Iterator[str]:
        """Hold the fence to its word: rows carry the epoch they were written under, and no epoch comes back."""
        (lease,) = self.rows("SELECT epoch FROM lease")
        for table, number in IN_ORDER:
            epochs = [row["epoch"] for row in self.rows(f"SELECT epoch FROM {table} ORDER BY {number}")]  # noqa: S608 - ours
            yield from _out_of_turn(table, epochs, lease["epoch"])


def _out_of_turn(table: str, epochs: Sequence[int], newest: int) -> Iterator[str]:
    if any(later < earlier for earlier, later in pairwise(epochs)):
        yield f"a row of {table} was written under a lease that had been taken over"

    if any(epoch > newest for epoch in epochs):
        yield f"a row of {table} was written under a lease that nobody has held yet"


@contextmanager
def _sqlite(journal: str) -> Iterator[Connection]:
    connection = sqlite3.connect(f"{Path(journal).resolve().as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        yield _Sqlite(connection)
    finally:
        connection.close()


@contextmanager
def _postgres(url: str, schema: str | None) -> Iterator[Connection]:
    try:
        import psycopg  # noqa: PLC0415 - only where a journal is in a database
        from psycopg.rows import dict_row  # noqa: PLC0415
    except ImportError:
        raise AuditError("the PostgreSQL driver is not installed: pip install 'keeper[postgres]'") from None

    try:
        with psycopg.connect(url, row_factory=dict_row, options="-c default_transaction_read_only=on") as connection:
            found = connection.execute(
                "SELECT table_schema AS name FROM information_schema.tables WHERE table_name = 'lease' ORDER BY 1"
            ).fetchall()
            names = [row["name"] for row in found]
            if schema not in names and (schema is not None or len(names) != 1):
                raise AuditError(f"name the journal with --schema: there are {', '.join(names) or 'none'}")

            connection.execute("SELECT set_config('search_path', %s, false)", (schema or names[0],))
            yield _Postgres(connection)
    except psycopg.Error as error:
        # What the driver says may hold the URL.
        raise AuditError(f"the database cannot be read ({type(error).__name__})") from None
