"""Bids by expected value, with the numbers worked by hand."""

from dataclasses import replace

import pytest

from keeper.execution.auction import ExpectedValue, Experience, Prospect, best_tip
from keeper.execution.base import Fees
from keeper.execution.bidding import BidPolicy, bid
from keeper.types import Declined, Reason
from keeper.units import GWEI, USD
from tests.fakes.heads import target
from tests.fakes.plans import NATIVE_USD, make_plan

POLICY = ExpectedValue(start_share_bps=5_000, max_share_bps=9_500)
# 1,000 gas; a base fee of 10; 1,000,000 is left after it: room for a tip of 1,000 per gas.
PROSPECT = Prospect(left_wei=1_000_000, gas=1_000, base_fee_wei=10, room_wei=1_000)


def after(*winning_bps, lost=0, charged=0, charged_gas=0):
    return Experience(winning_bps, lost, charged, charged_gas)


def test_best_tip_without_experience_is_the_starting_share():
    assert best_tip(PROSPECT, POLICY, Experience()) == 500


def test_best_tip_with_seven_winners_is_still_the_starting_share():
    assert best_tip(PROSPECT, POLICY, after(*[3_000] * 7)) == 500


def test_best_tip_is_just_above_winners_that_all_paid_the_same():
    # Bidding 0 wins 1 of 10: 1/10 * 1,000,000. Bidding 30.01 % wins 9 of 10: tip 300 leaves 700,000.
    assert best_tip(PROSPECT, POLICY, after(*[3_000] * 8)) == 300


def test_best_tip_leaves_the_dear_auctions_to_others():
    # Four at 10 %, four at 90 %. Above the first: tip 100 wins 5 of 10, 900,000 each. Above all: 900 wins 9 of 10,
    # 100,000 each. At no cost for losing the first is worth five times more.
    found = best_tip(PROSPECT, POLICY, after(*[1_000] * 4, *[9_000] * 4, lost=10_000, charged=0, charged_gas=0))
    assert found == 100


def test_best_tip_pays_more_where_losing_is_charged():
    # Losing is charged nearly always and burns 4,000 gas at (10 + tip). Four winners at 10 %, four at 20 %:
    # tip 100: 5/10 * 900,000 - 5/10 * 0.98 * 440,000 = 234,000;
    # tip 200: 9/10 * 800,000 - 1/10 * 0.98 * 840,000 = 637,000
    found = best_tip(PROSPECT, POLICY, after(*[1_000] * 4, *[2_000] * 4, lost=98, charged=97, charged_gas=97 * 4_000))
    assert found == 200


def test_best_tip_never_passes_the_greatest_share():
    # All paid 19.99 %: 20 % is allowed and wins 9 of 10. All paid 20 %: more than that is not, so nothing is gained.
    cautious = replace(POLICY, max_share_bps=2_000)
    assert best_tip(PROSPECT, cautious, after(*[1_999] * 8, lost=10_000)) == 200
    assert best_tip(PROSPECT, cautious, after(*[2_000] * 8, lost=10_000)) == 0


def test_best_tip_is_none_where_every_bid_loses_on_average():
    # Only 1 of 10 is won at any share that pays; losing is certain to burn 1,000 gas at 10 a time or more.
    poor = Prospect(left_wei=50_000, gas=1_000, base_fee_wei=10_000, room_wei=50)
    assert best_tip(poor, POLICY, after(*[10_001] * 8, lost=8, charged=8, charged_gas=8_000)) is None


def test_best_tip_takes_the_plans_gas_for_a_loss_nobody_was_charged_for():
    # P(charged) is 1/2 before anything was lost, and costs the plan's 1,000 gas: 10,000 * 1/2 * 9/10 is little here.
    assert best_tip(PROSPECT, POLICY, after(*[10_001] * 8)) == 0


@pytest.mark.parametrize("share", [0, 2_500, 9_500])
def test_start_share_is_capped_by_the_greatest(share):
    assert best_tip(PROSPECT, ExpectedValue(10_000, share), Experience()) == 1_000 * share // 10_000


def test_bid_by_expected_value_offers_its_share_of_the_room():
    policy = BidPolicy(POLICY, max_fee_wei=500 * GWEI, min_profit_usd=5 * USD)
    plan = make_plan(at=target(base_fee_wei=10 * GWEI))
    # The ceiling is 95 gwei, the room 85; half of it, and the base fee after two full blocks, 12.65625.
    assert bid(plan, policy, NATIVE_USD).fees == Fees(55_156_250_000, 42_500_000_000)
    learned = bid(plan, policy, NATIVE_USD, experience=after(*[1_999] * 8))
    assert learned.fees.tip_wei == 17 * GWEI


def test_bid_by_expected_value_that_loses_on_average_declines():
    policy = BidPolicy(POLICY, max_fee_wei=500 * GWEI, min_profit_usd=5 * USD)
    plan = make_plan(at=target(base_fee_wei=94 * GWEI))
    known = after(*[10_001] * 8, lost=8, charged=8, charged_gas=8 * 500_000)
    found = bid(plan, policy, NATIVE_USD, experience=known)
    assert isinstance(found, Declined)
    assert (found.reason, found.numbers["auctions"]) == (Reason.UNPROFITABLE, 8)
