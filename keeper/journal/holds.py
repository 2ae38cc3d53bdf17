"""The holds table, and what the governor reads of the others: what was mined, what may still be paid for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from keeper.execution.base import Status
from keeper.execution.limits import Subject
from keeper.execution.thresholds import Cause, Result, Trip
from keeper.journal.database import Database, Parameters, SqlRow, insert
from keeper.journal.text import from_hex
from keeper.types import PositionKey
from keeper.units import mul_div, mul_div_up

_WORD: Final = "operator_word"
_RESULTS: Final = """
    SELECT outcomes.seq, outcomes.block_timestamp, outcomes.status, outcomes.gas_used, outcomes.gas_price_wei,
        outcomes.realised_profit, transactions.kind, plans.deployment, plans.position, plans.profit, plans.profit_usd,
        plans.net_usd, plans.gas_cost_wei
    FROM outcomes
    JOIN transactions ON transactions.hash = outcomes.tx_hash
    LEFT JOIN plans ON plans.id = transactions.plan_id
    WHERE outcomes.canonical = 1 AND outcomes.block_timestamp >= ?
    ORDER BY outcomes.seq
"""


class Readable(Protocol):
    """Whatever can be asked a journal's queries."""

    def read(self, query: str, parameters: Parameters = (), /) -> Sequence[SqlRow]:
        """Run one query to its end."""
        ...


@dataclass(frozen=True, slots=True)
class Hold:
    """Why nothing is planned for, since and until when (unix s, the chain's clock); None is until it is lifted."""

    cause: Cause
    reason: str
    since: int
    until: int | None

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.cause}: {self.reason}"


class HoldView:
    """What holds the keeper back and what was really mined, as a journal has it."""

    def __init__(self, store: Readable) -> None:
        self._store = store

    def active(self, now: int) -> tuple[Hold, ...]:
        """Read the holds that stand at a time (unix s), oldest first."""
        rows = self._store.read(
            "SELECT * FROM holds WHERE lifted_at IS NULL AND (until IS NULL OR until > ?) ORDER BY id", (now,)
        )
        return tuple(Hold(Cause(row["cause"]), row["reason"], row["since"], row["until"]) for row in rows)

    def counted_from(self) -> dict[Cause, int]:
        """Read, by cause, the last booking that counts no more: what it tripped over the last time."""
        rows = self._store.read("SELECT cause, max(after_outcome) AS last FROM holds GROUP BY cause")
        return {Cause(row["cause"]): int(row["last"]) for row in rows}

    def results(self, since: int) -> tuple[Result, ...]:
        """Read what was mined in blocks from this timestamp (unix s) on, in the order it was booked."""
        results = []
        rate = (0, 1)
        for row in self._store.read(_RESULTS, (since,)):
            rate = _usd_per_wei(row) or rate  # a gap's filler has no plan: gas at the price of the one before
            results.append(_result(row, rate))

        return tuple(results)

    def worst_in_flight_wei(self) -> int:
        """Add up what everything that may still be mined can cost at most, in wei: one alternative for each nonce."""
        rows = self._store.read(
            # As the index on open transactions spells it, so that it is used.
            "SELECT sender, nonce, gas_limit, max_fee_wei, status FROM transactions "
            "WHERE status IN ('signed', 'sent', 'ambiguous', 'cancelled', 'reorged', 'included')"
        )
        paid = {(row["sender"], row["nonce"]) for row in rows if row["status"] == "included"}
        worst: dict[tuple[str, int], int] = {}
        for row in rows:
            nonce = (row["sender"], row["nonce"])
            if nonce not in paid:
                worst[nonce] = max(worst.get(nonce, 0), row["gas_limit"] * int(row["max_fee_wei"]))

        return sum(worst.values())

    def signed_by_runs_since(self, started_at: int) -> int:
        """Count what runs that began at this time (unix s) or later signed: a keeper that keeps crashing adds up."""
        (row,) = self._store.read(
            "SELECT count(*) AS signed FROM transactions JOIN runs ON runs.id = transactions.run "
            "WHERE runs.started_at >= ?",
            (started_at,),
        )
        return int(row["signed"])


class HoldLedger(HoldView):
    """Invariant: a hold is written once, and ends by its own time or by being lifted."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._database = database

    def add(self, run: int, trip: Trip, since: int) -> None:
        """Write a hold; bookings up to now count no more for its cause once it has ended."""
        with self._database.write() as connection:
            last = connection.execute("SELECT coalesce(max(seq), 0) AS last FROM outcomes").fetchone()["last"]
            insert(
                connection,
                "holds",
                {
                    "run": run,
                    "cause": trip.cause.value,
                    "reason": trip.reason,
                    "since": since,
                    "until": trip.until,
                    "after_outcome": last,
                },
            )

    def lift(self, at: int, by: str, causes: Sequence[Cause] = tuple(Cause)) -> None:
        """End every hold of these causes that still stands."""
        with self._database.write() as connection:
            for cause in causes:
                connection.execute(
                    "UPDATE holds SET lifted_at = ?, lifted_by = ? WHERE lifted_at IS NULL AND cause = ?",
                    (at, by, cause.value),
                )

    def last_word(self) -> str | None:
        """Return which word of the operator was heard last; None before the first."""
        rows = self._database.read("SELECT value FROM meta WHERE key = ?", (_WORD,))
        return str(rows[0]["value"]) if rows else None

    def hear(self, word: str) -> None:
        """Remember a word of the operator, so that it counts once."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (_WORD, word),
            )


def _usd_per_wei(row: SqlRow) -> tuple[int, int] | None:
    """Take a plan's own price of gas, as a fraction of dollars (times 10**18) per wei."""
    if row["gas_cost_wei"] is None or int(row["gas_cost_wei"]) == 0:
        return None

    return int(row["profit_usd"]) - int(row["net_usd"]), int(row["gas_cost_wei"])


def _result(row: SqlRow, rate: tuple[int, int]) -> Result:
    gas_wei = row["gas_used"] * int(row["gas_price_wei"])
    expected, realised = row["profit"], row["realised_profit"]
    earned = 0
    if realised is not None and expected is not None and int(expected):
        # Down: what a token was worth when the plan was made, taken to what was really got of it.
        earned = mul_div(int(realised), int(row["profit_usd"]), int(expected))

    return Result(
        seq=row["seq"],
        timestamp=row["block_timestamp"],
        status=Status(row["status"]),
        subject=_subject(row),
        gas_wei=gas_wei,
        earned_usd=earned,
        gas_usd=mul_div_up(gas_wei, *rate),  # up: a cost
    )


def _subject(row: SqlRow) -> Subject | None:
    if row["kind"] != "plan" or row["deployment"] is None:
        return None

    return row["deployment"], None if row["position"] is None else PositionKey(from_hex(row["position"]))
