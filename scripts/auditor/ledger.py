"""What a journal says, as plain values: read with the database's own tools, on a connection that cannot write."""

from collections.abc import Iterator
from dataclasses import dataclass

from auditor.database import Connection


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
    """Everything an audit needs of one journal, and what its database itself finds wrong with it."""

    transactions: tuple[Transaction, ...]
    plans: dict[str, Plan]
    bookings: tuple[Booking, ...]
    intents: tuple[tuple[str, int, str | None, str], ...]
    first_nonces: dict[str, int]
    damage: tuple[str, ...]


def read(connection: Connection) -> Ledger:
    """Read a journal."""
    return Ledger(
        tuple(_transactions(connection)),
        {plan.id: plan for plan in _plans(connection)},
        tuple(_bookings(connection)),
        tuple(_intents(connection)),
        {row["sender"].lower(): row["first_nonce"] for row in connection.rows("SELECT * FROM lanes")},
        tuple(connection.damage()),
    )


def _transactions(connection: Connection) -> Iterator[Transaction]:
    steps: dict[str, list[str]] = {}
    for row in connection.rows("SELECT tx_hash, status FROM transitions ORDER BY id"):
        steps.setdefault(row["tx_hash"], []).append(row["status"])

    for row in connection.rows("SELECT * FROM transactions ORDER BY seq"):
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


def _plans(connection: Connection) -> Iterator[Plan]:
    rows = connection.rows(
        "SELECT plans.*, (SELECT status FROM verdicts WHERE plan_id = plans.id ORDER BY id DESC LIMIT 1) AS verdict "
        "FROM plans"
    )
    for row in rows:
        subject = (row["deployment"], row["position"] or "")
        yield Plan(row["id"], subject, row["head_number"], int(row["ceiling_wei"]), row["verdict"])


def _bookings(connection: Connection) -> Iterator[Booking]:
    for row in connection.rows("SELECT * FROM outcomes"):
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


def _intents(connection: Connection) -> Iterator[tuple[str, int, str | None, str]]:
    for row in connection.rows("SELECT * FROM intents ORDER BY id"):
        yield row["sender"].lower(), row["nonce"], row["plan_id"], row["status"]
