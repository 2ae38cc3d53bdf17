"""Where a journal is kept: an SQLite file, or a PostgreSQL database; what opens it, to write or only to look."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Protocol, TypeAlias

from keeper.errors import JournalError
from keeper.journal.database import Cursor, Database, Parameters, SqlRow
from keeper.journal.sqlite import SqliteDatabase, SqliteReader


@dataclass(frozen=True, slots=True, repr=False)
class PostgresPlace:
    """A PostgreSQL database, and for how many seconds a writer's lease holds without being renewed.

    `url` may carry a password and is never shown; `shown` is it without.
    """

    url: str
    shown: str
    lease_s: float = 15.0

    def __repr__(self) -> str:
        """Render without credentials: tracebacks print this."""
        return f"PostgresPlace({self.shown})"


Place: TypeAlias = Path | PostgresPlace


class Reader(AbstractContextManager["Reader"], Protocol):
    """A journal that is only looked into."""

    @property
    def name(self) -> str:
        """Where it is, without secrets."""
        ...

    def execute(self, statement: str, parameters: Parameters = (), /) -> Cursor:
        """Run one query."""
        ...

    def read(self, query: str, parameters: Parameters = (), /) -> Sequence[SqlRow]:
        """Run one query to its end."""
        ...


def journal_path(path: Path, *, live: bool) -> Path:
    """Name the file of a mode: the configured one when live, `keeper.dry.db` beside `keeper.db` in a dry run."""
    return path if live else path.with_name(f"{path.stem}.dry{path.suffix or '.db'}")


def schema_name(chain_id: int, *, live: bool) -> str:
    """Name the schema of a chain and mode: one database may serve them all, and no two share a row or a lease."""
    return f"keeper_{chain_id}_{'live' if live else 'dry'}"


def name_of(place: Place, chain_id: int, *, live: bool) -> str:
    """Say where the journal of a mode is, without secrets."""
    if isinstance(place, PostgresPlace):
        return f"{place.shown} schema {schema_name(chain_id, live=live)}"

    return str(journal_path(place, live=live))


def open_database(place: Place, chain_id: int, *, live: bool) -> Database:
    """Open a journal to write: this process becomes its one writer, or `JournalError` says who is."""
    if isinstance(place, PostgresPlace):
        database: Database = _postgres().PostgresDatabase(place, schema_name(chain_id, live=live))
        return database

    return SqliteDatabase(journal_path(place, live=live))


def open_reader(place: Place, chain_id: int, *, live: bool) -> Reader:
    """Open a journal to look, beside a running keeper or alone; `JournalError` where there is none."""
    if isinstance(place, PostgresPlace):
        reader: Reader = _postgres().PostgresReader(place, schema_name(chain_id, live=live))
        return reader

    return SqliteReader(journal_path(place, live=live))


def open_newest_reader(place: Place, chain_id: int) -> Reader:
    """Open the journal of the run that began last, live or dry; `JournalError` where there is none."""
    found: list[tuple[int, Reader]] = []
    failure: JournalError | None = None
    for live in (True, False):
        try:
            reader = open_reader(place, chain_id, live=live)
        except JournalError as error:
            failure = failure or error
            continue

        (row,) = reader.read("SELECT coalesce(max(started_at), 0) AS started_at FROM runs")
        found.append((int(row["started_at"]), reader))

    if not found:
        raise failure or JournalError("there is no journal yet")

    found.sort(key=lambda pair: pair[0])
    for _, reader in found[:-1]:
        reader.__exit__(None, None, None)

    return found[-1][1]


def _postgres() -> ModuleType:
    """Import what needs the driver, which is an optional extra."""
    try:
        return import_module("keeper.journal.postgres")
    except ImportError:
        raise JournalError("the PostgreSQL driver is not installed: pip install 'keeper[postgres]'") from None
