"""The deciding half of a pass: state by logs, markets by reads, findings, plans; all it knows is what it is told.

Knows no protocol, no venue and no transport, signs nothing and writes nothing down: a replay runs the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from keeper.chain.backfill import feed
from keeper.chain.port import HeadEvent, PinnedChain
from keeper.deployment import Deployment, Findings
from keeper.errors import ChainError, ReorgError, StateError
from keeper.execution.bidding import next_base_fee
from keeper.execution.limits import Subject
from keeper.journal.underway import underway_text
from keeper.planning.base import Plan
from keeper.planning.underway import Underway
from keeper.pools import PoolBook
from keeper.self_audit import NEVER, Auditor
from keeper.types import BlockHead, BlockTarget, Declined

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
    ahead: tuple[Underway, ...] = ()


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

    def __init__(  # noqa: PLR0913  # what a mind is made of
        self,
        chain: PinnedChain,
        deployments: Sequence[Deployment],
        pools: PoolBook,
        planner: Planner,
        pace: Pace,
        auditor: Auditor = NEVER,
    ) -> None:
        self._chain = chain
        self._auditor = auditor
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

    def replan(self, planner: Planner) -> None:
        """Plan with another planner from the next head on."""
        self._planner = planner

    async def decide(self, head: BlockHead, busy: frozenset[Subject], ahead: tuple[Underway, ...] = ()) -> Decision:
        """Screen, confirm and plan at a head the state was advanced to, behind the plans under way."""
        target = self._pace.target(head)
        findings = tuple(deployment.findings() for deployment in self.deployments)
        last = head.number + self._pace.valid_blocks
        situation = Situation(head, target, last, self.deployments, findings, self.pools, busy, ahead)
        plans, declined, native_usd = await self._planner.plan(self._chain, situation)
        every = [no for found in findings for no in found.declined]
        return Decision(head, target, findings, tuple(plans), (*every, *declined), native_usd)

    async def audit(self, head: BlockHead) -> None:
        """Compare some of what is known with the chain, when it is time; a node that fails now is asked next time."""
        try:
            await self._auditor.look(self._chain, self.deployments, head, self._pace.target(head))
        except ChainError as error:
            log.warning("audit_put_off", block=head.number, error=error.message)

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


def decision_lines(
    decision: Decision, busy: frozenset[Subject], ahead: Sequence[Underway] = ()
) -> list[dict[str, str]]:
    """Write a decision down as text, bit for bit comparable: what was in flight, every plan, every no."""
    flying = sorted(f"{name}:{'' if key is None else key.hex()}" for name, key in busy)
    lines = [{"kind": "in_flight", "subjects": " ".join(flying)}]
    lines += [{"kind": "ahead", "plan": underway_text(plan)} for plan in ahead]
    lines += [
        {"kind": "plan", "id": plan.id, "data": plan.data.hex(), "gas": str(plan.gas_limit)} for plan in decision.plans
    ]
    for no in decision.declined:
        key = "" if no.key is None else no.key.hex()
        numbers = " ".join(f"{name}={value}" for name, value in sorted(no.numbers.items()))
        lines.append({"kind": "no", "where": no.deployment, "key": key, "reason": no.reason.value, "numbers": numbers})

    return lines
