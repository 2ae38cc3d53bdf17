"""From plans to outcomes: price, journal, simulate, and in a live run reserve, sign, journal, send, and follow.

Every plan that is priced is in the journal before anything else happens to it, and every one gets an answer.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog

from keeper.errors import SigningKeyError
from keeper.execution.answers import declined, first_error, outcome_of
from keeper.execution.auction import NO_EXPERIENCE
from keeper.execution.base import Outcome, Status
from keeper.execution.bidding import EIP1559, BaseFeeRule, BidPolicy, bid
from keeper.execution.lane import Lane, Seating
from keeper.execution.learning import Learning
from keeper.execution.limits import UNLIMITED, Limits, Subject, Vigil
from keeper.execution.outbox import Unsigned
from keeper.execution.runway import GasRunway
from keeper.execution.simulate import Simulated, Simulator
from keeper.execution.submit import Answer
from keeper.execution.waiting import Waiting
from keeper.journal.plans import PricedPlan, items_of
from keeper.journal.records import TxState
from keeper.journal.store import Journal
from keeper.planning.base import Plan
from keeper.planning.underway import Underway
from keeper.types import BlockHead, Call, Declined, Reason, to_checksum

Answered: TypeAlias = Outcome | Declined
_ANSWERS: Final = {Answer.TAKEN: Status.SENT, Answer.UNKNOWN: Status.SENT, Answer.REFUSED: Status.REFUSED}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Live:
    """What a live run has and a dry run has not: its keys in the operator's order, its limits, what it learns.

    Whatever its vigils doubt disarms all keys until they doubt it no more; what is in flight is followed.
    """

    lanes: tuple[Lane, ...]
    limits: Limits = UNLIMITED
    learning: Learning | None = None
    vigils: tuple[Vigil, ...] = ()


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a dry run has: the operator's word and the budgets hold it as they would hold a live one."""

    limits: Limits = UNLIMITED


@dataclass(frozen=True, slots=True)
class Pass:
    """Plans made at a head; `native_usd` is dollars times 10**18 for one whole native token."""

    plans: Sequence[Plan]
    head: BlockHead
    native_usd: int


class Desk:
    """The one place plans are acted on; one caller at a time, later ones wait.

    Invariant: nothing is signed before `arm`, nor while the limits say that nothing may leave.
    """

    def __init__(
        self,
        journal: Journal,
        simulator: Simulator | None,
        policies: Mapping[str, BidPolicy],
        means: Live | DryRun = DryRun(),
        rule: BaseFeeRule = EIP1559,
    ) -> None:
        """`policies` by strategy name; a dry run does everything but signing.

        Without a simulator, which takes an executor and a key it obeys, a dry run's plans are taken at their word.
        """
        self._journal = journal
        self._simulator = simulator
        self._policies = policies
        live = means if isinstance(means, Live) else None
        self._is_dry = live is None
        self._lanes = () if live is None else live.lanes
        self._limits = means.limits
        self._learning = None if live is None else live.learning
        self._vigils = () if live is None else live.vigils
        self._doubts: tuple[str, ...] = ()
        self._rule = rule
        self._turn = asyncio.Lock()
        self._waiting = Waiting(journal, None if live is None else [lane.sender for lane in live.lanes])

    @property
    def disarmed(self) -> str | None:
        """Why nothing is signed at present; None when a key is there to sign with."""
        if self.killed is not None:
            return self.killed

        if self._doubts:
            return "; ".join(self._doubts)

        if self._is_dry or any(lane.disarmed is None for lane in self._lanes):
            return None

        return "; ".join(dict.fromkeys(lane.disarmed for lane in self._lanes if lane.disarmed is not None))

    @property
    def limits(self) -> Limits:
        """Who holds plans back."""
        return self._limits

    def retune(self, policies: Mapping[str, BidPolicy]) -> None:
        """Bid by other policies from the next plan on; what is in flight keeps what it was given."""
        self._policies = policies

    @property
    def killed(self) -> str | None:
        """Why the operator wants nothing to leave any more; None while it may, and in a dry run, which is only held."""
        return None if self._is_dry else self._limits.killed

    @property
    def held(self) -> tuple[str, ...]:
        """What holds plans back at present: limits, doubts about the chain, and keys that cannot be used."""
        keys = (f"{to_checksum(lane.sender)}: {lane.disarmed}" for lane in self._lanes if lane.disarmed is not None)
        return (*self._limits.held, *self._doubts, *keys)

    async def arm(self, *, adopt: bool = False) -> None:
        """Take up what the last run left in flight and get ready to sign; `SigningKeyError` for an unfit key."""
        for lane in self._lanes:
            await lane.arm(adopt=adopt)

    async def execute(self, plans: Sequence[Plan], head: BlockHead, native_usd: int) -> list[Answered]:
        """Act on plans made at this head, in their order; an answer for each.

        `native_usd` is dollars times 10**18 for one whole native token. A `Declined` was stopped before it was
        written; an `Outcome` is in the journal: dry run, simulation failed, refused, or sent.
        """
        async with self._turn:
            work = Pass(plans, head, native_usd)
            answers = await self._carry_out(work, in_order=True)
            # What cannot go together may go alone, behind whatever went.
            alone = [item for plan in plans if not _left(answers[plan.id]) for item in plan.items]
            if alone:
                answers |= await self._carry_out(Pass(alone, head, native_usd), in_order=False)

            return [answers[plan.id] for plan in (*plans, *alone)]

    async def track(self, head: BlockHead) -> list[Outcome]:
        """Follow what is in flight up to this head; what was booked."""
        async with self._turn:
            await self._ask_signers()
            self._doubts = tuple([doubt for vigil in self._vigils for doubt in await vigil.doubts(head)])
            outcomes = [outcome for lane in self._lanes for outcome in await lane.follow(head)]
            self._limits.on_head(head)
            if self._learning is not None:
                for outcome in outcomes:
                    await self._learning.hear(outcome)

            return outcomes

    def in_flight(self, head: BlockHead) -> frozenset[Subject]:
        """Positions with a transaction that may still succeed after this head: not to be planned again.

        A dry run counts what it would have sent, so that it plans what a live run would plan.
        """
        return self._waiting.subjects(head)

    def ahead(self, head: BlockHead) -> tuple[Underway, ...]:
        """Plans that are to land before any new one, in their order: what is in flight but for what is being cancelled.

        Of a dry run, what it would have sent.
        """
        return tuple(part.underway for leading in self._waiting.ahead(head) for part in leading.parts)

    def is_idle(self) -> bool:
        """Whether no transaction is waiting for a block; those in a block that is not final yet do not count."""
        records = self._waiting.open()
        included = {(record.tx.sender, record.tx.nonce) for record in records if record.state is TxState.INCLUDED}
        return all((record.tx.sender, record.tx.nonce) in included for record in records)

    async def runway(self, head: BlockHead) -> GasRunway | None:
        """Compute how long gas money lasts for the key that runs out first; None in a dry run."""
        found = [await lane.account.runway(head) for lane in self._lanes]
        return min(found, key=lambda runway: (runway.days is None, runway.days), default=None)

    async def _ask_signers(self) -> None:
        """Ask signers that were away whether they are back, all at once: one that hangs costs no more than one wait."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                if lane.outbox.silent is not None:
                    group.create_task(lane.outbox.ask_signer(), name="ask_signer")

    async def _carry_out(self, work: Pass, *, in_order: bool) -> dict[str, Answered]:
        """Take plans through every stage; `in_order` says that they were made for exactly this order."""
        answers: dict[str, Answered] = {}
        seats: dict[str, Lane] = {}
        priced = await self._price(work, answers, seats)
        if priced:
            self._journal.record_plans(priced)
            await self._simulate(work.plans if in_order else (), priced, answers)
            await self._send([each for each in priced if each.plan.id not in answers], seats, answers)

        return answers

    # One stage each ------------------------------------------------------------------------------------------------

    async def _price(self, work: Pass, answers: dict[str, Answered], seats: dict[str, Lane]) -> list[PricedPlan]:
        """Bid for every plan that may go on, and find its lane; the others are answered."""
        busy, disarmed = self.in_flight(work.head), self.disarmed
        armed = [lane for lane in self._lanes if lane.disarmed is None]
        free = {lane: await lane.account.free_funds_wei() for lane in armed if work.plans}
        seating = Seating(free, work.plans, self._waiting.fresh(work.head))
        priced: list[PricedPlan] = []
        for plan in work.plans:
            offer = plan.opportunity.offer
            subjects = [(part.opportunity.offer.deployment, part.opportunity.offer.key) for part in plan.parts]
            if disarmed is not None:
                answers[plan.id] = declined(plan, Reason.DISARMED, why=disarmed)
                continue

            if not busy.isdisjoint(subjects):
                answers[plan.id] = declined(plan, Reason.IN_FLIGHT)
                continue

            known = NO_EXPERIENCE if self._learning is None else self._learning.of(offer.deployment)
            offered = bid(plan, self._policies[plan.opportunity.strategy], work.native_usd, self._rule, known)
            if isinstance(offered, Declined):
                answers[plan.id] = offered
                continue

            # Once per transaction, for what it costs; a batch goes by its first item.
            why = self._limits.refuses(subjects[0], offered.worst_cost_wei, work.head)
            if why is not None:
                answers[plan.id] = declined(plan, Reason.GOVERNED, why=why)
                continue

            lane = seating.take(plan, offered.worst_cost_wei) if armed else None
            if lane is not None:
                seats[plan.id] = lane
            elif armed:
                numbers = {"needed_wei": offered.worst_cost_wei, "free_wei": seating.most_free_wei}
                answers[plan.id] = declined(plan, Reason.INSUFFICIENT_GAS_FUNDS, **numbers)
                continue

            priced.append(PricedPlan(plan, offered, work.head))

        return priced

    async def _simulate(
        self, plans: Sequence[Plan], priced: Sequence[PricedPlan], answers: dict[str, Answered]
    ) -> None:
        """Run them in order; up to the first plan that was not priced they are the order they were planned for."""
        exact = 0
        while exact < min(len(priced), len(plans)) and priced[exact].plan is plans[exact]:
            exact += 1

        found: Sequence[Declined | Simulated | None] = [None] * len(priced)
        if self._simulator is not None:
            head = priced[0].head
            ahead = [leading.call for leading in self._waiting.ahead(head)]
            found = await self._simulator.run([each.plan for each in priced], head, exact=exact, ahead=ahead)

        for each, simulated in zip(priced, found, strict=True):
            if isinstance(simulated, Declined):
                answers[each.plan.id] = self._conclude(each, Status.SIMULATION_FAILED, simulated)
                continue

            self._journal.record_items(each)
            if self._is_dry:
                self._waiting.rehearse(each.plan, _call(each.plan, self._simulator))
                answers[each.plan.id] = self._conclude(each, Status.DRY_RUN, None)

    async def _send(
        self, priced: Sequence[PricedPlan], seats: Mapping[str, Lane], answers: dict[str, Answered]
    ) -> None:
        """Send what is left, in order on each lane, the lanes beside one another."""
        if priced and self._is_dry:
            raise SigningKeyError("a dry run sends nothing")

        try:
            async with asyncio.TaskGroup() as group:
                for lane in self._lanes:
                    own = [each for each in priced if seats[each.plan.id] is lane]
                    group.create_task(self._send_on(lane, own, answers), name="send")
        except BaseExceptionGroup as failed:
            raise first_error(failed) from failed

    async def _send_on(self, lane: Lane, priced: Sequence[PricedPlan], answers: dict[str, Answered]) -> None:
        for each in priced:
            self._tell_items(each, Status.SENT, f"in one transaction with others: {each.plan.id}")
            sent = await lane.outbox.send_plan(each.plan, each.bid.fees)
            if isinstance(sent, Unsigned):
                answers[each.plan.id] = self._conclude_unsigned(each, sent)
                continue

            status = _ANSWERS[sent.submission.answer]
            if status is Status.REFUSED:
                self._tell_items(each, status, sent.submission.reason)
                self._journal.record_verdict(each.plan.id, status, each.head.number, sent.submission.reason)

            answers[each.plan.id] = outcome_of(each, status, sent.tx.hash, sent.submission.reason)

    def _conclude(self, priced: PricedPlan, status: Status, declined: Declined | None) -> Outcome:
        reason = None
        if declined is not None:
            words = (f"{name} {value}" for name, value in declined.numbers.items() if name != "plan")
            reason = f"{declined.reason.value}: {', '.join(words)}"

        numbers = {} if declined is None else declined.numbers
        self._journal.record_verdict(priced.plan.id, status, priced.head.number, reason, numbers)
        if status is not Status.SIMULATION_FAILED:
            self._tell_items(priced, status, reason)

        log.info("plan_concluded", plan=priced.plan.id, status=status.value, reason=reason)
        return outcome_of(priced, status, b"", reason)

    def _conclude_unsigned(self, priced: PricedPlan, unsigned: Unsigned) -> Outcome:
        self._journal.record_verdict(priced.plan.id, Status.REFUSED, priced.head.number, unsigned.why)
        self._tell_items(priced, Status.REFUSED, unsigned.why)
        log.warning("plan_unsigned", plan=priced.plan.id, why=unsigned.why)
        return outcome_of(priced, Status.REFUSED, b"", unsigned.why)

    def _tell_items(self, priced: PricedPlan, status: Status, reason: str | None) -> None:
        """Give the items of a batch an end of their own."""
        for item in items_of(priced.plan):
            self._journal.record_verdict(item.id, status, priced.head.number, reason)


def _left(answer: Answered) -> bool:
    """Whether a plan was sent, or in a dry run would have been."""
    return isinstance(answer, Outcome) and answer.status in (Status.SENT, Status.DRY_RUN)


def _call(plan: Plan, simulator: Simulator | None) -> Call:
    return Call(plan.executor, plan.data, gas=plan.gas_limit) if simulator is None else simulator.call(plan)
