"""Compound V2's arithmetic on numbers worked by hand, one rule at a time."""

from dataclasses import replace

import pytest

from keeper.protocols.compound_v2 import math
from keeper.protocols.compound_v2.math import NO_SPLIT, Moved, Split, Terms, Totals
from keeper.units import WAD

RATE = 200_345_678_901_234_567_890_123_456
"""0.0200345... ether for a cToken of 8 decimals."""
INDEX = 1_234_567_890_123_456_789
ETHER_PRICE = 1_850 * WAD
USDC_PRICE = 10**30


def test_interest_is_simple_over_blocks_and_every_product_rounds_down():
    # 23,782,343,987 a block for 12 blocks: 285,388,127,844 of 30,000,000 dollars are 8.561643...
    before = Totals(50_000_000 * 10**6, 30_000_000 * 10**6, 400_000 * 10**6, 3_700_000_000 * 10**8, INDEX, 100)
    after = math.accrue(before, 23_782_343_987, 75 * 10**15, 112)

    assert (after.borrows, after.reserves) == (30_000_008_561_643, 400_000_642_123)
    assert (after.borrow_index, after.accrued_at) == (1_234_568_242_454_475_647, 112)
    assert after.cash == before.cash
    assert math.exchange_rate(after, 0) == 215_135_156_539_243


def test_interest_does_not_run_backwards_nor_twice():
    totals = Totals(10, 10, 0, 10, WAD, 100)
    assert math.accrue(totals, WAD, 0, 100) is totals
    assert math.accrue(totals, WAD, 0, 99) is totals
    # One block at a rate of one doubles the debt.
    assert math.accrue(totals, WAD, WAD, 101) == Totals(10, 20, 10, 10, 2 * WAD, 101)


def test_exchange_rate_without_cTokens_is_the_first_one():  # noqa: N802  # the contract's word
    empty = Totals(5, 0, 0, 0, WAD, 0)
    assert math.exchange_rate(empty, 7) == 7
    # (5 + 4 - 2) / 3, rounded down
    assert math.exchange_rate(Totals(5, 4, 2, 3, WAD, 0), 9) == 2_333_333_333_333_333_333


def test_debt_grows_by_the_index_rounded_down():
    assert math.borrow_balance(20_000 * 10**6, 12 * WAD // 10, INDEX) == 20_576_131_502


def test_liquidity_rounds_every_product_down():
    each = math.tokens_to_denom(825 * 10**15, RATE, ETHER_PRICE)
    assert each == 305_777_592_423_009_259_242_300_924_350
    cover = math.valued(62_500_000_000, each)
    required = math.valued(20_576_131_502, USDC_PRICE)
    assert cover == 19_111_099_526_438_078_702_643
    assert required - cover == 1_465_031_975_561_921_297_357


def test_close_factor_rounds_down():
    assert math.max_close(20_576_131_502, WAD // 2) == 10_288_065_751
    assert math.max_close(3, WAD // 2) == 1


def test_seizure_is_by_a_ratio_of_which_each_step_rounds_down():
    ratio = math.seize_ratio(108 * WAD // 100, USDC_PRICE, ETHER_PRICE, RATE)
    assert ratio == 2_913_882_580_275_537_941
    assert math.seize_tokens(10_288_065_751, ratio) == 29_978_215_576


def test_a_worthless_collateral_divides_by_zero():
    # A price of 9 times a rate of a tenth is 0.9, which rounds to nothing.
    assert math.seize_ratio(WAD, WAD, 9, WAD // 10) is None
    assert math.seize_ratio(WAD, WAD, 10, WAD // 10) == WAD * WAD


@pytest.mark.parametrize("ratio", [1, 7, WAD - 1, WAD, WAD + 1, 3 * WAD // 2, 2_913_882_580_275_537_941])
@pytest.mark.parametrize("tokens", [1, 2, 29_978_215_576])
def test_repayments_at_the_edges_of_what_they_seize(ratio, tokens):
    """The largest that seizes so many cTokens at most, the smallest that seizes so many at least."""
    most, least = math.largest_repay(tokens, ratio), math.least_repay(tokens, ratio)
    assert math.seize_tokens(most, ratio) <= tokens < math.seize_tokens(most + 1, ratio)
    assert math.seize_tokens(least - 1, ratio) < tokens <= math.seize_tokens(least, ratio)


def test_the_liquidator_contract_keeps_a_share_of_the_bonus_or_of_the_repaid_part():
    # 123,456,789,012 at 1.1: a bonus of 11,223,344,455, half of which is kept.
    assert math.kept_of(123_456_789_012, Split(WAD // 2, 11 * WAD // 10, of_bonus=True)) == 5_611_672_227
    # A twentieth of what 1.1 parts hold one of: 123,456,789,012 * 5 / 110
    assert math.kept_of(123_456_789_012, Split(WAD // 20, 11 * WAD // 10, of_bonus=False)) == 5_611_672_227
    assert math.kept_of(123_456_789_012, NO_SPLIT) == 0


TERMS = Terms(
    ratio=2_913_882_580_275_537_941,
    max_repay=10_288_065_751,
    tokens=62_500_000_000,
    share=28 * 10**15,
    kept=NO_SPLIT,
    redeem_fee=0,
    # Cash and debts of 2,003,456,789,012,345,678,901 over 10**13 cTokens are the rate above, but for its last digits.
    collateral=Totals(1_500 * WAD, 503_456_789_012_345_678_901, 0, 10**13, WAD, 0),
    same=False,
)


def test_a_share_of_the_seizure_burns_for_the_reserves_at_the_rate_before_it():
    moved = math.move(10_288_065_751, TERMS)
    # 2.8 % of 29,978,215,576
    assert (moved.seized, moved.burned, moved.kept, moved.ours) == (29_978_215_576, 839_390_036, 0, 29_138_825_540)
    rate = 200_345_678_901_234_567_890_100_000
    assert math.exchange_rate(TERMS.collateral, 0) == rate
    after = math.after_seize(moved.repaid, moved.burned, TERMS)
    assert after.supply == 10**13 - 839_390_036
    assert after.reserves == rate * 839_390_036 // WAD
    assert (after.cash, after.borrows) == (TERMS.collateral.cash, TERMS.collateral.borrows)
    # What is left of the dust goes to the others: the rate rises by a hair, never falls.
    assert moved.redeemed == math.exchange_rate(after, 0) * 29_138_825_540 // WAD
    assert rate <= math.exchange_rate(after, 0) < rate + 10**14
    assert moved.received == moved.redeemed


def test_a_fee_on_redemptions_is_taken_of_what_leaves():
    plain = math.move(10**9, replace(TERMS, share=0))
    taxed = math.move(10**9, replace(TERMS, share=0, redeem_fee=WAD // 1_000))
    assert taxed.redeemed == plain.redeemed
    assert taxed.received == plain.redeemed - plain.redeemed // 1_000


def test_paying_into_the_market_that_is_seized_from_moves_cash_against_debts():
    same = replace(TERMS, same=True)
    after = math.after_seize(7 * WAD, 0, same)
    assert (after.cash, after.borrows) == (1_507 * WAD, 496_456_789_012_345_678_901)
    assert math.exchange_rate(after, 0) == math.exchange_rate(TERMS.collateral, 0)


def test_a_repayment_too_small_to_seize_moves_nothing_else():
    assert math.move(1, replace(TERMS, ratio=WAD - 1)) == Moved(1, 0, 0, 0, 0, 0, 0)


def test_one_is_exactly_ten_to_the_eighteenth():
    """At amounts beyond all tokens a unit more or less of the scale would show."""
    before = Totals(0, 10**56, 0, 1, 10**38, 0)
    assert math.accrue(before, 1, 1, 1) == Totals(0, 10**56 + 10**38, 10**20, 1, 10**38 + 10**20, 1)
    assert math.max_close(10**40, 5 * 10**17) == 5 * 10**39
    # A bonus of a half in one and a half: a third, of which a half.
    half = Split(5 * 10**17, 15 * 10**17, of_bonus=True)
    assert math.kept_of(6 * 10**40, half) == 10**40
    assert math.kept_of(6 * 10**40, NO_SPLIT) == 0


def test_products_that_round_to_nothing_are_nothing():
    # Half of one, and one and a half of one.
    assert math.tokens_to_denom(WAD // 2, WAD, 1) == 0
    assert math.seize_ratio(3 * WAD // 2, 1, WAD, WAD) == 1


def test_the_greatest_rate_is_the_contracts():
    assert math.BORROW_RATE_MAX == 5_000_000_000_000
