"""Every formula of the contract against exact fractions with the contract's literals, at amounts that use all bits."""

from fractions import Fraction
from math import ceil, floor

from hypothesis import example, given
from hypothesis import strategies as st

from keeper.protocols.morpho_blue import math
from keeper.protocols.morpho_blue.math import Liquidation, Totals

AMOUNT = st.integers(0, 2**127)
TOTALS = st.builds(Totals, AMOUNT, AMOUNT, AMOUNT, AMOUNT)
LLTV = st.integers(0, 10**18 - 1)
PRICE = st.integers(1, 2**120)


def incentive(lltv):
    return min(115 * 10**16, floor(Fraction(10**36, 10**18 - floor(Fraction(3 * 10**17 * (10**18 - lltv), 10**18)))))


@given(AMOUNT, AMOUNT, AMOUNT)
@example(10**30, 0, 0)
@example(10**30, 10**6, 10**6)
def test_shares_and_assets_convert_with_a_virtual_unit_and_a_million_virtual_shares(amount, assets, shares):
    rate = Fraction(shares + 10**6, assets + 1)
    assert math.to_shares_down(amount, assets, shares) == floor(amount * rate)
    assert math.to_shares_up(amount, assets, shares) == ceil(amount * rate)
    assert math.to_assets_down(amount, assets, shares) == floor(amount / rate)
    assert math.to_assets_up(amount, assets, shares) == ceil(amount / rate)


@given(LLTV)
@example(86 * 10**16)
@example(999_999_999_999_999_999)
@example(6 * 10**17 - 3)  # the cursor's share ends in nine tenths: the least bit more carries
def test_incentive_is_one_over_one_less_the_cursors_share(lltv):
    assert math.liquidation_incentive_factor(lltv) == incentive(lltv)


@given(st.integers(0, 2**90), LLTV)
def test_max_borrow_is_the_threshold_of_the_value(value, lltv):
    assert math.max_borrow(value, lltv) == floor(Fraction(value * lltv, 10**18))


@given(AMOUNT, TOTALS, PRICE, LLTV)
@example(2**127, Totals(0, 0, 2**127, 10**6), 10**36 - 1, 86 * 10**16)
def test_seized_is_worth_the_repaid_assets_with_their_incentive(shares, totals, price, lltv):
    assets = floor(Fraction(shares * (totals.borrow_assets + 1), totals.borrow_shares + 10**6))
    rewarded = floor(Fraction(assets * incentive(lltv), 10**18))
    assert math.seized_for(shares, totals, price, lltv) == floor(Fraction(rewarded * 10**36, price))


@given(AMOUNT, TOTALS, PRICE, LLTV)
@example(2**127, Totals(0, 0, 10**6, 2**127), 2**120, 86 * 10**16)
def test_repaid_shares_are_worth_the_seized_collateral_less_its_incentive(seized, totals, price, lltv):
    quoted = ceil(Fraction(seized * price, 10**36))
    assets = ceil(Fraction(quoted * 10**18, incentive(lltv)))
    expected = ceil(Fraction(assets * (totals.borrow_shares + 10**6), totals.borrow_assets + 1))
    assert math.repaid_shares_for(seized, totals, price, lltv) == expected


@given(st.integers(0, 10**14), st.integers(0, 10**8))
@example(10**18, 10**9)
def test_interest_is_three_terms_each_rounded_down(rate, elapsed_s):
    first = rate * elapsed_s
    second = floor(Fraction(first * first, 2 * 10**18))
    third = floor(Fraction(second * first, 3 * 10**18))
    assert math.taylor_compounded(rate, elapsed_s) == first + second + third


@given(st.integers(0, 2**120), st.integers(0, 10**17), st.integers(0, 25 * 10**16), AMOUNT)
@example(2**120, 10**17, 25 * 10**16, 2**126)
def test_accrual_adds_interest_to_both_sides_and_mints_the_fee(debt, rate, fee, shares):
    before = Totals(2 * debt, shares, debt, 7, 1_000, fee)
    interest = floor(Fraction(debt * math.taylor_compounded(rate, 1), 10**18))
    fee_assets = floor(Fraction(interest * fee, 10**18))
    supplied = 2 * debt + interest
    minted = floor(Fraction(fee_assets * (shares + 10**6), supplied - fee_assets + 1))
    assert math.accrue(before, rate, 1_001) == Totals(supplied, shares + minted, debt + interest, 7, 1_001, fee)


def test_value_is_counted_up_to_all_256_bits():
    """The product is what the contract multiplies: 2**256 - 1 = 3 * 5 * 17 * ... fits, one more does not."""
    assert math.collateral_value(3, (2**256 - 1) // 3) == (2**256 - 1) // 10**36
    assert math.collateral_value(2, 2**255) is None


def test_totals_after_bad_debt_lose_both_the_repaid_and_the_written_off():
    moved = Liquidation(seized=1, repaid_assets=30, repaid_shares=300, bad_debt_assets=20, bad_debt_shares=200)
    assert math.after_liquidation(Totals(1_000, 5, 100, 1_000, 9, 8), moved) == Totals(980, 5, 50, 500, 9, 8)


def test_totals_of_a_new_market_are_nothing():
    assert Totals() == Totals(0, 0, 0, 0, 0, 0)


def test_accrual_is_refused_one_past_128_bits_and_not_before():
    """At 100 % a second, with three terms: 1 + 1/2 + 1/6 of the debt of 6, rounded down at each: 9."""
    least = math.accrue(Totals(2**128 - 1 - 9, 0, 6, 1, 0), 10**18, 1)
    assert (least.supply_assets, least.borrow_assets) == (2**128 - 1, 15)
    assert math.accrue(Totals(2**128 - 9, 0, 6, 1, 0), 10**18, 1) is None
