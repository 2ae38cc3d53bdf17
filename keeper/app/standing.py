"""What stands for sale without a position, and when it will be worth taking: auctions, stock, calls that pay."""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from keeper.app.planner import BlockPlanner, Unpriced
from keeper.app.rows import StandingView, UnknownView
from keeper.app.warm import Book
from keeper.chain.port import PinnedChain
from keeper.config.model import KeeperConfig
from keeper.deployment import Deployment
from keeper.mind import Mind, Pace, Situation
from keeper.planning.base import Plan
from keeper.planning.inputs import PlanningInput
from keeper.planning.when import Horizon, When, first_profitable
from keeper.types import Declined, Offer, PositionKey

_AHEAD_S: Final = 7 * 86_400
"""A week: no auction runs that long before it must be started anew."""


@dataclass(slots=True)
class _Preparing:
    """A planner that only gathers what there is to plan from."""

    planner: BlockPlanner
    inputs: PlanningInput | None = None

    async def plan(self, chain: PinnedChain, situation: Situation) -> tuple[list[Plan], list[Declined], int]:
        """See `Planner`."""
        inputs = await self.planner.prepare(chain, situation)
        self.inputs = None if isinstance(inputs, Unpriced) else inputs
        return [], [], 0


class Standing(NamedTuple):
    """An offer that stands under a key of its own, or why it cannot be taken."""

    deployment: Deployment
    answer: Offer | Declined
    key: PositionKey


def standing_in(book: Book) -> list[Standing]:
    """Everything that stands under a key of its own at the book's block."""
    return [
        Standing(deployment, answer, answer.key)
        for deployment in book.deployments
        if deployment.market is not None
        for answer in deployment.adapter.offers.open_offers(deployment.market)
        if answer.key is not None
    ]


async def standing(config: KeeperConfig, chain: PinnedChain, book: Book) -> list[StandingView | UnknownView]:
    """Look at everything that stands under a key of its own."""
    found = standing_in(book)
    if not found:
        return []

    planner = _Preparing(BlockPlanner.of(config))
    mind = Mind(chain, book.deployments, book.pools, planner, Pace(config.chain.block_time_s))
    await mind.decide(book.head, frozenset())
    return [look_upon(one, planner.inputs, config.chain.block_time_s) for one in found]


def look_upon(found: Standing, inputs: PlanningInput | None, block_time_s: int) -> StandingView | UnknownView:
    """See when an offer will be worth taking; `inputs` is None where what a transaction costs is not known."""
    deployment, answer, key = found
    adapter = deployment.adapter
    if isinstance(answer, Declined):
        return UnknownView(adapter.adapter, answer)

    horizon = Horizon(_AHEAD_S // block_time_s, block_time_s)
    when = None if inputs is None else first_profitable(answer, inputs, horizon)
    position = adapter.health.position(key, deployment.market)
    note = ", ".join(part for part in (position.note, _when_text(when, inputs)) if part)
    return StandingView(adapter.adapter, answer, replace(position, note=note), when)


def _when_text(when: When | None, inputs: PlanningInput | None) -> str:
    """Say when it pays, in the words of a waiting person."""
    if inputs is None:
        return "what a transaction costs is not known"

    if when is None:
        return "pays in no block in sight"

    wait_s = when.timestamp - inputs.target.timestamp
    return f"pays from block {when.block} on" + (f", {wait_s} s after the next" if wait_s else ", the next one")
