"""From handed over to final: every transaction of ours is followed until its nonce is used in a block too deep to go.

What is in flight is read from the journal at each head, so a restart goes on where the last run stopped. A transaction
whose last block has passed cannot succeed any more, but still holds its nonce: it is replaced by a cancel. Until then
`ladder` looks after it.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import structlog

from keeper.chain.port import ChainPort, Receipt
from keeper.execution.base import Fees, Outcome, Status
from keeper.execution.bidding import base_fee_after_full_blocks, next_base_fee, replacement_fees
from keeper.execution.booking import Bookkeeper
from keeper.execution.ladder import Alternatives, Ladder, current, dearest
from keeper.execution.limits import Subject
from keeper.execution.outbox import Outbox, Sent
from keeper.journal.records import TxKind, TxRecord, TxState
from keeper.journal.store import Journal
from keeper.types import BlockHead

PATIENCE_HEADS: Final = 3
"""Heads a cancel is given before it offers more, and a used nonce before its missing receipt means a stranger."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _View:
    """What one head shows: the chain's nonce, and whether the head follows the last one seen."""

    head: BlockHead
    mined: int
    follows: bool


class Tracker:
    """Follows the transactions of one key.

    Invariant: bookings say what is on the canonical chain as of the last head; `foreign` names the proof that
    somebody else uses the key, None while there is none.
    """

    def __init__(
        self, chain: ChainPort, outbox: Outbox, journal: Journal, bookkeeper: Bookkeeper, *, confirmations: int
    ) -> None:
        """`confirmations` is how many blocks on top of a receipt make it final."""
        self._chain = chain
        self._outbox = outbox
        self._journal = journal
        self._bookkeeper = bookkeeper
        self._ladder = Ladder(chain, outbox, journal)
        self._confirmations = confirmations
        self._last: BlockHead | None = None
        self._cancel_heads: Counter[int] = Counter()
        self._missing_heads: Counter[int] = Counter()
        self.foreign: str | None = None

    async def on_head(self, head: BlockHead) -> list[Outcome]:
        """Book what was mined, correct what a reorg took back, offer again what got lost, cancel what is too late.

        Returns the outcomes booked at this head; `ChainError` leaves the rest for the next one. Where the limits say
        that nothing may leave, it only books.
        """
        mined = await self._chain.nonce(self._outbox.sender)
        follows = self._last is not None and head.parent_hash == self._last.hash
        view = _View(head, mined, follows)
        outcomes: list[Outcome] = []
        for nonce in self._outbox.ledger.observe(mined):
            outcomes += await self._meet_stranger(nonce, view)

        waiting: list[Alternatives] = []
        records = self._journal.transactions.open(self._outbox.sender)
        for nonce, alternatives in groupby(records, key=lambda record: record.tx.nonce):
            outcomes += await self._settle(nonce, list(alternatives), view, waiting)

        if self._outbox.limits.killed is None:
            await self._look_after(waiting, view)
            for nonce in self._outbox.ledger.gaps():
                await self._fill(nonce, records, view)

        # Only now: a head whose work was cut short is not one that later heads may build on.
        self._last = head
        return outcomes

    async def _settle(
        self, nonce: int, alternatives: Alternatives, view: _View, waiting: list[Alternatives]
    ) -> list[Outcome]:
        """Book a nonce that was used; one that was not joins those that wait."""
        included = next((record for record in alternatives if record.state is TxState.INCLUDED), None)
        if included is not None:
            if await self._still_stands(included, view):
                return []

            alternatives = self._journal.transactions.at_nonce(self._outbox.sender, nonce)

        if view.mined > nonce:
            return await self._book_mined(nonce, alternatives, view)

        self._missing_heads.pop(nonce, None)
        waiting.append(alternatives)
        return []

    async def _look_after(self, waiting: list[Alternatives], view: _View) -> None:
        """Let plans that may still succeed wait or climb; cancel the others."""
        hopeful = [each for each in waiting if not _is_hopeless(current(each), view.head)]
        given_up = await self._ladder.attend(hopeful, view.head)
        for alternatives in waiting:
            if alternatives not in hopeful or alternatives in given_up:
                await self._cancel(alternatives[0].tx.nonce, alternatives, view)

    # Mined ---------------------------------------------------------------------------------------------------------

    async def _book_mined(self, nonce: int, alternatives: Alternatives, view: _View) -> list[Outcome]:
        for record in alternatives:
            receipt = await self._chain.receipt(record.tx.hash)
            if receipt is not None:
                return await self._book(record, receipt)

        # The nonce is used and no receipt is ours. A node may lag behind itself for a moment, a stranger stays.
        self._missing_heads[nonce] += 1
        if self._missing_heads[nonce] >= PATIENCE_HEADS:
            self._give_up(nonce, alternatives, view.head)

        return []

    async def _book(self, record: TxRecord, receipt: Receipt) -> list[Outcome]:
        block = await self._chain.header(receipt.block_hash)
        if block is None:
            return []  # orphaned between the two questions: the next head tells

        booking = await self._bookkeeper.make(record, receipt, block)
        self._journal.book(booking)
        outcome = booking.outcome
        self._outbox.limits.note_outcome(self._subject(record), outcome)
        self._cancel_heads.pop(record.tx.nonce, None)
        self._missing_heads.pop(record.tx.nonce, None)
        log.info(
            "outcome_booked",
            plan=outcome.plan_id,
            status=outcome.status.value,
            tx="0x" + outcome.tx_hash.hex(),
            block=outcome.block_number,
            gas_used=outcome.gas_used,
            gas_price_wei=outcome.gas_price_wei,
            realised_profit=None if outcome.realised_profit is None else outcome.realised_profit.amount,
            settled_profit=None if outcome.settled_profit is None else outcome.settled_profit.amount,
            cause=outcome.cause,
            reason=outcome.reason,
        )
        return [outcome]

    async def _still_stands(self, record: TxRecord, view: _View) -> bool:
        """Tell whether a booking is still on the chain; take it back if not, make it final when it is deep enough."""
        booked = self._journal.transactions.booked_block(record.tx.hash)
        if booked is None:
            return False

        is_deep = view.head.number - booked.number >= self._confirmations
        if view.follows and not is_deep:
            return True

        canonical = await self._chain.header(booked.number)
        if canonical is not None and canonical.hash == booked.hash:
            if is_deep:
                self._journal.move(record.tx.hash, TxState.FINAL, block_number=booked.number)
                self._outbox.ledger.finalise(record.tx.nonce)

            return True

        self._journal.orphan(record.tx.hash, view.head.number)
        self._outbox.limits.note_orphan(record.tx.hash)
        log.warning("booking_orphaned", plan=record.tx.plan_id, tx="0x" + record.tx.hash.hex(), block=booked.number)
        return False

    # Not mined -----------------------------------------------------------------------------------------------------

    def _subject(self, record: TxRecord) -> Subject | None:
        if record.tx.plan_id is None:
            return None

        plan = self._journal.plan(record.tx.plan_id)
        return plan.deployment, plan.position

    async def _cancel(self, nonce: int, alternatives: Alternatives, view: _View) -> None:
        newest = current(alternatives)
        if newest.kind is TxKind.CANCEL and newest.state.may_land:
            self._cancel_heads[nonce] += 1
            if self._cancel_heads[nonce] % PATIENCE_HEADS:
                await self._outbox.offer_again(newest)
                return

        fees = _outbidding(alternatives, view.head)
        if fees.max_fee_wei > self._outbox.cancel_cap_wei:
            log.warning("cancel_too_dear", nonce=nonce, fee_wei=fees.max_fee_wei, cap_wei=self._outbox.cancel_cap_wei)
            await self._outbox.offer_again(newest)
            return

        if isinstance(await self._outbox.send_cancel(nonce, fees, newest.tx.plan_id), Sent):
            log.info("plan_cancelled", plan=newest.tx.plan_id, nonce=nonce, block=view.head.number)

    async def _fill(self, nonce: int, records: Alternatives, view: _View) -> None:
        """Use up a nonce that nobody holds, because what is in flight above it waits for it."""
        before = self._journal.transactions.at_nonce(self._outbox.sender, nonce)
        if isinstance(await self._outbox.send_cancel(nonce, _outbidding(before or records, view.head), None), Sent):
            log.warning("nonce_gap_filled", nonce=nonce, block=view.head.number)

    # Somebody else -------------------------------------------------------------------------------------------------

    async def _meet_stranger(self, nonce: int, view: _View) -> list[Outcome]:
        """Look into a used nonce that we had not handed out: ours, refused by a channel, or a thief's."""
        alternatives = self._journal.transactions.at_nonce(self._outbox.sender, nonce)
        for record in alternatives:
            receipt = await self._chain.receipt(record.tx.hash)
            if receipt is not None:
                self._outbox.ledger.take(nonce)
                return await self._book(record, receipt)

        self._mark_foreign(nonce, view.head)
        return []

    def _give_up(self, nonce: int, alternatives: Alternatives, head: BlockHead) -> None:
        for record in alternatives:
            if not record.state.is_open:
                continue

            self._journal.move(record.tx.hash, TxState.LOST, block_number=head.number)
            if record.kind is TxKind.PLAN and record.tx.plan_id is not None:
                reason = f"nonce {nonce} was used by a transaction that is not ours"
                self._journal.record_verdict(record.tx.plan_id, Status.EXPIRED, head.number, reason)

        self._outbox.ledger.finalise(nonce)
        self._mark_foreign(nonce, head)

    def _mark_foreign(self, nonce: int, head: BlockHead) -> None:
        self.foreign = f"nonce {nonce} was used by a transaction that is not ours"
        log.error("key_used_elsewhere", nonce=nonce, block=head.number)


def is_too_late(record: TxRecord, head: BlockHead) -> bool:
    """Tell whether no block after this head can let a transaction do what it is for."""
    return head.number >= record.max_block or head.timestamp >= record.expires_at


def _is_hopeless(record: TxRecord, head: BlockHead) -> bool:
    """Tell whether a nonce is only to be used up: its plan is given up, or comes too late."""
    return record.kind is TxKind.CANCEL or record.state is TxState.CANCELLED or is_too_late(record, head)


def _outbidding(records: Alternatives, head: BlockHead) -> Fees:
    """Compute fees above everything these offer, and enough for the next few blocks however full they are."""
    base_fee = base_fee_after_full_blocks(next_base_fee(head), PATIENCE_HEADS)
    return replacement_fees(dearest(records), base_fee)
