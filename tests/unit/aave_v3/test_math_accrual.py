"""Interest, balances and health: worked examples, each worked by hand from the contract's text."""

import pytest

from keeper.protocols.aave import math as shared
from keeper.protocols.aave_v3 import math
from keeper.units import MAX_UINT256, RAY
from tests.fakes.aave_v3_market import RULES

V30, V33, V34, V35, V36, V37 = (RULES[f"3.{minor}"] for minor in (0, 3, 4, 5, 6, 7))


# Interest ----------------------------------------------------------------------------------------------------------

LIQUIDITY_INDEX, LIQUIDITY_RATE = 1_023_456_789_012_345_678_901_234_567, 31_500_000_000_000_000_000_000_000
BORROW_INDEX, BORROW_RATE = 1_087_654_321_098_765_432_109_876_543, 52_000_000_000_000_000_000_000_000
ELAPSED_S = 43_212


def test_linear_interest_of_twelve_hours():
    """RAY + 31.5e24 * 43212 // 31536000."""
    assert shared.linear_interest(LIQUIDITY_RATE, ELAPSED_S) == 1_000_043_162_671_232_876_712_328_767


def test_liquidity_index_grows_by_the_linear_factor_half_up():
    grown = shared.ray_mul(shared.linear_interest(LIQUIDITY_RATE, ELAPSED_S), LIQUIDITY_INDEX)
    assert grown == 1_023_500_964_141_250_874_444_947_004


@pytest.mark.parametrize(
    ("rules", "factor", "index"),
    [
        (V34, 1_000_071_255_202_153_854_229_653_954, 1_087_731_822_127_288_837_720_394_594),
        (V37, 1_000_071_255_202_153_854_229_653_954, 1_087_731_822_127_288_837_720_394_594),
        (V33, 1_000_071_255_202_088_607_206_929_550, 1_087_731_822_127_217_871_514_189_567),
        (V30, 1_000_071_255_202_088_607_206_929_550, 1_087_731_822_127_217_871_514_189_567),
    ],
    ids=["3.4", "3.7", "3.3", "3.0"],
)
def test_compounded_interest_follows_the_version(rules, factor, index):
    assert math.compounded_interest(BORROW_RATE, ELAPSED_S, rules) == factor
    assert shared.ray_mul(factor, BORROW_INDEX) == index


@pytest.mark.parametrize("rules", [V30, V36], ids=["3.0", "3.6"])
def test_compounded_interest_of_no_time_is_one(rules):
    assert math.compounded_interest(BORROW_RATE, 0, rules) == RAY


def test_compounded_interest_30_of_one_and_two_seconds_has_no_higher_terms_it_should_not():
    """At 1 s the square term is 1*0, at 2 s the cube term is 2*1*0; the rate is YEAR rays: x = 1 ray per second."""
    rate = 31_536_000 * RAY
    assert math.compounded_interest(rate, 1, V30) == 2 * RAY
    # squared = rate*rate/RAY // YEAR**2 = RAY; second = 2*1*RAY//2 = RAY.
    assert math.compounded_interest(rate, 2, V30) == RAY + 2 * RAY + RAY
    # cubed = RAY; second = 3*2*RAY//2 = 3 RAY; third = 3*2*1*RAY//6 = RAY.
    assert math.compounded_interest(rate, 3, V30) == RAY + 3 * RAY + 3 * RAY + RAY


def test_compounded_interest_34_is_three_terms_of_the_exponential():
    """With x = 3 rays: 1 + 3 + 3*(1.5 + 3*0.5) = 13 rays."""
    assert math.compounded_interest(31_536_000 * RAY, 3, V34) == 13 * RAY


def test_compounded_interest_34_rounds_its_halves_and_sixths_down():
    """With x = 3 rays and one, x // 6 is half a ray, whose product with x is 1.5 rays and one.

    With x // 2, 1.5 rays, that is 3 rays and one; its product with x is 9 rays and 6, so 13 rays and 7 in all. Either
    quotient rounded up would add 3 more.
    """
    assert math.compounded_interest(31_536_000 * (3 * RAY + 1), 1, V34) == 13 * RAY + 7


# Balances ----------------------------------------------------------------------------------------------------------


def test_supply_balance_of_a_worked_index():
    """5e18 * 1.023500964141250874444947004: the fraction is .02, so both roundings agree."""
    index = 1_023_500_964_141_250_874_444_947_004
    assert math.collateral_balance(5 * 10**18, index, V36) == 5_117_504_820_706_254_372
    assert math.collateral_balance(5 * 10**18, index, V34) == 5_117_504_820_706_254_372


def test_debt_balance_rounds_up_from_35_and_half_up_before():
    """8e9 * 1.087731822127288837720394594 = 8701854577.018..."""
    index = 1_087_731_822_127_288_837_720_394_594
    assert math.debt_balance(8_000_000_000, index, V35) == 8_701_854_578
    assert math.debt_balance(8_000_000_000, index, V34) == 8_701_854_577


@pytest.mark.parametrize(("scaled", "floor", "half_up"), [(1, 1, 2), (3, 4, 5), (5, 7, 8)])
def test_supply_balance_rounds_down_from_35_and_half_up_before(scaled, floor, half_up):
    """Index 1.5: 1.5, 4.5, 7.5."""
    assert math.collateral_balance(scaled, 3 * RAY // 2, V35) == floor
    assert math.collateral_balance(scaled, 3 * RAY // 2, V34) == half_up


def test_scaled_amounts_taken_round_against_the_account_from_35():
    """Index 1.5: 4 / 1.5 = 2.67, 2 / 1.5 = 1.33."""
    index = 3 * RAY // 2
    assert [math.scaled_collateral_taken(a, index, V35) for a in (4, 2)] == [3, 2]
    assert [math.scaled_debt_burned(a, index, V35) for a in (4, 2)] == [2, 1]
    assert [math.scaled_collateral_taken(a, index, V34) for a in (4, 2)] == [3, 1]
    assert [math.scaled_debt_burned(a, index, V34) for a in (4, 2)] == [3, 1]


def test_amounts_of_many_rays_are_scaled_by_exactly_a_ray():
    """At an index of one ray nothing changes; a ray off by one would show at this size, in units of a thousand."""
    large = 10**30
    for rules in (V34, V36):
        assert math.collateral_balance(large, RAY, rules) == large
        assert math.debt_balance(large, RAY, rules) == large
        assert math.scaled_collateral_taken(large, RAY, rules) == large
        assert math.scaled_debt_burned(large, RAY, rules) == large
        for is_debt in (False, True):
            assert math.scaled_after_event(large, large, RAY, rules, is_debt=is_debt) == 2 * large
            assert math.scaled_after_event(large, -large, RAY, rules, is_debt=is_debt) == 0


@pytest.mark.parametrize("is_debt", [False, True])
def test_scaled_after_event_before_35_scales_the_amount(is_debt):
    """Index 1.5: +4 is 2.67, so 3; -2 is 1.33, so 1; half-up of 0.75 (= 1.125/1.5) is 1."""
    index = 3 * RAY // 2
    assert math.scaled_after_event(10, 4, index, V34, is_debt=is_debt) == 13
    assert math.scaled_after_event(10, -2, index, V34, is_debt=is_debt) == 9
    assert math.scaled_after_event(10, 0, index, V34, is_debt=is_debt) == 10
    assert math.scaled_after_event(0, -1, index, V34, is_debt=is_debt) == -1


def test_scaled_after_event_from_35_finds_the_only_scaled_balance():
    """Index 1.5. Supply 3 is worth floor(4.5) = 4; +3 makes 7, which only 5 gives (floor(7.5) = 7).

    Debt 3 is owed as ceil(4.5) = 5; -2 makes 3, which only 2 gives.
    """
    index = 3 * RAY // 2
    assert math.scaled_after_event(3, 3, index, V35, is_debt=False) == 5
    assert math.scaled_after_event(3, -2, index, V35, is_debt=True) == 2


# Health ------------------------------------------------------------------------------------------------------------


def test_values_of_the_worked_account():
    """5 WETH @1950.12345678, 0.15 WBTC @60000.00000001, 8000.123457 USDC @0.99987654, 6600.000000000000000007 DAI."""
    assert math.collateral_value(5 * 10**18, 195_012_345_678, 10**18) == 975_061_728_390
    assert math.collateral_value(15_000_000, 6_000_000_000_001, 10**8) == 900_000_000_000
    usdc = [math.debt_value(8_000_123_457, 99_987_654, 10**6, rules) for rules in (V34, V35)]
    dai = [math.debt_value(6_600_000_000_000_000_000_007, 100_010_000, 10**18, rules) for rules in (V34, V35)]
    assert [usdc[0] + dai[0], usdc[1] + dai[1]] == [1_459_979_576_175, 1_459_979_576_177]


def test_health_factor_of_the_worked_account_differs_by_version():
    collateral, weighted = 1_875_061_728_390, 14_663_012_345_637_000
    assert math.health_factor(collateral, weighted, 1_459_979_576_177, V35) == 1_004_329_963_576_102_516
    # The average threshold is floored to 7820 bps first.
    assert math.health_factor(collateral, weighted, 1_459_979_576_175, V34) == 1_004_327_934_122_581_597


@pytest.mark.parametrize("rules", [V30, V36], ids=["3.0", "3.6"])
def test_health_factor_without_debt_is_infinite(rules):
    assert math.health_factor(1, 1, 0, rules) == MAX_UINT256


@pytest.mark.parametrize("rules", [V30, V36], ids=["3.0", "3.6"])
def test_health_factor_without_collateral_is_zero(rules):
    assert math.health_factor(0, 0, 5, rules) == 0


def test_health_factor_35_divides_half_up_before_it_drops_the_basis_points():
    """Over 3 wads, 149 999 is 50 000 less a third, so 50 000, and 149 998 is 50 000 less two thirds, so 49 999."""
    assert math.health_factor(0, 149_999, 3 * 10**18, V35) == 5
    assert math.health_factor(0, 149_998, 3 * 10**18, V35) == 4


def test_health_factor_30_divides_half_up():
    """A third ends in a third of a wei, two thirds in two."""
    assert math.health_factor(1, 10_000, 3, V30) == 333_333_333_333_333_333
    assert math.health_factor(2, 20_000, 3, V30) == 666_666_666_666_666_667


def test_health_factor_30_rounds_its_share_half_up():
    """1 * 5000 bps rounds up to 1 and 1 * 4999 down to 0."""
    assert math.health_factor(1, 5_000, 1, V30) == 10**18
    assert math.health_factor(1, 4_999, 1, V30) == 0
