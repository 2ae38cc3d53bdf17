"""Morpho Blue on the sandbox's chain, and an adapter that follows it through the keeper's own chain and deployment."""

from dataclasses import dataclass, field

from keeper.chain.backfill import feed
from keeper.chain.live import ChainSettings, LiveChain, open_chain
from keeper.config.urls import parse_rpc_url
from keeper.deployment import Deployment
from keeper.protocols.morpho_blue import build
from keeper.protocols.morpho_blue.borrower import Borrower
from keeper.protocols.morpho_blue.math import Totals
from keeper.protocols.morpho_blue.params import MarketParams
from keeper.sandbox.morpho_blue import (
    LLTVS_WAD,
    LoanMarket,
    MorphoBlue,
    compile_morpho_blue,
    create_market,
    deploy_morpho_blue,
)
from keeper.types import BlockTarget, account_of
from tests.parity.aave_v3_lab import block_head
from tests.parity.morpho_blue_lab import GROWING_CODE, GROWING_IRM

MARKET = "market(bytes32)(uint128,uint128,uint128,uint128,uint128,uint128)"
POSITION = "position(bytes32,address)(uint256,uint128,uint128)"
WETH_IN_USDC = 3_000 * 10**24
"""3,000 dollars: 36 + 6 - 18 decimals."""


def deploy(scene) -> MorphoBlue:
    morpho = deploy_morpho_blue(scene.chain, compile_morpho_blue(scene.packages))
    scene.chain.set_code(GROWING_IRM, GROWING_CODE)
    scene.chain.send(morpho.morpho, "enableIrm(address)", GROWING_IRM)
    return morpho


def new_market(scene, morpho, *, irm=None, lltv=LLTVS_WAD[2], price=WETH_IN_USDC) -> LoanMarket:
    """WETH against USDC with an oracle of its own, which says what it was told."""
    oracle = scene.chain.deploy(compile_morpho_blue(scene.packages)["OracleMock"])
    scene.chain.send(oracle, "setPrice(uint256)", price)
    market = LoanMarket(scene.asset("USDC"), scene.asset("WETH"), oracle, irm or morpho.irm, lltv)
    create_market(scene.chain, morpho, market)
    return market


def params_of(market: LoanMarket) -> MarketParams:
    return MarketParams(*market.params)


def totals_on_chain(scene, morpho, market_id) -> Totals:
    return Totals(*scene.chain.call(morpho.morpho, MARKET, market_id))


def borrower_on_chain(scene, morpho, market_id, key) -> Borrower:
    _, shares, collateral = scene.chain.call(morpho.morpho, POSITION, market_id, account_of(key))
    return Borrower(shares, collateral)


@dataclass
class Follower:
    """A deployment brought to each head the way the engine does; `ahead_s` is how far its markets are projected."""

    chain: LiveChain
    deployment: Deployment
    next_block: int = 0
    ahead_s: int = 12
    heads: list = field(default_factory=list)

    @property
    def sync(self):
        return self.deployment.adapter.sync

    async def advance(self):
        head = await self.chain.latest()
        error = None
        if head.number >= self.next_block:
            (outcome,) = await feed(self.chain, [self.deployment], self.next_block, head)
            error = outcome if isinstance(outcome, Exception) else None

        target = BlockTarget(head.number + 1, head.timestamp + self.ahead_s, 10**9, head.timestamp + 36)
        await self.deployment.advance(self.chain, head, target, error)
        self.next_block = head.number + 1
        self.heads.append(head)
        return self.deployment.market


async def follow(scene, morpho, *, from_block, factory=None) -> Follower:
    settings = ChainSettings(31_337, [parse_rpc_url(scene.anvil.url)], block_time_s=12)
    chain = await open_chain(settings)
    deployment = Deployment(build("morpho", morpho.morpho, factory))
    follower = Follower(chain, deployment, from_block)
    await chain.reads(deployment.adapter.sync.bootstrap(head_of(scene)), head_of(scene))
    return follower


def head_of(scene):
    return block_head(scene.chain.head())
