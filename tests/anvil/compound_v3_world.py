"""Comet's twin on the sandbox's chain: an adapter that follows it, and a keeper that plans and lands on it."""

from dataclasses import replace
from functools import partial

from keeper.chain.live import ChainSettings, open_chain
from keeper.config.urls import parse_rpc_url
from keeper.deployment import Deployment
from keeper.oracles.numeraire import Numeraire
from keeper.planning.base import Policy
from keeper.planning.inputs import PlanningInput, View
from keeper.planning.pipeline import plan_block
from keeper.protocols.compound_v3 import build
from keeper.protocols.compound_v3.snapshots import read_accounts, whole
from keeper.routing.base import Liquidity
from keeper.sandbox.assets import fund
from keeper.sandbox.compound_v3 import deploy_compound_v3, supplying, withdrawing
from keeper.types import Declined, Offer
from keeper.units import GWEI, USD
from tests.anvil.aave_v3_follow import Follower as AaveFollower
from tests.anvil.compound_v2_world import BLOCK_S, LENDER, answer_at
from tests.anvil.compound_v2_world import Keeper as VenusKeeper
from tests.anvil.executor_kit import wire
from tests.anvil.morpho_blue_world import Follower as Live
from tests.anvil.morpho_blue_world import head_of
from tests.parity.aave_v3_lab import drive_batched, hexed

TARGET_DOLLARS = 5_000_000
POLICY = Policy("flash", ("followed",), USD, max_hops=2, floor_bps=9_500, max_plans_per_block=8, take_bad_debt=True)


def deploy(scene, base="USDC", collaterals=("WETH", "WBTC"), *, target=TARGET_DOLLARS):
    """A market of these assets with plenty to lend and no reserves, which sells collateral below `target` dollars."""
    asset = scene.asset(base)
    assets = [scene.asset(symbol) for symbol in collaterals]
    comet = deploy_compound_v3(scene.chain, scene.packages, asset, assets, target=asset.worth(target))
    supply(scene.chain, comet, asset, scene.chain.accounts[LENDER], asset.worth(20_000_000))
    return comet


def supply(chain, comet, asset, user, amount):
    fund(chain, asset, user, amount)
    chain.execute_many(supplying(chain, comet, asset, user, amount))


def borrow(chain, comet, user, amount):
    """Borrow base tokens, or take back what was supplied."""
    return chain.execute(withdrawing(chain, comet, comet.base, user, amount))


class Follower(AaveFollower):
    """An adapter bootstrapped at the head it is made at, and brought up to each later head by `advance`."""

    def __init__(self, chain, comet, *, price_token=None, from_block=0):
        self.chain, self.comet = chain, comet
        self.adapter = build("followed", comet.comet, price_token)
        self.sync = self.adapter.sync
        self.next_block = from_block
        self.touched = set()
        self.run(self.sync.bootstrap(self.head()))
        self.market = self.advance()

    def run(self, read, head=None):
        return drive_batched(read, partial(answer_at, self.chain, hexed((head or self.head()).hash)))

    def accounts_on_chain(self, keys):
        return self.run(read_accounts(self.market.listing, whole(keys)))


class Keeper(VenusKeeper):
    """A follower of the market and of a lender of flash loans, pools, an executor, and the planner between them."""

    def __init__(self, scene, comet, *, price_token=None, policy=POLICY):
        self.scene, self.chain, self.comet, self.policy = scene, scene.chain, comet, policy
        self.follower = Follower(scene.chain, comet, price_token=price_token)
        self.lender = AaveFollower(scene.chain, scene.aave)
        self.wired = wire(scene)
        self.allow()

    def found(self, market):
        """Health of what is liquidatable, and every offer, standing ones included."""
        healths, offers = {}, list(self.adapter.offers.open_offers(market))
        for key, _ in market.accounts(None):
            health = self.adapter.health.health(key, market)
            if not isinstance(health, Declined) and health.liquidatable:
                healths[key] = health
                offers += self.adapter.offers.offers(key, market)

        return healths, tuple(offer for offer in offers if isinstance(offer, Offer))

    def plan(self):
        """Plan for the block after the head, 12 s later."""
        market = self.advance()
        healths, offers = self.found(market)
        tokens = [asset.token for asset in self.scene.world.assets.values()]
        weth = self.scene.asset("WETH").token
        return plan_block(
            PlanningInput(
                target=market.target,
                views=(
                    View(self.adapter, market, healths, offers),
                    View(replace(self.lender.adapter, name="lender"), self.lender.advance(market.target), {}, ()),
                ),
                liquidity=Liquidity.of(self._pools(tokens)),
                policies=(self.policy,),
                numeraire=Numeraire.of(3_000 * USD, weth, [market.token_prices()], 0),
                trusted=frozenset(tokens),
                busy=frozenset(),
                gas_price_wei=2 * GWEI,
                executor=self.wired.executor,
                max_block=market.target.number + 2,
            )
        )


async def follow(scene, comet, *, from_block=0):
    """A deployment behind the keeper's own chain, bootstrapped at the head."""
    chain = await open_chain(ChainSettings(31_337, [parse_rpc_url(scene.anvil.url)], block_time_s=BLOCK_S))
    follower = Live(chain, Deployment(build("comet", comet.comet)), from_block)
    await chain.reads(follower.sync.bootstrap(head_of(scene)), head_of(scene))
    return follower
