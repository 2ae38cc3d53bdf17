"""The journal as an SQLite file: durable transactions, one writer, errors in the keeper's words."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from keeper.errors import JournalError
from keeper.journal.database import Parameters
from keeper.journal.lock import JournalLock
from keeper.journal.schema import MIGRATIONS, check, prepare, version_of
from keeper.private import make_private


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a journal to read, beside a running keeper or alone; `JournalError` when there is none or it is unusable."""
    if not path.is_file():
        raise JournalError(f"no journal at {path}: nothing has run with this configuration yet", path=str(path))

    connection = None
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        connection.row_factory = sqlite3.Row
        check(connection)
        _require_current(connection)
    except (sqlite3.Error, JournalError) as error:
        if connection is not None:
            connection.close()

        raise JournalError(f"{path}: {error}") from error

    return connection


def _require_current(connection: sqlite3.Connection) -> None:
    """Refuse tables a reader cannot read: only a run makes them, or brings them up."""
    version = version_of(connection)
    if version == 0:
        raise JournalError("the journal is empty: no run has written to it yet")

    if version < len(MIGRATIONS):
        raise JournalError(
            f"an older keeper wrote it (schema version {version}, this keeper's is {len(MIGRATIONS)}): "
            "the next run brings it up",
            found=version,
            known=len(MIGRATIONS),
        )


class SqliteDatabase:
    """The one writing connection; when `write` returns, what was written survives a power cut.

    May be used from several threads; they take turns. The file and what stands beside it are the owner's alone: they
    hold signed transactions.
    """

    def __init__(self, path: Path) -> None:
        """Lock, open and migrate; `JournalError` names the file and what to do."""
        self.path = path
        self.epoch = 0
        self._turn = threading.RLock()
        self._lock = JournalLock(path)
        try:
            _make_private(path)
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except (sqlite3.Error, OSError) as error:
            self._lock.release()
            raise JournalError(f"cannot open {path}: {error}") from error

        self._connection.row_factory = sqlite3.Row
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "recursive_triggers = ON"):
                self._connection.execute(f"PRAGMA {pragma}")

            prepare(self._connection)
        except (sqlite3.Error, JournalError) as error:
            self.close()
            raise JournalError(f"{path}: {error}") from error

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Run statements as one transaction, durable when the block ends; anything raised inside undoes all of it."""
        with self._turn:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._undo()
                raise JournalError(f"the journal {self.path} refused a write: {error}", path=str(self.path)) from error
            except BaseException:
                self._undo()
                raise

    def read(self, query: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """Run one query to its end."""
        with self._turn:
            try:
                return list(self._connection.execute(query, parameters))
            except sqlite3.Error as error:
                raise JournalError(f"the journal {self.path} cannot be read: {error}", path=str(self.path)) from error

    def fence(self) -> None:
        """Do nothing: the kernel lets nobody else have the file's lock while this process lives."""

    def renew(self) -> None:
        """Do nothing: the lock needs no renewing."""

    def close(self) -> None:
        """Close and let the next process in; safe to call twice."""
        with self._turn:
            self._connection.close()
            self._lock.release()

    def _undo(self) -> None:
        # A full disk may already have ended the transaction; a failing rollback must not hide the first error.
        if not self._connection.in_transaction:
            return

        try:
            self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._connection.interrupt()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SqliteReader:
    """A connection that only reads."""

    def __init__(self, path: Path) -> None:
        """Open; see `connect_read_only`."""
        self.name = str(path)
        self._connection = connect_read_only(path)

    def execute(self, statement: str, parameters: Parameters = (), /) -> sqlite3.Cursor:
        """Run one query."""
        return self._connection.execute(statement, parameters)

    def read(self, query: str, parameters: Parameters = (), /) -> list[sqlite3.Row]:
        """Run one query to its end."""
        return list(self.execute(query, parameters))

    def close(self) -> None:
        """Close; safe to call twice."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _make_private(path: Path) -> None:
    """Close the file to others, and what a killed run may have left beside it; SQLite makes new ones alike."""
    make_private(path)
    for left in (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm")):
        if left.exists():
            make_private(left)
