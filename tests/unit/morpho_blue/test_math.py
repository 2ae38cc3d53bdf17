"""Worked examples of the protocol's formulas; each number was worked by hand from the contract's text."""

import pytest

from keeper.protocols.morpho_blue import curve, math
from keeper.protocols.morpho_blue.math import Liquidation, Totals
from keeper.units import MAX_UINT128, WAD
from tests.fakes.morpho_blue_market import borrower, example

NOW = example().now
PRICE = example().price
LLTV = 86 * WAD // 100


@pytest.mark.parametrize(
    ("lltv_milli", "factor"),
    [
        (385, 1_150_000_000_000_000_000),
        (625, 1_126_760_563_380_281_690),
        (770, 1_074_113_856_068_743_286),
        (860, 1_043_841_336_116_910_229),
        (915, 1_026_167_265_264_238_070),
        (945, 1_016_776_817_488_561_260),
        (965, 1_010_611_419_909_044_972),
        (980, 1_006_036_217_303_822_937),
    ],
)
def test_incentive_factor_of_the_enabled_thresholds(lltv_milli, factor):
    """WAD * WAD // (WAD - 3e17 * (WAD - lltv) // WAD), at most 1.15."""
    assert math.liquidation_incentive_factor(lltv_milli * WAD // 1_000) == factor


def test_borrower_of_the_example_owes_a_unit_more_than_was_asked_for():
    """19318966044477402 shares are toSharesUp(20000e6); back up they are 20000e6 + 1."""
    assert math.to_shares_up(20_000 * 10**6, NOW.borrow_assets, NOW.borrow_shares) == borrower(0).borrow_shares
    assert math.borrowed(borrower(0).borrow_shares, NOW) == 20_000_000_001


def test_max_borrow_of_nine_and_a_half_tokens():
    """9.5e18 * 2345.678901 = 22283.949559 loan tokens; 86 % of 22283949559 is 19164196620, rounded down."""
    value = math.collateral_value(95 * 10**17, PRICE)
    assert value == 22_283_949_559
    assert math.max_borrow(value, LLTV) == 19_164_196_620


def test_repaying_all_shares_seizes_what_they_are_worth_and_the_incentive():
    seized = math.seized_for(borrower(0).borrow_shares, NOW, PRICE, LLTV)
    moved = math.liquidation(seized, borrower(0).borrow_shares, NOW)
    assert moved == Liquidation(8_900_121_288_169_441_568, 20_000_000_001, 19_318_966_044_477_402)
    left = math.after_liquidation(NOW, moved)
    assert (left.borrow_assets, left.borrow_shares) == (45_658_901_123_455, 44_104_138_021_609_843_610)


def test_seizing_one_token_repays_its_worth_less_the_incentive():
    shares = math.repaid_shares_for(10**18, NOW, PRICE, LLTV)
    moved = math.liquidation(10**18, shares, NOW)
    assert moved == Liquidation(10**18, 2_247_160_389, 2_170_640_761_613_334)
    left = math.after_liquidation(NOW, moved)
    assert (left.borrow_assets, left.borrow_shares) == (45_676_653_963_067, 44_121_286_346_892_707_678)


def test_seizing_all_collateral_of_an_underwater_borrower_writes_the_rest_off():
    owner = borrower(86 * 10**17)
    shares = math.repaid_shares_for(owner.collateral, NOW, PRICE, LLTV)
    moved = math.liquidation(owner.collateral, shares, NOW)
    moved = math.with_bad_debt(moved, owner.borrow_shares - shares, NOW)
    assert moved == Liquidation(
        owner.collateral, 19_325_579_331, 18_667_510_543_306_217, 674_420_670, 651_455_501_171_185
    )
    left = math.after_liquidation(NOW, moved)
    assert (left.borrow_assets, left.supply_assets) == (45_658_901_123_455, 59_999_325_579_330)


def test_interest_of_a_day():
    """X = 1585489599 * 86400 = 136986301353600; x*x//2e18 = 9382623379; times x // 3e18 = 428429."""
    assert math.taylor_compounded(1_585_489_599, 86_400) == 136_995_684_405_409
    grown = math.accrue(Totals(60_000_000 * 10**6, 0, 45_678_901_123_456, 1, 1_000), 1_585_489_599, 87_400)
    assert grown.borrow_assets - 45_678_901_123_456 == 6_257_812_322
    assert grown.supply_assets - 60_000_000 * 10**6 == 6_257_812_322
    assert grown.last_update == 87_400


def test_fee_is_minted_as_supply_shares_of_the_grown_market():
    """X = 1e17: 1e17 + 5e15 + 166666666666666, so interest 105166 on a million, and a quarter of it is 26291.

    Shares: 26291 * (2000000 + 1e6) // (2105166 - 26291 + 1) = 37940.
    """
    grown = math.accrue(Totals(2_000_000, 2_000_000, 1_000_000, 1, 0, WAD // 4), 10**17, 1)
    assert grown.borrow_assets == 1_105_166
    assert grown.supply_assets == 2_105_166
    assert grown.supply_shares == 2_037_940


def test_accrual_of_no_time_changes_nothing():
    assert math.accrue(NOW, 10**18, NOW.last_update) == NOW


def test_interest_beyond_128_bits_is_refused_as_the_contract_refuses_it():
    full = Totals(MAX_UINT128, 1, MAX_UINT128, 1, 0)
    assert math.accrue(full, 10**12, 1) is None


def test_collateral_whose_value_overflows_is_unknown():
    assert math.collateral_value(2, 2**255) is None
    assert math.collateral_value(1, 2**255) == 2**255 // 10**36


def test_last_repayment_may_ask_for_a_unit_more_than_is_owed():
    """Ten million shares of nothing are worth 1e7 * (0 + 1) / (1e7 + 1e6), rounded up to one."""
    totals = Totals(100, 1, 0, 10**7)
    moved = math.liquidation(1, 10**7, totals)
    assert moved.repaid_assets == 1
    assert math.after_repayment(totals, moved).borrow_assets == 0


# The adaptive curve ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("borrow_assets", "rate"), [(45_678_901_123_456, 1_110_056_369), (57_000_000 * 10**6, 3_282_363_632)]
)
def test_curve_rate_over_a_day(borrow_assets, rate):
    """From 4 % a year at target: 76 % utilization drifts down to 1241900007, 95 % up to 1358243031."""
    totals = Totals(60_000_000 * 10**6, 0, borrow_assets)
    assert curve.borrow_rate(1_268_391_679, totals, 86_400) == rate


def test_curve_of_no_time_gives_the_rate_as_it_stands():
    """At exactly 90 % the curve is the rate at target itself."""
    assert curve.borrow_rate(1_268_391_679, Totals(100, 0, 90), 0) == 1_268_391_679


def test_curve_starts_at_four_percent():
    """0.04e18 // 31536000; an empty market is a utilization of 0: a quarter of it."""
    assert curve.borrow_rate(0, Totals(100, 0, 90), 86_400) == 1_268_391_679
    assert curve.borrow_rate(0, Totals(), 86_400) == 317_097_919


def test_curve_never_leaves_its_bounds():
    assert curve.borrow_rate(curve.MAX_RATE_AT_TARGET, Totals(100, 0, 90), 10**9) == curve.MAX_RATE_AT_TARGET
    long_idle = curve.borrow_rate(curve.MIN_RATE_AT_TARGET, Totals(100, 0, 0), 10**8)
    # A quarter of 0.1 % a year, rounded down: 31709791 // 4.
    assert long_idle == 7_927_447


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (0, WAD),
        (-41_446_531_673_892_822_313, 0),
        (93_859_467_695_000_404_319, 57_716_089_161_558_943_949_701_069_502_944_508_345_128_422_502_756_744_429_568),
        # One: q = 1, r = 306852819440054691, e = WAD + r + 47079326399155403, doubled.
        (WAD, 2_707_864_291_678_420_188),
        # Minus one: q = -1, r = -306852819440054691, e = WAD - 306852819440054691 + 47079326399155403, halved.
        (-WAD, 370_113_253_479_550_356),
    ],
)
def test_exponential_is_a_power_of_two_times_three_terms(x, expected):
    assert curve.exp(x) == expected
