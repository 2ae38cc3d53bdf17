"""Plans made from the protocol's own contracts land on them in one transaction each, to the wei."""

from dataclasses import replace

import pytest

from keeper.deployment import Deployment
from keeper.execution.allowlist import Allowlist, encode_configure
from keeper.execution.calldata import encode_execute
from keeper.execution.explain import decode_execute
from keeper.oracles.numeraire import Numeraire
from keeper.planning.base import Policy
from keeper.planning.deal import merged
from keeper.planning.inputs import PlanningInput, View
from keeper.planning.pipeline import plan_block
from keeper.protocols.base import Lender
from keeper.protocols.perp_curie import PerpCurieMarket, abi, errors
from keeper.protocols.words import selector, word
from keeper.routing.base import Liquidity
from keeper.sandbox.assets import fund
from keeper.sandbox.chain import Transaction
from keeper.sandbox.feeds import DOLLAR, price_update
from keeper.sandbox.node import NodeError
from keeper.sandbox.perp_curie import trade
from keeper.settler import EXECUTED
from keeper.types import BlockTarget, Declined, OfferKind, Rejected, TokenPrice
from keeper.units import GWEI, USD, WAD
from tests.anvil.executor_kit import header, wire
from tests.anvil.perp_curie_world import follow, key_of, open_world
from tests.parity.aave_v3_lab import as_log, hexed

pytestmark = pytest.mark.anvil

BLOCK_S = 12
ROOM = "setMaxTickCrossedWithinBlock(address,uint24)"
NOT_MET = selector("NotLiquidatable(address,uint256)")
"""What the executor says of any condition that is not met."""
POLICY = Policy("flash", ("perp",), USD, max_hops=2, floor_bps=9_500, max_plans_per_block=8, take_bad_debt=True)
HALF, FULL, MAKER, SHORT, UNDERWATER = 3, 4, 6, 7, 8
"""Accounts: longs that lose half, all, and more than they have; one with an order of its own, and a short."""


class Loans:
    """Flash loans of the scene's Aave pool, offered by a deployment of their own."""

    def __init__(self, pool, token):
        self.pool, self.token = pool, token

    def lenders(self, market):
        del market
        return [Lender("aave_v3", self.pool, self.token, 10**12, fee_bps=5, fee_rounds_up=True)]


class Scene:
    """A world in which ether fell and bitcoin rose, an executor wired for it, and a follower of it all."""

    def __init__(self, scene):
        self.scene, self.chain = scene, scene.chain
        self.world = open_world(scene)
        self.wired = wire(scene)
        self.usdc = scene.asset("USDC").token
        a, world = self.chain.accounts, self.world
        fund(self.chain, scene.asset("USDC"), world.perp.insurance_fund, 20_000 * 10**6)
        world.trader(a[UNDERWATER], 10_000, (world.eth, 31))
        world.trader(a[FULL], 10_000, (world.eth, 27))
        world.trader(a[HALF], 10_000, (world.eth, 22))
        world.trader(a[SHORT], 10_000, (world.btc, -1.5))
        world.trader(a[MAKER], 10_000, (world.eth, 22))
        world.maker(a[MAKER], 1_000, world.eth, 2_860, 200, base=3, quote=9_000)
        world.push(world.eth, "WETH", 2_720, -75, 13)
        world.push(world.btc, "WBTC", 65_500, 1.25, 20)
        world.wait(2_000)

    async def begin(self):
        self.follower = await follow(self.world)
        await self.follower.advance()
        allowed = Allowlist.from_permissions(self.adapter.encoder.permissions(self.market))
        self.chain.execute(Transaction(self.chain.account, self.wired.executor, encode_configure(allowed)))
        await self.follower.advance()

    @property
    def deployment(self) -> Deployment:
        return self.follower.deployment

    @property
    def adapter(self):
        return self.deployment.adapter

    @property
    def market(self) -> PerpCurieMarket:
        assert self.deployment.market is not None, self.deployment.stopped
        return self.deployment.market

    @property
    def head(self):
        return self.follower.heads[-1]

    def plans(self, *, busy=()):
        market = self.market
        findings = self.deployment.findings()
        pool = replace(self.adapter, name="pool", lenders=Loans(self.scene.aave.pool, self.usdc))
        return plan_block(
            PlanningInput(
                target=market.target,
                views=(View(self.adapter, market, findings.liquidatable, findings.offers), View(pool, market, {}, ())),
                liquidity=Liquidity.of(()),
                policies=(POLICY,),
                numeraire=Numeraire.of(
                    2_700 * USD, self.scene.asset("WETH").token, [{self.usdc: TokenPrice(USD, 6)}], 0
                ),
                trusted=frozenset({self.usdc}),
                busy=frozenset(("perp", key) for key in busy),
                gas_price_wei=GWEI // 100,
                executor=self.wired.executor,
                max_block=market.target.number + 2,
            )
        )

    def land(self, data, *, after_s=BLOCK_S):
        """Mine one transaction of the operator in the block aimed for; its receipt."""
        self.chain.node.rpc("evm_setNextBlockTimestamp", self.head.timestamp + after_s)
        return self.chain.execute(Transaction(self.wired.operator, self.wired.executor, data))

    def land_in_turn(self, transactions):
        """Mine transactions in one block, in their order; their receipts."""
        node = self.chain.node
        node.rpc("evm_setNextBlockTimestamp", self.head.timestamp + BLOCK_S)
        node.rpc("evm_setAutomine", False)
        names = []
        for i, one in enumerate(transactions):
            fee = {"maxFeePerGas": hex((200 - i) * GWEI), "maxPriorityFeePerGas": hex((100 - i) * GWEI)}
            nonce = node.rpc("eth_getTransactionCount", hexed(one.sender), "pending")
            names.append(
                node.rpc("eth_sendTransaction", {**one.fields(), **fee, "gas": hex(9_000_000), "nonce": nonce})
            )

        node.rpc("anvil_mine", "0x1")
        node.rpc("evm_setAutomine", True)
        return [node.rpc("eth_getTransactionReceipt", name) for name in names]

    def settled(self, opportunity, receipt):
        """What the model says on the state just before the transaction, at the block it landed in."""
        first = int(receipt["logs"][0]["logIndex"], 16)
        found = self.chain.node.rpc("eth_getLogs", {"blockHash": receipt["blockHash"]})
        before_ours = [as_log(log) for log in found if int(log["logIndex"], 16) < first]
        block = self.chain.node.rpc("eth_getBlockByHash", receipt["blockHash"], False)
        timestamp = int(block["timestamp"], 16)
        target = BlockTarget(int(block["number"], 16), timestamp, 10**9, timestamp)
        before = self.adapter.sync.preceding(self.market, before_ours, target)
        settled = []
        for step in opportunity.calls:
            found = self.adapter.offers.offers(step.offer.key, before)
            (offer,) = [one for one in found if one.size_token == step.offer.size_token]
            settled.append(self.adapter.offers.settle(offer, step.size, before))
            before = self.adapter.offers.after(offer, step.size, before)

        return merged(settled)

    def realised(self, opportunity, receipt):
        """What the receipt says, step by step."""
        logs = [as_log(log) for log in receipt["logs"]]
        realised = []
        for step in opportunity.calls:
            realised.append(self.adapter.encoder.realised(step.offer, logs))
            assert not isinstance(realised[-1], Rejected)
            used = next(i for i, log in enumerate(logs) if log.topics[0] == abi.WITHDRAWN)
            logs = logs[used + 1 :]

        return merged(realised)

    def kept_nothing(self):
        """Nothing of the taker's is left in the protocol, and no token in the executor."""
        perp, executor = self.world.perp, self.wired.executor
        held = self.world.call(perp.account_balance, "getTotalAbsPositionValue(address)(uint256)", executor)
        deposit = self.world.call(perp.vault, "getBalance(address)(int256)", executor)
        return (held, deposit, self.world.call(self.usdc, "balanceOf(address)(uint256)", executor)) == (0, 0, 0)


def executed(receipt):
    (event,) = [log for log in receipt["logs"] if log["topics"][0] == hexed(EXECUTED)]
    return word(bytes.fromhex(event["data"][2:]), 0)


def amounts(settlement):
    return [(p.token, p.amount) for p in settlement.pays], list(settlement.receives)


@pytest.fixture(scope="module")
def crashed(running_scene):
    """The crash itself, once for all tests here."""
    node = running_scene.chain.node
    before = node.rpc("evm_snapshot")
    yield Scene(running_scene)
    node.rpc("evm_revert", before)
    node.rpc("anvil_dropAllTransactions")


@pytest.fixture
async def keeper(crashed):
    node = crashed.chain.node
    before = node.rpc("evm_snapshot")
    await crashed.begin()
    yield crashed
    await crashed.follower.chain.close()
    node.rpc("evm_setAutomine", True)
    node.rpc("evm_revert", before)
    node.rpc("anvil_dropAllTransactions")


async def test_every_kind_of_account_is_taken_over_and_left_in_one_transaction(keeper):
    """Plans land in their order, each on what the ones before it left: settled, realised and expected are the same."""
    accounts = {key_of(keeper.chain.accounts[i]): i for i in (HALF, FULL, MAKER, SHORT, UNDERWATER)}
    sizes, preludes = {}, {}
    first = keeper.market
    for _ in accounts:
        # One that lost half may have to lose half of the rest, too: that is not looked at here.
        plan = keeper.plans(busy=[key for key, account in accounts.items() if account in sizes]).plans[0]
        opportunity = plan.opportunity
        receipt = keeper.land(plan.data)
        assert opportunity.offer.kind is OfferKind.ASSUME
        assert amounts(keeper.settled(opportunity, receipt)) == amounts(opportunity.settlement)
        assert amounts(keeper.realised(opportunity, receipt)) == amounts(opportunity.settlement)
        assert executed(receipt) == opportunity.profit.amount > 0
        assert keeper.kept_nothing()
        account, first_step = accounts[opportunity.offer.key], opportunity.calls[0]
        sizes[account], preludes[account] = first_step.size, len(first_step.offer.prelude)
        assert int(receipt["gasUsed"], 16) < opportunity.gas
        await keeper.follower.advance()

    def held(account, base):
        return first.account(key_of(keeper.chain.accounts[account])).holding(base).size

    eth, btc = keeper.world.eth.base, keeper.world.btc.base
    assert sizes[HALF] == held(HALF, eth) // 2
    assert sizes[UNDERWATER] == held(UNDERWATER, eth)
    # A crumb may be left for a second call: of an account that owes more than it has, the whole penalty is ours.
    assert sizes[FULL] > held(FULL, eth) * 99 // 100
    assert sizes[SHORT] == -held(SHORT, btc) // 2
    # The order is cancelled first, and what it held goes with the position.
    assert preludes == {HALF: 0, FULL: 0, UNDERWATER: 0, SHORT: 0, MAKER: 1}
    assert sizes[MAKER] > held(MAKER, eth) // 2


async def test_trade_that_moves_the_pool_ahead_of_us_in_our_block_is_settled(keeper):
    """The parent's market and the block's own logs give the very amounts the contracts then moved."""
    (plan,) = [p for p in keeper.plans().plans if p.opportunity.offer.key == key_of(keeper.chain.accounts[HALF])]
    seller = trade(keeper.chain, keeper.world.perp, keeper.world.eth, keeper.chain.accounts[9], -10 * WAD)
    update = price_update(keeper.chain, keeper.scene.asset("WETH").feed, 2_690 * DOLLAR + 12_345)
    ours = Transaction(keeper.wired.operator, keeper.wired.executor, plan.data)
    *_, receipt = keeper.land_in_turn([update, seller, ours])
    assert receipt["status"] == "0x1"
    opportunity = plan.opportunity
    realised = amounts(keeper.realised(opportunity, receipt))
    assert amounts(keeper.settled(opportunity, receipt)) == realised != amounts(opportunity.settlement)
    assert keeper.kept_nothing()


async def test_two_plans_of_one_block_land_on_each_other(keeper):
    """The second was made on the market after the first: it moves what it said it would."""
    first, second = keeper.plans().plans[:2]
    transactions = [Transaction(keeper.wired.operator, keeper.wired.executor, plan.data) for plan in (first, second)]
    receipts = keeper.land_in_turn(transactions)
    for plan, receipt in zip((first, second), receipts, strict=True):
        assert receipt["status"] == "0x1"
        expected = amounts(plan.opportunity.settlement)
        assert amounts(keeper.realised(plan.opportunity, receipt)) == expected
        assert amounts(keeper.settled(plan.opportunity, receipt)) == expected


async def test_landing_later_than_aimed_for_is_settled_at_its_own_time(keeper):
    """A price that just moved drags its means behind it: half a minute later the mark is another."""
    keeper.world.push(keeper.world.eth, "WETH", 2_650, -20)
    await keeper.follower.advance()
    plan = next(p for p in keeper.plans().plans if p.opportunity.offer.size_token == keeper.world.eth.base)
    receipt = keeper.land(plan.data, after_s=31)
    opportunity = plan.opportunity
    realised = amounts(keeper.realised(opportunity, receipt))
    assert amounts(keeper.settled(opportunity, receipt)) == realised != amounts(opportunity.settlement)


async def test_position_that_cannot_be_left_whole_undoes_everything(keeper):
    """The room its price has shrank since: the exit would be partial, so nothing happens at all."""
    plan = next(p for p in keeper.plans().plans if p.opportunity.offer.size_token == keeper.world.eth.base)
    _, ops = decode_execute(plan.data)
    keeper.chain.send(keeper.world.perp.exchange, ROOM, keeper.world.eth.base, 3)
    with pytest.raises(NodeError, match=NOT_MET.hex()):
        keeper.chain.execute(
            Transaction(keeper.wired.operator, keeper.wired.executor, encode_execute(header(keeper.scene), ops))
        )

    assert keeper.kept_nothing()
    await keeper.follower.advance()
    market = keeper.market
    offers = keeper.adapter.offers.offers(plan.opportunity.offer.key, market)
    assert all(isinstance(o, Declined) or o.sizes[0][1] < plan.opportunity.size for o in offers)


async def test_a_stranger_to_the_rules_is_refused_by_name(keeper):
    """What the contracts say no with is said in words."""
    perp, a = keeper.world.perp, keeper.chain.accounts
    healthy = (perp.clearing_house, "liquidate(address,address,int256)", a[1], keeper.world.eth.base, 0)
    with pytest.raises(NodeError) as refusal:
        keeper.chain.send(*healthy, sender=a[9])

    assert "CH_CLWTISO" in str(refusal.value)
    assert "open orders" in errors.MEANINGS["CH_CLWTISO"]
