from dataclasses import replace

import pytest

from keeper.execution.base import Fees
from keeper.execution.bidding import (
    BaseFeeRule,
    BidPolicy,
    FixedTip,
    ProfitShare,
    base_fee_after_full_blocks,
    bid,
    fee_ceiling_wei,
    gas_cost_wei,
    next_base_fee,
    next_rung,
    replacement_fees,
)
from keeper.types import Declined, Reason
from keeper.units import GWEI, USD
from tests.fakes.heads import head, target
from tests.fakes.plans import GAS, NATIVE_USD, make_plan

LIMIT = 45_000_000


@pytest.mark.parametrize(
    ("base_fee_wei", "gas_used", "expected"),
    [
        # target 22.5M; a full block is one target over: 10 gwei + 10 gwei / 8
        (10 * GWEI, LIMIT, 11_250_000_000),
        (10 * GWEI, LIMIT // 2, 10_000_000_000),
        (10 * GWEI, 0, 8_750_000_000),
        # 7,623,456 over: 10e9 * 7,623,456 // 22.5e6 = 3,388,202,666; // 8 = 423,525,333
        (10 * GWEI, 30_123_456, 10_423_525_333),
        # 7 // 8 is nothing, and a rise is at least 1
        (7, LIMIT, 8),
        # 7 * 22.5e6 // 22.5e6 // 8 = 0: a fall may be nothing
        (7, 0, 7),
        (0, LIMIT, 1),
        (0, 0, 0),
    ],
)
def test_next_base_fee_follows_the_consensus_rule(base_fee_wei, gas_used, expected):
    assert next_base_fee(head(base_fee_wei=base_fee_wei, gas_used=gas_used, gas_limit=LIMIT)) == expected


def test_next_base_fee_with_a_rollups_constants_moves_slower():
    # elasticity 6: target 7.5M; denominator 50: 10 gwei + 10 gwei * 37.5M / 7.5M / 50 = 11 gwei
    rule = BaseFeeRule(elasticity=6, denominator=50)
    assert next_base_fee(head(base_fee_wei=10 * GWEI, gas_used=LIMIT, gas_limit=LIMIT), rule) == 11 * GWEI


def test_base_fee_after_six_full_blocks_doubles():
    # 10e9, 11.25e9, 12.65625e9, 14238281250, 16018066406, 18020324706, 20272865294
    assert base_fee_after_full_blocks(10 * GWEI, 6) == 20_272_865_294


def test_base_fee_after_no_block_stays():
    assert base_fee_after_full_blocks(10 * GWEI, 0) == 10 * GWEI


def policy(**changes):
    return replace(BidPolicy(FixedTip(2 * GWEI), max_fee_wei=500 * GWEI, min_profit_usd=5 * USD), **changes)


# The plan: 100 dollars of profit at 2,000 dollars per native token are 0.05 = 5e16 wei; 500,000 gas; base fee 10 gwei;
# it may land in three blocks.
PLAN = make_plan(at=target(base_fee_wei=10 * GWEI))


def test_fee_ceiling_leaves_the_policys_minimum():
    # keep 5 dollars = 2.5e15 wei: (5e16 - 2.5e15) / 500,000 = 95 gwei
    assert fee_ceiling_wei(PLAN, policy(), NATIVE_USD) == 95 * GWEI


def test_fee_ceiling_counts_a_minimum_in_native_too():
    # keep another 2.5e15 wei: (5e16 - 5e15) / 500,000 = 90 gwei
    assert fee_ceiling_wei(PLAN, policy(min_profit_wei=2_500_000_000_000_000), NATIVE_USD) == 90 * GWEI


def test_bid_with_a_fixed_tip_pays_the_base_fee_through_the_last_block():
    found = bid(PLAN, policy(), NATIVE_USD)
    # two full blocks after the one aimed for: 10 -> 11.25 -> 12.65625 gwei, and the tip of 2
    assert found.fees == Fees(max_fee_wei=14_656_250_000, tip_wei=2 * GWEI)
    # 500,000 gas at 12 gwei now; 700,000 at the full fee at worst
    assert found.expected_cost_wei == 6_000_000_000_000_000
    assert found.worst_cost_wei == 700_000 * 14_656_250_000
    assert found.ceiling_wei == 95 * GWEI


def test_bid_with_a_profit_share_tips_that_share_of_what_the_base_fee_leaves():
    found = bid(PLAN, policy(tip=ProfitShare(5_000)), NATIVE_USD)
    # 5e16 - 500,000 * 10 gwei = 4.5e16; half is 2.25e16; per gas 45 gwei
    assert found.fees.tip_wei == 45 * GWEI


def test_bid_with_the_whole_profit_as_share_stops_at_the_ceiling():
    found = bid(PLAN, policy(tip=ProfitShare(10_000)), NATIVE_USD)
    # 90 gwei wished, 95 - 10 = 85 allowed
    assert found.fees == Fees(max_fee_wei=95 * GWEI, tip_wei=85 * GWEI)


def test_bid_never_passes_the_policys_cap():
    found = bid(PLAN, policy(max_fee_wei=11 * GWEI), NATIVE_USD)
    assert found.fees == Fees(max_fee_wei=11 * GWEI, tip_wei=1 * GWEI)


def test_bid_with_a_base_fee_above_the_cap_declines():
    found = bid(PLAN, policy(max_fee_wei=9 * GWEI), NATIVE_USD)
    assert isinstance(found, Declined)
    assert found.reason is Reason.FEE_CAP


def test_bid_with_a_base_fee_that_eats_the_profit_declines():
    found = bid(make_plan(at=target(base_fee_wei=95 * GWEI + 1)), policy(), NATIVE_USD)
    assert isinstance(found, Declined)
    assert found.reason is Reason.BELOW_MIN_PROFIT
    assert found.numbers["ceiling_wei"] == 95 * GWEI


def test_bid_at_exactly_the_ceiling_goes_through_without_a_tip():
    assert bid(make_plan(at=target(base_fee_wei=95 * GWEI)), policy(), NATIVE_USD).fees == Fees(95 * GWEI, 0)


def test_bid_without_a_native_price_declines():
    assert bid(PLAN, policy(), 0).reason is Reason.UNKNOWN_PRICE


def test_gas_cost_is_capped_by_the_full_fee():
    assert gas_cost_wei(GAS, 10 * GWEI, Fees(11 * GWEI, 2 * GWEI)) == GAS * 11 * GWEI


@pytest.mark.parametrize(
    ("old", "expected"),
    [
        (Fees(30 * GWEI, 2 * GWEI), Fees(33_750_000_000, 2_250_000_000)),
        # 9 * 1.125 = 10.125, rounded up
        (Fees(9, 1), Fees(11, 2)),
        (Fees(8, 0), Fees(9, 1)),
    ],
)
def test_replacement_fees_raise_both_fields_by_an_eighth(old, expected):
    assert replacement_fees(old, base_fee_wei=0) == expected


def test_replacement_fees_keep_up_with_the_base_fee():
    # the tip rises to 2.25 gwei, and 100 gwei of base fee must be paid beside it
    assert replacement_fees(Fees(30 * GWEI, 2 * GWEI), 100 * GWEI) == Fees(102_250_000_000, 2_250_000_000)


# 14.65625 gwei with a tip of 2: an eighth more is 16.48828125 with 2.25
OLD = Fees(14_656_250_000, 2 * GWEI)


def test_a_rung_pays_the_base_fee_through_the_last_block_within_the_ceiling():
    # base fee 30 gwei, one full block more: 33.75, and the tip of 2.25
    assert next_rung(OLD, 30 * GWEI, 1, 95 * GWEI) == Fees(36_000_000_000, 2_250_000_000)


def test_a_rung_is_an_eighth_above_the_old_bid_where_the_base_fee_asks_for_less():
    assert next_rung(OLD, 8 * GWEI, 0, 95 * GWEI) == Fees(16_488_281_250, 2_250_000_000)


def test_a_rung_stops_at_the_ceiling():
    assert next_rung(OLD, 94 * GWEI, 2, 95 * GWEI) == Fees(95 * GWEI, 2_250_000_000)


def test_there_is_no_rung_that_a_pool_would_take_above_the_ceiling():
    assert next_rung(OLD, 8 * GWEI, 0, 16_488_281_249) is None
    assert next_rung(OLD, 8 * GWEI, 0, 16_488_281_250) == Fees(16_488_281_250, 2_250_000_000)


def test_there_is_no_rung_under_a_base_fee_above_the_ceiling():
    assert next_rung(OLD, 95 * GWEI + 1, 0, 95 * GWEI) is None


def test_the_ceiling_of_a_bid_is_the_policys_cap_where_that_is_lower():
    assert bid(PLAN, policy(max_fee_wei=20 * GWEI), NATIVE_USD).ceiling_wei == 20 * GWEI


def test_a_plan_with_more_gas_than_any_transaction_may_ask_for_declines():
    found = bid(make_plan(gas_limit=16_777_217), policy(), NATIVE_USD)
    assert (found.reason, found.numbers["gas_limit"]) == (Reason.TOO_MUCH_GAS, 16_777_217)
    assert bid(make_plan(gas_limit=16_777_216), policy(), NATIVE_USD).worst_cost_wei > 0
