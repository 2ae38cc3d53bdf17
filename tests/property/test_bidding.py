"""Fees that must hold for any header and any plan."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from keeper.execution.base import Fees
from keeper.execution.bidding import (
    Bid,
    BidPolicy,
    FixedTip,
    ProfitShare,
    base_fee_after_full_blocks,
    bid,
    next_base_fee,
    replacement_fees,
)
from keeper.types import Declined
from keeper.units import GWEI, USD
from tests.fakes.heads import head, target
from tests.fakes.plans import make_plan

fees_wei = st.integers(min_value=0, max_value=10_000 * GWEI)
limits = st.integers(min_value=5_000, max_value=2**31)


@given(base_fee=fees_wei, limit=limits, share=st.integers(min_value=0, max_value=10_000))
def test_next_base_fee_moves_by_an_eighth_at_most_and_the_right_way(base_fee, limit, share):
    used = limit * share // 10_000
    found = next_base_fee(head(base_fee_wei=base_fee, gas_used=used, gas_limit=limit))
    # an odd limit makes a full block a little more than twice its target
    most = base_fee * (limit - limit // 2) // (limit // 2) // 8
    assert base_fee - base_fee // 8 <= found <= base_fee + max(most, 1)
    assert (found > base_fee) is (used > limit // 2)


@given(base_fee=fees_wei, limit=limits.map(lambda n: n * 2), blocks=st.integers(min_value=0, max_value=12))
def test_growing_by_full_blocks_is_the_rule_applied_to_full_headers(base_fee, limit, blocks):
    stepped = base_fee
    for _ in range(blocks):
        stepped = next_base_fee(head(base_fee_wei=stepped, gas_used=limit, gas_limit=limit))

    assert base_fee_after_full_blocks(base_fee, blocks) == stepped


@given(
    base_fee=fees_wei,
    profit_usd=st.integers(min_value=0, max_value=100_000 * USD),
    keep_usd=st.integers(min_value=0, max_value=1_000 * USD),
    tip=st.one_of(st.builds(FixedTip, fees_wei), st.builds(ProfitShare, st.integers(min_value=0, max_value=10_000))),
    native_usd=st.integers(min_value=USD // 100, max_value=100_000 * USD),
)
def test_a_bid_keeps_the_minimum_at_any_base_fee_it_can_land_at(base_fee, profit_usd, keep_usd, tip, native_usd):
    plan = make_plan(at=target(base_fee_wei=base_fee))
    plan = replace(plan, opportunity=replace(plan.opportunity, profit_usd=profit_usd))
    policy = BidPolicy(tip, max_fee_wei=1_000 * GWEI, min_profit_usd=keep_usd)
    found = bid(plan, policy, native_usd)
    if isinstance(found, Declined):
        return

    assert isinstance(found, Bid)
    assert 0 <= found.fees.tip_wei <= found.fees.max_fee_wei <= policy.max_fee_wei
    assert found.fees.max_fee_wei >= base_fee
    # What is left, in dollars, if every unit of the expected gas costs the full fee: exact, by cross-multiplication.
    spent_usd_times_wad = plan.opportunity.gas * found.fees.max_fee_wei * native_usd
    assert (profit_usd - keep_usd) * 10**18 >= spent_usd_times_wad


@given(max_fee=fees_wei, tip=fees_wei, base_fee=fees_wei)
def test_a_replacement_is_taken_by_a_pool_that_wants_ten_percent_more(max_fee, tip, base_fee):
    old = Fees(max(max_fee, tip), tip)
    new = replacement_fees(old, base_fee)
    for before, after in ((old.max_fee_wei, new.max_fee_wei), (old.tip_wei, new.tip_wei)):
        assert after > before
        assert after >= before * 110 // 100

    assert new.max_fee_wei >= base_fee + new.tip_wei
