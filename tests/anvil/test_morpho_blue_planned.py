"""Plans made from a real Morpho land on it with the profit they said, by its own free loan and by its own callback."""

import pytest

from keeper.deployment import Deployment
from keeper.execution.allowlist import Allowlist, encode_configure
from keeper.execution.calldata import encode_execute, encode_program
from keeper.execution.operations import Watch
from keeper.execution.recipes import guarded
from keeper.oracles.numeraire import Numeraire
from keeper.planning.base import Policy
from keeper.planning.inputs import PlanningInput, View
from keeper.planning.pipeline import plan_block
from keeper.protocols.morpho_blue import MorphoBlueMarket
from keeper.protocols.morpho_blue.params import position_key
from keeper.protocols.words import word
from keeper.routing.base import Liquidity
from keeper.routing.uniswap_v3_sync import UniswapV3Sync
from keeper.sandbox.chain import Transaction
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.feeds import DOLLAR, price_update, set_price
from keeper.sandbox.morpho_blue import LLTVS_WAD, borrow, create_markets, lend, pledge
from keeper.settler import EXECUTED
from keeper.types import BlockTarget, Rejected, TokenAmount, TokenPrice
from keeper.units import GWEI, MAX_UINT256, USD, WAD
from tests.anvil.aave_v3_follow import Follower as LogReader
from tests.anvil.executor_kit import TREASURY, header, sell_all, wire
from tests.anvil.morpho_blue_world import deploy, follow, head_of, params_of
from tests.parity.aave_v3_lab import as_log, hexed

pytestmark = pytest.mark.anvil

BLOCK_S = 12
POLICY = Policy("flash", ("morpho",), USD, max_hops=2, floor_bps=9_500, max_plans_per_block=8, take_bad_debt=True)


class Scene:
    """Morpho with one WETH market, three borrowers, an executor that may call it, and a follower of it all."""

    def __init__(self, scene):
        self.scene, self.chain = scene, scene.chain
        self.start = head_of(scene).number
        self.morpho = deploy(scene)
        own = compile_own(scene.packages, "sandbox")
        pair = (scene.asset("WETH"), scene.asset("USDC"), LLTVS_WAD[2])
        (self.market,) = create_markets(self.chain, self.morpho, own, [pair])
        self.params = params_of(self.market)
        self.wired = wire(scene)
        self.owing = dict(zip(self.chain.accounts[1:4], (20_500, 22_000, 25_500), strict=True))
        lend(self.chain, self.morpho, self.market, self.chain.accounts[8], 10**12)
        for user, whole in self.owing.items():
            pledge(self.chain, self.morpho, self.market, user, 10 * WAD)
            borrow(self.chain, self.morpho, self.market, user, whole * 10**6)

    async def begin(self):
        """Let the price fall so that one stays healthy, one is liquidatable and one is underwater."""
        set_price(self.chain, self.scene.asset("WETH").feed, 2_500 * DOLLAR)
        self.follower = await follow(self.scene, self.morpho, from_block=self.start)
        await self.follower.advance()
        allowed = Allowlist.from_permissions(self.adapter.encoder.permissions(self.deployment.market))
        self.chain.execute(Transaction(self.chain.account, self.wired.executor, encode_configure(allowed)))
        await self.follower.advance()
        first = position_key(self.params.id, self.chain.accounts[1])
        self.untouched = self.deployment.market.borrower(first)

    @property
    def deployment(self) -> Deployment:
        return self.follower.deployment

    @property
    def adapter(self):
        return self.deployment.adapter

    @property
    def head(self):
        return self.follower.heads[-1]

    def plans(self):
        market = self.deployment.market
        assert isinstance(market, MorphoBlueMarket)
        findings = self.deployment.findings()
        usdc = self.scene.asset("USDC")
        return plan_block(
            PlanningInput(
                target=market.target,
                views=(View(self.adapter, market, findings.liquidatable, findings.offers),),
                liquidity=Liquidity.of(self._pools()),
                policies=(POLICY,),
                numeraire=Numeraire.of(
                    2_500 * USD, self.scene.asset("WETH").token, [{usdc.token: TokenPrice(USD, 6)}], 0
                ),
                trusted=frozenset({usdc.token}),
                busy=frozenset(),
                gas_price_wei=2 * GWEI,
                executor=self.wired.executor,
                max_block=market.target.number + 2,
            )
        )

    def _pools(self):
        reader = LogReader.__new__(LogReader)
        reader.chain = self.chain
        venue = UniswapV3Sync(self.scene.world.uniswap.factory, [a.token for a in self.scene.world.assets.values()])
        queries = venue.sources()
        while queries:
            queries = venue.apply(reader.logs(queries, 0, self.head.number)).new_sources

        return venue.pools()

    def land(self, data):
        """Mine one transaction of the operator in the block aimed for; its receipt."""
        self.chain.node.rpc("evm_setNextBlockTimestamp", self.head.timestamp + BLOCK_S)
        return self.chain.execute(Transaction(self.wired.operator, self.wired.executor, data))

    def land_after(self, first, data):
        """Mine somebody's transaction and then ours in one block; our receipt."""
        node = self.chain.node
        node.rpc("evm_setNextBlockTimestamp", self.head.timestamp + BLOCK_S)
        ours = Transaction(self.wired.operator, self.wired.executor, data)
        node.rpc("evm_setAutomine", False)
        theirs = {**first.fields(), "maxFeePerGas": hex(200 * GWEI), "maxPriorityFeePerGas": hex(100 * GWEI)}
        node.rpc("eth_sendTransaction", theirs)
        name = node.rpc("eth_sendTransaction", ours.fields())
        node.rpc("anvil_mine", "0x1")
        node.rpc("evm_setAutomine", True)
        return node.rpc("eth_getTransactionReceipt", name)

    def settled(self, offer, size, receipt):
        """What the model says on the state just before the transaction, at the block it landed in."""
        first = int(receipt["logs"][0]["logIndex"], 16)
        found = self.chain.node.rpc("eth_getLogs", {"blockHash": receipt["blockHash"]})
        before_ours = [as_log(log) for log in found if int(log["logIndex"], 16) < first]
        block = self.chain.node.rpc("eth_getBlockByHash", receipt["blockHash"], False)
        timestamp = int(block["timestamp"], 16)
        target = BlockTarget(int(block["number"], 16), timestamp, 10**9, timestamp)
        before = self.adapter.sync.preceding(self.deployment.market, before_ours, target)
        return self.adapter.offers.settle(offer, size, before)

    def realised(self, offer, receipt):
        found = self.adapter.encoder.realised(offer, [as_log(log) for log in receipt["logs"]])
        assert not isinstance(found, Rejected)
        return found


def executed(receipt):
    (event,) = [log for log in receipt["logs"] if log["topics"][0] == hexed(EXECUTED)]
    return word(bytes.fromhex(event["data"][2:]), 0)


def amounts(settlement):
    return [(p.token, p.amount) for p in settlement.pays], list(settlement.receives)


@pytest.fixture
async def keeper(scene):
    made = Scene(scene)
    await made.begin()
    yield made
    await made.follower.chain.close()


async def test_plans_land_with_the_profit_they_said(keeper):
    """One stays healthy, one can pay, one is underwater; what the first leaves is what the second meets."""
    assert len(keeper.plans().plans) == 2
    for _ in range(2):
        plan = keeper.plans().plans[0]
        opportunity = plan.opportunity
        receipt = keeper.land(plan.data)
        settled = keeper.settled(opportunity.offer, opportunity.size, receipt)
        realised = keeper.realised(opportunity.offer, receipt)
        assert amounts(settled) == amounts(opportunity.settlement) == amounts(realised)
        assert executed(receipt) == opportunity.profit.amount > 0
        await keeper.follower.advance()

    first, *others = (position_key(keeper.params.id, user) for user in keeper.owing)
    assert keeper.deployment.market.borrower(first) == keeper.untouched
    assert all(keeper.deployment.market.borrower(key).collateral < keeper.untouched.collateral for key in others)


async def test_price_that_moves_ahead_of_us_in_our_block_is_settled(keeper):
    """The parent's market and the feed's own event give the very amounts the contract then moved."""
    plan = keeper.plans().plans[0]
    opportunity = plan.opportunity
    update = price_update(keeper.chain, keeper.scene.asset("WETH").feed, 2_495 * DOLLAR + 12_345)
    receipt = keeper.land_after(update, plan.data)
    assert receipt["status"] == "0x1"
    settled = keeper.settled(opportunity.offer, opportunity.size, receipt)
    assert amounts(settled) == amounts(keeper.realised(opportunity.offer, receipt)) != amounts(opportunity.settlement)


async def test_callback_needs_no_loan_and_keeps_the_same_profit(keeper):
    """The collateral is sold inside Morpho's own callback, before anything is pulled."""
    key = position_key(keeper.params.id, keeper.chain.accounts[2])
    market, adapter = keeper.deployment.market, keeper.adapter
    (offer,) = adapter.offers.offers(key, market)
    settlement = adapter.offers.settle(offer, MAX_UINT256, market)
    received = settlement.receives[0].amount
    sale = sell_all(keeper.scene, keeper.wired, "WETH/USDC/500", "WETH", received * 11 // 10)
    (step,) = adapter.encoder.calls(offer, MAX_UINT256, settlement, market, encode_program((sale,)))
    pays = [TokenAmount(payment.token, payment.at_most) for payment in settlement.pays]
    data = encode_execute(header(keeper.scene), (Watch(offer.receive_token), guarded(step, pays)))
    usdc = keeper.scene.asset("USDC").token
    before = balance(keeper, usdc, TREASURY)
    receipt = keeper.land(data)
    settled = keeper.settled(offer, MAX_UINT256, receipt)
    assert amounts(settled) == amounts(keeper.realised(offer, receipt)) == amounts(settlement)
    assert balance(keeper, usdc, TREASURY) - before == executed(receipt) > 0
    assert balance(keeper, usdc, keeper.wired.executor) == 0


def balance(keeper, token, account):
    return keeper.chain.call(token, "balanceOf(address)(uint256)", account)
