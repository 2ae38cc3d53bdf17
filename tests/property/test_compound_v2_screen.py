"""The screen never misses what is liquidatable on Compound V2, and the integers that decide equal it in fractions."""

import random
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.book.columns import PositionBook
from keeper.book.screen import suspects
from keeper.protocols.compound_v2 import health, screen
from keeper.protocols.compound_v2.account import Loan
from keeper.protocols.compound_v2.math import BORROW_RATE_MAX, Totals
from keeper.types import Health, PositionKey
from keeper.units import WAD
from tests.fakes.compound_v2_market import TARGET, account, ctoken, market

HAIR = 10**9
"""A billionth of a health of one: nearer to it than that no float can tell, and half of the accounts drawn are."""
DUST = WAD // 10
"""Ten cents: below it a unit of a cToken or of a debt may be more than the distance to the threshold."""


def random_tokens(rng):
    """Eight markets of every width and price, some untouched for up to an hour of blocks at any rate."""
    tokens = []
    for place in range(8):
        decimals = rng.choice([2, 6, 8, 18, 18])
        price = rng.choice([1, rng.randrange(1, 10**9), rng.randrange(10**12, 10**23)]) * 10 ** (18 - decimals)
        supply = rng.randrange(10**15, 10**19)
        worth = max(supply * rng.randrange(WAD // 50, WAD // 20) * 10**decimals // 10**8 // WAD, 10)
        borrows = worth * rng.randrange(95) // 100
        index = rng.choice([WAD, rng.randrange(WAD, 5 * WAD)])
        stale = rng.choice([0, 0, 0, 1, 1, 2, 5, rng.randrange(1_200)])
        tokens.append(
            ctoken(
                place,
                price,
                decimals=decimals,
                stored=Totals(worth - borrows, borrows, 0, supply, index, TARGET.number - stale),
                rate=rng.choice([0, *(rng.randrange(10**n) for n in (10, 10, 11, 11)), rng.randrange(BORROW_RATE_MAX)]),
                reserve_factor=rng.choice([0, WAD // 10, WAD]),
                factor=rng.choice([0, rng.randrange(WAD), 8 * WAD // 10]),
            )
        )

    return tokens


def random_account(rng, tokens):
    """An account whose last debt is chosen so that its health is within a hair of one, or dust."""
    places = rng.sample(range(8), rng.randrange(2, 6))
    split = rng.randrange(1, len(places))
    dust = rng.random() < 0.3
    scale = rng.choice([1, 3, 10, 1_000]) if dust else 10 ** rng.randrange(6, 18)
    held = {place: rng.randrange(1, 2 * scale + 1) for place in places[:split]}
    loans = [_loan(rng, tokens[place], place, scale) for place in places[split:]]
    owner = account(held, loans)
    if rng.random() < 0.2:
        owner = owner.with_entered(places[0], entered=False)

    if dust:
        return owner

    *others, last = owner.borrowed
    pair = (places[0], last.place)
    cover = sum(Fraction(tokens[p].denom(accrued=p in pair) * held[p], WAD) for p in held if owner.has_entered(p))
    cover -= sum(
        Fraction(one.principal * tokens[one.place].stored.borrow_index * tokens[one.place].price, one.interest_index)
        / WAD
        for one in others
    )
    token = tokens[last.place]
    exact = cover * WAD * last.interest_index / (token.price * token.now.borrow_index)
    near = int(exact) + rng.choice([0, 0, 1, -1, 2, -2, int(exact * Fraction(rng.randrange(-3, 4), 10**4))])
    return owner.with_loan(last._replace(principal=max(near, 1)))


def _loan(rng, token, place, scale):
    amount = scale * 10**10 if token.listing.decimals == 18 else scale
    return Loan(place, rng.randrange(1, 2 * amount + 1), rng.randrange(WAD, token.stored.borrow_index + 1))


def shortfall_in_fractions(owner, tokens):
    """The greatest shortfall of any pair, with a rounding wherever the contract has one."""
    debts = [loan.place for loan in owner.borrowed]
    pairs = [(held, debt) for debt in debts for held, _ in owner.held]
    worst = None
    for pair in pairs:
        short = 0
        for place in range(8):
            if not owner.has_entered(place):
                continue

            token = tokens[place]
            sums = token.now if place in pair else token.stored
            rate = floor(Fraction((sums.cash + sums.borrows - sums.reserves) * WAD, sums.supply))
            each = floor(Fraction(floor(Fraction(token.factor * rate, WAD)) * token.price, WAD))
            short -= floor(Fraction(each * owner.tokens_in(place), WAD))
            loan = owner.loan_in(place)
            if loan is not None:
                owed = floor(Fraction(loan.principal * sums.borrow_index, loan.interest_index))
                short += floor(Fraction(owed * token.price, WAD))

        worst = short if worst is None else max(worst, short)

    return worst


def screened(scene):
    book = PositionBook()
    for row in screen.rows(None, scene):
        book.upsert(row)

    return set(suspects(book, screen.factors(scene)))


def populated(rng, count):
    tokens = random_tokens(rng)
    accounts = {PositionKey(i.to_bytes(20, "big")): random_account(rng, tokens) for i in range(1, count + 1)}
    return market(tokens, accounts), accounts


@given(seed=st.integers(0, 2**32))
def test_everything_liquidatable_is_suspect(seed):
    scene, accounts = populated(random.Random(seed), 8)
    found = screened(scene)
    for key, owner in accounts.items():
        decided = health.health(key, scene)
        assert isinstance(decided, Health)
        assert decided.liquidatable == (shortfall_in_fractions(owner, scene.tokens) > 0)
        assert decided.liquidatable == (decided.factor_wad < WAD)
        assert key in found or not decided.liquidatable


def test_a_market_without_need_of_a_shortfall_suspects_everybody_who_owes_there():
    tokens = [ctoken(0, WAD), ctoken(1, WAD, forced=True), ctoken(2, WAD)]
    owes, other = PositionKey(b"\x01" * 20), PositionKey(b"\x02" * 20)
    accounts = {
        owes: account({0: 10**30}, [Loan(1, 10**18, WAD)]),
        # Holds the forced market's cTokens, and owes little elsewhere.
        other: account({1: 10**30}, [Loan(2, 10**18, WAD)]),
    }
    scene = market(tokens, accounts)
    assert screened(scene) == {owes}
    assert [health.health(key, scene).liquidatable for key in accounts] == [True, False]


def adversarial_counts(seed, rounds):
    """Accounts, liquidatable ones, and of those that are not dust how many there are and are suspects for nothing."""
    rng = random.Random(seed)
    total = liquidatable = real = superfluous = 0
    for _ in range(rounds):
        scene, accounts = populated(rng, 59)
        found = screened(scene)
        total += len(accounts)
        for key in accounts:
            decided = health.health(key, scene)
            liquidatable += decided.liquidatable
            real += decided.debt_base > DUST
            safe = decided.factor_wad > WAD + HAIR and decided.debt_base > DUST
            superfluous += key in found and safe
            assert key in found or not decided.liquidatable

    return total, liquidatable, real, superfluous


def test_screen_suspects_few_that_are_not_liquidatable(random_seed):
    """The band is far below a basis point: only markets that the pair does not accrue are screened for nothing."""
    _, liquidatable, real, superfluous = adversarial_counts(random_seed, 15)
    assert liquidatable > 200
    assert superfluous < real // 10


@pytest.mark.full
def test_screen_misses_nothing_in_a_hundred_thousand_adversarial_accounts(random_seed):
    total, liquidatable, real, superfluous = adversarial_counts(random_seed, 1_700)
    print(
        f"{total} accounts, {liquidatable} liquidatable, {real} not dust, {superfluous} of these suspects for nothing"
    )
    assert total > 100_000
    assert liquidatable > 20_000
    assert superfluous < real // 10
