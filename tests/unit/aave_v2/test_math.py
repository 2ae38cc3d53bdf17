"""The contracts' arithmetic on Aave V2, each number worked by hand or taken from the rules' own examples."""

import pytest

from keeper.protocols.aave import math as shared
from keeper.protocols.aave_v2 import math
from keeper.protocols.aave_v2.math import Seizure, Terms
from keeper.units import MAX_UINT256, RAY, WAD

ETHER = WAD
USDC_PRICE = 524_000_000_000_000  # wei of ether for a dollar: 1,908.4 dollars an ether


def terms(**changes):
    """10 WETH against 12,000 USDC, both indices one."""
    values = {
        "collateral_price": ETHER,
        "collateral_unit": 10**18,
        "collateral_balance": 10 * ETHER,
        "liquidity_index": RAY,
        "debt_price": USDC_PRICE,
        "debt_unit": 10**6,
        "variable_debt": 12_000 * 10**6,
        "scaled_debt": 12_000 * 10**6,
        "burn_index": RAY,
        "stable_debt": 0,
        "bonus": 10_500,
    }
    return Terms(**{**values, **changes})


def test_interest_of_half_a_day_is_the_contracts():
    # 43,212 s at 3.15 % linear, and at 5.2 % compounded by whole ray per second
    linear = shared.linear_interest(31_500_000_000_000_000_000_000_000, 43_212)
    compounded = math.compounded_interest(52_000_000_000_000_000_000_000_000, 43_212)

    assert linear == 1_000_043_162_671_232_876_712_328_767
    assert compounded == 1_000_071_255_202_088_607_206_919_860
    assert shared.ray_mul(linear, 1_023_456_789_012_345_678_901_234_567) == 1_023_500_964_141_250_874_444_947_004
    assert shared.ray_mul(compounded, 1_087_654_321_098_765_432_109_876_543) == 1_087_731_822_127_217_871_514_179_028


@pytest.mark.parametrize(
    ("seconds", "factor"),
    [
        # At 31,536,000 ray a year the rate is one ray a second: (1 + 1)^n = 1 + n + n(n-1)/2 + n(n-1)(n-2)/6 of it.
        (0, RAY),
        (1, 2 * RAY),
        (2, 4 * RAY),
        (3, 8 * RAY),
        (4, 15 * RAY),  # 1 + 4 + 6 + 4; the fourth term is left out
    ],
)
def test_compounding_takes_three_terms(seconds, factor):
    assert math.compounded_interest(31_536_000 * RAY, seconds) == factor


def test_rate_per_second_drops_its_fraction_before_it_is_multiplied():
    # 63,071,999 / 31,536,000 = 1.99999: one ray unit a second, so 1,000 in 1,000 s; its square rounds to nothing
    assert math.compounded_interest(63_071_999, 1_000) == RAY + 1_000


def test_stable_debt_grows_by_its_own_rate():
    # One ray a second for a second doubles it; half a unit more rounds up.
    assert math.stable_debt(1_000, 31_536_000 * RAY, 1) == 2_000
    assert math.stable_debt(1, 31_536_000 * RAY // 2, 1) == 2  # 1.5, half up


def test_percentages_round_half_up():
    # 1 * 5,000 / 10,000 = 0.5; 4,999 / 10,000 is less
    assert shared.percent_mul(1, 5_000) == 1
    assert shared.percent_mul(1, 4_999) == 0
    # 1 * 10,000 / 20,000 = 0.5
    assert shared.percent_div(1, 20_000) == 1
    # 10,000 / 30,000 = 0.33
    assert shared.percent_div(1, 30_000) == 0


def test_ray_products_round_half_up():
    assert shared.ray_mul(1, RAY // 2) == 1  # exactly a half
    assert shared.ray_mul(1, RAY // 2 - 1) == 0
    assert shared.ray_div(1, 2 * RAY) == 1
    assert shared.ray_div(1, 2 * RAY + 2) == 0


def test_health_loses_the_fraction_of_a_basis_point_first():
    # Values 5 at 82.50 % and 3 at 75.00 %: (5 * 8250 + 3 * 7500) / 8 = 7968.75, so 7968 bps of 8 ether = 6.3744;
    # over 6.4 that is 0.996.
    weighted = 5 * ETHER * 8_250 + 3 * ETHER * 7_500

    assert math.health_factor(8 * ETHER, weighted, 64 * ETHER // 10) == 996_000_000_000_000_000


def test_health_without_debt_or_without_collateral():
    assert math.health_factor(ETHER, ETHER * 8_000, 0) == MAX_UINT256
    assert math.health_factor(0, 0, ETHER) == 0


def test_health_rounds_half_up():
    # 0.8 of 10 is 8; 8 / 3 = 2.666..., in wad half up
    assert math.health_factor(10, 80_000, 3) == 2_666_666_666_666_666_667


def test_value_drops_the_fraction():
    # 1,999,999 units of a 6-decimal token at one wei each whole
    assert math.value(1_999_999, 1, 10**6) == 1


def test_close_factor_is_half_of_both_debts_together():
    # 3 + 4 = 7, half is 3.5, up
    assert math.max_liquidatable_debt(terms(variable_debt=3, stable_debt=4)) == 4


def test_seizure_of_half_gives_the_bonus_before_the_division():
    # 524e12 * 6e9 * 1e18 * 1.05 / (1e18 * 1e6) = 3.3012 ether
    assert math.seize(MAX_UINT256, terms()) == Seizure(6_000 * 10**6, 3_301_200_000_000_000_000)


def test_bonus_rounds_before_the_quotient_drops():
    # 3 * 1 * 1.05 = 3.15 -> 3 (half up of 3.15); times nothing else: 3 // 1
    small = terms(
        collateral_price=1, collateral_unit=1, debt_price=1, debt_unit=1, variable_debt=20, scaled_debt=20,
        collateral_balance=100,
    )  # fmt: skip
    assert math.seize(3, small) == Seizure(3, 3)
    # 10 * 1.05 = 10.5 -> 11
    assert math.seize(10, small) == Seizure(10, 11)


def test_more_than_there_is_takes_all_for_less():
    # 3 ether are worth 5,725.190839 USDC; without the bonus 5,452.562703.809..., half up
    scarce = terms(collateral_balance=3 * ETHER)

    # 3e18 * 1e6 / 524e12 / 1 = 5,725,190,839 (down); * 10,000 / 10,500 = 5,452,562,703.8 -> 704
    assert math.seize(MAX_UINT256, scarce) == Seizure(5_452_562_704, 3 * ETHER)


def test_all_there_is_never_costs_more_than_was_asked_for():
    # 1 asked; 11 wanted of 10 there; 10 are worth 1 (1.05 down), whose share without a bonus is 1 (0.95 half up)
    tight = terms(
        collateral_price=1, collateral_unit=1, debt_price=10, debt_unit=1, variable_debt=2, scaled_debt=2,
        collateral_balance=10,
    )  # fmt: skip
    assert math.seize(1, tight) == Seizure(1, 10)


def test_exactly_what_there_is_is_not_more():
    exact = terms(collateral_balance=3_301_200_000_000_000_000)

    assert math.seize(MAX_UINT256, exact) == Seizure(6_000 * 10**6, 3_301_200_000_000_000_000)


def test_nothing_is_burned_for_less_than_half_a_scaled_unit():
    # At an index of 4 two units are half a scaled one, which rounds up; one is a quarter.
    dear = terms(burn_index=4 * RAY, variable_debt=40, scaled_debt=10)

    assert math.burns(Seizure(2, ETHER), dear)
    assert not math.burns(Seizure(1, ETHER), dear)
    assert not math.burns(Seizure(2, 1), terms(liquidity_index=4 * RAY))
    assert math.burns(Seizure(2, 2), terms(liquidity_index=4 * RAY))
    assert (math.least_burn(4 * RAY), math.least_burn(RAY)) == (2, 1)


def test_stable_debt_is_burned_to_the_unit():
    assert math.burns(Seizure(1, ETHER), terms(burn_index=4 * RAY, variable_debt=0, scaled_debt=0, stable_debt=5))
    assert math.variable_part(5, terms(variable_debt=3)) == 3
    assert math.variable_part(2, terms(variable_debt=3)) == 2


def test_nothing_repaid_burns_nothing():
    assert not math.burns(Seizure(0, ETHER), terms(variable_debt=0, scaled_debt=0, stable_debt=5))


def test_debt_that_grew_while_the_reserve_earned_nothing_cannot_be_burned_whole():
    # 10 scaled units valued at 30 but burned at an index of one: 10 can be, 11 cannot.
    grown = terms(variable_debt=30, scaled_debt=10, burn_index=RAY)

    assert math.burns(Seizure(10, ETHER), grown)
    assert not math.burns(Seizure(11, ETHER), grown)
    assert math.largest_burn(10, RAY) == 10
    assert math.largest_burn(10, 4 * RAY) == 41  # 41 / 4 = 10.25; 42 / 4 = 10.5 would round up


def test_largest_cover_is_the_last_that_seizes_no_more():
    pair = terms()
    cover = math.largest_cover(3_301_200_000_000_000_000, pair)

    assert math.collateral_for(cover, pair) <= 3_301_200_000_000_000_000 < math.collateral_for(cover + 1, pair)
    assert cover == 6_000 * 10**6


def test_collateral_that_is_just_enough_costs_what_was_asked_for():
    # 3 * 1.05 = 3.15 -> 3, worth 1.5 -> 1 of the collateral at 2 each: all there is, so 3 are paid though 1 is worth 2.
    pair = terms(
        collateral_price=2, collateral_unit=1, debt_price=1, debt_unit=1, variable_debt=20, scaled_debt=20,
        collateral_balance=1,
    )  # fmt: skip
    assert math.seize(3, pair) == Seizure(3, 1)


def test_one_unit_of_variable_debt_that_burns_nothing_stops_the_stable_part_too():
    # At an index of 4 one unit is a quarter of a scaled one, which the debt token refuses to burn first.
    dear = terms(burn_index=4 * RAY, variable_debt=1, scaled_debt=1, stable_debt=5)
    assert not math.burns(Seizure(3, ETHER), dear)


@pytest.mark.parametrize(
    ("bonus", "largest"),
    [
        (15_000, 0),  # one would seize 1.5, which rounds to two
        (14_999, 1),  # one seizes 1.4999, which rounds to one
    ],
)
def test_largest_cover_knows_a_half_from_almost_a_half(bonus, largest):
    pair = terms(collateral_price=1, collateral_unit=1, debt_price=1, debt_unit=1, bonus=bonus)
    assert math.largest_cover(1, pair) == largest


def test_burns_at_an_odd_index_know_a_half_from_almost_a_half():
    # At an index of 2 rays and one: one unit is 0.4999... of a scaled one and burns nothing, two are 0.999...
    assert math.largest_burn(0, 2 * RAY + 1) == 1
    assert math.least_burn(2 * RAY + 1) == 2
