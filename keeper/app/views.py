"""Looking without acting: every position with its health, and the whole reasoning about one of them."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Final

from keeper.app.planner import BlockPlanner, Unpriced
from keeper.app.prospect import Prospect, prospect_of
from keeper.app.rows import PositionView, StandingView, UnknownView
from keeper.app.run import open_chain_of
from keeper.app.standing import Standing, look_upon, standing, standing_in
from keeper.app.warm import Book, warm_up
from keeper.chain.port import PinnedChain
from keeper.config.derived import margin_call_wad, place_of
from keeper.config.model import KeeperConfig
from keeper.deployment import Deployment
from keeper.errors import ConfigError
from keeper.journal.view import SavedStateView
from keeper.margin.cure import Patient
from keeper.margin.state import state_of
from keeper.mind import Decision, Mind, Pace, Situation
from keeper.planning.base import Plan
from keeper.planning.inputs import PlanningInput
from keeper.planning.pipeline import plan_block
from keeper.planning.reasoning import Profile, Tried, profiles, tried
from keeper.protocols.base import Market
from keeper.types import (
    Address,
    Declined,
    Offer,
    PositionKey,
    Reason,
    account_of,
    to_checksum,
)

_CURVES: Final = 4
_POINTS: Final = 120


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a position is, or is not, liquidated at this block."""

    view: PositionView | StandingView | None
    unknown: UnknownView | None
    offers: tuple[Offer, ...]
    plans: tuple[Plan, ...]
    declined: tuple[Declined, ...]
    block: int
    tried: tuple[Tried, ...] = ()
    profiles: tuple[Profile, ...] = ()
    prospect: Prospect | None = None


async def positions(config: KeeperConfig, *, as_json: bool) -> list[PositionView | UnknownView | StandingView]:
    """Every position that owes something, the nearest to liquidation first, after what is not known, and why.

    What stands for sale without a position comes between the two.
    """
    async with AsyncExitStack() as stack:
        chain, book = await look_at(config, stack, as_json=as_json)
        found: list[PositionView | UnknownView | StandingView] = list(await standing(config, chain, book))
        for deployment in book.deployments:
            market, adapter = deployment.market, deployment.adapter.adapter
            if market is None:
                found.append(UnknownView(adapter, stopped(deployment)))
                continue

            threshold = margin_call_wad(config, deployment.name)
            looked = (view_of(deployment, market, key, threshold) for key in sorted(deployment.book.keys()))
            found += [UnknownView(adapter, each) if isinstance(each, Declined) else each for each in looked]

    return sorted(found, key=_nearness)


def stopped(deployment: Deployment) -> Declined:
    """Say that nothing of a deployment can be told, and why."""
    return Declined(deployment.name, None, Reason.QUARANTINED, {"why": deployment.stopped or "no market yet"})


async def explain(
    config: KeeperConfig, account: Address, *, as_json: bool, block: int | None = None
) -> list[Explanation]:
    """The whole reasoning about every position of an account, at the newest block or at one the node still knows.

    What stands for sale because of it, such as an auction of what it had, comes after.
    """
    async with AsyncExitStack() as stack:
        chain, book = await look_at(config, stack, as_json=as_json, block=block)
        planner = _Noting(BlockPlanner.of(config))
        mind = Mind(chain, book.deployments, book.pools, planner, Pace(config.chain.block_time_s))
        decision = await mind.decide(book.head, frozenset())
        found = [
            replace(
                _explanation(deployment, key, decision, margin_call_wad(config, deployment.name)),
                prospect=_prospect(deployment, key, margin_call_wad(config, deployment.name), book),
            )
            for deployment in book.deployments
            for key in sorted(deployment.book.keys())
            if account_of(key) == account
        ]

        block_time_s = config.chain.block_time_s
        found += [
            _of_standing(one, look_upon(one, planner.inputs, block_time_s), decision)
            for one in standing_in(book)
            if account_of(one.key) == account
        ]

    if not found:
        raise ConfigError(
            f"{to_checksum(account)} owes nothing in the configured deployments at block {book.head.number}"
        )

    return [_reasoned(each, planner.inputs) for each in found]


@dataclass(slots=True)
class _Noting:
    """A planner that keeps what it planned from."""

    planner: BlockPlanner
    inputs: PlanningInput | None = None

    async def plan(self, chain: PinnedChain, situation: Situation) -> tuple[list[Plan], list[Declined], int]:
        """See `Planner`."""
        inputs = await self.planner.prepare(chain, situation)
        if isinstance(inputs, Unpriced):
            return [], list(inputs.declined), inputs.native_usd

        self.inputs = inputs
        result = plan_block(inputs)
        return list(result.plans), list(result.declined), inputs.numeraire.native_usd


def _reasoned(found: Explanation, inputs: PlanningInput | None) -> Explanation:
    """Add everything that was tried."""
    if inputs is None or not found.offers:
        return found

    all_tried = tried(found.offers, inputs)
    drawn = [one for offer in found.offers for one in profiles(offer, inputs, most=_CURVES, points=_POINTS)]
    return replace(found, tried=all_tried, profiles=tuple(drawn))


def view_of(deployment: Deployment, market: Market, key: PositionKey, margin_call_wad: int) -> PositionView | Declined:
    """Look at one position."""
    health = deployment.adapter.health.health(key, market)
    if isinstance(health, Declined):
        return health

    position = deployment.adapter.health.position(key, market)
    state = state_of(health, margin_call_wad)
    return PositionView(deployment.name, deployment.adapter.adapter, key, health, state, position)


async def look_at(
    config: KeeperConfig, stack: AsyncExitStack, *, as_json: bool, block: int | None = None
) -> tuple[PinnedChain, Book]:
    """Open the chain and bring everything to a block, the newest where none is named; nothing is written."""
    chain = await open_chain_of(config)
    stack.push_async_callback(chain.close)
    saved = SavedStateView(place_of(config), config.chain.id, block)
    return chain, await warm_up(config, chain, saved, as_json=as_json, at=block)


def _nearness(found: PositionView | UnknownView | StandingView) -> tuple[int, bytes]:
    if isinstance(found, UnknownView):
        return -2, found.declined.key or b""

    if isinstance(found, StandingView):
        return -1, found.offer.key or b""

    return found.health.factor_wad, found.key


def _explanation(deployment: Deployment, key: PositionKey, decision: Decision, margin_call_wad: int) -> Explanation:
    market = deployment.market
    looked = None if market is None else view_of(deployment, market, key, margin_call_wad)
    unknown = UnknownView(deployment.adapter.adapter, looked) if isinstance(looked, Declined) else None
    return _decided(deployment.name, key, unknown or (looked if isinstance(looked, PositionView) else None), decision)


def _of_standing(found: Standing, looked: StandingView | UnknownView, decision: Decision) -> Explanation:
    return _decided(found.deployment.name, found.key, looked, decision)


def _decided(
    deployment: str, key: PositionKey, looked: PositionView | StandingView | UnknownView | None, decision: Decision
) -> Explanation:
    """Gather what a block decided about a position, or about what stands under a key."""
    return Explanation(
        view=None if isinstance(looked, UnknownView) else looked,
        unknown=looked if isinstance(looked, UnknownView) else None,
        offers=tuple(one for found in decision.findings for one in found.offers if _is(one, deployment, key)),
        plans=tuple(plan for plan in decision.plans if _is(plan.opportunity.offer, deployment, key)),
        declined=tuple(no for no in decision.declined if (no.deployment, no.key) == (deployment, key)),
        block=decision.head.number,
    )


def _prospect(deployment: Deployment, key: PositionKey, margin_call_wad: int, book: Book) -> Prospect | None:
    if deployment.market is None:
        return None

    return prospect_of(Patient(deployment.adapter, key, deployment.market), margin_call_wad, book.pools.liquidity)


def _is(offer: Offer, deployment: str, key: PositionKey) -> bool:
    return (offer.deployment, offer.key) == (deployment, key)
