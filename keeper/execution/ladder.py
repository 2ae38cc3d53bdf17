"""The ladder of a plan that waits: what is stuck offers more, up to what its profit allows, and is given up after that.

Stuck is what the next block's base fee has priced out, and what a block left out although it could pay.
"""

from collections.abc import Sequence
from typing import TypeAlias

import structlog

from keeper.chain.port import Hypothesis, PinnedChain
from keeper.errors import ChainError
from keeper.execution.base import Fees
from keeper.execution.bidding import next_base_fee, next_rung
from keeper.execution.outbox import Outbox
from keeper.journal.records import PlanRecord, TxRecord
from keeper.journal.store import Journal
from keeper.types import BlockHead, BlockTarget, Call, Returned

Alternatives: TypeAlias = Sequence[TxRecord]
"""What was signed for one nonce, oldest first."""

log = structlog.get_logger(__name__)


class Ladder:
    """Climbs for the plans of one key.

    Invariant: every rung is a declared alternative at its plan's nonce, and none passes the ceiling the plan was
    written with, so that each is worth landing alone.
    """

    def __init__(self, chain: PinnedChain, outbox: Outbox, journal: Journal) -> None:
        self._chain = chain
        self._outbox = outbox
        self._journal = journal
        self._waiting_since: dict[bytes, int] = {}

    async def attend(self, waiting: Sequence[Alternatives], head: BlockHead) -> list[Alternatives]:
        """See to the plans that wait, by nonce from the next one to be mined on; those to be given up.

        Whatever no node has is handed over again. A plan that would fail now is not worth a higher bid: giving it up
        costs a transfer's gas, its revert costs more.
        """
        base_fee = next_base_fee(head)
        stuck = [each for each in waiting if await self._is_stuck(current(each), base_fee, head)]
        if not stuck:
            return []

        works = await self._rehearse(waiting, head)
        given_up: list[Alternatives] = []
        for each in stuck:
            plan, answer = works[each[0].tx.nonce]
            if answer is None:
                continue  # nobody can say: it stays as it is

            is_priced_out = current(each).fees.max_fee_wei < base_fee
            rung = next_rung(dearest(each), base_fee, plan.max_block - head.number - 1, plan.ceiling_wei)
            if not answer.ok or (rung is None and is_priced_out):
                log.info("plan_given_up", plan=plan.id, works=answer.ok, base_fee_wei=base_fee, top=rung is None)
                given_up.append(each)
            elif rung is not None:
                await self._outbox.send_rung(each[-1], plan, rung)

        return given_up

    async def _is_stuck(self, record: TxRecord, base_fee_wei: int, head: BlockHead) -> bool:
        if record.fees.max_fee_wei < base_fee_wei:
            return True

        was_there = await self._outbox.offer_again(record)
        since = self._waiting_since.get(record.tx.hash)
        if since is None or not was_there:
            self._waiting_since[record.tx.hash] = head.number
            return False

        return since < head.number

    async def _rehearse(
        self, waiting: Sequence[Alternatives], head: BlockHead
    ) -> dict[int, tuple[PlanRecord, Returned | None]]:
        """Run what waits in the next block, in its order; by nonce, None where no node can."""
        plans = [self._journal.plan(each[0].tx.plan_id or "") for each in waiting]
        first = plans[0].target
        timestamp = max(first.timestamp, head.timestamp + 1)
        target = BlockTarget(head.number + 1, timestamp, next_base_fee(head), first.expires_at)
        calls = [
            Call(plan.executor, plan.data, sender=self._outbox.sender, gas=each[0].tx.gas_limit)
            for plan, each in zip(plans, waiting, strict=True)
        ]
        hypothesis = Hypothesis(target, head.coinbase)
        answers: Sequence[Returned | None]
        try:
            if len(calls) == 1:
                answers = [await self._chain.simulate(calls[0], head, hypothesis)]
            else:
                answers = await self._chain.simulate_in_turn(calls, head, hypothesis)
        except ChainError as error:
            log.warning("rehearsal_failed", block=head.number, error=error.message)
            answers = [None] * len(calls)

        nonces = [each[0].tx.nonce for each in waiting]
        return dict(zip(nonces, zip(plans, answers, strict=True), strict=True))


def current(alternatives: Alternatives) -> TxRecord:
    """Return the newest alternative that may land, or the newest where none may."""
    return next((record for record in reversed(alternatives) if record.state.may_land), alternatives[-1])


def dearest(alternatives: Alternatives) -> Fees:
    """Return the most any of these offers, field by field: what a replacement has to beat at every node."""
    return Fees(
        max_fee_wei=max(record.fees.max_fee_wei for record in alternatives),
        tip_wei=max(record.fees.tip_wei for record in alternatives),
    )
