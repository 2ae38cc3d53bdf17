"""Collateral that means harm, with a pool that makes it look worth taking: nothing is lost, and others do not wait.

The market is real Morpho's, the pool real Uniswap's; only the token is ours. It behaves until it is turned: then it
cannot be sold any more, or it empties its own pool in the middle of our liquidation.
"""

import pytest

from keeper.app.wiring import tokens_of_interest
from keeper.chain.live import ChainSettings, open_chain
from keeper.config.load import load_config
from keeper.config.urls import RpcUrl
from keeper.execution.allowlist import Allowlist, encode_configure
from keeper.execution.allowlist import Listing as Listed
from keeper.execution.simulate import Simulated, Simulator
from keeper.protocols.morpho_blue import errors
from keeper.protocols.morpho_blue.params import market_of
from keeper.routing.uniswap_v3_sync import UniswapV3Sync
from keeper.sandbox.assets import Asset, Listing
from keeper.sandbox.chain import Transaction
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.feeds import DOLLAR, deploy_feed, set_price
from keeper.sandbox.morpho_blue import LLTVS_WAD, LoanMarket, borrow, create_market, lend, market_id, pledge
from keeper.sandbox.uniswap_v3 import open_pool
from keeper.types import Declined, Reason
from keeper.units import GWEI, WAD
from tests.anvil.aave_v3_follow import Follower as LogReader
from tests.anvil.test_morpho_blue_planned import Scene, executed
from tests.unit.config.sample import GOOD

pytestmark = pytest.mark.anvil

UNSELLABLE, REENTRANT = 1, 2
TURN = "turn(uint8,address,address)"


class Baited(Scene):
    """A second market beside the honest one: bait for USDC, a dollar each, one borrower past the threshold."""

    def __init__(self, scene):
        super().__init__(scene)
        own = compile_own(scene.packages, "sandbox")
        usdc = scene.asset("USDC")
        token = self.chain.deploy(own["SandboxHostileToken"])
        listing = Listing("BAIT", 18, DOLLAR, 0, 0, 0, emode=0)
        self.bait = Asset(listing, token, deploy_feed(self.chain, own, "BAIT / USD", DOLLAR))
        self.pool = open_pool(self.chain, scene.world.uniswap.position_manager, (self.bait, usdc), 500, 2_000_000)
        # The oracle says what the pool says until the borrower has borrowed, and 4 % less from then on.
        oracle = self.chain.deploy(own["SandboxPairOracle"], self.bait.feed.proxy, usdc.feed.proxy, 10**24)
        self.baited = LoanMarket(usdc, self.bait, oracle, self.morpho.irm, LLTVS_WAD[2])
        create_market(self.chain, self.morpho, self.baited)
        lend(self.chain, self.morpho, self.baited, self.chain.accounts[8], 10**11)
        pledge(self.chain, self.morpho, self.baited, self.chain.accounts[5], 20_000 * WAD)
        borrow(self.chain, self.morpho, self.baited, self.chain.accounts[5], 17_000 * 10**6)
        set_price(self.chain, self.bait.feed, 96 * DOLLAR // 100)
        self.pool_tokens = [asset.token for asset in scene.world.assets.values()]

    def turn(self, mode):
        self.chain.send(self.bait.token, TURN, mode, self.pool.address, self.morpho.morpho)

    def _pools(self):
        reader = LogReader.__new__(LogReader)
        reader.chain = self.chain
        venue = UniswapV3Sync(self.scene.world.uniswap.factory, self.pool_tokens)
        queries = venue.sources()
        while queries:
            queries = venue.apply(reader.logs(queries, 0, self.head.number)).new_sources

        return venue.pools()

    def trust(self):
        """Do what no operator should: let the executor hold and sell the token, and look for its pools."""
        allowed = Allowlist(listings=(Listed(self.bait.token),))
        self.chain.execute(Transaction(self.chain.account, self.wired.executor, encode_configure(allowed)))
        self.pool_tokens.append(self.bait.token)

    def is_bait(self, key):
        return market_of(key) == market_id(self.baited)


@pytest.fixture
async def baited(scene):
    made = Baited(scene)
    await made.begin()
    yield made
    await made.follower.chain.close()


async def test_bait_nobody_trusts_has_no_route_and_the_honest_are_planned(baited, tmp_path):
    """Pools are looked for between trusted tokens alone, so that a pool with bait in it is not even known."""
    planned = baited.plans()
    (declined,) = [no for no in planned.declined if no.key is not None and baited.is_bait(no.key)]
    assert declined.reason is Reason.NO_ROUTE
    assert len([plan for plan in planned.plans if not baited.is_bait(plan.opportunity.offer.key)]) == 2
    (tmp_path / "keeper.toml").write_text(GOOD)
    config = load_config(tmp_path / "keeper.toml", {}).config
    assert baited.bait.token not in tokens_of_interest(config, [baited.deployment])


async def test_bait_the_executor_was_never_told_of_is_refused_by_the_executor_itself(baited):
    """Even where its pool is known: the allow-list is on chain, and names every token that may be held."""
    baited.pool_tokens.append(baited.bait.token)
    (bait,) = [plan for plan in baited.plans().plans if baited.is_bait(plan.opportunity.offer.key)]
    chain = await open_chain(ChainSettings(31_337, [RpcUrl(baited.scene.anvil.url)], block_time_s=12))
    simulator = Simulator(chain, baited.wired.operator, lambda _, revert: revert.hex())
    try:
        (answer,) = await simulator.run([bait], await chain.latest(), exact=1)
    finally:
        await chain.close()

    assert isinstance(answer, Declined)
    assert baited.bait.token.hex() in answer.numbers["revert"]


@pytest.mark.parametrize("mode", [UNSELLABLE, REENTRANT], ids=["unsellable", "re-entrant"])
async def test_bait_that_is_trusted_fails_in_simulation_and_the_honest_land(baited, mode):
    """Worst of all: the operator let the token in, and it pays until it is turned. It costs one simulation."""
    baited.trust()
    await baited.follower.advance()
    plans = baited.plans().plans
    (bait,) = [plan for plan in plans if baited.is_bait(plan.opportunity.offer.key)]
    honest = [plan for plan in plans if not baited.is_bait(plan.opportunity.offer.key)]
    assert len(honest) == 2
    chain = await open_chain(ChainSettings(31_337, [RpcUrl(baited.scene.anvil.url)], block_time_s=12))
    simulator = Simulator(chain, baited.wired.operator, lambda _, revert: errors.explain(revert))
    try:
        assert isinstance((await simulator.run([bait], await chain.latest(), exact=1))[0], Simulated)
        baited.turn(mode)
        answers = await simulator.run([bait, *honest], await chain.latest(), exact=1)
    finally:
        await chain.close()

    assert isinstance(answers[0], Declined)
    assert answers[0].reason in (Reason.SIMULATION_FAILED, Reason.SIMULATION_DIFFERS)
    assert all(isinstance(answer, Simulated) for answer in answers[1:])
    await baited.follower.advance()
    again = baited.plans().plans
    first = next(plan for plan in again if not baited.is_bait(plan.opportunity.offer.key))
    receipt = baited.land(first.data)
    assert executed(receipt) > 0


async def test_bait_sent_all_the_same_is_undone_whole(baited):
    """Not even a transaction that was signed before the token turned loses anything but its gas."""
    baited.trust()
    await baited.follower.advance()
    (bait,) = [plan for plan in baited.plans().plans if baited.is_bait(plan.opportunity.offer.key)]
    baited.turn(REENTRANT)
    usdc = baited.scene.asset("USDC").token
    before = [baited.chain.call(usdc, "balanceOf(address)(uint256)", a) for a in (baited.wired.executor, bait.executor)]
    node = baited.chain.node
    fields = {
        "from": "0x" + baited.wired.operator.hex(), "to": "0x" + bait.executor.hex(), "data": "0x" + bait.data.hex(),
        "gas": hex(bait.gas_limit), "maxFeePerGas": hex(50 * GWEI), "maxPriorityFeePerGas": hex(GWEI),
    }  # fmt: skip
    receipt = node.rpc("eth_sendTransactionSync", fields)
    assert receipt["status"] == "0x0"
    after = [baited.chain.call(usdc, "balanceOf(address)(uint256)", a) for a in (baited.wired.executor, bait.executor)]
    assert after == before
