"""Small liquidations in one transaction on the real contracts: the profit they said, for less gas than apart."""

from dataclasses import replace

import pytest

from keeper.planning.batch import SAVED_GAS
from keeper.sandbox.aave import borrow, supply
from keeper.sandbox.feeds import DOLLAR, set_price
from keeper.settler import ITEM_FAILED
from keeper.units import GWEI, USD
from tests.anvil.test_planned_liquidations import POLICY, Keeper, realised
from tests.parity.aave_v3_lab import hexed

pytestmark = pytest.mark.anvil

BATCHING = replace(POLICY, min_profit_usd=USD, batch=True)
DEAR = 20 * GWEI


@pytest.fixture
def keeper(scene):
    """Three borrowers of some 480 dollars against 0.2 WETH, of which 83 % count, at 2,850 dollars."""
    keeper = Keeper(scene)
    chain, weth, usdc = scene.chain, scene.asset("WETH"), scene.asset("USDC")
    for place, user in enumerate(chain.accounts[1:4]):
        supply(chain, scene.aave, weth, user, weth.units(0.2))
        borrow(chain, scene.aave, usdc, user, usdc.units(478 + place))

    set_price(chain, weth.feed, 2_850 * DOLLAR)
    return keeper


def land(keeper, plans):
    receipts = keeper.land(plans)
    assert [receipt["status"] for receipt in receipts] == ["0x1"] * len(plans)
    return receipts, sum(int(receipt["gasUsed"], 16) for receipt in receipts)


def test_batch_earns_what_its_items_would_for_less_gas(keeper):
    alone = keeper.plan(policies=(replace(BATCHING, batch=False),), gas_price_wei=DEAR).plans
    (batch,) = keeper.plan(policies=(BATCHING,), gas_price_wei=DEAR).plans
    assert batch.items == alone
    assert len(alone) == 3

    snapshot = keeper.chain.node.rpc("evm_snapshot")
    receipts, apart = land(keeper, alone)
    assert [realised(receipt) for receipt in receipts] == [plan.opportunity.profit for plan in alone]
    keeper.chain.node.rpc("evm_revert", snapshot)
    (receipt,), together = land(keeper, [batch])

    assert realised(receipt) == batch.opportunity.profit
    print(f"\nthree apart {apart} gas, together {together}: {(apart - together) // 2} less for each after the first")
    assert together <= apart - 2 * SAVED_GAS


def test_item_whose_position_recovered_is_skipped_and_the_others_pay(keeper):
    later = keeper.follower.head().number + 10  # what it takes to recover is mined in blocks of its own
    (batch,) = keeper.plan(policies=(BATCHING,), gas_price_wei=DEAR, max_block=later).plans
    gone, *others = batch.items
    scene = keeper.scene
    supply(keeper.chain, scene.aave, scene.asset("WETH"), gone.opportunity.offer.key, scene.asset("WETH").units(1))

    (receipt,), _ = land(keeper, [batch])

    failed = [log for log in receipt["logs"] if log["topics"][0] == hexed(ITEM_FAILED)]
    assert [int(log["data"][2:66], 16) for log in failed] == [0]
    token, profit = realised(receipt)
    assert token == batch.opportunity.profit.token
    # The pools were not moved by the one that was skipped: the others earn no less than they said.
    assert profit >= sum(plan.opportunity.profit.amount for plan in others)
