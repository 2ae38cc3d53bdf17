"""The edges of the arithmetic that no recorded case stands on, worked by hand."""

import pytest

from keeper.protocols.dydx_perpetual import math, trade
from keeper.protocols.dydx_perpetual.math import Balance, Index, Signed
from keeper.protocols.dydx_perpetual.trade import Account, Order, Refusal, Terms
from keeper.units import WAD

MOST = 2**120 - 1


@pytest.mark.parametrize("margin_is_positive", [True, False])
@pytest.mark.parametrize("position_is_positive", [True, False])
def test_word_of_a_balance_keeps_all_120_bits_and_both_signs(margin_is_positive, position_is_positive):
    balance = Balance(Signed(MOST, margin_is_positive), Signed(MOST, position_is_positive))
    word = math.word_of(balance)
    assert word == margin_is_positive << 248 | MOST << 128 | position_is_positive << 120 | MOST
    assert math.balance_of(word) == balance


@pytest.mark.parametrize("is_positive", [True, False])
def test_word_of_an_index_keeps_all_128_bits_its_sign_and_its_time(is_positive):
    index = Index(2**32 - 1, Signed(2**128 - 1, is_positive))
    word = math.index_word(index)
    assert word == (2**32 - 1) << 136 | is_positive << 128 | 2**128 - 1
    assert math.index_of(word) == index


def test_balance_fits_up_to_120_bits():
    fitting = Balance(Signed(MOST, is_positive=True), Signed(MOST, is_positive=False))
    assert fitting.fits
    assert not fitting._replace(margin=Signed(MOST + 1, is_positive=True)).fits
    assert not fitting._replace(position=Signed(MOST + 1, is_positive=True)).fits


def test_account_that_was_never_touched_has_an_index_of_nothing_at_no_time():
    assert Index(0, Signed(0, is_positive=False)) == math.NEVER
    assert Balance(Signed(0, is_positive=False), Signed(0, is_positive=False)) == math.EMPTY


@pytest.mark.parametrize("sign", [1, -1])
def test_rate_ends_at_its_bound(sign):
    old = Signed(260_416_666_665, is_positive=sign > 0)
    assert math.next_rate(old, 10, sign * 10**15) == sign * 260_416_666_666


def test_fee_is_rounded_down_twice():
    # One unit short of 10**36, at 10**-18 of it: 10**18 - 1 after the first division, nothing after the second.
    margin, unit = Signed(WAD - 1, is_positive=True), Signed(1, is_positive=True)
    assert math.insurance_fee(margin, unit, WAD - 1, 1) == 0
    assert math.insurance_fee(margin, unit, WAD, 1) == 1


def test_single_unit_can_be_taken_over():
    maker = Account(Balance(Signed(280, is_positive=False), Signed(1, is_positive=True)))
    taker = Account(Balance(Signed(10**6, is_positive=True), math.ZERO))
    terms = Terms(math.NEVER, 300 * WAD, 1_075 * WAD // 1_000, 0)
    done = trade.taken_over(maker, taker, Order(1, is_buy=True), terms, maker_first=True)
    assert done.moved.position == 1
    assert done.fee == 0


@pytest.mark.parametrize(("value", "words"), [(2**128 - 1, trade.HEALTHY), (2**128, trade.INDEX_TOO_BIG)])
def test_index_fits_up_to_128_bits(value, words):
    terms = Terms(Index(1, Signed(value, is_positive=True)), 1, WAD, 0)
    assert trade.liquidated(Account(), Account(), Order(1, is_buy=True), terms) == Refusal(words)
