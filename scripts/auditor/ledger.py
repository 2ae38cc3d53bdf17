"""What a journal's file says, as plain values: read with SQLite's own tools, on a connection that cannot write."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Transaction:
    """A signed transaction as the journal has it, oldest first by `seq`."""

    seq: int
    hash: str
    kind: str
    plan: str
    replaces: str | None
    sender: str
    nonce: int
    raw: bytes
    max_fee: int
    tip: int
    max_block: int
    status: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan: what for, made on which block, up to which fee, and the last verdict on it."""

    id: str
    subject: tuple[str, str]
    head_number: int
    ceiling: int
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Booking:
    """An outcome, keyed by transaction and block."""

    tx: str
    block_hash: str
    block_number: int
    status: str
    gas_used: int
    gas_price: int
    canonical: bool
    profit: int | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything an audit needs of one file, and what SQLite itself finds wrong with it."""

    transactions: tuple[Transaction, ...]
    plans: dict[str, Plan]
    bookings: tuple[Booking, ...]
    intents: tuple[tuple[str, int, str | None, str], ...]
    first_nonces: dict[str, int]
    damage: tuple[str, ...]


def read(path: Path) -> Ledger:
    """Read a journal; `sqlite3.Error` where it is none."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return Ledger(
            tuple(_transactions(connection)),
            {plan.id: plan for plan in _plans(connection)},
            tuple(_bookings(connection)),
            tuple(_intents(connection)),
            {row["sender"].lower(): row["first_nonce"] for row in connection.execute("SELECT * FROM lanes")},
            tuple(_damage(connection)),
        )
    finally:
        connection.close()


def _transactions(connection: sqlite3.Connection) -> Iterator[Transaction]:
    steps: dict[str, list[str]] = {}
    for row in connection.execute("SELECT tx_hash, status FROM transitions ORDER BY id"):
        steps.setdefault(row["tx_hash"], []).append(row["status"])

    for row in connection.execute("SELECT * FROM transactions ORDER BY seq"):
        yield Transaction(
            row["seq"],
            row["hash"],
            row["kind"],
            row["plan_id"] or "",
            row["replaces"],
            row["sender"].lower(),
            row["nonce"],
            bytes(row["raw"]),
            int(row["max_fee_wei"]),
            int(row["tip_wei"]),
            row["max_block"],
            row["status"],
            tuple(steps.get(row["hash"], ())),
        )


def _plans(connection: sqlite3.Connection) -> Iterator[Plan]:
    rows = connection.execute(
        "SELECT plans.*, (SELECT status FROM verdicts WHERE plan_id = plans.id ORDER BY id DESC LIMIT 1) AS verdict "
        "FROM plans"
    )
    for row in rows:
        subject = (row["deployment"], row["position"] or "")
        yield Plan(row["id"], subject, row["head_number"], int(row["ceiling_wei"]), row["verdict"])


def _bookings(connection: sqlite3.Connection) -> Iterator[Booking]:
    for row in connection.execute("SELECT * FROM outcomes"):
        yield Booking(
            row["tx_hash"],
            row["block_hash"],
            row["block_number"],
            row["status"],
            row["gas_used"],
            int(row["gas_price_wei"]),
            bool(row["canonical"]),
            None if row["realised_profit"] is None else int(row["realised_profit"]),
        )


def _intents(connection: sqlite3.Connection) -> Iterator[tuple[str, int, str | None, str]]:
    for row in connection.execute("SELECT * FROM intents ORDER BY id"):
        yield row["sender"].lower(), row["nonce"], row["plan_id"], row["status"]


def _damage(connection: sqlite3.Connection) -> Iterator[str]:
    for (found,) in connection.execute("PRAGMA integrity_check"):
        if found != "ok":
            yield f"the file is damaged: {found}"

    for row in connection.execute("PRAGMA foreign_key_check"):
        yield f"a row of {row['table']} refers to a row of {row['parent']} that is gone"
