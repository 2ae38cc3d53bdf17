"""Plans on the dYdX perpetual's twin land with the profit they said, or not at all."""

from operator import attrgetter

import pytest

from keeper.protocols.dydx_perpetual import build
from keeper.protocols.dydx_perpetual.abi import LIQUIDATE
from keeper.protocols.dydx_perpetual.math import positive_and_negative
from keeper.protocols.words import encode, word
from keeper.sandbox.assets import fund
from keeper.sandbox.chain import Transaction
from keeper.sandbox.dydx_perpetual import depositing, set_funding_rate
from keeper.sandbox.feeds import DOLLAR, price_update, set_price
from keeper.settler import EXECUTED
from keeper.types import Call, Declined, PositionKey, Reason
from tests.anvil.dydx_perpetual_world import ETHER, Keeper, deploy, deposit, hold
from tests.parity.aave_v3_lab import hexed

pytestmark = pytest.mark.anvil
LONG, OTHER, SHORT, RIVAL = 1, 2, 3, 4


def executed(receipt):
    (event,) = [log for log in receipt["logs"] if log["topics"][0] == hexed(EXECUTED)]
    return word(bytes.fromhex(event["data"][2:]), 0)


def amounts(settlement):
    return [(p.token, p.amount) for p in settlement.pays], list(settlement.receives)


def move(scene, dollars):
    set_price(scene.chain, scene.asset("WETH").feed, dollars * DOLLAR)


@pytest.fixture
def dydx(scene):
    """Two longs of ten ether on 3,000 and 3,600 dollars, a short of ten on 4,000; ether costs 3,000."""
    found = deploy(scene)
    accounts = scene.chain.accounts
    hold(scene, found, accounts[LONG], 3_000, 10)
    hold(scene, found, accounts[OTHER], 3_600, 10)
    hold(scene, found, accounts[SHORT], 4_000, -10)
    return found


@pytest.fixture
def keeper(scene, dydx):
    """At 2,850 the first long has less than 107.5 % of the 27,000 it owes, at 2,830 the other one of its 26,400."""
    move(scene, 2_850)
    return Keeper(scene, dydx)


def equity(keeper, account):
    has, owes = positive_and_negative(account.balance, keeper.market.rules.price)
    return has - owes


def land_and_check(keeper, plan, **how):
    """Land a plan and compare what was expected, settled and realised, all to the wei."""
    opportunity = plan.opportunity
    receipt = keeper.land(plan.data, **how)
    assert receipt["status"] == "0x1"
    settled, realised = keeper.settled(opportunity, receipt), keeper.realised(opportunity, receipt)
    assert amounts(settled) == amounts(opportunity.settlement) == amounts(realised)
    assert executed(receipt) == opportunity.profit.amount > 0
    assert int(receipt["gasUsed"], 16) <= opportunity.gas
    return receipt


def test_longs_are_taken_over_and_what_they_are_worth_leaves_as_profit(keeper):
    move(keeper.scene, 2_830)
    plans = keeper.plan().plans
    assert {plan.opportunity.offer.key for plan in plans} == set(keeper.chain.accounts[LONG : OTHER + 1])
    # 28,300 - 27,000 = 1,300, a fifth of it the fund's, 1 % of 28,300 for the exit; the other 600 more, less a fifth.
    assert sorted(plan.opportunity.profit.amount for plan in plans) == [757_000_000, 1_237_000_000]
    before = equity(keeper, keeper.stored(keeper.account))
    for place in (1, 2):
        land_and_check(keeper, keeper.plan().plans[0])
        ours = keeper.stored(keeper.account)
        assert ours.balance.position.number == place * 10 * ETHER

    assert keeper.plan().plans == ()
    # What it costs to leave both stayed in the account.
    assert equity(keeper, keeper.stored(keeper.account)) - before == 2 * 283_000_000 * 10**18
    assert all(keeper.stored(keeper.chain.accounts[i]).balance.margin.value == 0 for i in (LONG, OTHER))


def test_short_is_taken_over_with_its_margin(keeper):
    move(keeper.scene, 3_200)
    (plan,) = keeper.plan().plans
    # 34,000 of margin against 32,000: 2,000, less a fifth and 320.
    assert plan.opportunity.profit.amount == 1_280_000_000
    land_and_check(keeper, plan)
    assert keeper.stored(keeper.account).balance.position.number == -10 * ETHER


def test_position_of_the_other_side_is_closed_first(scene, dydx):
    hold(scene, dydx, scene.chain.accounts[6], 0, -4)
    move(scene, 2_850)
    keeper = Keeper(scene, dydx)
    (plan,) = keeper.plan().plans
    # Four of ten: 600 less a fifth, and nothing has to be left again.
    assert plan.opportunity.profit.amount == 480_000_000
    land_and_check(keeper, plan)
    assert keeper.stored(keeper.account).balance.position.value == 0


def let_pass(scene, seconds):
    scene.chain.node.rpc("evm_increaseTime", seconds)
    scene.chain.mine()


def test_plan_that_lands_later_moves_the_same_and_funding_besides(scene, dydx):
    let_pass(scene, 60)  # a rate may change by so much per second
    set_funding_rate(scene.chain, dydx, 10**10)
    move(scene, 2_850)
    keeper = Keeper(scene, dydx)
    let_pass(scene, 3_600)
    plan = keeper.plan().plans[0]
    receipt = land_and_check(keeper, plan, later_s=24)
    market = keeper.advance()
    assert int(receipt["blockNumber"], 16) == market.head.number
    assert keeper.stored(keeper.account) == market.account(market.taker_key)
    assert market.rules.index.value.value > 0


def rivals(keeper, amount):
    """A rival with margin of its own takes this much over of the first long, in our block and ahead of us."""
    rival, long = keeper.chain.accounts[RIVAL], keeper.chain.accounts[LONG]
    deposit(keeper.scene, keeper.dydx, rival, 100_000)
    data = encode(LIQUIDATE, long, rival, 1, amount, 1)
    return Transaction(rival, keeper.dydx.proxy, data)


def plan_for(keeper, place=LONG):
    """The only plan there is."""
    (plan,) = keeper.plan().plans
    assert plan.opportunity.offer.key == keeper.chain.accounts[place]
    return plan


@pytest.mark.parametrize("amount", [ETHER, 10 * ETHER])
def test_rival_that_was_faster_costs_a_revert_and_no_margin(keeper, amount):
    """The contract would give us the rest, and the profit of the whole would be the account's own margin."""
    first = rivals(keeper, amount)
    plan = plan_for(keeper)
    before = keeper.stored(keeper.account)
    receipt = keeper.land(plan.data, ahead=(first,))
    assert receipt["status"] == "0x0"
    assert keeper.stored(keeper.account) == before
    assert keeper.stored(first.sender).balance.position.number == amount


def test_what_a_rival_left_is_taken_over_in_the_next_block(keeper):
    keeper.chain.execute(rivals(keeper, 4 * ETHER))
    plan = plan_for(keeper)
    # Six of ten: 915 x 0.6
    assert plan.opportunity.profit.amount == 549_000_000
    land_and_check(keeper, plan)


def test_price_that_comes_back_in_our_block_costs_a_revert(keeper):
    plan = plan_for(keeper)
    feed = keeper.scene.asset("WETH").feed
    receipt = keeper.land(plan.data, ahead=(price_update(keeper.chain, feed, 3_000 * DOLLAR),))
    assert receipt["status"] == "0x0"


def test_deposit_that_does_not_cure_leaves_us_more_than_planned(keeper):
    long = keeper.chain.accounts[LONG]
    fund(keeper.chain, keeper.scene.asset("USDC"), long, 100 * 10**6)
    plan = plan_for(keeper)
    before = equity(keeper, keeper.stored(keeper.account))
    land_and_check(keeper, plan, ahead=(depositing(keeper.chain, keeper.dydx, long, 100 * 10**6),))
    # A hundred more, less a fifth.
    assert equity(keeper, keeper.stored(keeper.account)) - before == (285 + 80) * 10**6 * 10**18


def test_second_plan_of_a_block_lands_behind_the_first_and_not_without_it(keeper):
    move(keeper.scene, 2_830)
    first, second = keeper.plan().plans
    start = keeper.chain.node.rpc("evm_snapshot")
    assert keeper.land(second.data)["status"] == "0x0"
    keeper.chain.revert(start)
    ahead = Transaction(keeper.wired.operator, keeper.wired.executor, first.data)
    receipt = keeper.land(second.data, ahead=(ahead,))
    assert receipt["status"] == "0x1"
    assert executed(receipt) == second.opportunity.profit.amount
    assert keeper.stored(keeper.account).balance.position.number == 20 * ETHER


def test_account_that_does_not_let_the_executor_act_loses_nothing(keeper):
    plan = plan_for(keeper)
    keeper.let(approved=False)
    data = encode(LIQUIDATE, keeper.chain.accounts[LONG], keeper.account, 1, 1, 1)
    said = keeper.follower.run(_ask(Call(keeper.dydx.proxy, data, sender=keeper.wired.executor)))
    assert "has not called setLocalOperator" in keeper.adapter.encoder.explain(said.data)
    assert keeper.land(plan.data)["status"] == "0x0"


def _ask(call):
    (said,) = yield (call,)
    return said


def test_market_under_final_settlement_offers_nothing(keeper):
    chain = keeper.chain
    chain.send(keeper.dydx.perpetual, "enableFinalSettlement(uint256,uint256)", 0, 2**200)
    found = keeper.plan()
    assert found.plans == ()
    key = PositionKey(bytes(chain.accounts[LONG]))
    (declined,) = keeper.adapter.offers.offers(key, keeper.market)
    assert isinstance(declined, Declined)
    assert declined.reason is Reason.PAUSED


def test_state_kept_by_events_is_the_contracts_own(scene, dydx, keeper):
    let_pass(scene, 60)
    set_funding_rate(scene.chain, dydx, -(10**10))
    land_and_check(keeper, plan_for(keeper))
    let_pass(scene, 86_400)
    hold(scene, dydx, scene.chain.accounts[RIVAL], 5_000, 2)
    deposit(scene, dydx, scene.chain.accounts[SHORT], 7)
    market = keeper.advance()
    ours = dict(market.accounts(None))
    assert market.rules.index.value.number < 0
    assert len(ours) >= 6
    assert keeper.follower.accounts_on_chain(ours) == ours
    again = build("again", (dydx.perpetual, dydx.proxy), market.taker, is_usd=True).sync
    again.restore(keeper.follower.sync.save(None))
    assert sorted(again.save(None), key=attrgetter("key")) == sorted(
        keeper.follower.sync.save(None), key=attrgetter("key")
    )
