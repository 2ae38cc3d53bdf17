"""From a receipt to what is booked: landed, missed, reverted, or cancelled, with the three profits and the cause."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from keeper.chain.port import Hypothesis, PinnedChain, Receipt
from keeper.errors import ChainError, StateError
from keeper.execution.base import Outcome, Status
from keeper.execution.causes import Cause, Landing, Result, name_cause
from keeper.execution.simulate import Explain
from keeper.journal.records import PlanRecord, TxKind, TxRecord
from keeper.journal.store import Journal
from keeper.journal.transactions import Booking, ItemBooking
from keeper.types import BlockHead, BlockTarget, Call, Rejected, Settlement, TokenAmount

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """A mined plan, twice: by the model on the state it met (None where that cannot be rebuilt), and by its logs.

    `touched_before` says that somebody moved a contract the plan uses earlier in the same block.
    """

    settled: Result
    realised: Result
    touched_before: bool


class Settler(Protocol):
    """Whoever knows the adapters: computes both settlements of a mined plan."""

    async def settle(self, plan: PlanRecord, receipt: Receipt, block: BlockHead) -> Settled | Rejected:
        """Settle a transaction that did not revert; `Rejected` where the protocol did nothing all the same.

        `ChainError` where an answer is missing for now, `StateError` where none will come.
        """
        ...

    async def settle_items(
        self, plans: Sequence[PlanRecord], receipt: Receipt, block: BlockHead
    ) -> Sequence[Settled | Rejected]:
        """Settle every item of a batch whose transaction did not revert; errors as above."""
        ...


class Bookkeeper:
    """Makes bookings; writes nothing itself."""

    def __init__(self, chain: PinnedChain, journal: Journal, settler: Settler, explain: Explain) -> None:
        self._chain = chain
        self._journal = journal
        self._settler = settler
        self._explain = explain

    async def make(self, record: TxRecord, receipt: Receipt, block: BlockHead) -> Booking:
        """Book a mined transaction of ours; `ChainError` where the node cannot answer now, to be tried again."""
        if record.kind is TxKind.CANCEL:
            reason = f"cancelled: nonce {record.tx.nonce} was used up by a transfer of nothing"
            return Booking(_outcome(record, receipt, Status.EXPIRED, reason=reason), block.timestamp)

        plan = self._journal.plan(record.tx.plan_id or "")
        if receipt.status == 0:
            reason = await self._revert_reason(plan, record, block)
            return Booking(_outcome(record, receipt, Status.REVERTED, reason=reason), block.timestamp)

        try:
            if plan.items:
                return await self._batch(plan, record, receipt, block)

            settled = await self._settler.settle(plan, receipt, block)
        except StateError as error:
            # Landed is certain, what it moved is not: booked without numbers rather than not at all.
            log.exception("settlement_failed", plan=plan.id, block=receipt.block_number)
            outcome = _outcome(record, receipt, Status.LANDED, reason=error.message, cause=Cause.NOT_SETTLED)
            return Booking(outcome, block.timestamp)

        if isinstance(settled, Rejected):
            return Booking(_outcome(record, receipt, Status.MISSED, reason=settled.reason), block.timestamp)

        missing = self._journal.earlier_plan_missed(plan.id, block.hash)
        return self._landed(plan, record, receipt, settled, block, missing=missing)

    async def _batch(self, batch: PlanRecord, record: TxRecord, receipt: Receipt, block: BlockHead) -> Booking:
        """Book a batch as a whole, by the sums of its items, and each item by itself."""
        plans = [self._journal.plan(item) for item in batch.items]
        found = await self._settler.settle_items(plans, receipt, block)
        missing = self._journal.earlier_plan_missed(batch.id, block.hash)
        items: list[ItemBooking] = []
        for plan, settled in zip(plans, found, strict=True):
            if isinstance(settled, Rejected):
                missed = _outcome(record, receipt, Status.MISSED, reason=settled.reason)
                items.append(ItemBooking(replace(missed, plan_id=plan.id)))
                missing = True
            else:
                told = self._landed(plan, record, receipt, settled, block, missing=missing)
                items.append(ItemBooking(replace(told.outcome, plan_id=plan.id), told.repaid, told.seized))

        landed = [item.outcome for item in items if item.outcome.status is Status.LANDED]
        if not landed:
            whole = _outcome(record, receipt, Status.MISSED, reason="every item of it was skipped")
            return Booking(whole, block.timestamp, items=tuple(items))

        whole = replace(
            landed[0],
            plan_id=batch.id,
            realised=None,
            settled_profit=_sum([outcome.settled_profit for outcome in landed]),
            realised_profit=_sum([outcome.realised_profit for outcome in landed]),
            cause=next((outcome.cause for outcome in landed if outcome.cause is not None), None),
        )
        return Booking(whole, block.timestamp, items=tuple(items))

    def _landed(  # noqa: PLR0913  # everything a booking says
        self,
        plan: PlanRecord,
        record: TxRecord,
        receipt: Receipt,
        settled: Settled,
        block: BlockHead,
        *,
        missing: bool,
    ) -> Booking:
        landing = Landing(
            block_number=block.number,
            block_timestamp=block.timestamp,
            touched_before=settled.touched_before,
            own_plan_missing=missing,
        )
        expected = Result(plan.expected, plan.profit)
        cause = name_cause(expected, settled.settled, settled.realised, plan.target, landing)
        if cause is Cause.MODEL_DIFFERS:
            log.error(
                "settlement_differs",
                plan=plan.id,
                deployment=plan.deployment,
                block=block.number,
                settled=str(settled.settled),
                realised=str(settled.realised),
            )

        realised = settled.realised.settlement
        outcome = Outcome(
            plan_id=plan.id,
            status=Status.LANDED,
            tx_hash=record.tx.hash,
            block_number=receipt.block_number,
            block_hash=receipt.block_hash,
            gas_used=receipt.gas_used,
            gas_price_wei=receipt.effective_gas_price_wei,
            realised=realised,
            settled_profit=settled.settled.profit,
            realised_profit=settled.realised.profit,
            cause=None if cause is None else cause.value,
            reason=None,
        )
        return Booking(outcome, block.timestamp, _repaid(plan, realised), _seized(plan, realised))

    async def _revert_reason(self, plan: PlanRecord, record: TxRecord, block: BlockHead) -> str:
        """Run it again on the state before its block, where nodes still have that, to learn what it said."""
        parent = await self._chain.header(block.parent_hash)
        if parent is None:
            return "reverted; the state it met is gone"

        target = BlockTarget(block.number, block.timestamp, block.base_fee_wei, plan.target.expires_at)
        call = Call(plan.executor, plan.data, sender=record.tx.sender, gas=record.tx.gas_limit)
        try:
            returned = await self._chain.simulate(call, parent, Hypothesis(target, block.coinbase))
        except ChainError:
            return "reverted; the node cannot run it again"

        if returned.ok:
            return "reverted; it would have gone through as the first of its block"

        return self._explain(plan.deployment, returned.data)


def _outcome(record: TxRecord, receipt: Receipt, status: Status, *, reason: str, cause: Cause | None = None) -> Outcome:
    return Outcome(
        plan_id=record.tx.plan_id or "",
        status=status,
        tx_hash=record.tx.hash,
        block_number=receipt.block_number,
        block_hash=receipt.block_hash,
        gas_used=receipt.gas_used,
        gas_price_wei=receipt.effective_gas_price_wei,
        realised=None,
        settled_profit=None,
        realised_profit=None,
        cause=None if cause is None else cause.value,
        reason=reason,
    )


def _sum(profits: Sequence[TokenAmount | None]) -> TokenAmount | None:
    """Add up profits in one token; None where one is not known."""
    known = [profit for profit in profits if profit is not None]
    return TokenAmount(known[0].token, sum(one.amount for one in known)) if len(known) == len(profits) else None


def _repaid(plan: PlanRecord, settlement: Settlement | None) -> int | None:
    if settlement is None:
        return None

    return sum(payment.amount for payment in settlement.pays if payment.token == plan.debt_token)


def _seized(plan: PlanRecord, settlement: Settlement | None) -> int | None:
    if settlement is None:
        return None

    return sum(part.amount for part in settlement.receives if part.token == plan.collateral_token)
