"""From a situation to plans: reads the native price, values the block, and hands everything to the pure planner."""

from dataclasses import dataclass, replace
from typing import Self

from keeper.app.wiring import bid_policy
from keeper.chain.port import PinnedChain
from keeper.config.model import KeeperConfig, StrategyConfig
from keeper.execution.bidding import FixedTip
from keeper.mind import Situation
from keeper.oracles.feeds import read_feed
from keeper.oracles.numeraire import Numeraire
from keeper.planning.base import FundingKind, Plan, Policy
from keeper.planning.data_fee import read_data_fee
from keeper.planning.inputs import PlanningInput, View
from keeper.planning.pipeline import plan_block
from keeper.planning.sources import Source, read_lenders
from keeper.pools import PoolBook
from keeper.types import ZERO_ADDRESS, Address, Declined, Reason


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Why nothing can be planned at all, said of every position that could be liquidated."""

    declined: tuple[Declined, ...]
    native_usd: int


@dataclass(frozen=True, slots=True)
class BlockPlanner:
    """Implements `Planner` for a configuration."""

    config: KeeperConfig
    tip_wei: int

    @classmethod
    def of(cls, config: KeeperConfig) -> Self:
        """Plan with the dearest fixed tip any strategy may pay; a share of the profit never makes a loss."""
        tips = [bid_policy(strategy).tip for strategy in config.strategies]
        return cls(config, max((tip.tip_wei for tip in tips if isinstance(tip, FixedTip)), default=0))

    async def plan(self, chain: PinnedChain, situation: Situation) -> tuple[list[Plan], list[Declined], int]:
        """See `Planner`. Without a native price nothing can be priced, and without a strategy nothing is wanted."""
        if not self.config.strategies:
            return [], [], 0

        inputs = await self.prepare(chain, situation)
        if isinstance(inputs, Unpriced):
            return [], list(inputs.declined), inputs.native_usd

        result = plan_block(inputs)
        return list(result.plans), list(result.declined), inputs.numeraire.native_usd

    async def prepare(self, chain: PinnedChain, situation: Situation) -> "PlanningInput | Unpriced":
        """Read what the deployments and pools do not tell, and put everything together."""
        oldest = situation.head.timestamp - self.config.assets.max_price_age_s
        native = await chain.reads(read_feed(self.config.chain.native_usd, oldest), situation.head)
        if isinstance(native, Reason):
            return Unpriced(_without(situation, native, "the native token's price"), 0)

        charged = self.config.chain.data_fee == "op_stack"
        data_fee = (await chain.reads(read_data_fee(), situation.head)) if charged else None
        if charged and data_fee is None:
            declined = _without(situation, Reason.UNKNOWN_PRICE, "what the chain charges for bytes")
            return Unpriced(declined, native.usd)

        sources = [Source(lender.kind, lender.address) for lender in self.config.lenders]
        reading = read_lenders(sources, self.config.assets.trusted, situation.target.timestamp)
        lenders = (await chain.reads(reading, situation.head)) if sources else ()
        return replace(self._inputs(situation, native.usd, oldest), lenders=lenders, data_fee=data_fee)

    def _inputs(self, situation: Situation, native_usd: int, oldest: int) -> PlanningInput:
        config = self.config
        views = tuple(
            View(deployment.adapter, deployment.market, found.liquidatable, found.offers)
            for deployment, found in zip(situation.deployments, situation.findings, strict=True)
            if deployment.market is not None
        )
        prices = [view.market.token_prices() for view in views]
        return PlanningInput(
            target=situation.target,
            views=views,
            liquidity=situation.pools.liquidity,
            policies=tuple(_policy(strategy, native_usd) for strategy in config.strategies),
            numeraire=Numeraire.of(native_usd, config.chain.wrapped_native, prices, oldest),
            trusted=frozenset(config.assets.trusted),
            busy=situation.busy,
            ahead=situation.ahead,
            gas_price_wei=situation.target.base_fee_wei + self.tip_wei,
            executor=ZERO_ADDRESS if config.executor is None else config.executor.address,
            max_block=situation.max_block,
            barred={strategy.name: self._barred(strategy, situation.pools) for strategy in config.strategies},
        )

    def _barred(self, strategy: StrategyConfig, pools: PoolBook) -> frozenset[Address]:
        """Pools of venues a strategy does not name; one that names none may use them all."""
        if not strategy.routes:
            return frozenset()

        return frozenset(
            pool.address
            for place, venue in zip(self.config.venues, pools.venues, strict=True)
            if place.name not in strategy.routes and place.kind not in strategy.routes
            for pool in venue.pools()
        )


def _policy(strategy: StrategyConfig, native_usd: int) -> Policy:
    return Policy(
        name=strategy.name,
        deployments=strategy.deployments,
        min_profit_usd=strategy.min_profit.in_usd(native_usd),
        max_hops=strategy.max_hops,
        floor_bps=strategy.floor_bps,
        max_plans_per_block=strategy.max_plans_per_block,
        take_bad_debt=strategy.take_bad_debt,
        funding=frozenset(map(FundingKind, strategy.funding)),
        batch=strategy.batch,
    )


def _without(situation: Situation, reason: Reason, what: str) -> tuple[Declined, ...]:
    """Say of every position that could be liquidated why it is not: what a transaction costs is not known."""
    return tuple(
        Declined(deployment.name, key, reason, {"what": what})
        for deployment, found in zip(situation.deployments, situation.findings, strict=True)
        for key in found.liquidatable
    )
