"""Perp Curie on the sandbox's chain, makers and traders in it, and an adapter that follows it as the keeper does."""

from dataclasses import dataclass
from math import log

from keeper.chain.live import ChainSettings, open_chain
from keeper.config.urls import parse_rpc_url
from keeper.deployment import Deployment
from keeper.protocols.perp_curie import build
from keeper.sandbox.chain import Transaction
from keeper.sandbox.feeds import DOLLAR, price_update
from keeper.sandbox.perp_curie import (
    PerpCurie,
    PerpMarket,
    add_liquidity,
    add_market,
    deploy_perp_curie,
    deposit,
    open_position,
    trade,
    warm_up,
)
from keeper.types import PositionKey
from keeper.units import WAD
from tests.anvil.morpho_blue_world import Follower, head_of

SPACING = 200
ETH, BTC = 3_000, 60_000


def tick_of(price):
    """The usable tick nearest below a price in dollars."""
    return int(log(price) / log(1.0001)) // SPACING * SPACING


@dataclass
class PerpWorld:
    """Two markets with a maker in each; accounts 1 and 2 make, the others are the test's."""

    scene: object
    perp: PerpCurie

    @property
    def chain(self):
        return self.scene.chain

    @property
    def eth(self) -> PerpMarket:
        return self.perp.markets["WETH"]

    @property
    def btc(self) -> PerpMarket:
        return self.perp.markets["WBTC"]

    def fund(self, trader, dollars):
        deposit(self.chain, self.perp, trader, dollars * 10**6)

    def trader(self, trader, dollars, *positions):
        """An account with a deposit and positions, each (market, whole base tokens, sold if negative)."""
        self.fund(trader, dollars)
        for market, whole in positions:
            open_position(self.chain, self.perp, market, trader, int(whole * WAD))

    def maker(self, maker, dollars, market, price, width, base=1_000, quote=4_000_000):
        """An account with a deposit and one order about a price."""
        self.fund(maker, dollars)
        tick = tick_of(price)
        order = (int(base * WAD), int(quote * WAD), tick - width, tick + width)
        add_liquidity(self.chain, self.perp, maker, market, order)

    def push(self, market, symbol, price, whole, blocks=1):
        """Set a feed and have account 9 trade the market toward it, block by block, 20 s apart."""
        update = price_update(self.chain, self.scene.asset(symbol).feed, int(price * DOLLAR))
        self.chain.execute(update)
        seller = self.chain.accounts[9]
        for _ in range(blocks):
            self.chain.node.rpc("evm_setNextBlockTimestamp", self.chain.timestamp() + 20)
            self.chain.execute(trade(self.chain, self.perp, market, seller, int(whole * WAD)))

    def wait(self, seconds):
        self.chain.mine(interval_s=seconds)

    def call(self, contract, function, *values):
        return self.chain.call(contract, function, *values)


def open_world(scene) -> PerpWorld:
    chain = scene.chain
    perp = deploy_perp_curie(chain, scene.packages, scene.asset("USDC"))
    for symbol, price in (("WETH", ETH), ("WBTC", BTC)):
        perp = add_market(chain, scene.packages, perp, scene.asset(symbol), price * DOLLAR)

    warm_up(chain, perp)
    world = PerpWorld(scene, perp)
    world.maker(chain.accounts[1], 9_000_000, world.eth, ETH, 8_000, base=5_000, quote=20_000_000)
    world.maker(chain.accounts[2], 9_000_000, world.btc, BTC, 8_000, base=250, quote=20_000_000)
    world.fund(chain.accounts[9], 5_000_000)
    return world


async def follow(world, *, from_block=0) -> Follower:
    settings = ChainSettings(31_337, [parse_rpc_url(world.scene.anvil.url)], block_time_s=12)
    chain = await open_chain(settings)
    deployment = Deployment(build("perp", world.perp.clearing_house))
    follower = Follower(chain, deployment, from_block)
    head = head_of(world.scene)
    await chain.reads(deployment.adapter.sync.bootstrap(head), head)
    return follower


def key_of(account) -> PositionKey:
    return PositionKey(bytes(account))


__all__ = ["PerpWorld", "Transaction", "follow", "head_of", "key_of", "open_world", "tick_of"]
