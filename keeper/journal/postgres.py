"""The journal in PostgreSQL: the same tables and texts, and a lease whose epoch fences every write.

Whoever holds the lease is the writer. It is renewed while the process lives and taken over when it was not; a process
that wakes up with an old one can write nothing, and knows by its own clock that it may send nothing.
"""

import os
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, Self, cast

import psycopg
from psycopg.rows import dict_row

from keeper.errors import JournalError
from keeper.journal.database import Cursor, LeaseHeldError, Parameters, SqlRow
from keeper.journal.ddl import for_postgres
from keeper.journal.place import PostgresPlace
from keeper.journal.schema import MIGRATIONS

CONNECT_S: Final = 10
"""Seconds a connection may take; a statement may take as long, so that a dead server is noticed."""
_PLACEHOLDER: Final = re.compile(r"\?|(?<!:):([a-z_][a-z0-9_]*)")
_LEASE: Final = """
    CREATE TABLE IF NOT EXISTS lease (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        holder TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        expires_at DOUBLE PRECISION NOT NULL, -- unix s, the server's clock
        schema_version INTEGER NOT NULL
    )
"""
_RENEW: Final = """
    UPDATE lease SET expires_at = extract(epoch FROM clock_timestamp()) + %s WHERE epoch = %s RETURNING epoch, holder
"""
_TAKE: Final = """
    UPDATE lease SET holder = %s, epoch = epoch + 1, expires_at = extract(epoch FROM clock_timestamp()) + %s
    WHERE expires_at < extract(epoch FROM clock_timestamp()) RETURNING epoch
"""
_STAMP: Final = """
    CREATE OR REPLACE FUNCTION stamp_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.epoch := current_setting('keeper.epoch')::bigint;
        IF NOT EXISTS (SELECT 1 FROM lease WHERE epoch = NEW.epoch) THEN
            RAISE EXCEPTION 'the lease went to another keeper';
        END IF;
        RETURN NEW;
    END $$
"""


class PostgresDatabase:
    """The one writing connection. Invariant: no row is written by anyone but the holder of the newest epoch.

    May be used from several threads; they take turns.
    """

    def __init__(self, place: PostgresPlace, schema: str, *, holder: str = "") -> None:
        """Connect, take the lease, and migrate; `JournalError` naming the holder while somebody else has it."""
        self._place = place
        self._holder = holder or f"process {os.getpid()} on {socket.gethostname()}"
        self._turn = threading.RLock()
        self._connection = _connect(place)
        self.epoch = 0
        self._good_until = 0.0
        try:
            _enter_schema(self._connection, schema, create=True)
            self._take_lease()
            self._migrate()
        except psycopg.Error as error:
            self._connection.close()
            raise self._failed("cannot be used", error) from None
        except JournalError:
            self._connection.close()
            raise

    @contextmanager
    def write(self) -> Iterator["PostgresConnection"]:
        """Run statements as one transaction, durable when the block ends; anything raised inside undoes all of it."""
        with self._turn:
            try:
                with self._connection.transaction():
                    # Held until the commit: a takeover waits for it, and what comes after a takeover is refused.
                    row = self._connection.execute("SELECT epoch, holder FROM lease FOR SHARE").fetchone()
                    self._insist(row)
                    yield PostgresConnection(self._connection)
            except psycopg.Error as error:
                raise self._failed("refused a write", error) from None

    def read(self, query: str, parameters: Parameters = (), /) -> Sequence[SqlRow]:
        """Run one query to its end."""
        with self._turn:
            try:
                return list(PostgresConnection(self._connection).execute(query, parameters))
            except psycopg.Error as error:
                raise self._failed("cannot be read", error) from None

    def fence(self) -> None:
        """Raise `JournalError` once the lease may be somebody else's, by our own clock; asks nobody."""
        if self._clock() >= self._good_until:
            raise JournalError(
                "the journal's lease was not renewed in time: another keeper may have taken over, nothing is sent",
                epoch=self.epoch,
            )

    def renew(self) -> None:
        """Prolong the lease; `JournalError` where it is lost."""
        with self._turn:
            asked_at = self._clock()
            try:
                row = self._connection.execute(
                    _RENEW,
                    (self._place.lease_s, self.epoch),
                ).fetchone()
            except psycopg.Error as error:
                raise self._failed("cannot renew its lease", error) from None

            self._insist(row)
            self._good_until = asked_at + self._place.lease_s

    def close(self) -> None:
        """Give the lease back, close, and let the next one in; safe to call twice."""
        with self._turn:
            if self._connection.closed:
                return

            try:
                self._connection.execute("UPDATE lease SET expires_at = 0 WHERE epoch = %s", (self.epoch,))
            except psycopg.Error:
                self._good_until = 0.0  # it runs out by itself
            finally:
                self._connection.close()

    def _take_lease(self) -> None:
        asked_at = self._clock()
        with self._connection.transaction():
            self._connection.execute(_LEASE)
            self._connection.execute("INSERT INTO lease VALUES (1, 'nobody', 0, 0, 0) ON CONFLICT DO NOTHING")
            row = self._connection.execute(
                _TAKE,
                (self._holder, self._place.lease_s),
            ).fetchone()

        if row is None:
            other = self._connection.execute("SELECT holder FROM lease").fetchone()
            holder = "somebody" if other is None else other["holder"]
            raise LeaseHeldError(f"another keeper ({holder}) holds the lease of {self._place.shown}", holder=holder)

        self.epoch = int(row["epoch"])
        self._good_until = asked_at + self._place.lease_s
        self._connection.execute("SELECT set_config('keeper.epoch', %s, false)", (str(self.epoch),))

    def _migrate(self) -> None:
        row = self._connection.execute("SELECT schema_version FROM lease").fetchone()
        found = 0 if row is None else int(row["schema_version"])
        if found > len(MIGRATIONS):
            raise JournalError(
                f"the journal has schema version {found}, this keeper knows {len(MIGRATIONS)}: "
                "run the keeper that wrote it, or a newer one",
                found=found,
                known=len(MIGRATIONS),
            )

        for version in range(found, len(MIGRATIONS)):
            with self._connection.transaction():
                self._insist(self._connection.execute("SELECT epoch, holder FROM lease FOR SHARE").fetchone())
                for statement in MIGRATIONS[version]:
                    for spelled in for_postgres(statement):
                        self._connection.execute(spelled)

                self._stamp_tables()
                self._connection.execute("UPDATE lease SET schema_version = %s", (version + 1,))

    def _stamp_tables(self) -> None:
        """Give every table an epoch that the database itself fills in, and refuses to fill in for an old lease."""
        self._connection.execute(_STAMP)
        tables = self._connection.execute(
            "SELECT table_name AS name FROM information_schema.tables "
            "WHERE table_schema = current_schema() AND table_name <> 'lease'"
        ).fetchall()
        for table in (row["name"] for row in tables):
            self._connection.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS epoch BIGINT NOT NULL DEFAULT 0")
            self._connection.execute(
                f"CREATE OR REPLACE TRIGGER stamped_{table} BEFORE INSERT OR UPDATE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION stamp_epoch()"
            )

    def _insist(self, row: Mapping[str, Any] | None) -> None:
        """Go on only as the holder of the newest epoch."""
        if row is not None and row["epoch"] == self.epoch:
            return

        self._good_until = 0.0
        holder = "another keeper" if row is None else row["holder"]
        raise JournalError(f"the lease went to {holder}: this keeper writes and sends nothing more", epoch=self.epoch)

    def _failed(self, what: str, error: psycopg.Error) -> JournalError:
        # The first line only: a driver's message may go on with the statement and its values.
        words = str(error).strip().split("\n", 1)[0]
        return JournalError(f"the journal at {self._place.shown} {what}: {words}")

    def _clock(self) -> float:
        # Goes on while the machine sleeps, which other monotonic clocks do not.
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class PostgresConnection:
    """Runs the journal's texts: placeholders as PostgreSQL's driver spells them, rows by name."""

    def __init__(self, connection: "psycopg.Connection[dict[str, Any]]") -> None:
        self._connection = connection

    def execute(self, statement: str, parameters: Parameters = (), /) -> Cursor:
        """Run one statement."""
        return cast("Cursor", self._connection.execute(_spelled(statement), parameters))


class PostgresReader:
    """A connection that only reads."""

    def __init__(self, place: PostgresPlace, schema: str) -> None:
        """Connect; `JournalError` where there is no journal."""
        self.name = f"{place.shown} schema {schema}"
        self._connection = _connect(place)
        try:
            _enter_schema(self._connection, schema, create=False)
            self._connection.execute("SET default_transaction_read_only = on")
            found = self._connection.execute("SELECT to_regclass('meta') IS NOT NULL AS there").fetchone()
        except psycopg.Error:
            self._connection.close()
            raise JournalError(f"the journal at {self.name} cannot be read") from None

        if found is None or not found["there"]:
            self._connection.close()
            raise JournalError(f"no journal at {self.name}: nothing has run with this configuration yet")

    def execute(self, statement: str, parameters: Parameters = (), /) -> Cursor:
        """Run one query."""
        return PostgresConnection(self._connection).execute(statement, parameters)

    def read(self, query: str, parameters: Parameters = (), /) -> Sequence[SqlRow]:
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


def _connect(place: PostgresPlace) -> "psycopg.Connection[dict[str, Any]]":
    options = f"-c synchronous_commit=on -c statement_timeout={CONNECT_S}s -c lock_timeout={CONNECT_S}s"
    try:
        return psycopg.connect(
            place.url, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_S, options=options
        )
    except psycopg.Error:
        # `from None`, and none of its words: they may repeat the URL.
        raise JournalError(f"no PostgreSQL answers at {place.shown}, or it does not let this user in") from None


def _enter_schema(connection: "psycopg.Connection[dict[str, Any]]", schema: str, *, create: bool) -> None:
    if create:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")

    connection.execute("SELECT set_config('search_path', %s, false)", (schema,))


@lru_cache(maxsize=512)
def _spelled(statement: str) -> str:
    """Spell `?` and `:name` as the driver does; the journal's texts hold neither in quotes, nor a percent sign."""
    return _PLACEHOLDER.sub(lambda found: "%s" if found[1] is None else f"%({found[1]})s", statement)
