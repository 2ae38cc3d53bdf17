"""What the journal asks of the database behind it: one writer, durable transactions, one set of SQL texts.

Statements are written in what SQLite and PostgreSQL share, with `?` or `:name` where values go and rows read by name;
`sqlite.py` and `postgres.py` are the two there are.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

from keeper.errors import JournalError

Parameters: TypeAlias = Sequence[object] | Mapping[str, object]


class SqlRow(Protocol):
    """One row, by column name."""

    def __getitem__(self, column: str, /) -> Any:  # noqa: ANN401 - a column holds what its table says
        """Return a column's value."""
        ...


class Cursor(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        ...

    def fetchone(self) -> Any:  # noqa: ANN401 - a row, or None after the last
        """Return the next row; None after the last."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Go through the rows that are left."""
        ...


class Connection(Protocol):
    """Where statements run."""

    def execute(self, statement: str, parameters: Parameters = (), /) -> Cursor:
        """Run one statement."""
        ...


class Database(Protocol):
    """A journal's store; `JournalError` from any method means that nothing may be signed."""

    def write(self) -> AbstractContextManager[Connection]:
        """Run statements as one transaction, durable when the block ends; anything raised inside undoes all of it."""
        ...

    def read(self, query: str, parameters: Parameters = (), /) -> Sequence[SqlRow]:
        """Run one query to its end."""
        ...

    @property
    def epoch(self) -> int:
        """Which of the leases of this store is ours, counted up; 0 where a lock of the kernel is the fence."""
        ...

    def fence(self) -> None:
        """Raise `JournalError` if somebody else may have become the writer since."""
        ...

    def renew(self) -> None:
        """Stay the writer; `JournalError` where somebody else is."""
        ...

    def close(self) -> None:
        """Close and let the next writer in; safe to call twice."""
        ...


class LeaseHeldError(JournalError):
    """Somebody else is the writer; a standby waits for this to pass."""


def insert(connection: Connection, table: str, row: Mapping[str, object]) -> None:
    """Insert one row given by column."""
    connection.execute(_insertion(table, row), row)


def insert_returning(connection: Connection, table: str, row: Mapping[str, object], column: str) -> int:
    """Insert one row given by column and return the number the database gave it."""
    found = connection.execute(f"{_insertion(table, row)} RETURNING {column}", row).fetchone()
    return int(found[column])


def _insertion(table: str, row: Mapping[str, object]) -> str:
    columns = ", ".join(row)
    values = ", ".join(f":{column}" for column in row)
    return f"INSERT INTO {table} ({columns}) VALUES ({values})"  # noqa: S608 - names are ours, values are bound
