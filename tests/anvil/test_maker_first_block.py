"""A Dutch auction is bought in the first block in which that earns the floor after gas, not before and not after.

A stranger with the same floor finds out the same by trying on the chain, and buys one block after it could have: in the
block in which a keeper that is late by one would be behind it.
"""

import pytest

from keeper.settler import EXECUTED
from keeper.types import OfferKind
from keeper.units import USD, WAD
from tests.anvil.maker_auctions import STRANGERS_GAS, Auction, draw
from tests.parity.aave_v3_lab import hexed

pytestmark = pytest.mark.anvil

BLOCKS = 60
GAS_USD = 2 * 3_000 * USD // 10**9
"""A unit of gas at the two gwei and the 3,000 dollars of the plans, rounded down."""


def play(scene, seed, *, late_by=0):
    """Let blocks pass until the keeper plans, and land that so many blocks late, behind the stranger if it comes."""
    auction = Auction(scene, draw(seed))
    keeper, gains, strangers = auction.keeper, [], []

    for _ in range(BLOCKS):
        gain, size = auction.best_purchase()
        gains.append(gain * USD // WAD)
        plans = keeper.plan(policies=(auction.policy,)).plans
        worth = gains[-1] - STRANGERS_GAS * GAS_USD >= auction.drawn.floor_usd
        following = [auction.purchase(size)] if worth else []

        if plans and not late_by:
            return auction, plans[0], keeper.land(plans[0].data, ahead=strangers), gains, following

        assert not strangers, f"seed {seed}: the stranger was first: {gains}"
        late_by -= bool(plans)
        strangers = following
        keeper.pass_time(12)

    raise AssertionError(f"seed {seed}: nobody bought in {BLOCKS} blocks: {gains}")


def check(scene, seed):
    auction, plan, receipt, gains, following = play(scene, seed)
    opportunity, floor_usd = plan.opportunity, auction.drawn.floor_usd
    assert (opportunity.offer.kind, opportunity.offer.key) == (OfferKind.SALE, auction.key)
    assert receipt["status"] == "0x1"
    (event,) = [log for log in receipt["logs"] if log["topics"][0] == hexed(EXECUTED)]
    assert int(event["data"][2:66], 16) == opportunity.profit.amount
    # Not too early: what it left was enough.
    assert opportunity.profit_usd - int(receipt["gasUsed"], 16) * GAS_USD >= floor_usd
    # Not too late: in no block before would the stranger have earned as much, for the keeper's own gas.
    assert all(gain - opportunity.gas * GAS_USD < floor_usd for gain in gains[:-1]), (seed, gains, opportunity)

    for transaction in following:
        auction.chain.node.rpc("eth_sendTransactionSync", transaction.fields())

    purchases = auction.purchases()
    assert purchases[0]["transactionHash"] == receipt["transactionHash"]
    assert all(int(other["blockNumber"], 16) > int(receipt["blockNumber"], 16) for other in purchases[1:])


@pytest.mark.parametrize("seed", range(3))
def test_auction_is_bought_in_the_first_block_that_pays_on_each_curve(scene, seed):
    check(scene, seed)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(3, 50))
def test_auction_is_bought_in_the_first_block_that_pays_in_many_runs(scene, seed):
    check(scene, seed)


def test_keeper_late_by_a_block_is_behind_the_stranger(scene):
    """What the runs above would say of a keeper that sees the block and lands in the one behind it."""
    auction, _, receipt, _, _ = play(scene, 1, late_by=1)
    assert receipt["status"] == "0x0"
    assert auction.purchases()[0]["transactionHash"] != receipt["transactionHash"]
