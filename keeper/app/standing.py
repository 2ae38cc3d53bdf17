"""What stands for sale without a position, and when it will be worth taking: auctions, stock, calls that pay."""

from dataclasses import dataclass, replace
from typing import Final

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


async def standing(config: KeeperConfig, chain: PinnedChain, book: Book) -> list[StandingView | UnknownView]:
    """Look at every offer that stands under a key of its own; those that cannot be taken say why."""
    found = [
        (deployment, answer, answer.key)
        for deployment in book.deployments
        if deployment.market is not None
        for answer in deployment.adapter.offers.open_offers(deployment.market)
        if answer.key is not None
    ]
    if not found:
        return []

    planner = _Preparing(BlockPlanner.of(config))
    pace = Pace(config.chain.block_time_s)
    await Mind(chain, book.deployments, book.pools, planner, pace).decide(book.head, frozenset())
    horizon = Horizon(_AHEAD_S // pace.block_time_s, pace.block_time_s)
    return [
        UnknownView(deployment.adapter.adapter, answer)
        if isinstance(answer, Declined)
        else _looked_at((deployment, key), answer, planner.inputs, horizon)
        for deployment, answer, key in found
    ]


def _looked_at(
    of: tuple[Deployment, PositionKey], offer: Offer, inputs: PlanningInput | None, horizon: Horizon
) -> StandingView:
    deployment, key = of
    adapter = deployment.adapter
    when = None if inputs is None else first_profitable(offer, inputs, horizon)
    position = adapter.health.position(key, deployment.market)
    note = ", ".join(part for part in (position.note, _when_text(when, inputs)) if part)
    return StandingView(adapter.adapter, offer, replace(position, note=note), when)


def _when_text(when: When | None, inputs: PlanningInput | None) -> str:
    """Say when it pays, in the words of a waiting person."""
    if inputs is None:
        return "what a transaction costs is not known"

    if when is None:
        return "pays in no block in sight"

    wait_s = when.timestamp - inputs.target.timestamp
    return f"pays from block {when.block} on" + (f", {wait_s} s after the next" if wait_s else ", the next one")
