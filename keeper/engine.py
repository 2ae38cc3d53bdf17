"""One block in, outcomes out: the straight line from a head to what was done about it.

Knows no protocol, no venue and no transport. A pass decides on one block; a pass whose block is orphaned under it, or
whose node fails, is dropped whole and the next head starts over.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from keeper.chain.backfill import feed
from keeper.chain.port import HeadEvent, PinnedChain
from keeper.deployment import Deployment, Findings
from keeper.errors import ChainError, ReorgError, StateError
from keeper.execution.base import Outcome, Status
from keeper.execution.bidding import next_base_fee
from keeper.execution.desk import Answered, Desk
from keeper.execution.limits import Subject
from keeper.journal.store import Journal
from keeper.planning.base import Plan
from keeper.pools import PoolBook
from keeper.protocols.base import Row
from keeper.types import BlockHead, BlockTarget, Declined, Reason

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything planning may depend on, at one head."""

    head: BlockHead
    target: BlockTarget
    max_block: int
    deployments: tuple[Deployment, ...]
    findings: tuple[Findings, ...]
    pools: PoolBook
    busy: frozenset[Subject]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a pass decided; `native_usd` is US dollars times 10**18 for one whole native token, 0 where unknown."""

    head: BlockHead
    target: BlockTarget
    findings: tuple[Findings, ...]
    plans: tuple[Plan, ...]
    declined: tuple[Declined, ...]
    native_usd: int


class Planner(Protocol):
    """Whoever turns a situation into plans; reads nothing but the chain at the situation's head."""

    async def plan(self, chain: PinnedChain, situation: Situation) -> tuple[list[Plan], list[Declined], int]:
        """Plans in the order they are to be sent, every no, and the native token's price."""
        ...


class Recorder(Protocol):
    """Whoever keeps what a pass was told; see `keeper.chain.recorder`."""

    def begin(self, event: HeadEvent | None, state: Mapping[str, Sequence[Row]] | None = None) -> None:
        """Start a pass."""
        ...

    def end(self, decisions: Sequence[Mapping[str, str]]) -> None:
        """End it with what was decided."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """The chain's rhythm: seconds between blocks, and for how many blocks a plan stays valid."""

    block_time_s: int
    valid_blocks: int = 3

    def target(self, head: BlockHead) -> BlockTarget:
        """The block after this one, as far as it is known."""
        return BlockTarget(
            number=head.number + 1,
            timestamp=head.timestamp + self.block_time_s,
            base_fee_wei=next_base_fee(head),
            expires_at=head.timestamp + self.valid_blocks * self.block_time_s,
        )


class Mind:
    """The deciding half: state by logs, markets by reads, findings, plans. What it is told is all it knows.

    Invariant: after `advance`, every deployment that is not stopped and every pool is as of the event's head.
    """

    def __init__(
        self, chain: PinnedChain, deployments: Sequence[Deployment], pools: PoolBook, planner: Planner, pace: Pace
    ) -> None:
        self._chain = chain
        self.deployments = tuple(deployments)
        self.pools = pools
        self._planner = planner
        self._pace = pace
        self._done = -1

    async def advance(self, event: HeadEvent) -> None:
        """Bring all state to the event's head, block by block; `ReorgError` or `RpcError` drop the pass.

        Blocks of a pass that was dropped half-way are not done twice when it comes again.
        """
        if event.reorged_to is not None:
            await self._rewind(event.reorged_to)
            self._done = min(self._done, event.reorged_to)

        for number in range(max(event.first_new, self._done + 1), event.head.number):
            block = await self._chain.header(number)
            if block is None:
                raise ReorgError(f"block {number} left the chain while it was read", block=number)

            await self._apply(block)
            self._done = number

        await self._apply(event.head)
        self._done = event.head.number

    async def decide(self, head: BlockHead, busy: frozenset[Subject]) -> Decision:
        """Screen, confirm and plan at a head the state was advanced to."""
        target = self._pace.target(head)
        findings = tuple(deployment.findings() for deployment in self.deployments)
        last = head.number + self._pace.valid_blocks
        situation = Situation(head, target, last, self.deployments, findings, self.pools, busy)
        plans, declined, native_usd = await self._planner.plan(self._chain, situation)
        every = [no for found in findings for no in found.declined]
        return Decision(head, target, findings, tuple(plans), (*every, *declined), native_usd)

    def tend(self) -> None:
        """Do what keeps the next passes quick, when nothing waits for it."""
        for deployment in self.deployments:
            deployment.tend()

    async def _rewind(self, number: int) -> None:
        ancestor = await self._chain.header(number)
        if ancestor is None:
            raise ReorgError(f"block {number} left the chain while it was read", block=number)

        for deployment in self.deployments:
            await deployment.rewind(self._chain, ancestor)

        await self.pools.rewind(self._chain, ancestor)

    async def _apply(self, block: BlockHead) -> None:
        """Feed one block's logs to everyone, then freeze the market of each deployment and the pools."""
        *outcomes, pools = await feed(self._chain, [*self.deployments, self.pools], block.number, block)
        target = self._pace.target(block)
        for deployment, outcome in zip(self.deployments, outcomes, strict=True):
            error = outcome if isinstance(outcome, StateError) else None
            await deployment.advance(self._chain, block, target, error)

        if isinstance(pools, StateError):
            log.error("pools_distrusted", block=block.number, error=pools.message)
            await self.pools.rewind(self._chain, block)

        await self.pools.freeze(self._chain, block)


class Engine:
    """The acting half: heads in, decisions carried out, everything journaled.

    Invariant: one pass at a time; what was decided on a head is answered before the next head is looked at.
    """

    def __init__(
        self,
        mind: Mind,
        desk: Desk,
        journal: Journal,
        recorder: Recorder | None = None,
        after_pass: Callable[[BlockHead], None] = lambda _head: None,
    ) -> None:
        """`after_pass` runs when all state is true at the head it is given."""
        self._mind = mind
        self._desk = desk
        self._journal = journal
        self._recorder = recorder
        self._after_pass = after_pass
        self._newest: Callable[[], int] = lambda: -1
        self.true_at: BlockHead | None = None
        self._idle_blocks = 0
        self._booked = 0

    async def run(
        self, heads: AsyncIterator[HeadEvent], until: Callable[[int], bool], newest: Callable[[], int] = lambda: -1
    ) -> None:
        """Take heads until `until` says so, given how many blocks in a row had nothing planned or in flight.

        `newest` tells the number of the newest block there is: a pass may outlive the blocks its plans were made for.
        """
        self._newest = newest
        missed: HeadEvent | None = None
        async for event in heads:
            event = event if missed is None else _joined(missed, event)  # noqa: PLW2901  # a dropped pass rides along
            missed = None
            try:
                await self.on_head(event)
            except ChainError as error:
                log.warning("pass_dropped", block=event.head.number, error=error.message)
                missed = event
                self.true_at = None
            else:
                self.true_at = event.head
                self._after_pass(event.head)
                self._mind.tend()

            if until(self._idle_blocks):
                return

    async def on_head(self, event: HeadEvent) -> list[Answered]:
        """Run one pass."""
        head = event.head
        decision = await self._decide(event)
        newest = self._newest()
        in_time = [plan for plan in decision.plans if newest < plan.max_block]
        answers = await self._desk.execute(in_time, head, decision.native_usd)
        answers += [_too_late(plan, newest) for plan in decision.plans if newest >= plan.max_block]
        self._note_idleness(decision)
        self._tell(event, decision, answers)
        return answers

    async def _decide(self, event: HeadEvent) -> Decision:
        lines: list[dict[str, str]] = []
        if self._recorder is not None:
            self._recorder.begin(event)

        try:
            await self._mind.advance(event)
            # Between the two: what was mined frees its position, and settling wants the block's own market.
            booked = await self._desk.track(event.head)
            busy = self._desk.in_flight(event.head)
            decision = await self._mind.decide(event.head, busy)
            lines = decision_lines(decision, busy)
        finally:
            if self._recorder is not None:
                self._recorder.end(lines)

        self._booked = len(booked)
        return decision

    def _note_idleness(self, decision: Decision) -> None:
        quiet = not decision.plans and not self._booked and self._desk.is_idle()
        self._idle_blocks = self._idle_blocks + 1 if quiet else 0

    def _tell(self, event: HeadEvent, decision: Decision, answers: Sequence[Answered]) -> None:
        """Write the canonical line of the block: what was seen, screened, confirmed, declined, planned and done."""
        declined = [*decision.declined, *(answer for answer in answers if isinstance(answer, Declined))]
        line: dict[str, object] = {
            "block": decision.head.number,
            "base_fee_wei": decision.head.base_fee_wei,
            "positions": sum(found.screened for found in decision.findings),
            "suspects": sum(found.suspects for found in decision.findings),
            "liquidatable": sum(len(found.liquidatable) for found in decision.findings),
            "offers": sum(len(found.offers) for found in decision.findings),
            "planned": len(decision.plans),
            "booked": self._booked,
            "sent": sum(isinstance(a, Outcome) and a.status is Status.SENT for a in answers),
            "declined": dict(Counter(no.reason.value for no in declined)),
            "skipped_heads": event.skipped,
        }
        if event.reorged_to is not None:
            line["reorged_to"] = event.reorged_to

        stopped = {d.name: d.stopped for d in self._mind.deployments if d.stopped is not None}
        if stopped:
            line["stopped"] = stopped

        if self._desk.held:
            line["held"] = list(self._desk.held)

        log.info("block_processed", **line)
        self._journal.record_pass(decision.head, line, declined)


def _too_late(plan: Plan, newest: int) -> Declined:
    offer = plan.opportunity.offer
    numbers: dict[str, int | str] = {"plan": plan.id, "max_block": plan.max_block, "newest_block": newest}
    return Declined(offer.deployment, offer.key, Reason.TOO_LATE, numbers)


def decision_lines(decision: Decision, busy: frozenset[Subject]) -> list[dict[str, str]]:
    """Write a decision down as text, bit for bit comparable: what was in flight, every plan, every no."""
    flying = sorted(f"{name}:{'' if key is None else key.hex()}" for name, key in busy)
    lines = [{"kind": "in_flight", "subjects": " ".join(flying)}]
    lines += [
        {"kind": "plan", "id": plan.id, "data": plan.data.hex(), "gas": str(plan.gas_limit)} for plan in decision.plans
    ]
    for no in decision.declined:
        key = "" if no.key is None else no.key.hex()
        numbers = " ".join(f"{name}={value}" for name, value in sorted(no.numbers.items()))
        lines.append({"kind": "no", "where": no.deployment, "key": key, "reason": no.reason.value, "numbers": numbers})

    return lines


def _joined(missed: HeadEvent, event: HeadEvent) -> HeadEvent:
    """One event for a dropped pass and the one after it: nothing between them may be left out."""
    reorged = [number for number in (missed.reorged_to, event.reorged_to) if number is not None]
    first = min(missed.first_new, event.first_new)
    return HeadEvent(event.head, first, min(reorged) if reorged else None, event.head.number - first)
