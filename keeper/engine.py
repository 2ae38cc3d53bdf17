"""One block in, outcomes out: the straight line from a head to what was done about it.

A pass decides on one block; a pass whose block is orphaned under it, or whose node fails, is dropped whole and the
next head starts over.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from keeper.chain.port import HeadEvent
from keeper.errors import ChainError
from keeper.execution.base import Outcome, Status
from keeper.execution.desk import Answered, Desk
from keeper.journal.store import Journal
from keeper.mind import Decision, Mind, decision_lines
from keeper.planning.base import Plan
from keeper.protocols.base import Row
from keeper.types import BlockHead, Declined, Reason

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PassSeen:
    """A finished pass: what was decided at its head, what became of it, and what stands in the way of acting.

    `line` is the canonical line of the block as logged and journaled; `stopped` says why by deployment, `held` which
    limits hold plans back, `disarmed` why nothing is signed, `seconds` how long all of it took.
    """

    event: HeadEvent
    decision: Decision
    answers: tuple[Answered, ...]
    booked: tuple[Outcome, ...]
    line: Mapping[str, object]
    stopped: Mapping[str, str]
    held: tuple[str, ...]
    disarmed: str | None
    seconds: float


class Observer(Protocol):
    """Whoever looks on: told after everything of a pass was sent and journaled, in turn; returns at once."""

    def on_pass(self, seen: PassSeen) -> None:
        """All state is true at the pass's head."""
        ...

    def on_dropped(self, event: HeadEvent, error: ChainError) -> None:
        """A pass ended without a decision; the next head starts over."""
        ...


class Recorder(Protocol):
    """Whoever keeps what a pass was told; see `keeper.chain.recorder`."""

    def begin(self, event: HeadEvent | None, state: Mapping[str, Sequence[Row]] | None = None) -> None:
        """Start a pass."""
        ...

    def end(self, decisions: Sequence[Mapping[str, str]]) -> None:
        """End it with what was decided."""
        ...


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
        observers: Sequence[Observer] = (),
    ) -> None:
        self._mind = mind
        self._desk = desk
        self._journal = journal
        self._recorder = recorder
        self._observers = tuple(observers)
        self._newest: Callable[[], int] = lambda: -1
        self.true_at: BlockHead | None = None
        self._idle_blocks = 0
        self._booked: tuple[Outcome, ...] = ()
        self._missed: HeadEvent | None = None
        self._is_ending = False

    async def run(
        self, heads: AsyncIterator[HeadEvent], until: Callable[[int], bool], newest: Callable[[], int] = lambda: -1
    ) -> None:
        """Take heads until `until` says so, given how many blocks in a row had nothing planned or in flight.

        `newest` tells the number of the newest block there is: a pass may outlive the blocks its plans were made for.
        """
        self._newest = newest
        async for event in heads:
            if self._missed is not None:
                event = joined(self._missed, event)  # noqa: PLW2901  # a dropped pass rides along

            self._missed = None
            try:
                seen = await self.on_head(event)
            except ChainError as error:
                log.warning("pass_dropped", block=event.head.number, error=error.message)
                self._missed = event
                self.true_at = None
                for observer in self._observers:
                    observer.on_dropped(event, error)
            else:
                self.true_at = event.head
                for observer in self._observers:
                    observer.on_pass(seen)

                self._mind.tend()

            if until(self._idle_blocks):
                return

    async def wind_down(self, heads: AsyncIterator[HeadEvent], most: int) -> None:
        """Send nothing new, and follow what is in flight until it has landed or was cancelled, or for `most` heads."""
        self._is_ending = True
        seen = 0

        def is_over(_idle_blocks: int) -> bool:
            nonlocal seen
            seen += 1
            return self._desk.is_idle() or seen >= most

        if not self._desk.is_idle():
            log.info("wind_down_began", most_blocks=most)
            await self.run(heads, is_over, self._newest)

    async def on_head(self, event: HeadEvent) -> PassSeen:
        """Run one pass."""
        began = time.perf_counter()
        lines: list[dict[str, str]] = []
        if self._recorder is not None:
            self._recorder.begin(event)

        try:
            decision, lines = await self._decide(event)
            answers = await self._act(decision)
            await self._mind.audit(event.head)
        finally:
            if self._recorder is not None:
                self._recorder.end(lines)

        self._note_idleness(decision)
        return self._tell(event, decision, answers, began)

    async def _decide(self, event: HeadEvent) -> tuple[Decision, list[dict[str, str]]]:
        """Decide on a head, and write that down as lines that a replay must come to as well."""
        await self._mind.advance(event)
        # Between the two: what was mined frees its position, and settling wants the block's own market.
        self._booked = tuple(await self._desk.track(event.head))
        busy = self._desk.in_flight(event.head)
        ahead = self._desk.ahead(event.head)
        decision = await self._mind.decide(event.head, busy, ahead)
        return decision, decision_lines(decision, busy, ahead)

    async def _act(self, decision: Decision) -> list[Answered]:
        """Carry out what can still be in time."""
        if self._is_ending:
            return [_ending(plan) for plan in decision.plans]

        newest = self._newest()
        in_time = [plan for plan in decision.plans if newest < plan.max_block]
        answers = await self._desk.execute(in_time, decision.head, decision.native_usd)
        return answers + [_too_late(plan, newest) for plan in decision.plans if newest >= plan.max_block]

    def _note_idleness(self, decision: Decision) -> None:
        quiet = not decision.plans and not self._booked and self._desk.is_idle()
        self._idle_blocks = self._idle_blocks + 1 if quiet else 0

    def _tell(self, event: HeadEvent, decision: Decision, answers: Sequence[Answered], began: float) -> PassSeen:
        """Write the canonical line of the block: what was seen, screened, confirmed, declined, planned and done."""
        declined = [*decision.declined, *(answer for answer in answers if isinstance(answer, Declined))]
        line: dict[str, object] = {
            "block": decision.head.number,
            "timestamp": decision.head.timestamp,
            "base_fee_wei": decision.head.base_fee_wei,
            "positions": sum(found.screened for found in decision.findings),
            "suspects": sum(found.suspects for found in decision.findings),
            "liquidatable": sum(len(found.liquidatable) for found in decision.findings),
            "offers": sum(len(found.offers) for found in decision.findings),
            "planned": len(decision.plans),
            "booked": len(self._booked),
            "sent": sum(isinstance(a, Outcome) and a.status is Status.SENT for a in answers),
            "declined": dict(Counter(no.reason.value for no in declined)),
            "skipped_heads": event.skipped,
        }
        if event.reorged_to is not None:
            line["reorged_to"] = event.reorged_to

        stopped = {d.name: d.stopped for d in self._mind.deployments if d.stopped is not None}
        if stopped:
            line["stopped"] = stopped

        held = self._desk.held
        if held:
            line["held"] = list(held)

        log.info("block_processed", **line)
        self._journal.record_pass(decision.head, line, declined)
        seconds = time.perf_counter() - began
        return PassSeen(
            event, decision, tuple(answers), self._booked, line, stopped, held, self._desk.disarmed, seconds
        )


def _ending(plan: Plan) -> Declined:
    offer = plan.opportunity.offer
    return Declined(offer.deployment, offer.key, Reason.DISARMED, {"plan": plan.id, "why": "the run is ending"})


def _too_late(plan: Plan, newest: int) -> Declined:
    offer = plan.opportunity.offer
    numbers: dict[str, int | str] = {"plan": plan.id, "max_block": plan.max_block, "newest_block": newest}
    return Declined(offer.deployment, offer.key, Reason.TOO_LATE, numbers)


def joined(missed: HeadEvent, event: HeadEvent) -> HeadEvent:
    """One event for a dropped pass and the one after it: nothing between them may be left out."""
    reorged = [number for number in (missed.reorged_to, event.reorged_to) if number is not None]
    first = min(missed.first_new, event.first_new)
    return HeadEvent(event.head, first, min(reorged) if reorged else None, event.head.number - first)
