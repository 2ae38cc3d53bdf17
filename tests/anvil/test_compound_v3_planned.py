"""Plans on Comet's twin land with the profit they said: absorbed, bought and sold."""

import pytest

from keeper.protocols.words import word
from keeper.sandbox.feeds import DOLLAR, set_price
from keeper.settler import EXECUTED
from keeper.types import OfferKind
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
    assert keeper.plan().plans == ()


def test_absorptions_with_purchases_land_with_the_profit_they_said(keeper):
    plans = keeper.plan().plans
    assert {plan.opportunity.offer.key for plan in plans} == set(keeper.chain.accounts[2:4])
    for _ in range(2):
        plan = keeper.plan().plans[0]
        assert plan.opportunity.offer.kind is OfferKind.SALE
        assert len(plan.opportunity.offer.prelude) == 1
        land_and_check(keeper, plan)
