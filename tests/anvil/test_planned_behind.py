"""Blocks faster than inclusion: what is planned behind a plan that is still under way lands with the profit it said."""

import pytest

from keeper.planning.underway import Underway
from keeper.sandbox.aave import borrow, supply
from keeper.sandbox.feeds import DOLLAR, set_price
from keeper.sandbox.uniswap_v3 import move_price
from tests.anvil.test_planned_liquidations import Keeper, realised

pytestmark = pytest.mark.anvil


@pytest.fixture
def keeper(scene):
    """Two borrowers of USDC against WETH; the second stands up to a fall that the first does not."""
    keeper = Keeper(scene)
    chain, weth, usdc = scene.chain, scene.asset("WETH"), scene.asset("USDC")
    for user, owed in ((chain.accounts[1], 235_000), (chain.accounts[2], 222_000)):
        supply(chain, scene.aave, weth, user, weth.units(100))
        borrow(chain, scene.aave, usdc, user, usdc.units(owed))

    return keeper


def test_plan_behind_one_under_way_lands_and_one_that_ignores_it_reverts(keeper):
    """The first is sent, a block passes it by in which the second falls due, and both are in the block after.

    Both sell WETH in the same pools. Alone, the second counts on what the first takes.
    """
    fall(keeper, 2_800, pools_bps=667)
    (first,) = keeper.plan().plans
    fall(keeper, 2_650, pools_bps=0)
    ahead = Underway.of(first.opportunity)
    busy = frozenset({(ahead.deployment, ahead.key)})

    (behind,) = keeper.plan(busy=busy, ahead=(ahead,)).plans
    (alone,) = keeper.plan(busy=busy).plans

    assert alone.opportunity.profit.amount > behind.opportunity.profit.amount
    snapshot = keeper.chain.node.rpc("evm_snapshot")
    before, late = keeper.land([first, alone])
    assert (before["status"], late["status"]) == ("0x1", "0x0")
    keeper.chain.revert(snapshot)
    before, exact = keeper.land([first, behind])
    assert (before["status"], exact["status"]) == ("0x1", "0x1")
    assert realised(exact) == behind.opportunity.profit


def fall(keeper, dollars, *, pools_bps):
    """The oracle's price of WETH to so many dollars, and its pools by so much."""
    scene = keeper.scene
    weth = scene.asset("WETH")
    set_price(scene.chain, weth.feed, dollars * DOLLAR)
    for name in ("WETH/USDC/500", "WETH/USDC/3000", "WETH/DAI/3000") if pools_bps else ():
        move_price(scene.chain, scene.world.uniswap, scene.world.uniswap.pools[name], weth, pools_bps)
