"""The margins and alerts tables: where positions stand and since when, and what people were told about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from keeper.journal.database import Connection, Database, insert_returning
from keeper.journal.holds import Readable
from keeper.journal.text import from_hex, hex_text
from keeper.types import HealthState, PositionKey

Place: TypeAlias = tuple[str, PositionKey]
"""A deployment's name and a position in it."""


class Standing(NamedTuple):
    """A state that is not healthy, and since when: a block and its timestamp in unix s."""

    state: HealthState
    since_block: int
    since: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something people are told; `severity` is "warning" or "critical", `at` unix s of this machine's clock."""

    severity: str
    event: str
    subject: str
    title: str
    body: str
    at: int


class MarginLedger:
    """Invariant: what a pass changed and what it has to tell are written together, or not at all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def standings(self) -> dict[Place, Standing]:
        """Read where every position stood when it was last looked at; healthy ones are not kept."""
        return standings_in(self._database)

    def record(
        self, run: int, changes: Sequence[tuple[Place, Standing | None]], notices: Sequence[Notice]
    ) -> list[int]:
        """Write new standings (None is healthy again) and what there is to tell; the number of each notice."""
        with self._database.write() as connection:
            for place, standing in changes:
                _write(connection, place, standing)

            return [insert_returning(connection, "alerts", _row(run, notice), "id") for notice in notices]

    def told(self, numbers: Sequence[int], at: int) -> None:
        """Note that somebody was told."""
        with self._database.write() as connection:
            for number in numbers:
                connection.execute("UPDATE alerts SET told_at = ? WHERE id = ?", (at, number))

    def untold(self, since: int) -> dict[int, Notice]:
        """Read what nobody was told yet, by number, oldest first; what is older than `since` (unix s) is stale."""
        rows = self._database.read("SELECT * FROM alerts WHERE told_at IS NULL AND at >= ? ORDER BY id", (since,))
        return {
            row["id"]: Notice(row["severity"], row["event"], row["subject"], row["title"], row["body"], row["at"])
            for row in rows
        }

    def last_said(self) -> dict[tuple[str, str], int]:
        """Read when each thing was last said about each subject, in unix s."""
        rows = self._database.read("SELECT event, subject, max(at) AS last FROM alerts GROUP BY event, subject")
        return {(row["event"], row["subject"]): row["last"] for row in rows}


def standings_in(store: Readable) -> dict[Place, Standing]:
    """Read where every position stands, from any journal that can be read."""
    return {
        (row["deployment"], PositionKey(from_hex(row["position"]))): Standing(
            HealthState(row["state"]), row["since_block"], row["since"]
        )
        for row in store.read("SELECT * FROM margins")
    }


def _write(connection: Connection, place: Place, standing: Standing | None) -> None:
    deployment, position = place[0], hex_text(place[1])
    if standing is None:
        connection.execute("DELETE FROM margins WHERE deployment = ? AND position = ?", (deployment, position))
        return

    connection.execute(
        "INSERT INTO margins (deployment, position, state, since_block, since) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (deployment, position) DO UPDATE SET state = excluded.state, "
        "since_block = excluded.since_block, since = excluded.since",
        (deployment, position, standing.state.value, standing.since_block, standing.since),
    )


def _row(run: int, notice: Notice) -> dict[str, object]:
    return {
        "run": run,
        "at": notice.at,
        "severity": notice.severity,
        "event": notice.event,
        "subject": notice.subject,
        "title": notice.title,
        "body": notice.body,
    }
