"""Plans on Comet's twin land with the profit they said: absorbed, bought and sold."""

import pytest

from keeper.protocols.words import word
from keeper.sandbox.assets import approve, fund
from keeper.sandbox.chain import Transaction
from keeper.sandbox.compound_v3 import absorbing
from keeper.sandbox.feeds import DOLLAR, price_update, set_price
from keeper.settler import EXECUTED
from keeper.types import OfferKind, Reason
from keeper.units import WAD
from tests.anvil.compound_v3_world import Keeper, borrow, deploy, supply
from tests.parity.aave_v3_lab import hexed

pytestmark = pytest.mark.anvil


def executed(receipt):
    (event,) = [log for log in receipt["logs"] if log["topics"][0] == hexed(EXECUTED)]
    return word(bytes.fromhex(event["data"][2:]), 0)


def amounts(settlement):
    return [(p.token, p.amount) for p in settlement.pays], list(settlement.receives)


def open_position(scene, comet, user, whole):
    """Ten ether against so many dollars: at 3,000 they lend 25,800, and back 26,100 before they are absorbed."""
    supply(scene.chain, comet, scene.asset("WETH"), user, 10 * WAD)
    borrow(scene.chain, comet, user, whole * 10**6)


@pytest.fixture
def keeper(scene):
    """Of three borrowers, a price of 2,700 leaves two with less than their debt: 10 * 2,700 * 87 % is 23,490."""
    comet = deploy(scene)
    for user, whole in zip(scene.chain.accounts[1:4], (19_000, 23_600, 25_500), strict=True):
        open_position(scene, comet, user, whole)

    set_price(scene.chain, scene.asset("WETH").feed, 2_700 * DOLLAR)
    return Keeper(scene, comet)


def land_and_check(keeper, plan, **how):
    """Land a plan and compare what was expected, settled and realised, all to the wei."""
    opportunity = plan.opportunity
    receipt = keeper.land(plan.data, **how)
    assert receipt["status"] == "0x1"
    settled, realised = keeper.settled(opportunity, receipt), keeper.realised(opportunity, receipt)
    assert amounts(settled) == amounts(opportunity.settlement) == amounts(realised)
    assert executed(receipt) == opportunity.profit.amount > 0
    assert int(receipt["gasUsed"], 16) < plan.gas_limit
    return receipt


def several(scene, prices=((9, "WETH"), (1, "WBTC"), (2_000, "LINK"))):
    """One borrower with three collaterals, each of which is worth selling, in a market that lists them."""
    comet = deploy(scene, collaterals=tuple(symbol for _, symbol in prices))
    user = scene.chain.accounts[1]
    for whole, symbol in prices:
        supply(scene.chain, comet, scene.asset(symbol), user, whole * 10 ** scene.asset(symbol).listing.decimals)

    return comet, user


def test_all_collateral_of_a_position_is_bought_in_the_transaction_that_absorbs_it(scene):
    comet, user = several(scene)
    borrow(scene.chain, comet, user, 80_000 * 10**6)
    for symbol in ("WETH", "WBTC", "LINK"):
        feed = scene.asset(symbol).feed
        set_price(scene.chain, feed, scene.asset(symbol).listing.price * 85 // 100)

    keeper = Keeper(scene, comet)
    (plan,) = keeper.plan().plans
    opportunity = plan.opportunity
    assert opportunity.offer.key == user
    assert len(opportunity.steps) == 3
    assert [bool(step.offer.prelude) for step in opportunity.steps] == [True, False, False]
    land_and_check(keeper, plan)
    # A hundredth of each is left, for a price that might have fallen meanwhile.
    bought = {step.offer.detail.offset: step.settlement.receives[0].amount for step in opportunity.steps}
    for offset, asset in enumerate(keeper.advance().assets):
        assert abs(asset.stock - bought[offset] // 99) < 10**13


def test_absorptions_with_purchases_land_with_the_profit_they_said(keeper):
    plans = keeper.plan().plans
    assert {plan.opportunity.offer.key for plan in plans} == set(keeper.chain.accounts[2:4])
    for _ in range(2):
        plan = keeper.plan().plans[0]
        assert plan.opportunity.offer.kind is OfferKind.SALE
        assert len(plan.opportunity.offer.prelude) == 1
        land_and_check(keeper, plan)


def crash(scene, symbols=("WETH", "WBTC", "LINK"), percent=85):
    for symbol in symbols:
        asset = scene.asset(symbol)
        set_price(scene.chain, asset.feed, asset.listing.price * percent // 100)


def transaction(keeper, data):
    return Transaction(keeper.wired.operator, keeper.wired.executor, data)


# In one block with others -------------------------------------------------------------------------------------------


def test_two_plans_of_one_block_land_together(keeper):
    """The second was made for what the first leaves: an accrual stored, reserves and stock moved, a pool sold into."""
    first, second = keeper.plan().plans
    land_and_check(keeper, second, ahead=[transaction(keeper, first.data)])


def test_price_that_moves_ahead_of_us_in_our_block_is_settled(keeper):
    """The parent's market and the feed's own event give the very amounts the market then moved."""
    opportunity = (plan := keeper.plan().plans[0]).opportunity
    update = price_update(keeper.chain, keeper.scene.asset("WETH").feed, 2_690 * DOLLAR + 12_345)
    receipt = keeper.land(plan.data, ahead=[update])
    assert receipt["status"] == "0x1"
    settled = keeper.settled(opportunity, receipt)
    assert amounts(settled) == amounts(keeper.realised(opportunity, receipt)) != amounts(opportunity.settlement)


def test_a_plan_that_lands_later_than_aimed_moves_what_was_expected(keeper):
    """Interest accrues until then, and a purchase is a matter of prices alone."""
    land_and_check(keeper, keeper.plan().plans[0], later_s=36)


# The storefront -----------------------------------------------------------------------------------------------------


def absorb(scene, comet, *users):
    scene.chain.execute(absorbing(scene.chain, comet, scene.chain.accounts[7], users))


def test_standing_stock_is_bought_asset_by_asset_in_one_block(scene):
    """Somebody absorbed without buying: each asset is a plan of its own, and the second lands behind the first."""
    comet, user = several(scene)
    borrow(scene.chain, comet, user, 80_000 * 10**6)
    crash(scene)
    absorb(scene, comet, user)
    keeper = Keeper(scene, comet)
    plans = keeper.plan().plans
    tokens = [scene.asset(symbol).token for symbol in ("WETH", "WBTC", "LINK")]
    assert sorted(plan.opportunity.offer.key for plan in plans) == sorted(tokens)
    assert all(plan.opportunity.offer.prelude == () and not plan.opportunity.steps for plan in plans)
    land_and_check(keeper, plans[1], ahead=[transaction(keeper, plans[0].data)])


def test_stock_greater_than_pools_can_take_is_bought_in_part(scene):
    """2,000 ether at 2,700: the best purchase is where the last one pays its way, and the rest stays for later."""
    comet, user = deploy(scene), scene.chain.accounts[1]
    supply(scene.chain, comet, scene.asset("WETH"), user, 2_000 * WAD)
    borrow(scene.chain, comet, user, 5_000_000 * 10**6)
    set_price(scene.chain, scene.asset("WETH").feed, 2_700 * DOLLAR)
    absorb(scene, comet, user)
    keeper = Keeper(scene, comet)
    (plan,) = keeper.plan().plans
    opportunity = plan.opportunity
    assert 0 < opportunity.size < opportunity.offer.sizes[-1][1] * 9 // 10
    land_and_check(keeper, plan)
    left = keeper.advance().assets[0].stock
    assert left == 2_000 * WAD - opportunity.settlement.receives[0].amount


def test_nothing_is_for_sale_once_reserves_reach_their_target(scene):
    """A target that the first purchase reaches: the second asset is declined, with reserves and target."""
    comet, user = several(scene)
    borrow(scene.chain, comet, user, 80_000 * 10**6)
    crash(scene)
    absorb(scene, comet, user)
    # Reserves are what was written off, 78,000 dollars less than nothing; 76,000 of them come back.
    fund(scene.chain, comet.base, comet.comet, 5_000_000 * 10**6 + 76_000 * 10**6)
    keeper = Keeper(scene, comet)
    result = keeper.plan()
    assert len(result.plans) == 1
    land_and_check(keeper, result.plans[0])
    refused = keeper.adapter.offers.open_offers(keeper.advance())
    assert {one.reason for one in refused} == {Reason.NO_LIQUIDITY}
    assert all(one.numbers["reserves"] >= one.numbers["target_reserves"] == 5_000_000 * 10**6 for one in refused)


# What others do under us --------------------------------------------------------------------------------------------


def refused(keeper, receipt):
    """What the protocol says when the transaction is run again where it reverted."""
    assert receipt["status"] == "0x0"
    traced = keeper.chain.node.rpc("debug_traceTransaction", receipt["transactionHash"], {"tracer": "callTracer"})
    return keeper.adapter.encoder.explain(bytes.fromhex(traced["output"][2:]))


def test_a_position_absorbed_by_another_ahead_of_us_is_named(keeper):
    plan = keeper.plan().plans[0]
    ahead = absorbing(keeper.chain, keeper.comet, keeper.chain.accounts[7], [plan.opportunity.offer.key])
    receipt = keeper.land(plan.data, ahead=[ahead])
    assert refused(keeper, receipt).startswith("NotLiquidatable")
    # What they left for sale is bought in the next block, together with what the other position has.
    again = keeper.plan().plans[0]
    assert again.opportunity.settlement.receives[0].amount > 19 * WAD
    land_and_check(keeper, again)


def test_reserves_that_reach_their_target_between_two_purchases_undo_the_plan(scene):
    """The plan's own first purchase reaches the target, once somebody gave the market a little: none of it happens."""
    comet, user = several(scene)
    borrow(scene.chain, comet, user, 80_000 * 10**6)
    crash(scene)
    keeper = Keeper(scene, comet)
    (plan,) = keeper.plan().plans
    assert len(plan.opportunity.steps) == 3
    giver = scene.chain.accounts[7]
    fund(scene.chain, comet.base, giver, 10**13)
    gift = keeper.chain.transaction(
        comet.base.token, "transfer(address,uint256)", comet.comet, 5_060_000 * 10**6, sender=giver
    )
    receipt = keeper.land(plan.data, ahead=[gift])
    assert refused(keeper, receipt).startswith("NotForSale")
    # Planned on what the gift left, the transaction makes the purchases that are still open, and lands.
    (again,) = keeper.plan().plans
    assert len(again.opportunity.calls) < 3
    land_and_check(keeper, again)


def test_stock_bought_by_another_ahead_of_us_is_named(scene):
    comet, user = several(scene)
    borrow(scene.chain, comet, user, 80_000 * 10**6)
    crash(scene)
    absorb(scene, comet, user)
    keeper = Keeper(scene, comet)
    plan = keeper.plan().plans[0]
    rival = scene.chain.accounts[7]
    fund(scene.chain, comet.base, rival, 10**12)
    approve(scene.chain, comet.base, rival, comet.comet)
    function = "buyCollateral(address,uint256,uint256,address)"
    token = plan.opportunity.offer.receive_token
    bought = keeper.chain.transaction(comet.comet, function, token, 0, 10_000 * 10**6, rival, sender=rival)
    keeper.follower.advance()
    assert refused(keeper, keeper.land(plan.data, ahead=[bought])).startswith("InsufficientReserves")


@pytest.mark.parametrize(("absorbing_paused", "buying_paused", "action"), [(1, 0, "absorb"), (0, 1, "buy")])
def test_what_governance_paused_is_declined_and_refused(keeper, absorbing_paused, buying_paused, action):
    plan = keeper.plan().plans[0]
    function = "pause(bool,bool,bool,bool,bool)"
    pause = keeper.chain.transaction(
        keeper.comet.comet, function, False, False, False, bool(absorbing_paused), bool(buying_paused)
    )
    assert refused(keeper, keeper.land(plan.data, ahead=[pause])) == "Paused"
    market = keeper.advance()
    (no,) = keeper.adapter.offers.offers(plan.opportunity.offer.key, market)
    assert (no.reason, no.numbers["action"]) == (Reason.PAUSED, action)
    assert keeper.plan().plans == ()


# Other bases --------------------------------------------------------------------------------------------------------


def test_a_market_of_ether_is_paid_in_ether(scene):
    """WstETH against WETH at its own price of 3,500 dollars: 10 of them lend 8,000, and 85 % of 30,000 is 25,500."""
    comet, user = deploy(scene, base="WETH", collaterals=("wstETH",), target=1_000_000), scene.chain.accounts[1]
    supply(scene.chain, comet, scene.asset("wstETH"), user, 10 * WAD)
    borrow(scene.chain, comet, user, 9 * WAD)
    set_price(scene.chain, scene.asset("wstETH").feed, 3_100 * DOLLAR)
    keeper = Keeper(scene, comet)
    (plan,) = keeper.plan().plans
    assert plan.opportunity.profit.token == scene.asset("WETH").token
    land_and_check(keeper, plan)
