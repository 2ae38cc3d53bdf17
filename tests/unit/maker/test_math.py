"""Worked numbers of the rules, and the roundings that recorded cases happen not to meet."""

import pytest

from keeper.protocols.maker.auction import Purchase, Rules, Sale, paid, redo, status, take
from keeper.protocols.maker.bark import Limits, Start, bark
from keeper.protocols.maker.checked import RevertedError, add, div, mul, mul_signed, sub
from keeper.protocols.maker.frob import Books, Consents, Terms, frob
from keeper.protocols.maker.math import (
    Exponential,
    Linear,
    Stairstep,
    dripped,
    feed_price,
    is_unsafe,
    price_at,
    rpow,
    spot_price,
)
from keeper.units import MAX_UINT256, RAD, RAY, WAD

TOP = 2_040 * RAY
STAIRS = Stairstep(90, 99 * RAY // 100)
# Example D-1: 100 ether, 105,000 DAI at a rate of 1.1234...
URN, RATE, DUST = (100 * WAD, 105_000 * WAD), 1_123_456_789_012_345_678_901_234_567, 7_500 * RAD
SPOT = 1_172_413_793_103_448_275_862_068_965_517
CHOP = 113 * WAD // 100
LIMITS = Limits(1, 150_000_000 * RAD, 20_000_000 * RAD, 40_000_000 * RAD, 39_950_000 * RAD, CHOP)
ROOMY = Limits(1, 10**10 * RAD, 0, 10**10 * RAD, 0, CHOP)
START = Start(1_700 * WAD, RAY, 12 * RAY // 10, 250 * RAD, WAD // 1_000, 0, 0)
TAB = 133_298_148_016_314_814_801_631_481_374_550_000_000_000_000_000_000


def reason(call, *arguments, **named):
    with pytest.raises(RevertedError) as no:
        call(*arguments, **named)

    return no.value.reason


# Powers ---------------------------------------------------------------------------------------------------------------


def test_square_that_ends_on_a_half_rounds_up():
    """A base of 5e13 m with m odd: its square over 1e27 is 2.5 m^2."""
    m = 20_000_000_000_001
    assert rpow(50_000_000_000_000 * m, 2) == (5 * m * m + 1) // 2


def test_product_that_ends_on_a_half_rounds_up():
    """2001/2000 to the seventh: all squares are exact, the last product is 2001^7 * 15625 / 2."""
    assert rpow(RAY * 2_001 // 2_000, 7) == (2_001**7 * 15_625 + 1) // 2


def test_powers_of_nothing_and_to_nothing():
    assert (rpow(0, 0), rpow(0, 1), rpow(RAY // 2, 0), rpow(RAY // 2, 1)) == (RAY, 0, RAY, RAY // 2)


# Prices and rates -----------------------------------------------------------------------------------------------------


def test_spot_is_rounded_down_twice():
    assert spot_price(1_700 * WAD, RAY, 145 * RAY // 100) == SPOT
    assert feed_price(7, 3 * RAY) == 2_333_333_333


def test_a_day_of_five_per_cent_a_year():
    assert dripped(RATE, 1_000_000_001_547_125_957_863_212_448, 86_400) == 1_123_606_973_409_201_133_424_019_925
    assert dripped(RATE, 2 * RAY, 0) == RATE
    assert reason(dripped, RATE, RAY, -1) == "Jug/invalid-now"


def test_nobody_is_unsafe_without_a_price():
    assert is_unsafe(*URN, RATE, SPOT)
    assert not is_unsafe(0, 1, RATE, 0)
    assert not is_unsafe(10 * WAD, 10 * WAD, RAY, RAY)


@pytest.mark.parametrize(
    ("dur", "price"),
    [
        (89, TOP),
        (90, 2_019_600_000_000_000_000_000_000_000_000),
        (600, 1_920_619_504_778_040_000_000_000_000_000),
        (900, 1_844_939_433_017_961_159_620_400_000_000),
        (1_800, 1_668_530_152_698_350_976_613_965_268_440),
    ],
)
def test_price_goes_down_by_steps(dur, price):
    assert price_at(STAIRS, TOP, dur) == price


def test_price_goes_down_in_a_line():
    assert price_at(Linear(36_000), TOP, 600) == 2_005_999_999_999_999_999_999_999_999_320
    assert [price_at(Linear(tau), TOP, dur) for tau, dur in ((10, 10), (10, 9), (0, 0))] == [0, TOP // 10, 0]


def test_price_goes_down_by_the_second():
    assert price_at(Exponential(RAY // 2), TOP, 3) == TOP // 8


# Barking --------------------------------------------------------------------------------------------------------------


def test_whole_vault_goes_where_there_is_room():
    done = bark(URN, (RATE, SPOT, DUST), ROOMY, START)
    assert (done.dink, done.dart, done.tab) == (*URN, TAB)
    assert done.top == 2_040 * RAY
    assert done.coin == 383_298_148_016_314_814_801_631_481_374_550_000_000_000_000_000


def test_part_of_a_vault_goes_where_there_is_less():
    """Fifty thousand DAI of room, and more than dust on either side."""
    done = bark(URN, (RATE, SPOT, DUST), LIMITS, START)
    assert LIMITS.room == 50_000 * RAD
    assert (done.dink, done.dart) == (37_509_898_482_520_799_561, 39_385_393_406_646_839_539_594)
    assert done.due == 44_247_787_610_619_469_026_547_776_517_303_515_129_116_477_945_798
    assert done.tab == 49_999_999_999_999_999_999_998_987_464_552_972_095_901_620_078_751
    assert done.coin == 299_999_999_999_999_999_999_998_987_464_552_972_095_901_620_078
    assert done.id == 1


def test_room_is_never_less_than_nothing():
    assert Limits(1, 5, 9, 100, 0, WAD).room == 0
    assert Limits(1, 100, 1, 5, 2, WAD).room == 3


def test_limits_count_what_is_raised():
    assert ROOMY.with_more(7) == Limits(1, 10**10 * RAD, 7, 10**10 * RAD, 7, CHOP)


def test_auction_of_nothing_or_for_nobody_is_refused():
    small = (1, 2), (1, 1, 0)
    free = Limits(1, RAD, 0, RAD, 0, 1)
    assert reason(bark, *small, free, START) == "Clipper/zero-tab"
    assert reason(bark, URN, (RATE, SPOT, DUST), ROOMY, START, has_owner=False) == "Clipper/zero-usr"


def test_auction_of_the_least_and_the_last_number_is_let_through():
    """A debt of two rad at half a penalty raises one; the last number is the greatest there is."""
    half = Limits(1, RAD, 0, RAD, 0, WAD // 2)
    last = Start(1_700 * WAD, RAY, RAY, 0, 0, 0, MAX_UINT256 - 1)
    done = bark((1, 2), (1, 1, 0), half, last)
    assert (done.tab, done.id) == (1, MAX_UINT256)
    assert Start(1, RAY * 10**9, RAY, 0, 0, 0, 0).top() == 1


def test_amounts_are_bounded_where_they_turn_negative():
    """Debt of 2**255 units is let through; so much collateral is refused later, without a word, and more by name."""
    wide = Limits(1, 2**197, 0, 2**196, 0, 1)
    assert bark((1, 2**255), (1, 1, 0), wide, START).dart == 2**255
    assert reason(bark, (2**255, 1), (2**255 + 1, 1, 0), wide, START) == ""
    assert reason(bark, (2**255 + 1, 1), (2**255 + 2, 1, 0), wide, START) == "Dog/overflow"


def test_coin_is_nothing_only_where_both_parts_are():
    assert Start(1, RAY, RAY, 0, 0, 0, 0).coin(TAB) == 0
    assert Start(1, RAY, RAY, 5, 0, 0, 0).coin(TAB) == 5
    assert Start(1, RAY, RAY, 0, WAD // 10, 0, 0).coin(99) == 9


# Auctions -------------------------------------------------------------------------------------------------------------

SALE = Sale(TAB, 100 * WAD, 0, TOP)
RULES = Rules(STAIRS, 3_600, 0, 8_475 * RAD, 0)
PRICE = 1_844_939_433_017_961_159_620_400_000_000


def test_purchase_of_a_part():
    done = take(SALE, RULES, 900, 30 * WAD, PRICE)
    assert done == Purchase(
        PRICE,
        55_348_182_990_538_834_788_612_000_000_000_000_000_000_000_000_000,
        30 * WAD,
        77_949_965_025_775_980_013_019_481_374_550_000_000_000_000_000_000,
        70 * WAD,
    )
    assert (done.closed, done.digs, done.usr_gem) == (False, done.owe, 0)
    assert reason(take, SALE, RULES, 900, 30 * WAD, PRICE - 1) == "Clipper/too-expensive"


def test_purchase_that_would_leave_too_little_is_cut():
    done = take(SALE, RULES, 900, 72 * WAD, MAX_UINT256)
    assert done.owe == 124_823_148_016_314_814_801_631_481_374_550_000_000_000_000_000_000
    assert (done.slice, done.tab, done.lot) == (67_657_043_793_642_853_878, 8_475 * RAD, 32_342_956_206_357_146_122)


def test_purchase_of_everything_gives_the_rest_back():
    done = take(SALE, RULES, 900, MAX_UINT256, MAX_UINT256)
    assert (done.owe, done.slice, done.tab) == (TAB, 72_250_690_527_149_195_914, 0)
    assert (done.closed, done.digs, done.usr_gem) == (True, TAB, 27_749_309_472_850_804_086)


def test_lot_that_runs_out_takes_what_it_did_not_raise_off_the_limits():
    done = Purchase(1, 10, 5, tab=7, lot=0)
    assert (done.closed, done.digs, done.usr_gem) == (True, 17, 0)


def test_payment_needs_consent_and_money():
    done = Purchase(1, 10, 5, tab=7, lot=1)
    assert paid(done, 10, (30, 20), allowed=True) == (20, 10)
    assert reason(paid, done, 10, (30, 20), allowed=False) == "Vat/not-allowed"
    assert reason(paid, done, 9, (30, 20), allowed=True) == ""
    assert reason(paid, done, 10, (30, 9), allowed=True) == ""
    assert reason(paid, done, 10, (9, 20), allowed=True) == ""


def test_auction_must_be_started_anew_after_its_time_or_below_its_share():
    assert status(SALE, RULES, 3_600)[0] is False
    assert status(SALE, RULES, 3_601)[0] is True
    halved = Rules(Exponential(RAY // 2), 3_600, RAY // 2, 0, 0)
    assert [status(SALE, halved, now)[0] for now in (1, 2)] == [False, True]


def test_restart_pays_only_for_enough():
    rules = Rules(STAIRS, 10, 0, 150_000 * RAD, 0)
    small, enough = Sale(150_000 * RAD, 100 * WAD, 0, TOP), Sale(150_000 * RAD - 1, 100 * WAD, 0, TOP)
    assert redo(small, rules, START, 11) == (Sale(150_000 * RAD, 100 * WAD, 11, TOP), 400 * RAD)
    assert redo(enough, rules, START, 11)[1] == 0
    # A lot of 88.235... ether at 1,700 is worth just 150,000.
    worth = [Sale(200_000 * RAD, lot, 0, TOP) for lot in (88_235_294_117_647_058_824, 88_235_294_117_647_058_823)]
    assert [redo(one, rules, START, 11)[1] for one in worth] == [450 * RAD, 0]


# Checked integers -----------------------------------------------------------------------------------------------------


def test_numbers_end_where_the_contracts_do():
    assert (add(MAX_UINT256 - 1, 1), sub(3, 3), mul(2**128, 2**127), div(7, 2)) == (MAX_UINT256, 0, 2**255, 3)
    assert (add(5, -5), sub(MAX_UINT256 - 1, -1)) == (0, MAX_UINT256)
    for call, x, y in ((add, MAX_UINT256, 1), (add, 4, -5), (sub, 3, 4), (sub, MAX_UINT256, -1), (mul, 2**128, 2**128)):
        assert reason(call, x, y) == ""

    assert mul(MAX_UINT256, 1) == MAX_UINT256
    assert reason(div, 1, 0) == ""


def test_signed_products_end_where_the_contracts_do():
    assert (mul_signed(2**254, -2), mul_signed(2**254, 1), mul_signed(2**255 - 1, 1)) == (
        -(2**255),
        2**254,
        2**255 - 1,
    )
    for x, y in ((2**255, 0), (2**254, 2), ((2**255 + 1) // 3, -3)):
        assert reason(mul_signed, x, y) == ""


def test_revert_without_a_reason_says_so():
    assert [(no.reason, no.message) for no in (RevertedError(), RevertedError("why"))] == [
        ("", "reverted without a reason"),
        ("why", "why"),
    ]


# Changing a vault -----------------------------------------------------------------------------------------------------

BOOKS = Books(10, 5, 100, 100 * RAY, 50, 9 * RAY)
TERMS = Terms(1, RAY, RAY, 200 * RAY, 200 * RAY, 2 * RAY)


def test_frob_moves_all_that_hangs_on_it():
    assert frob(BOOKS, TERMS, 3, 4, Consents()) == Books(13, 9, 104, 104 * RAY, 47, 13 * RAY)


@pytest.mark.parametrize(
    ("dink", "dart", "terms", "consents", "why"),
    [
        (0, 0, {"live": 0}, {}, "Vat/not-live"),
        (0, 0, {"rate": 0}, {}, "Vat/ilk-not-init"),
        (0, 5, {"line": 104 * RAY}, {}, "Vat/ceiling-exceeded"),
        (0, 5, {"Line": 104 * RAY}, {}, "Vat/ceiling-exceeded"),
        (0, 1, {"line": 0}, {}, "Vat/ceiling-exceeded"),
        (0, 6, {}, {}, "Vat/not-safe"),
        (-1, 0, {"spot": RAY // 2}, {}, "Vat/not-safe"),
        (-1, 0, {}, {"u": False}, "Vat/not-allowed-u"),
        (1, 0, {}, {"v": False}, "Vat/not-allowed-v"),
        (0, -1, {}, {"w": False}, "Vat/not-allowed-w"),
        (0, -4, {}, {}, "Vat/dust"),
        (51, 0, {}, {}, ""),
        (0, -5, {"rate": 2 * RAY}, {}, ""),
    ],
)
def test_frob_is_refused_by_name(dink, dart, terms, consents, why):
    changed = {name: getattr(TERMS, name) for name in ("live", "rate", "spot", "line", "Line", "dust")} | terms
    assert reason(frob, BOOKS, Terms(**changed), dink, dart, Consents(**consents)) == why


@pytest.mark.parametrize(
    ("dink", "dart", "terms", "consents"),
    [
        (0, 5, {"line": 105 * RAY, "Line": 105 * RAY}, {}),
        (0, 5, {}, {}),
        (0, 0, {"line": 0, "Line": 0}, {}),
        (1, 0, {"spot": RAY // 20}, {"u": False}),
        (0, -3, {"spot": 0, "line": 0, "Line": 0}, {"u": False, "v": False}),
        (0, -5, {"dust": 10**9 * RAY}, {}),
        (-1, 0, {}, {"v": False, "w": False}),
        (50, 0, {}, {"w": False}),
    ],
)
def test_frob_is_let_through_at_its_edges(dink, dart, terms, consents):
    changed = {name: getattr(TERMS, name) for name in ("live", "rate", "spot", "line", "Line", "dust")} | terms
    assert frob(BOOKS, Terms(**changed), dink, dart, Consents(**consents)).ink == 10 + dink
