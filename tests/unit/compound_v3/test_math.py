"""Compound V3's arithmetic worked by hand: the sheet's own examples, and the bounds the recorded cases do not meet."""

import pytest

from keeper.protocols.compound_v3 import math
from keeper.protocols.compound_v3.terms import (
    BASE_INDEX_SCALE,
    MAX_INT104,
    MAX_UINT64,
    MAX_UINT104,
    Base,
    Curve,
    Curves,
    Held,
    RevertError,
    Terms,
    Totals,
)
from keeper.units import MAX_UINT256, WAD

PLAIN = Totals(BASE_INDEX_SCALE, BASE_INDEX_SCALE, 0, 0, 0)
GROWN = Totals(1_034_567_890_123_456, 1_087_654_321_098_765, 300_000_000 * 10**6, 240_000_000 * 10**6, 0)
BASE = Base(10**6, 99_995_000)
HALF = WAD // 2
ETHER = Terms(10**18, 825 * 10**15, 895 * 10**15, 95 * 10**16, 201_012_345_678)
BITCOIN = Terms(10**8, 7 * 10**17, 77 * 10**16, 95 * 10**16, 6_000_000_000_000)
POSITION = (Held(75 * 10**17, ETHER), Held(5_000_000, BITCOIN))
UNIT = Terms(1, 0, 0, 0, 1)


def refused(function, *arguments):
    with pytest.raises(RevertError) as caught:
        function(*arguments)

    return caught.value.name


# Examples -----------------------------------------------------------------------------------------------------------


def test_absorption_with_a_surplus():
    """15,000 dollars of principal owe 16,314.81; 7.5 ether and 0.05 bitcoin credit 17,172.99 at 95 %."""
    principal = -15_000 * 10**6
    assert math.present_value(principal, GROWN) == -16_314_814_816
    assert math.debt_value(principal, GROWN, BASE) == 1_631_399_907_525
    assert [math.cover(held, held.terms.liquidate_collateral_factor) for held in POSITION] == [
        1_349_295_370_363,
        231_000_000_000,
    ]
    found = math.absorb(principal, POSITION, GROWN, BASE)
    assert found.values == (1_507_592_592_585, 300_000_000_000)
    assert (found.principal, found.base_paid_out, found.debt_value) == (829_499_417, 17_172_988_278, 1_717_212_962_858)


def test_absorption_that_leaves_a_loss_pays_the_debt_and_no_more():
    found = math.absorb(-15_000 * 10**6, (Held(6 * 10**18, ETHER),), GROWN, BASE)
    assert found.values == (1_206_074_074_068,)
    assert (found.principal, found.base_paid_out, found.minted) == (0, 16_314_814_816, 0)


def test_a_debt_that_is_covered_to_the_unit_is_healthy():
    base, debt = Base(1, 1), Totals(BASE_INDEX_SCALE, BASE_INDEX_SCALE, 0, 100, 0)
    covering = Held(100, Terms(1, WAD, WAD, WAD, 1))
    assert not math.is_liquidatable(-100, (covering,), debt, base)
    assert math.is_liquidatable(-101, (covering,), debt, base)
    assert refused(math.absorb, -100, (covering,), debt, base) == "NotLiquidatable"


def test_purchase_at_half_of_the_discount():
    """2,010.12 dollars less 2.5 %: 10,000 dollars buy 5.102 ether, and 14,699.76 buy nearly 7.5."""
    assert math.ask_price(ETHER, HALF) == 195_987_037_036
    assert math.quote_collateral(10_000 * 10**6, ETHER, BASE, HALF) == 5_102_123_156_320_402_794
    assert math.largest_base(75 * 10**17, ETHER, BASE, HALF) == 14_699_762_765
    assert math.quote_collateral(14_699_762_765, ETHER, BASE, HALF) == 7_499_999_999_572_293_141
    assert math.quote_collateral(14_699_762_766, ETHER, BASE, HALF) == 7_500_000_000_082_505_456


def test_interest_of_an_hour_above_the_kink():
    curve = Curve(8 * WAD // 10, 475_646_879, 1_109_842_719, 7_927_447_995)
    used = math.utilization(GROWN)
    assert used == 841_050_128_450_419_583
    assert math.rate(curve, used) == 1_688_943_812
    assert math.accrued(GROWN, Curves(curve, curve), 3_600).base_borrow_index == 1_087_660_934_252_091


# Roundings ----------------------------------------------------------------------------------------------------------


def test_discount_is_rounded_down_and_the_price_after_it():
    # One part in 10**18 of one part in 10**18 is none.
    assert math.ask_price(ETHER._replace(liquidation_factor=WAD - 1, price=WAD), 1) == WAD
    assert math.ask_price(ETHER._replace(price=10**30), HALF) == 975 * 10**27


def test_quote_is_rounded_down_at_every_step():
    """Seven at a price of two are three and a half."""
    assert math.quote_collateral(1, UNIT._replace(price=2), Base(1, 7), 0) == 3


def test_largest_purchase_stops_one_below_what_buys_a_unit_more():
    """Five pay for one: four are the most that buy none, and nine the most that buy one."""
    terms = UNIT._replace(price=5)
    assert [math.largest_base(wanted, terms, Base(1, 1), 0) for wanted in (0, 1)] == [4, 9]
    assert [math.quote_collateral(paid, terms, Base(1, 1), 0) for paid in (4, 5, 9, 10)] == [0, 1, 1, 2]


def test_debt_is_rounded_away_from_zero_on_its_way_to_a_principal_and_supply_down():
    totals = PLAIN._replace(base_supply_index=3 * BASE_INDEX_SCALE, base_borrow_index=3 * BASE_INDEX_SCALE)
    assert [math.principal_value(balance, totals) for balance in (8, -8, -9)] == [2, -3, -3]
    assert math.principal_value(-(10**30), PLAIN) == -(10**30)
    assert [math.present_value(principal, totals) for principal in (2, -3)] == [6, -9]


def test_rates_are_counted_in_parts_of_ten_to_the_eighteenth():
    low, high = Curve(WAD, 0, 10**19, 0), Curve(0, 0, 0, 10**19)
    assert math.rate(low, WAD) == math.rate(high, WAD) == 10**19


def test_interest_is_counted_in_parts_of_ten_to_the_eighteenth():
    """A rate of one a second for a thousand seconds: an index of one grows by a thousand."""
    curve = Curve(0, WAD, 0, 0)
    after = math.accrued(PLAIN, Curves(curve, curve), 1_000)
    assert after.base_supply_index == after.base_borrow_index == 1_001 * BASE_INDEX_SCALE
    assert after.last_accrual_time == 1_000


def test_a_debt_covered_to_the_unit_asks_for_no_further_price():
    base, debt = Base(1, 1), Totals(BASE_INDEX_SCALE, BASE_INDEX_SCALE, 0, 100, 0)
    covering, broken = Held(100, Terms(1, WAD, WAD, WAD, 1)), Held(1, Terms(1, WAD, WAD, WAD, None))
    assert not math.is_liquidatable(-100, (covering, broken), debt, base)
    assert refused(math.is_liquidatable, -101, (covering, broken), debt, base) == "BadPrice"


# Bounds -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("balance", "answer"),
    [
        (MAX_INT104, MAX_INT104),
        (MAX_INT104 + 1, "InvalidInt104"),
        (MAX_UINT104, "InvalidInt104"),
        (MAX_UINT104 + 1, "InvalidUInt104"),
    ],
)
def test_principals_are_kept_in_104_bits_on_either_side(balance, answer):
    for sign in (1, -1):
        if isinstance(answer, str):
            assert refused(math.principal_value, sign * balance, PLAIN) == answer
        else:
            assert math.principal_value(sign * balance, PLAIN) == sign * answer


def test_sums_are_kept_in_104_bits():
    full = PLAIN._replace(total_supply_base=MAX_UINT104 - 1, total_borrow_base=MAX_UINT104 - 1)
    assert math.moved(full, 0, 1).total_supply_base == math.moved(full, 0, -1).total_borrow_base == MAX_UINT104
    assert refused(math.moved, full, 0, 2) == refused(math.moved, full, 0, -2) == "Panic(0x11)"


def test_rates_are_kept_in_64_bits():
    assert math.rate(Curve(0, MAX_UINT64, 0, 0), 0) == MAX_UINT64
    assert refused(math.rate, Curve(0, MAX_UINT64 + 1, 0, 0), 0) == "InvalidUInt64"


def test_indices_are_kept_in_64_bits():
    """What they grow by first, then what they come to: the two are refused by different names."""
    full = PLAIN._replace(base_supply_index=WAD, base_borrow_index=WAD)

    def grown(rate, elapsed=1):
        return math.accrued(full, Curves(Curve(0, rate, 0, 0), Curve(0, rate, 0, 0)), elapsed)

    assert grown(MAX_UINT64 - WAD).base_supply_index == MAX_UINT64
    assert refused(grown, MAX_UINT64 - WAD + 1) == refused(grown, MAX_UINT64) == "Panic(0x11)"
    assert refused(grown, 2**63, 2) == "InvalidUInt64"


def test_time_is_kept_in_40_bits():
    still = Curves(Curve(0, 0, 0, 0), Curve(0, 0, 0, 0))
    assert math.accrued(PLAIN, still, 2**40 - 1).last_accrual_time == 2**40 - 1
    assert refused(math.accrued, PLAIN, still, 2**40) == "TimestampTooLarge"
    assert refused(math.accrued, PLAIN._replace(last_accrual_time=2), still, 1) == "Panic(0x11)"


def test_what_is_credited_is_worked_out_in_256_bits():
    """A value times its factor must fit, though the value alone does."""
    base, debt = Base(1, 10**18), Totals(BASE_INDEX_SCALE, BASE_INDEX_SCALE, 0, 10**30, 0)
    vast = Held(2**255, Terms(1, 0, 0, WAD, 1))
    assert refused(math.absorb, -(10**30), (vast,), debt, base) == "Panic(0x11)"


def test_stock_is_a_number_of_256_bits():
    assert math.collateral_reserves(MAX_UINT256, 0) == MAX_UINT256
    assert refused(math.collateral_reserves, MAX_UINT256 + 1, 0) == "Panic(0x11)"
    assert refused(math.collateral_reserves, 1, 2) == "Panic(0x11)"


def test_a_price_that_a_discount_leaves_nothing_of_sells_nothing():
    worthless = ETHER._replace(price=1)
    assert refused(math.largest_base, 1, worthless, BASE, HALF) == "Panic(0x12)"
    assert refused(math.quote_collateral, 1, worthless, BASE, HALF) == "Panic(0x12)"


def test_the_sale_is_open_below_the_target_alone():
    assert [math.is_for_sale(reserves, 10) for reserves in (-1, 9, 10, 11)] == [True, True, False, False]
    assert [math.is_for_sale(reserves, 0) for reserves in (-1, 0)] == [True, False]
