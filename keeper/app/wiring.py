"""From names in the configuration to objects: one line per adapter and per kind of venue."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from keeper.config.model import Deployment as DeploymentConfig
from keeper.config.model import ExpectedValueBid, FixedBid, KeeperConfig, ProfitShareBid, StrategyConfig
from keeper.config.model import Venue as VenueConfig
from keeper.config.values import MoneyUnit
from keeper.deployment import Deployment
from keeper.execution.auction import ExpectedValue
from keeper.execution.bidding import BidPolicy, FixedTip, ProfitShare
from keeper.protocols import aave_v2, aave_v3, compound_v2, compound_v3, dydx_perpetual, maker, morpho_blue, perp_curie
from keeper.protocols.base import Adapter
from keeper.routing.base import VenueSync
from keeper.routing.conversion_sync import ConversionSync, Erc4626Exits, NativeExits, WstethExits
from keeper.routing.uniswap_v2 import INIT_CODE_HASH, Fork
from keeper.routing.uniswap_v2_sync import UniswapV2Sync
from keeper.routing.uniswap_v3_sync import UniswapV3Sync
from keeper.routing.uniswap_v4_sync import UniswapV4Sync
from keeper.types import Address

CONVERSIONS: Final = frozenset({"erc4626", "wsteth", "wrapped_native"})
"""Kinds of venue that convert instead of swapping: found by name, not in logs."""


def build_adapter(config: DeploymentConfig) -> Adapter[Any]:  # noqa: PLR0911  # one line per adapter
    """Assemble the adapter a `[[deployment]]` names."""
    match config.adapter:
        case "aave_v3":
            return aave_v3.build(config.name, config.addresses_provider)
        case "aave_v2":
            return aave_v2.build(config.name, config.addresses_provider)
        case "morpho_blue":
            return morpho_blue.build(config.name, config.morpho, config.pre_liquidation_factory)
        case "compound_v2":
            return compound_v2.build(config.name, config.comptroller, config.wrapped_native)
        case "compound_v3":
            return compound_v3.build(config.name, config.comet, config.price_token)
        case "perp_curie":
            return perp_curie.build(config.name, config.clearing_house)
        case "dydx_perpetual":
            where = config.perpetual, config.liquidator_proxy
            taker = dydx_perpetual.Taker(config.account, config.account_collateral_bps, config.exit_cost_bps)
            return dydx_perpetual.build(config.name, where, taker, is_usd=config.settlement_is_usd)
        case "maker":
            named = maker.Addresses(config.dog, config.jug, config.dai_join, config.gem_joins)
            return maker.build(config.name, named)


def build_venue(config: VenueConfig, tokens: Sequence[Address], wrapped_native: Address) -> VenueSync:
    """Assemble the venue a `[[venue]]` names, for the pools between these tokens."""
    match config.kind:
        case "uniswap_v3":
            return UniswapV3Sync(config.factory, tokens)
        case "uniswap_v2":
            code_hash = config.init_code_hash or INIT_CODE_HASH
            return UniswapV2Sync(Fork(config.factory, config.router, config.fee_bps, code_hash), tokens)
        case "uniswap_v4":
            return UniswapV4Sync(config.manager, tokens)
        case "erc4626":
            return ConversionSync(Erc4626Exits(config.vaults))
        case "wsteth":
            return ConversionSync(WstethExits(config.wrapper))
        case "wrapped_native":
            return ConversionSync(NativeExits(wrapped_native))


def bid_policy(strategy: StrategyConfig) -> BidPolicy:
    """What a strategy may offer for its place in a block."""
    bid, floor = strategy.bid, strategy.min_profit
    tip: FixedTip | ProfitShare | ExpectedValue
    match bid:
        case FixedBid():
            tip = FixedTip(bid.tip_wei)
        case ProfitShareBid():
            tip = ProfitShare(bid.share_bps)
        case ExpectedValueBid():
            tip = ExpectedValue(bid.start_share_bps, bid.max_share_bps)

    return BidPolicy(
        tip=tip,
        max_fee_wei=bid.max_fee_per_gas_wei,
        min_profit_usd=floor.amount if floor.unit is MoneyUnit.USD else 0,
        min_profit_wei=floor.amount if floor.unit is MoneyUnit.NATIVE else 0,
    )


def tokens_of_interest(config: KeeperConfig, deployments: Iterable[Deployment]) -> tuple[Address, ...]:
    """Tokens whose pools matter: what deployments trade in, what the operator trusts, and the wrapped native token."""
    tokens = {config.chain.wrapped_native, *config.assets.trusted}
    for deployment in deployments:
        if deployment.market is not None:
            permissions = deployment.adapter.encoder.permissions(deployment.market)
            tokens |= {entry.target for entry in permissions if entry.spender not in (None, entry.target)}

    return tuple(sorted(tokens))
