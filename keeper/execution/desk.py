"""From plans to outcomes: price, journal, simulate, and in a live run reserve, sign, journal, send, and follow.

Every plan that is priced is in the journal before anything else happens to it, and every one gets an answer.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog

from keeper.errors import ChainError, SigningKeyError
from keeper.execution.account import OperatorAccount
from keeper.execution.base import Outcome, Status
from keeper.execution.bidding import EIP1559, BaseFeeRule, BidPolicy, bid
from keeper.execution.outbox import Outbox
from keeper.execution.runway import GasRunway
from keeper.execution.simulate import Simulator
from keeper.execution.submit import Answer
from keeper.execution.track import Tracker, is_too_late
from keeper.journal.plans import PricedPlan
from keeper.journal.records import TxKind, TxState
from keeper.journal.store import Journal
from keeper.planning.base import Plan
from keeper.types import BlockHead, Declined, PositionKey, Reason, to_checksum

Answered: TypeAlias = Outcome | Declined
Subject: TypeAlias = tuple[str, PositionKey | None]
"""A deployment and a position in it."""

_ANSWERS: Final = {Answer.TAKEN: Status.SENT, Answer.UNKNOWN: Status.SENT, Answer.REFUSED: Status.REFUSED}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Live:
    """What a live run has and a dry run has not."""

    account: OperatorAccount
    outbox: Outbox
    tracker: Tracker


class Desk:
    """The one place plans are acted on; one caller at a time, later ones wait.

    Invariant: nothing is signed before `arm`, nor after the key was found to be used elsewhere or delegated.
    """

    def __init__(
        self,
        journal: Journal,
        simulator: Simulator,
        policies: Mapping[str, BidPolicy],
        live: Live | None = None,
        rule: BaseFeeRule = EIP1559,
    ) -> None:
        """`policies` by strategy name; without `live` this is a dry run: everything but signing."""
        self._journal = journal
        self._simulator = simulator
        self._policies = policies
        self._live = live
        self._rule = rule
        self._turn = asyncio.Lock()
        self._subjects: dict[str, Subject] = {}
        self._rehearsed: dict[Subject, Plan] = {}
        self._disarmed: str | None = None if live is None else "not armed yet"
        self._checked_at: int | None = None

    @property
    def disarmed(self) -> str | None:
        """Why nothing is signed at present; None when it is."""
        return self._disarmed

    async def arm(self) -> None:
        """Take up what the last run left in flight and get ready to sign; `SigningKeyError` for a delegated key."""
        if self._live is None:
            return

        await self._live.account.refuse_delegation()
        self._live.outbox.start(await self._live.account.nonce())
        self._disarmed = None
        log.info(
            "desk_armed",
            operator=to_checksum(self._live.outbox.sender),
            nonce=self._live.outbox.ledger.mined,
            in_flight=len(self._live.outbox.ledger.in_flight),
        )

    async def execute(self, plans: Sequence[Plan], head: BlockHead, native_usd: int) -> list[Answered]:
        """Act on plans made at this head, in their order; an answer for each.

        `native_usd` is dollars times 10**18 for one whole native token. A `Declined` was stopped before it was
        written; an `Outcome` is in the journal: dry run, simulation failed, refused, or sent.
        """
        async with self._turn:
            answers: dict[str, Answered] = {}
            priced = await self._price(plans, head, native_usd, answers)
            if priced:
                self._journal.record_plans(priced)
                await self._simulate(plans, priced, answers)

            for each in priced:
                if each.plan.id not in answers:
                    answers[each.plan.id] = await self._send(each)

            return [answers[plan.id] for plan in plans]

    async def track(self, head: BlockHead) -> list[Outcome]:
        """Follow what is in flight up to this head; what was booked. A node that cannot answer delays it, no more."""
        live = self._live
        if live is None:
            return []

        async with self._turn:
            try:
                outcomes = await live.tracker.on_head(head)
                await live.account.check(head)
            except ChainError as error:
                log.warning("tracking_delayed", block=head.number, error=error.message)
                return []

            self._disarm(live.tracker.foreign or live.account.delegated)

            return outcomes

    def in_flight(self, head: BlockHead) -> frozenset[Subject]:
        """Positions with a transaction that may still succeed after this head: not to be planned again.

        A dry run counts what it would have sent, so that it plans what a live run would plan.
        """
        if self._live is None:
            self._rehearsed = {
                subject: plan
                for subject, plan in self._rehearsed.items()
                if head.number < plan.max_block and head.timestamp < plan.target.expires_at
            }
            return frozenset(self._rehearsed)

        return frozenset(
            self._subject(record.tx.plan_id)
            for record in self._journal.transactions.open(self._live.outbox.sender)
            if record.kind is TxKind.PLAN
            and record.state in (TxState.SIGNED, TxState.SENT, TxState.AMBIGUOUS)
            and record.tx.plan_id is not None
            and not is_too_late(record, head)
        )

    def is_idle(self) -> bool:
        """Whether no transaction is waiting for a block; those in a block that is not final yet do not count."""
        if self._live is None:
            return True

        records = self._journal.transactions.open(self._live.outbox.sender)
        included = {record.tx.nonce for record in records if record.state is TxState.INCLUDED}
        return all(record.tx.nonce in included for record in records)

    async def runway(self, head: BlockHead) -> GasRunway | None:
        """Compute how long the key's gas money lasts; None in a dry run."""
        return None if self._live is None else await self._live.account.runway(head)

    # One stage each ------------------------------------------------------------------------------------------------

    async def _price(
        self, plans: Sequence[Plan], head: BlockHead, native_usd: int, answers: dict[str, Answered]
    ) -> list[PricedPlan]:
        """Bid for every plan that may go on; the others are answered."""
        busy = self.in_flight(head)
        funds = await self._live.account.free_funds_wei() if self._live is not None and plans else None
        priced: list[PricedPlan] = []
        for plan in plans:
            offer = plan.opportunity.offer
            if self._disarmed is not None:
                answers[plan.id] = _declined(plan, Reason.DISARMED, why=self._disarmed)
                continue

            if (offer.deployment, offer.key) in busy:
                answers[plan.id] = _declined(plan, Reason.IN_FLIGHT)
                continue

            offered = bid(plan, self._policies[plan.opportunity.strategy], native_usd, self._rule)
            if isinstance(offered, Declined):
                answers[plan.id] = offered
                continue

            if funds is not None and offered.worst_cost_wei > funds:
                answers[plan.id] = _declined(
                    plan, Reason.INSUFFICIENT_GAS_FUNDS, needed_wei=offered.worst_cost_wei, free_wei=funds
                )
                continue

            funds = None if funds is None else funds - offered.worst_cost_wei
            priced.append(PricedPlan(plan, offered, head))

        return priced

    async def _simulate(
        self, plans: Sequence[Plan], priced: Sequence[PricedPlan], answers: dict[str, Answered]
    ) -> None:
        """Run them in order; up to the first plan that was not priced they are the order they were planned for."""
        exact = 0
        while exact < len(priced) and priced[exact].plan is plans[exact]:
            exact += 1

        found = await self._simulator.run([each.plan for each in priced], priced[0].head, exact=exact)
        for each, simulated in zip(priced, found, strict=True):
            if isinstance(simulated, Declined):
                answers[each.plan.id] = self._conclude(each, Status.SIMULATION_FAILED, simulated)
            elif self._live is None:
                self._rehearsed[each.plan.opportunity.offer.deployment, each.plan.opportunity.offer.key] = each.plan
                answers[each.plan.id] = self._conclude(each, Status.DRY_RUN, None)

    async def _send(self, priced: PricedPlan) -> Outcome:
        live, plan = self._live, priced.plan
        if live is None:
            raise SigningKeyError("a dry run sends nothing")

        self._subjects[plan.id] = (plan.opportunity.offer.deployment, plan.opportunity.offer.key)
        sent = await live.outbox.send_plan(plan, priced.bid.fees)
        status = _ANSWERS[sent.submission.answer]
        if status is Status.REFUSED:
            self._journal.record_verdict(plan.id, status, priced.head.number, sent.submission.reason)

        return _outcome(priced, status, sent.tx.hash, sent.submission.reason)

    def _conclude(self, priced: PricedPlan, status: Status, declined: Declined | None) -> Outcome:
        reason = None
        if declined is not None:
            words = (f"{name} {value}" for name, value in declined.numbers.items() if name != "plan")
            reason = f"{declined.reason.value}: {', '.join(words)}"

        numbers = {} if declined is None else declined.numbers
        self._journal.record_verdict(priced.plan.id, status, priced.head.number, reason, numbers)
        log.info("plan_concluded", plan=priced.plan.id, status=status.value, reason=reason)
        return _outcome(priced, status, b"", reason)

    def _disarm(self, why: str | None) -> None:
        """Sign nothing more in this run; only a restart, by somebody who looked into it, arms again."""
        if why is None or self._disarmed is not None:
            return

        log.error("desk_disarmed", why=why, advice="find out who else uses the key, then start again")
        self._disarmed = why

    def _subject(self, plan_id: str) -> Subject:
        if plan_id not in self._subjects:
            plan = self._journal.plan(plan_id)
            self._subjects[plan_id] = (plan.deployment, plan.position)

        return self._subjects[plan_id]


def _outcome(priced: PricedPlan, status: Status, tx_hash: bytes, reason: str | None) -> Outcome:
    return Outcome(
        plan_id=priced.plan.id,
        status=status,
        tx_hash=tx_hash,
        block_number=priced.head.number,
        block_hash=priced.head.hash,
        gas_used=0,
        gas_price_wei=0,
        realised=None,
        settled_profit=None,
        realised_profit=None,
        cause=None,
        reason=reason,
    )


def _declined(plan: Plan, reason: Reason, **numbers: int | str) -> Declined:
    offer = plan.opportunity.offer
    return Declined(offer.deployment, offer.key, reason, {"plan": plan.id, **numbers})
