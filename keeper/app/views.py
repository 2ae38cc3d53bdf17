"""Looking without acting: every position with its health, and the whole reasoning about one of them."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from keeper.app.planner import BlockPlanner
from keeper.app.run import open_chain_of
from keeper.app.warm import Book, warm_up
from keeper.chain.port import PinnedChain
from keeper.config.model import KeeperConfig
from keeper.deployment import Deployment
from keeper.engine import Decision, Mind, Pace
from keeper.errors import ConfigError
from keeper.journal.view import SavedStateView
from keeper.planning.base import Plan
from keeper.protocols.base import Market
from keeper.types import (
    Address,
    Declined,
    Health,
    HealthState,
    Offer,
    Position,
    PositionKey,
    account_of,
    to_checksum,
)
from keeper.units import MAX_UINT256, USD, WAD

DEFAULT_MARGIN_CALL_WAD: Final = 1_050 * (WAD // 1_000)


@dataclass(frozen=True, slots=True)
class PositionView:
    """One position as people and programs read it; values are US dollars times 10**18 in the protocol's own prices."""

    deployment: str
    adapter: str
    key: PositionKey
    health: Health
    state: HealthState
    position: Position

    def row(self) -> dict[str, object]:
        """Render for JSON; amounts are decimal text in base units, `distance_bps` how far health is above 1."""
        health = self.health
        debt_free = health.factor_wad == MAX_UINT256
        return {
            "deployment": self.deployment,
            "adapter": self.adapter,
            "position": "0x" + self.key.hex(),
            "account": to_checksum(account_of(self.key)),
            "state": self.state.value,
            "health_wad": None if debt_free else str(health.factor_wad),
            "distance_bps": None if debt_free else (health.factor_wad - WAD) * 10_000 // WAD,
            "collateral_usd": _usd(health, health.collateral_base),
            "debt_usd": _usd(health, health.debt_base),
            "collateral": [{"token": to_checksum(t), "amount": str(amount)} for t, amount in self.position.collateral],
            "debt": [{"token": to_checksum(t), "amount": str(amount)} for t, amount in self.position.debt],
        }


def _usd(health: Health, value: int) -> str | None:
    """Value in US dollars times 10**18, rounded down; None where the protocol counts in a token."""
    return None if health.base_token is not None else str(value * USD // health.base_unit)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a position is, or is not, liquidated at this block."""

    view: PositionView | None
    unknown: Declined | None
    offers: tuple[Offer, ...]
    plans: tuple[Plan, ...]
    declined: tuple[Declined, ...]
    block: int


async def positions(config: KeeperConfig, *, as_json: bool) -> list[PositionView | Declined]:
    """Every position that owes something, the nearest to liquidation first; a `Declined` where health is unknown."""
    async with AsyncExitStack() as stack:
        _, book = await _look(config, stack, as_json=as_json)
        found: list[PositionView | Declined] = []
        for deployment in book.deployments:
            market = deployment.market
            if market is None:
                continue

            threshold = _margin_call(config, deployment.name)
            found += [view_of(deployment, market, key, threshold) for key in sorted(deployment.book.keys())]

    return sorted(found, key=_nearness)


async def explain(config: KeeperConfig, account: Address, *, as_json: bool) -> list[Explanation]:
    """The whole reasoning about every position of an account, at the newest block."""
    async with AsyncExitStack() as stack:
        chain, book = await _look(config, stack, as_json=as_json)
        planner = BlockPlanner.of(config)
        mind = Mind(chain, book.deployments, book.pools, planner, Pace(config.chain.block_time_s))
        decision = await mind.decide(book.head, frozenset())
        found = [
            _explanation(deployment, key, decision, _margin_call(config, deployment.name))
            for deployment in book.deployments
            for key in sorted(deployment.book.keys())
            if account_of(key) == account
        ]

    if not found:
        raise ConfigError(
            f"{to_checksum(account)} owes nothing in the configured deployments at block {book.head.number}"
        )

    return found


def view_of(deployment: Deployment, market: Market, key: PositionKey, margin_call_wad: int) -> PositionView | Declined:
    """Look at one position."""
    health = deployment.adapter.health.health(key, market)
    if isinstance(health, Declined):
        return health

    position = deployment.adapter.health.position(key, market)
    state = state_of(health, margin_call_wad)
    return PositionView(deployment.name, deployment.adapter.adapter, key, health, state, position)


def state_of(health: Health, margin_call_wad: int) -> HealthState:
    """Say where a position stands; underwater is a liquidatable one whose collateral is worth less than its debt."""
    if not health.liquidatable:
        return HealthState.MARGIN_CALL if health.factor_wad < margin_call_wad else HealthState.HEALTHY

    underwater = health.collateral_base < health.debt_base
    return HealthState.UNDERWATER if underwater else HealthState.LIQUIDATABLE


async def _look(config: KeeperConfig, stack: AsyncExitStack, *, as_json: bool) -> tuple[PinnedChain, Book]:
    chain = await open_chain_of(config)
    stack.push_async_callback(chain.close)
    return chain, await warm_up(config, chain, SavedStateView(config.run.journal), as_json=as_json)


def _margin_call(config: KeeperConfig, deployment: str) -> int:
    """The widest warning distance of the strategies that work on a deployment."""
    thresholds = [s.margin_call_health_wad for s in config.strategies if deployment in s.deployments]
    return max(thresholds, default=DEFAULT_MARGIN_CALL_WAD)


def _nearness(found: PositionView | Declined) -> tuple[int, bytes]:
    if isinstance(found, Declined):
        return 0, found.key or b""

    return found.health.factor_wad, found.key


def _explanation(deployment: Deployment, key: PositionKey, decision: Decision, margin_call_wad: int) -> Explanation:
    market = deployment.market
    looked = None if market is None else view_of(deployment, market, key, margin_call_wad)
    offers: Sequence[Offer] = [
        offer for found in decision.findings for offer in found.offers if _is(offer, deployment.name, key)
    ]
    return Explanation(
        view=looked if isinstance(looked, PositionView) else None,
        unknown=looked if isinstance(looked, Declined) else None,
        offers=tuple(offers),
        plans=tuple(plan for plan in decision.plans if _is(plan.opportunity.offer, deployment.name, key)),
        declined=tuple(no for no in decision.declined if (no.deployment, no.key) == (deployment.name, key)),
        block=decision.head.number,
    )


def _is(offer: Offer, deployment: str, key: PositionKey) -> bool:
    return (offer.deployment, offer.key) == (deployment, key)
