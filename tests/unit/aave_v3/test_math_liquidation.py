"""Close factor, seizure, leftovers and bad debt: worked examples, each worked by hand from the contract's text."""

from dataclasses import replace

import pytest

from keeper.protocols.aave import math as shared
from keeper.protocols.aave_v3 import math
from keeper.protocols.aave_v3.math import Seizure, Terms
from keeper.units import BPS, RAY
from tests.fakes.aave_v3_market import DOLLAR, RULES

V30, V32, V33, V34, V35, V36, V37 = (RULES[f"3.{minor}"] for minor in (0, 2, 3, 4, 5, 6, 7))

WETH_18 = 10**18
USDC_6 = 10**6


def terms(**changes):
    """10 WETH at 1 900 dollars, flagged, against 12 000 USDC and 4 000 DAI: health 0.985625."""
    plain = Terms(
        collateral_price=1_900 * DOLLAR,
        collateral_unit=WETH_18,
        collateral_balance=10 * WETH_18,
        scaled_collateral=10 * WETH_18,
        liquidity_index=RAY,
        debt_price=DOLLAR,
        debt_unit=USDC_6,
        debt_balance=12_000 * USDC_6,
        borrow_index=RAY,
        bonus=10_500,
        protocol_fee=1_000,
        total_collateral_base=19_000 * DOLLAR,
        total_debt_base=16_000 * DOLLAR,
        health_factor=985_625_000_000_000_000,
    )
    return replace(plain, **changes)


# Close factor ------------------------------------------------------------------------------------------------------


def test_close_factor_33_is_half_of_the_total_debt():
    """Half of 16 000 is 8 000, less than the 12 000 of USDC."""
    assert math.max_liquidatable_debt(terms(), V36) == 8_000 * USDC_6


def test_close_factor_33_allows_a_debt_below_half_of_the_total_whole():
    dai = terms(debt_unit=10**18, debt_balance=4_000 * 10**18)
    assert math.max_liquidatable_debt(dai, V36) == 4_000 * 10**18


def test_close_factor_33_allows_a_debt_of_exactly_half_whole():
    assert math.max_liquidatable_debt(terms(debt_balance=8_000 * USDC_6), V36) == 8_000 * USDC_6


def test_close_factor_30_is_half_of_the_chosen_debt_half_up():
    assert math.max_liquidatable_debt(terms(), V30) == 6_000 * USDC_6
    assert math.max_liquidatable_debt(terms(debt_balance=5), V32) == 3


@pytest.mark.parametrize("rules", [V30, V36], ids=["3.0", "3.6"])
def test_close_factor_is_whole_at_the_threshold_and_half_just_above(rules):
    at, above = terms(health_factor=95 * 10**16), terms(health_factor=95 * 10**16 + 1)
    assert math.max_liquidatable_debt(at, rules) == 12_000 * USDC_6
    assert math.max_liquidatable_debt(above, rules) < 12_000 * USDC_6


def test_close_factor_33_is_whole_below_two_thousand_on_either_side():
    """1 999.999999 of debt, or collateral worth one base unit less than 2 000."""
    small_debt = terms(debt_balance=2_000 * USDC_6 - 1, total_debt_base=2_000 * DOLLAR - 100)
    exact_debt = terms(debt_balance=2_000 * USDC_6, total_debt_base=2_000 * DOLLAR)
    assert math.max_liquidatable_debt(small_debt, V36) == 2_000 * USDC_6 - 1
    assert math.max_liquidatable_debt(exact_debt, V36) == 1_000 * USDC_6

    # 2000 / 1900 WETH: 1052631578947368421.05 wei is worth 2 000 dollars, so one wei less is not.
    small = terms(collateral_balance=1_052_631_578_947_368_421, debt_balance=12_000 * USDC_6)
    exact = terms(collateral_balance=1_052_631_578_947_368_422, debt_balance=12_000 * USDC_6)
    assert math.max_liquidatable_debt(small, V36) == 12_000 * USDC_6
    assert math.max_liquidatable_debt(exact, V36) == 8_000 * USDC_6


def test_close_factor_33_values_the_debt_up_from_35():
    """A debt worth 199 999 999 999.5 base units is 2 000 dollars rounded up and less rounded down."""
    odd = terms(debt_price=199_999_999_999_5, debt_unit=10**7, debt_balance=10**6, total_debt_base=2_000 * DOLLAR)
    assert math.max_liquidatable_debt(odd, V34) == 10**6
    assert math.max_liquidatable_debt(odd, V35) < 10**6


def test_close_factor_33_rounds_half_of_the_debt_half_up_then_down_to_tokens():
    """Half of 400000000003 is 200000000001.5, so 200000000002; over a price of 3 that is 66666666667.33 tokens."""
    odd = terms(total_debt_base=400_000_000_003, debt_price=3, debt_unit=1, debt_balance=133_333_333_334)
    assert math.max_liquidatable_debt(odd, V36) == 66_666_666_667


def test_close_factor_33_allows_a_debt_that_is_worth_exactly_half_only_when_rounded_up_whole():
    """Worth 199 999 999 999.7 base units, so 200 000 000 000, half of twice that; the half would buy 3 units more."""
    odd = terms(debt_price=1, debt_unit=10, debt_balance=1_999_999_999_997, total_debt_base=4_000 * DOLLAR)
    assert math.max_liquidatable_debt(odd, V36) == 1_999_999_999_997


# Seizure -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "liquidator", "fee"),
    [
        (V33, 4_400_000_000_000_000_000, 21_052_631_578_947_368),
        (V36, 4_400_000_000_000_000_000, 21_052_631_578_947_368),
        (V37, 4_399_999_999_999_999_999, 21_052_631_578_947_369),
    ],
    ids=["3.3", "3.6", "3.7"],
)
def test_seize_half_of_the_worked_account(rules, liquidator, fee):
    """8 000 dollars at 1 900 and 5 % is 4.421052631578947368 WETH, worth 8 400 less a base unit."""
    assert math.seize(8_000 * USDC_6, terms(), rules) == Seizure(8_000 * USDC_6, liquidator, fee, 839_999_999_999)


def test_seize_half_of_the_worked_account_30():
    seized = math.seize(6_000 * USDC_6, terms(), V30)
    assert (seized.collateral, seized.fee) == (3_300_000_000_000_000_000, 15_789_473_684_210_526)


def test_seize_the_smaller_debt_of_the_worked_account():
    seized = math.seize(4_000 * 10**18, terms(debt_unit=10**18, debt_balance=4_000 * 10**18), V36)
    assert (seized.collateral, seized.fee) == (2_200_000_000_000_000_000, 10_526_315_789_473_684)


UNDERWATER = terms(
    collateral_price=150_000_000_001,
    collateral_balance=3_000_000_000_000_000_001,
    scaled_collateral=3_000_000_000_000_000_001,
    debt_balance=5_000_000_001,
    total_collateral_base=450_000_000_003,
    total_debt_base=500_000_000_100,
    health_factor=746_999_999_855_580_000,
)
"""3 WETH and a wei against 5 000.000001 USDC: not enough."""


def test_seize_more_than_there_is_takes_all_and_pays_for_that():
    seized = math.seize(5_000_000_001, UNDERWATER, V36)
    assert seized == Seizure(4_285_714_286, 2_985_714_285_714_285_715, 14_285_714_285_714_286, 450_000_000_003)
    assert math.clears_collateral(seized, UNDERWATER, V36)


def test_seize_all_pays_the_fraction_up_from_35_and_half_up_before():
    """4500.00000003 / 1.11 is 4054.054054_054: 4054054054 half up, 4054054055 up."""
    at_111 = replace(UNDERWATER, bonus=11_100)
    assert [math.seize(5_000_000_001, at_111, r).repaid for r in (V34, V35)] == [4_054_054_054, 4_054_054_055]


def test_seize_rounds_directed_in_37():
    """A WBTC seizure where every half-up of 3.6 goes the other way."""
    odd = terms(
        collateral_price=6_123_456_789_012,
        collateral_unit=10**8,
        collateral_balance=10**8,
        debt_price=99_999_999,
        bonus=10_730,
    )
    seized = [math.seize(777_777_777, odd, rules) for rules in (V36, V37)]
    assert [(s.collateral, s.fee) for s in seized] == [(1_353_611, 9_272), (1_353_609, 9_273)]


def test_seize_without_a_protocol_fee_gives_all_to_the_liquidator():
    seized = math.seize(8_000 * USDC_6, terms(protocol_fee=0), V36)
    assert (seized.collateral, seized.fee) == (4_421_052_631_578_947_368, 0)


def test_seize_exactly_the_balance_is_not_capped():
    """At one to one with a bonus of 50 %, 2 units buy exactly 3: paid 2, not 3 / 1.5 rounded."""
    exact = terms(
        collateral_price=1, collateral_unit=1, debt_price=1, debt_unit=1, bonus=15_000, protocol_fee=0,
        collateral_balance=3, debt_balance=2,
    )  # fmt: skip
    assert math.seize(2, exact, V36) == Seizure(2, 3, 0, 3)
    assert math.seize(3, exact, V36) == Seizure(2, 3, 0, 3)


def test_seize_exactly_the_balance_pays_all_that_was_offered_even_where_less_would_do():
    """A unit of collateral is worth ten of debt and nothing on top: 19 buy one, as 10 would."""
    coarse = terms(
        collateral_price=10, collateral_unit=1, debt_price=1, debt_unit=1, bonus=10_000, protocol_fee=0,
        collateral_balance=1, debt_balance=19,
    )  # fmt: skip
    assert math.seize(19, coarse, V36) == Seizure(19, 1, 0, 10)
    assert math.seize(20, coarse, V36) == Seizure(10, 1, 0, 10)


# Leftovers ---------------------------------------------------------------------------------------------------------

DUSTY = terms(
    collateral_price=1_480 * DOLLAR,
    collateral_balance=4 * WETH_18,
    scaled_collateral=4 * WETH_18,
    debt_balance=5_200 * USDC_6,
    total_collateral_base=5_920 * DOLLAR,
    total_debt_base=5_200 * DOLLAR,
    health_factor=944_923_076_923_076_923,
)
"""4 WETH at 1 480 against 5 200 USDC: all of it may be repaid."""


def test_leaving_less_than_a_thousand_of_debt_is_refused():
    assert math.leaves_dust(math.seize(4_500 * USDC_6, DUSTY, V36), DUSTY, V36)


def test_leaving_exactly_a_thousand_of_debt_is_accepted():
    seized = math.seize(4_200 * USDC_6, DUSTY, V36)
    assert (seized.collateral, seized.fee) == (2_965_540_540_540_540_540, 14_189_189_189_189_189)
    assert not math.leaves_dust(seized, DUSTY, V36)
    assert math.leaves_dust(math.seize(4_200 * USDC_6 + 1, DUSTY, V36), DUSTY, V36)


def test_clearing_the_debt_leaves_no_dust():
    seized = math.seize(5_200 * USDC_6, DUSTY, V36)
    assert (seized.repaid, seized.collateral, seized.fee) == (
        5_200_000_000, 3_671_621_621_621_621_621, 17_567_567_567_567_568,
    )  # fmt: skip
    assert not math.leaves_dust(seized, DUSTY, V36)


def test_leaving_less_than_a_thousand_of_collateral_is_refused():
    """9 000 of debt against 4 WETH at 1 480: 4 600 leaves 5920 - 4830 = 1090 of it, 4 700 leaves 985."""
    many_debts = replace(DUSTY, debt_balance=9_000 * USDC_6)
    assert not math.leaves_dust(math.seize(4_600 * USDC_6, many_debts, V36), many_debts, V36)
    assert math.leaves_dust(math.seize(4_700 * USDC_6, many_debts, V36), many_debts, V36)


def test_leaving_exactly_a_thousand_of_collateral_is_accepted_and_a_single_unit_is_not():
    """In base units themselves: 2 000 dollars of collateral, the debt far above the minimum."""
    plain = terms(collateral_price=1, collateral_unit=1, collateral_balance=2_000 * DOLLAR)
    assert not math.leaves_dust(Seizure(1, 1_000 * DOLLAR, 0, 0), plain, V36)
    assert math.leaves_dust(Seizure(1, 1_000 * DOLLAR + 1, 0, 0), plain, V36)
    assert math.leaves_dust(Seizure(1, 2_000 * DOLLAR - 1, 0, 0), plain, V36)
    assert not math.leaves_dust(Seizure(1, 2_000 * DOLLAR, 0, 0), plain, V36)


@pytest.mark.parametrize("rules", [V30, V32], ids=["3.0", "3.2"])
def test_leftovers_before_33_do_not_matter(rules):
    assert not math.leaves_dust(math.seize(4_500 * USDC_6, DUSTY, rules), DUSTY, rules)


def test_leftover_debt_is_valued_up_from_35():
    """One unit left is worth 99 999 999 999.5 base units: a thousand dollars rounded up, less rounded down."""
    odd = replace(DUSTY, debt_price=999_999_999_995, debt_unit=10, debt_balance=2)
    one_left = Seizure(1, 1, 0, 1)
    assert math.leaves_dust(one_left, odd, V34)
    assert not math.leaves_dust(one_left, odd, V35)


# Bad debt and burns ------------------------------------------------------------------------------------------------


def test_collateral_of_another_kind_means_no_bad_debt():
    seized = math.seize(5_000_000_001, UNDERWATER, V36)
    assert not math.clears_collateral(seized, replace(UNDERWATER, total_collateral_base=450_000_000_004), V36)


def test_no_bad_debt_is_burned_before_33():
    assert not math.clears_collateral(math.seize(5_000_000_001, UNDERWATER, V32), UNDERWATER, V32)


def test_collateral_worth_the_same_counts_as_cleared_up_to_36_but_37_counts_what_is_consumed():
    """A wei less of WETH is worth the same in base currency; 3.7 asks what the scaled burns consume."""
    almost = Seizure(1, 2_985_714_285_714_285_714, 14_285_714_285_714_286, 450_000_000_003)
    far = Seizure(1, 2_985_714_285_714_285_714, 14_285_714_000_000_000, 450_000_000_003)
    assert math.clears_collateral(almost, UNDERWATER, V37)
    assert math.clears_collateral(far, UNDERWATER, V36)
    assert not math.clears_collateral(far, UNDERWATER, V37)


def test_consumed_collateral_of_37_is_rounded_up_twice_and_capped_at_the_balance():
    """Index 1.5, 3 scaled are worth 4. Taking 2 + 1 consumes 2 + 1 scaled; taking 1 + 1 consumes 1 + 1, worth 3."""
    tiny = terms(
        collateral_price=1, collateral_unit=1, collateral_balance=4, scaled_collateral=3,
        liquidity_index=3 * RAY // 2, total_collateral_base=4,
    )  # fmt: skip
    assert math.clears_collateral(Seizure(1, 2, 1, 3), tiny, V37)
    assert math.clears_collateral(Seizure(1, 3, 3, 4), tiny, V37)
    assert not math.clears_collateral(Seizure(1, 1, 1, 2), tiny, V37)


def test_a_debt_that_scales_to_nothing_cannot_be_burned():
    """At a borrow index of 1.5 one unit scales down to 0 from 3.5 on, and half up to 1 before."""
    worn = terms(borrow_index=3 * RAY // 2)
    assert not math.burns_something(Seizure(1, 1, 0, 1), worn, V36)
    assert math.burns_something(Seizure(2, 1, 0, 1), worn, V36)
    assert math.burns_something(Seizure(1, 1, 0, 1), worn, V34)


def test_a_collateral_that_scales_to_nothing_cannot_be_burned():
    """Nothing seized burns nothing; at an index of 3 one unit scales up to 1 from 3.5 on, and half up to 0 before."""
    worn = terms(liquidity_index=3 * RAY)
    assert not math.burns_something(Seizure(1, 0, 0, 0), worn, V36)
    assert math.burns_something(Seizure(1, 1, 0, 1), worn, V36)
    assert not math.burns_something(Seizure(1, 1, 0, 1), worn, V34)


def test_bad_debt_burns_the_whole_debt_even_where_the_repayment_scales_to_nothing():
    broke = terms(borrow_index=3 * RAY // 2, total_collateral_base=7, debt_balance=12)
    assert math.burns_something(Seizure(1, 1, 0, 7), broke, V36)
    assert not math.burns_something(Seizure(1, 1, 0, 6), broke, V36)


@pytest.mark.parametrize(
    ("value", "percentage", "product", "quotient"), [(1, 5_000, 1, 2), (1, 4_999, 0, 2), (3, BPS, 3, 3)]
)
def test_percentages_round_half_up(value, percentage, product, quotient):
    assert (shared.percent_mul(value, percentage), shared.percent_div(value, percentage)) == (product, quotient)
