"""The intents, transactions and outcomes tables: what a nonce is for, what was signed for it, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from keeper.errors import JournalError
from keeper.execution.base import Fees, Outcome, SignedTx
from keeper.journal.database import Connection, Database, SqlRow, insert
from keeper.journal.records import NEXT, BlockRef, Intent, TxKind, TxRecord, TxState
from keeper.journal.text import from_hex, hex_text, to_json
from keeper.types import Address, Settlement, TokenAmount, to_checksum


@dataclass(frozen=True, slots=True)
class ItemBooking:
    """What came of one item of a batch."""

    outcome: Outcome
    repaid: int | None = None
    seized: int | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """An outcome and the timestamp (unix s) of its block, as it is to be written; of a batch each item's besides."""

    outcome: Outcome
    block_timestamp: int
    repaid: int | None = None
    seized: int | None = None
    items: tuple[ItemBooking, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A transaction's move to a state: at which block it was seen, and why."""

    tx_hash: bytes
    state: TxState
    block_number: int | None = None
    detail: str | None = None


class TransactionLedger:
    """Invariant: what was signed never changes; its state moves only along `records.NEXT`, every step kept.

    A nonce has one intent at a time, and everything signed for it is that intent's plan or a cancel.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def adopt(self, run: int, sender: Address, first_nonce: int) -> None:
        """Start keeping the books of a key from this nonce on; what it sent before is not ours to explain."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM lanes WHERE sender = ?", (to_checksum(sender),))
            insert(connection, "lanes", {"sender": to_checksum(sender), "first_nonce": first_nonce, "run": run})

    def first_nonce(self, sender: Address) -> int | None:
        """Return the nonce from which on every transaction of a key is in the journal; None for an unknown key."""
        rows = self._database.read("SELECT first_nonce FROM lanes WHERE sender = ?", (to_checksum(sender),))
        return int(rows[0]["first_nonce"]) if rows else None

    def intend(self, run: int, intent: Intent) -> None:
        """Write what a nonce is for; once this returns a signer may be asked.

        An intent for which nothing was signed gives way: nothing of it left. The same plan may be intended again, and
        whatever was signed for a nonce it may be used up; `JournalError` for another plan.
        """
        place = (to_checksum(intent.sender), intent.nonce)
        with self._database.write() as connection:
            connection.execute(
                "UPDATE intents SET status = 'dropped' WHERE status = 'intended' AND sender = ? AND nonce = ?", place
            )
            standing = _intent_at(connection, intent.sender, intent.nonce)
            if standing is None:
                row = {"run": run, "sender": place[0], "nonce": intent.nonce, "plan_id": intent.plan_id}
                insert(connection, "intents", row | {"status": "intended"})
            elif intent.plan_id not in (None, standing["plan_id"]):
                raise JournalError(f"nonce {intent.nonce} is meant for {standing['plan_id']}", nonce=intent.nonce)

    def record_signed(self, run: int, record: TxRecord) -> None:
        """Write a signed transaction; once this returns its bytes may leave.

        A cancel gives up, in the same commit, whatever may still land at its nonce. `JournalError` where the nonce is
        not intended for the plan, or holds a transaction that the new one does not say it replaces.
        """
        with self._database.write() as connection:
            _record_signed(connection, run, record)

    def move(self, run: int, step: Step) -> None:
        """Move a transaction to a state; staying where it is writes nothing, an impossible step is a `JournalError`."""
        with self._database.write() as connection:
            _move(connection, run, step)

    def book(self, run: int, booking: Booking) -> None:
        """Write what came of a transaction in one block, make it the canonical one, and mark it included.

        In the same commit, open alternatives at its nonce are replaced. Booked again in the same block, the first
        booking stays: it is what was concluded when it was seen.
        """
        outcome = booking.outcome
        key = (hex_text(outcome.tx_hash), hex_text(outcome.block_hash))
        with self._database.write() as connection:
            connection.execute("UPDATE outcomes SET canonical = 0 WHERE tx_hash = ? AND block_hash <> ?", key)
            known = connection.execute(
                "UPDATE outcomes SET canonical = 1 WHERE tx_hash = ? AND block_hash = ?", key
            ).rowcount
            if not known:
                insert(connection, "outcomes", _outcome_row(booking))
                for item in booking.items:
                    insert(connection, "item_outcomes", _item_row(item))

            _move(connection, run, Step(outcome.tx_hash, TxState.INCLUDED, outcome.block_number))
            for sibling in _siblings(connection, outcome.tx_hash):
                if sibling.state.is_open:
                    _move(connection, run, Step(sibling.tx.hash, TxState.REPLACED, outcome.block_number))

    def orphan(self, run: int, tx_hash: bytes, block_number: int) -> None:
        """Take a booking back: its block is no longer part of the chain, it or what it had replaced may land."""
        with self._database.write() as connection:
            connection.execute("UPDATE outcomes SET canonical = 0 WHERE tx_hash = ?", (hex_text(tx_hash),))
            _move(connection, run, Step(tx_hash, TxState.REORGED, block_number, "block orphaned"))
            for sibling in _siblings(connection, tx_hash):
                if sibling.state is TxState.REPLACED:
                    _move(connection, run, Step(sibling.tx.hash, TxState.REORGED, block_number, "block orphaned"))

    def open(self, sender: Address) -> list[TxRecord]:
        """Read every transaction still to be watched, with the siblings at its nonce, by nonce and age."""
        rows = self._database.read(
            "SELECT * FROM transactions WHERE sender = :sender AND nonce IN (SELECT nonce FROM transactions "
            "WHERE sender = :sender AND status IN ('signed', 'sent', 'ambiguous', 'cancelled', 'reorged', 'included')) "
            "ORDER BY nonce, seq",
            {"sender": to_checksum(sender)},
        )
        return [_record(row) for row in rows]

    def at_nonce(self, sender: Address, nonce: int) -> list[TxRecord]:
        """Read every transaction ever signed for a nonce, oldest first."""
        rows = self._database.read(
            "SELECT * FROM transactions WHERE sender = ? AND nonce = ? ORDER BY seq", (to_checksum(sender), nonce)
        )
        return [_record(row) for row in rows]

    def booked_block(self, tx_hash: bytes) -> BlockRef | None:
        """Return the block a transaction is booked in; None when in none."""
        rows = self._database.read(
            "SELECT block_number, block_hash FROM outcomes WHERE tx_hash = ? AND canonical = 1", (hex_text(tx_hash),)
        )
        return BlockRef(rows[0]["block_number"], from_hex(rows[0]["block_hash"])) if rows else None

    def first_open_nonce(self, sender: Address) -> int:
        """Return the lowest nonce above every one that is settled for good."""
        (row,) = self._database.read(
            "SELECT coalesce(max(nonce) + 1, 0) AS floor FROM transactions "
            "WHERE sender = ? AND status IN ('final', 'lost')",
            (to_checksum(sender),),
        )
        return int(row["floor"])

    def gas_spent_wei(self, since_timestamp: int) -> int:
        """Add up what mined transactions cost in gas, in wei, in blocks from this timestamp (unix s) on."""
        rows = self._database.read(
            "SELECT gas_used, gas_price_wei FROM outcomes WHERE canonical = 1 AND block_timestamp >= ?",
            (since_timestamp,),
        )
        return sum(row["gas_used"] * int(row["gas_price_wei"]) for row in rows)

    def first_spending_timestamp(self) -> int | None:
        """Return the timestamp (unix s) of the oldest booked block; None before the first."""
        (row,) = self._database.read("SELECT min(block_timestamp) AS oldest FROM outcomes WHERE canonical = 1")
        return None if row["oldest"] is None else int(row["oldest"])


def _record_signed(connection: Connection, run: int, record: TxRecord) -> None:
    tx = record.tx
    intent = _intent_at(connection, tx.sender, tx.nonce)
    if intent is None or (record.kind is TxKind.PLAN and intent["plan_id"] != tx.plan_id):
        meant_for = "nothing" if intent is None else intent["plan_id"] or "being used up"
        raise JournalError(f"nonce {tx.nonce} is meant for {meant_for}, not for {tx.plan_id}", nonce=tx.nonce)

    insert(
        connection,
        "transactions",
        {
            "hash": hex_text(tx.hash),
            "run": run,
            "kind": record.kind.value,
            "plan_id": tx.plan_id,
            "replaces": None if record.replaces is None else hex_text(record.replaces),
            "sender": to_checksum(tx.sender),
            "nonce": tx.nonce,
            "raw": tx.raw,
            "gas_limit": tx.gas_limit,
            "max_fee_wei": str(tx.fees.max_fee_wei),
            "tip_wei": str(tx.fees.tip_wei),
            "max_block": record.max_block,
            "expires_at": record.expires_at,
            "channel": record.channel,
            "status": TxState.SIGNED.value,
        },
    )
    _add_transition(connection, run, Step(tx.hash, TxState.SIGNED))
    connection.execute("UPDATE intents SET status = 'signed' WHERE id = ?", (intent["id"],))
    if record.kind is TxKind.CANCEL:
        for sibling in _siblings(connection, tx.hash):
            if sibling.kind is TxKind.PLAN and sibling.state.may_land:
                _move(connection, run, Step(sibling.tx.hash, TxState.CANCELLED, detail="cancel signed"))


def _intent_at(connection: Connection, sender: Address, nonce: int) -> SqlRow | None:
    rows = connection.execute(
        "SELECT * FROM intents WHERE sender = ? AND nonce = ? AND status <> 'dropped'", (to_checksum(sender), nonce)
    )
    return next(iter(rows), None)


def _free_if_all_refused(connection: Connection, tx_hash: str) -> None:
    """Drop the intent of a nonce once nothing signed for it can be anywhere."""
    connection.execute(
        "UPDATE intents SET status = 'dropped' WHERE status <> 'dropped' AND EXISTS "
        "(SELECT 1 FROM transactions AS this WHERE this.hash = :hash AND this.sender = intents.sender "
        "AND this.nonce = intents.nonce) AND NOT EXISTS (SELECT 1 FROM transactions AS other "
        "JOIN transactions AS this ON this.sender = other.sender AND this.nonce = other.nonce "
        "WHERE this.hash = :hash AND other.status <> 'refused')",
        {"hash": tx_hash},
    )


def _move(connection: Connection, run: int, step: Step) -> None:
    key = hex_text(step.tx_hash)
    row = connection.execute("SELECT status FROM transactions WHERE hash = ?", (key,)).fetchone()
    if row is None:
        raise JournalError(f"the journal has no transaction {key}", tx_hash=key)

    current = TxState(row["status"])
    if current is step.state:
        return

    if step.state not in NEXT[current]:
        raise JournalError(f"transaction {key} cannot go from {current} to {step.state}", tx_hash=key)

    connection.execute("UPDATE transactions SET status = ? WHERE hash = ?", (step.state.value, key))
    _add_transition(connection, run, step)
    if step.state is TxState.REFUSED:
        _free_if_all_refused(connection, key)


def _siblings(connection: Connection, tx_hash: bytes) -> list[TxRecord]:
    """Read the other transactions signed for a transaction's nonce."""
    rows = connection.execute(
        "SELECT sibling.* FROM transactions AS this JOIN transactions AS sibling ON sibling.sender = this.sender "
        "AND sibling.nonce = this.nonce AND sibling.hash <> this.hash WHERE this.hash = ? ORDER BY sibling.seq",
        (hex_text(tx_hash),),
    )
    return [_record(row) for row in rows]


def _add_transition(connection: Connection, run: int, step: Step) -> None:
    insert(
        connection,
        "transitions",
        {
            "run": run,
            "tx_hash": hex_text(step.tx_hash),
            "status": step.state.value,
            "block_number": step.block_number,
            "detail": step.detail,
        },
    )


def _outcome_row(booking: Booking) -> Mapping[str, object]:
    outcome = booking.outcome
    profit = outcome.realised_profit or outcome.settled_profit
    return {
        "tx_hash": hex_text(outcome.tx_hash),
        "block_hash": hex_text(outcome.block_hash),
        "plan_id": outcome.plan_id or None,
        "status": outcome.status.value,
        "block_number": outcome.block_number,
        "block_timestamp": booking.block_timestamp,
        "gas_used": outcome.gas_used,
        "gas_price_wei": str(outcome.gas_price_wei),
        "repaid": _amount(booking.repaid),
        "seized": _amount(booking.seized),
        "profit_token": None if profit is None else to_checksum(profit.token),
        "settled_profit": _profit(outcome.settled_profit),
        "realised_profit": _profit(outcome.realised_profit),
        "realised": _settlement(outcome.realised),
        "cause": outcome.cause,
        "reason": outcome.reason,
        "canonical": 1,
    }


def _item_row(item: ItemBooking) -> Mapping[str, object]:
    outcome = item.outcome
    return {
        "tx_hash": hex_text(outcome.tx_hash),
        "block_hash": hex_text(outcome.block_hash),
        "plan_id": outcome.plan_id,
        "status": outcome.status.value,
        "repaid": _amount(item.repaid),
        "seized": _amount(item.seized),
        "settled_profit": _profit(outcome.settled_profit),
        "realised_profit": _profit(outcome.realised_profit),
        "cause": outcome.cause,
        "reason": outcome.reason,
    }


def _amount(amount: int | None) -> str | None:
    return None if amount is None else str(amount)


def _profit(profit: TokenAmount | None) -> str | None:
    return None if profit is None else str(profit.amount)


def _settlement(settlement: Settlement | None) -> str | None:
    return None if settlement is None else to_json(settlement)


def _record(row: SqlRow) -> TxRecord:
    return TxRecord(
        tx=SignedTx(
            plan_id=row["plan_id"],
            hash=from_hex(row["hash"]),
            raw=bytes(row["raw"]),
            sender=Address(from_hex(row["sender"])),
            nonce=row["nonce"],
            fees=Fees(int(row["max_fee_wei"]), int(row["tip_wei"])),
            gas_limit=row["gas_limit"],
        ),
        kind=TxKind(row["kind"]),
        replaces=None if row["replaces"] is None else from_hex(row["replaces"]),
        max_block=row["max_block"],
        expires_at=row["expires_at"],
        channel=row["channel"],
        state=TxState(row["status"]),
    )
