"""The contracts' arithmetic on numbers worked by hand: every rounding, sign, comparison and constant."""

import pytest

from keeper.protocols.perp_curie import math
from keeper.units import MAX_UINT256, WAD


def test_constants_are_the_contracts():
    assert (math.RATIO, math.DUST, math.FUNDING_PERIOD_S, math.PRICE_LIMIT_INTERVAL_S) == (10**6, 10, 86_400, 15)
    assert (math.Q96, math.Q128) == (79228162514264337593543950336, 340282366920938463463374607431768211456)
    assert math.MIN_PARTIAL_LIQUIDATE_POSITION_VALUE == 100 * 10**18


@pytest.mark.parametrize(("value", "share"), [(1_000_001, 62_500), (-1_000_001, -62_500), (15, 0), (16, 1), (-16, -1)])
def test_share_is_rounded_toward_zero(value, share):
    # 1,000,001 * 62,500 / 10**6 = 62,500.0625; 16 * 0.0625 = 1 exactly, 15 * 0.0625 = 0.9375.
    assert math.mul_ratio(value, 62_500) == share


def test_dollars_become_token_units_rounded_down_below_zero_too():
    assert math.format_settlement(1_999_999_999_999, 6) == 1
    assert math.format_settlement(-1, 6) == -1
    assert math.format_settlement(-1_000_000_000_000, 6) == -1
    assert math.format_settlement(-1_000_000_000_001, 6) == -2
    assert math.format_settlement(-7, 18) == -7
    assert math.parse_settlement(-3, 6) == -3_000_000_000_000
    assert math.parse_settlement(5, 18) == 5
    assert math.pow10(3) == 1_000


def test_prices_are_rescaled_rounded_down():
    # A square-root price of 3 * 2**48 squares to 9: times 2**96 over 2**96.
    assert math.sqrt_to_price_x96(3 * 2**48) == 9
    assert math.sqrt_to_price_x96(2**48 + 1) == 1  # 2**96 + 2**49 + 1 over 2**96
    assert math.x96_to_x18(2**96 - 1) == 10**18 - 1
    assert math.x18_to_x96(1) == 79_228_162_514  # 2**96 / 10**18 = 79228162514.26


@pytest.mark.parametrize(
    ("prices", "median"),
    [((1, 2, 3), 2), ((2, 1, 3), 2), ((3, 1, 2), 2), ((1, 3, 2), 2), ((2, 3, 1), 2), ((3, 2, 1), 2), ((5, 5, 1), 5)],
)
def test_mark_price_is_the_median(prices, median):
    assert math.mark_price(*prices) == median


@pytest.mark.parametrize(
    ("market", "index", "premium"),
    # A tenth of 1,009 is 100, down.
    [(1_050, 1_009, 41), (1_109, 1_009, 100), (1_110, 1_009, 100), (909, 1_009, -100), (1, 1_009, -100)],
)
def test_premium_is_held_to_a_share_of_the_index(market, index, premium):
    assert math.delta_twap_x96(market, index, 100_000) == premium


def test_funding_is_what_the_growth_since_costs_each_division_toward_zero():
    day = 86_400 * 2**96
    assert math.funding_payment(3, 5 * day, 2 * day, 0) == 9
    assert math.funding_payment(-3, 5 * day, 2 * day, 0) == -9
    # 1 * (2**96 - 1) / 2**96 is 0, and 86,399 more of the orders' part are less than a day's.
    assert math.funding_payment(1, 2**96 - 1, 0, 86_399) == 0
    assert math.funding_payment(1, 2**96, 0, 86_399) == 1
    assert math.funding_payment(-1, 2**96 - 1, 0, -86_399) == 0
    assert math.funding_payment(-1, 2**96, 0, -86_399) == -1


def test_spread_is_signed_and_toward_zero():
    assert math.spread_ratio(1_100, 1_000) == 100_000
    assert math.spread_ratio(899, 1_000) == -101_000
    # 1 / 3 of a millionth off either way is none.
    assert math.spread_ratio(3_000_001, 3_000_000) == 0
    assert math.spread_ratio(2_999_999, 3_000_000) == 0


def test_position_is_worth_its_size_times_the_price_toward_zero():
    assert math.position_value(5 * WAD, 1_500 * WAD) == 7_500 * WAD
    assert math.position_value(-1, WAD + 1) == -1
    assert math.position_value(-1, WAD - 1) == 0


def test_collateral_is_valued_in_dollars_rounded_down():
    # 1.5 of a token of 6 decimals at 2 dollars of 8 decimals.
    assert math.collateral_value(1_500_000, 2 * 10**8, 6, 8) == 3 * WAD
    assert math.collateral_value(3, 5, 18, 1) == 1  # 15 / 10
    # 20 decimals: 399 * 5 / 10 = 199, and then over 100.
    assert math.collateral_value(399, 5, 20, 1) == 1
    assert math.collateral_value(400, 5, 20, 1) == 2
    assert math.collateral_value(19, 10, 19, 1) == 1


REQUIREMENT = 468_750_000_000_000_000_000  # 6.25 % of 5 at 1,500


@pytest.mark.parametrize(
    ("account_value", "size"),
    [
        (150 * WAD, 5 * WAD),
        (REQUIREMENT // 2 - 1, 5 * WAD),
        (REQUIREMENT // 2, 5 * WAD // 2),
        (REQUIREMENT - 1, 5 * WAD // 2),
        (REQUIREMENT, 0),
        (REQUIREMENT + 1, 0),
        (-1, 5 * WAD),
    ],
)
def test_worked_example_goes_whole_below_half_of_what_is_required(account_value, size):
    assert math.liquidatable_size(5 * WAD, 1_500 * WAD, 7_500 * WAD, account_value, REQUIREMENT) == size
    assert math.liquidatable_size(-5 * WAD, 1_500 * WAD, 7_500 * WAD, account_value, REQUIREMENT) == -size


def test_half_of_an_odd_requirement_is_rounded_down():
    assert math.liquidatable_size(200 * WAD, WAD, 200 * WAD, 3, 7) == 100 * WAD
    assert math.liquidatable_size(200 * WAD, WAD, 200 * WAD, 2, 7) == 200 * WAD


def test_half_counts_all_markets_together():
    most = math.liquidatable_size
    # 100,000 in all: 40,000 of this market may go whole, 80,000 by 62.5 %, rounded toward zero.
    assert most(40 * WAD, 1_000 * WAD, 100_000 * WAD, 4_000 * WAD, 6_250 * WAD) == 40 * WAD
    assert most(80 * WAD, 1_000 * WAD, 100_000 * WAD, 4_000 * WAD, 6_250 * WAD) == 50 * WAD
    # 100,000 / (2 * 70,000) = 0.714285 of 70 and three units, and a bit that is lost.
    assert most(70 * WAD + 3, 1_000 * WAD, 100_000 * WAD, 4_000 * WAD, 6_250 * WAD) == 49_999_950_000_000_000_002


def test_position_of_a_hundred_dollars_goes_whole():
    most = math.liquidatable_size
    assert most(WAD // 10, 1_000 * WAD, 100 * WAD, 5 * WAD, 625 * WAD // 100) == WAD // 10
    assert most(WAD // 10 + 1, 1_000 * WAD, 100 * WAD + 1_000, 5 * WAD, 625 * WAD // 100) == WAD // 20


def test_position_too_small_among_others_overflows_and_nothing_may_go():
    # The contract counts the share in 24 bits: 16.777215 is the most, which is then cut to one.
    value, most = 200 * WAD, math.liquidatable_size
    ratio = 2 * value
    fits = 16_777_215 * ratio // 10**6
    assert most(value, WAD, fits, fits // 20, fits // 16) == value
    assert most(value, WAD, fits + ratio // 10**6, fits // 20, fits // 16) == 0


def test_nothing_of_nothing_may_be_taken():
    assert math.liquidatable_size(0, 1_500 * WAD, 0, -1, 0) == 0


def test_reducing_realizes_its_share_of_the_open_notional():
    # A long of 4 bought for 400: selling 1 for 120 realizes 20; selling all for 480 realizes 80.
    assert math.pnl_to_be_realized(4, -400, -1, 120) == 20
    assert math.pnl_to_be_realized(4, -400, -4, 480) == 80
    # A short of 3 sold for 300: buying 1 for 90; a third is 0.333...3, so that 99.9 of the notional count, toward zero.
    assert math.pnl_to_be_realized(-3, 300, 1, -90) == 9
    assert math.pnl_to_be_realized(-3, 300, 3, -270) == 30


def test_reversing_realizes_everything_at_its_share_of_the_price():
    # A long of 4 bought for 400, 8 sold for 1,000: 500 of that closed it.
    assert math.pnl_to_be_realized(4, -400, -8, 1_000) == 100
    # 7 sold for 100 against 3: 2.333...3 times as much, so 42.857 closed it, toward zero.
    assert math.pnl_to_be_realized(3, -40, -7, 100) == 2


def test_increasing_realizes_nothing():
    assert math.pnl_to_be_realized(4, -400, 1, -100) == 0
    assert math.pnl_to_be_realized(-4, 400, -1, 100) == 0
    assert math.pnl_to_be_realized(0, 0, -1, 100) == 0
    assert math.pnl_to_be_realized(0, 0, 1, -100) == 0


def test_liquidator_gets_half_rounded_down_or_all_of_who_owes_more_than_it_has():
    assert math.liquidator_share(187_500_000_000_000_000_001, 0) == 93_750_000_000_000_000_000
    assert math.liquidator_share(187_500_000_000_000_000_001, 150) == 93_750_000_000_000_000_000
    assert math.liquidator_share(187_500_000_000_000_000_001, -1) == 187_500_000_000_000_000_001


def test_least_deposit_is_rounded_up():
    assert math.least_deposit(1_000 * WAD, 100_000, 6) == 100 * 10**6
    assert math.least_deposit(1_000 * WAD + 10, 100_000, 6) == 100 * 10**6 + 1
    assert math.least_deposit(1_000 * WAD + 9, 100_000, 6) == 100 * 10**6
    assert math.least_deposit(70, 100_000, 18) == 7


def test_amounts_are_scaled_by_a_fee_up_and_back_down():
    assert math.scaled_up(99, 10_000) == 100
    assert math.scaled_up(100, 10_000) == 102  # 101.01
    assert math.scaled_down(102, 10_000) == 100  # 100.98
    assert math.scaled_down(100, 0) == math.scaled_up(100, 0) == 100


def test_growths_wrap_around_as_unchecked_subtraction_does():
    assert math.unsigned(-1) == MAX_UINT256
    assert math.unsigned(2**256) == 0
    assert math.unsigned(7) == 7


def test_what_a_change_realizes_is_exact_at_full_scale():
    pnl = math.pnl_to_be_realized
    assert pnl(4 * WAD, -400 * WAD, -4 * WAD, 480 * WAD) == 80 * WAD
    assert pnl(-4 * WAD, 400 * WAD, 4 * WAD, -480 * WAD) == -80 * WAD
    # One unit more than there is closes everything, at 10**18 / (10**18 + 1) of the price: 119.99...9880.
    assert pnl(WAD, -100 * WAD, -(WAD + 1), 120 * WAD) == 19_999_999_999_999_999_880
    # A third, cut after 18 digits: 99.9999999999999999 of 300.
    assert pnl(3 * WAD, -300 * WAD, -WAD, 120 * WAD) == 20_000_000_000_000_000_100
    assert pnl(1, -100, -1, 120) == 20
    assert pnl(-1, 100, 1, -90) == 10
    assert pnl(4, -400, 0, 5) == 0
    assert pnl(-4, 400, 0, 5) == 5


def test_smallest_position_goes_whole():
    assert math.liquidatable_size(1, WAD, 1, 0, 1) == 1
    assert math.liquidatable_size(-1, WAD, 1, 0, 1) == -1
    # A hundred dollars and one unit are more than a hundred dollars: half goes.
    assert math.liquidatable_size(100 * WAD + 1, WAD, 100 * WAD + 1, 5 * WAD, 625 * WAD // 100) == 50 * WAD


def test_scales_are_exact_where_numbers_are_large():
    assert math.sqrt_to_price_x96(2**120) == 2**144
    assert math.x96_to_x18(2**192) == 2**96 * 10**18
    assert math.x18_to_x96(10**36) == 2**96 * 10**18
    assert math.spread_ratio(3_000_000, 1_000_000) == 2_000_000
    assert math.scaled_up(10**18, 10_000) == 1_010_101_010_101_010_102
    assert math.scaled_down(10**18, 10_000) == 990_000_000_000_000_000
