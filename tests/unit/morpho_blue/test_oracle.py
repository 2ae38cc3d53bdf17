"""The usual oracle's formula, and what is believed of it."""

import pytest

from keeper.protocols.morpho_blue import abi
from keeper.protocols.morpho_blue.oracle import Formula, Source, read_formulas
from keeper.protocols.morpho_blue.preceding import preceding
from keeper.protocols.morpho_blue.quarantine import Quarantine
from keeper.protocols.words import encode
from keeper.types import Address, Log, Returned
from tests.fakes.morpho_blue_market import KEY, NOW, ORACLE, PARAMS, borrower, example, market, target
from tests.fakes.reads import drive

ETH, USDC, AGGREGATOR = (Address(bytes([n]) * 20) for n in (0xE1, 0xE2, 0xE3))


def formula(eth=3_000 * 10**8, usdc=99_990_000):
    """3000 / 0.9999 dollars at a scale of 36 + 6 - 18 decimals."""
    return Formula(10**24, (Source(ETH, AGGREGATOR, eth),), (Source(USDC, None, usdc),))


def test_price_is_one_side_over_the_other_rounded_down():
    """1e24 * 3000e8 / 99990000 = 3000300030003000300030003000.3."""
    assert formula().price == 3_000_300_030_003_000_300_030_003_000


@pytest.mark.parametrize(("eth", "usdc"), [(0, 10**8), (-1, 10**8), (10**8, 0), (10**8, -1)])
def test_price_of_answers_no_price_can_be_made_of_is_unknown(eth, usdc):
    assert formula(eth, usdc).price is None


def test_formula_hears_a_feed_and_the_aggregator_behind_it():
    assert formula().told(AGGREGATOR, 7).base[0].answer == 7
    assert formula().told(USDC, 7).quote[0].answer == 7
    assert (formula().knows(AGGREGATOR), formula().knows(ORACLE)) == (True, False)


def parts(*words):
    return {encode(part): w.to_bytes(32, "big") for part, w in zip(abi.ORACLE_PARTS, words, strict=True)}


def read(answers):
    return drive(read_formulas([ORACLE]), lambda call: Returned(call.data in answers, answers.get(call.data, b"")))


def test_formula_is_read_from_the_oracles_own_parts():
    eth, usdc = (int.from_bytes(a, "big") for a in (ETH, USDC))
    assert read(parts(10**24, 0, 0, eth, 0, usdc, 0)) == {ORACLE: Formula(10**24, (Source(ETH),), (Source(USDC),))}


@pytest.mark.parametrize(
    "answers", [{}, parts(0, 0, 0, 1, 0, 0, 0), parts(1, 5, 0, 1, 0, 0, 0), parts(1, 0, 0, 1 << 160, 0, 0, 0)]
)
def test_oracle_that_says_nothing_prices_vaults_or_names_no_address_has_no_formula(answers):
    assert read(answers) == {ORACLE: None}


def test_formula_is_believed_only_where_it_gives_the_price():
    one = example().with_price(formula().price)
    assert one.following(formula()).formula == formula()
    assert one.following(formula(usdc=10**8)).formula is None


def test_answer_ahead_in_the_block_moves_the_price():
    one = example().with_price(formula().price).following(formula())
    update = Log(AGGREGATOR, (abi.ANSWER_UPDATED, (2_900 * 10**8).to_bytes(32, "big")), b"", 101, b"", b"", 0)
    after = preceding(market([one], {KEY: borrower(0)}), [update], target(NOW))
    assert after.isolated[PARAMS.id].usable_price == 10**24 * 2_900 * 10**8 // 99_990_000
    assert preceding(market([example()], {}), [update], target(NOW)).isolated[PARAMS.id] == example()


def test_quarantine_doubles_its_rests_and_ends_with_an_answer():
    """Failed at 10: rests in 11. Failed at 12: rests in 13 and 14."""
    quarantine = Quarantine()
    quarantine.failed(ORACLE, 10)
    quarantine.failed(ORACLE, 10)  # another market with the same oracle
    assert [quarantine.is_resting(ORACLE, block) for block in (11, 12)] == [True, False]
    quarantine.failed(ORACLE, 12)
    assert [quarantine.is_resting(ORACLE, block) for block in (13, 14, 15)] == [True, True, False]
    quarantine.answered(ORACLE)
    assert not quarantine.is_resting(ORACLE, 13)
