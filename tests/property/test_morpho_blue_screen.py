"""The screen never misses what the integers call liquidatable, and the integers equal the rule in fractions."""

import random
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.book.columns import PositionBook
from keeper.book.screen import suspects
from keeper.protocols.morpho_blue import health, math, screen
from keeper.protocols.morpho_blue.borrower import Borrower
from keeper.protocols.morpho_blue.math import Totals
from keeper.protocols.morpho_blue.params import MarketParams, position_key
from keeper.types import Address, Health
from keeper.units import WAD
from tests.fakes.morpho_blue_market import COLLATERAL, IRM, LOAN, isolated, market

DUST = 10**6
"""Base units of a loan token: below it one unit of rounding is a large part of the debt."""


def random_isolated(rng, place):
    """A market of any width: share prices around one, prices of tokens with 6 to 18 decimals on either side."""
    borrow_assets = rng.randrange(10 ** rng.randrange(1, 27))
    growth = Fraction(rng.randrange(40, 101), 100)
    totals = Totals(2 * borrow_assets, 10**6, borrow_assets, int(borrow_assets * 10**6 * growth))
    price = rng.randrange(1, 10**6) * 10 ** rng.randrange(18, 48)
    lltv = rng.choice([385, 770, 860, 980]) * WAD // 1_000
    params = MarketParams(LOAN, COLLATERAL, Address(bytes([place + 1]) * 20), IRM, lltv)
    return isolated(totals, price, params)


def random_borrower(rng, one):
    """A borrower within a hair of liquidation, or dust."""
    if rng.random() < 0.2:
        return Borrower(rng.randrange(1, 10 ** rng.randrange(1, 9)), rng.randrange(10 ** rng.randrange(1, 4)))

    now = one.now
    shares = rng.randrange(1, max(now.borrow_shares, 2))
    owed = Fraction(shares * (now.borrow_assets + 1), now.borrow_shares + 10**6)
    exact = owed * 10**36 * WAD / (one.price * one.params.lltv)
    near = int(exact) + rng.choice([0, 1, -1, 2, -2, int(exact * Fraction(rng.randrange(-3, 4), 10**4))])
    return Borrower(shares, min(max(near, 0), 2**127))


def liquidatable_in_fractions(owner, one):
    """More owed, rounded up, than collateral may back, rounded down twice; written without the adapter."""
    owed = ceil(Fraction(owner.borrow_shares) * (one.now.borrow_assets + 1) / (one.now.borrow_shares + 10**6))
    value = floor(Fraction(owner.collateral) * one.price / 10**36)
    return floor(Fraction(value) * one.params.lltv / 10**18) < owed


def screened(rng, per_market):
    """A deployment of eight markets with borrowers, and whom the screen suspects."""
    markets = [random_isolated(rng, place) for place in range(8)]
    borrowers = {
        position_key(one.params.id, Address(i.to_bytes(20, "big"))): (one, random_borrower(rng, one))
        for one in markets
        for i in range(1, per_market + 1)
    }
    scene = market(markets, {key: owner for key, (_, owner) in borrowers.items()})
    book = PositionBook()
    for row in screen.rows(None, scene):
        book.upsert(row)

    return scene, borrowers, set(suspects(book, screen.factors(scene)))


@given(seed=st.integers(0, 2**32))
def test_everything_liquidatable_is_suspect(seed):
    scene, borrowers, found = screened(random.Random(seed), 6)
    for key, (one, owner) in borrowers.items():
        decided = health.health(key, scene)
        assert isinstance(decided, Health)
        assert decided.liquidatable == liquidatable_in_fractions(owner, one) == (decided.factor_wad < WAD)
        assert key in found or not decided.liquidatable


def counts(seed, rounds, per_market):
    """Liquidatable borrowers, and those suspected for nothing who owe more than dust."""
    rng = random.Random(seed)
    total = liquidatable = superfluous = 0
    for _ in range(rounds):
        scene, borrowers, found = screened(rng, per_market)
        for key, (one, owner) in borrowers.items():
            unsafe = health.health(key, scene).liquidatable
            total += 1
            liquidatable += unsafe
            owed = math.borrowed(owner.borrow_shares, one.now)
            superfluous += key in found and not unsafe and owed > DUST
            assert key in found or not unsafe

    return total, liquidatable, superfluous


def test_screen_suspects_few_that_are_not_liquidatable(random_seed):
    _, liquidatable, superfluous = counts(random_seed, 10, 50)
    assert liquidatable > 1_000
    assert superfluous < liquidatable // 10


@pytest.mark.full
@pytest.mark.timeout(900)
def test_screen_misses_nothing_in_many_adversarial_borrowers(random_seed):
    total, liquidatable, superfluous = counts(random_seed, 60, 210)
    print(f"{total} borrowers, {liquidatable} liquidatable, {superfluous} suspected for nothing, seed {random_seed}")
    assert total > 100_000
    assert superfluous < liquidatable // 10


def test_market_set_aside_suspects_nobody():
    rng = random.Random(7)
    one = random_isolated(rng, 0)
    unknown = one.with_price(None)
    key = position_key(one.params.id, Address(b"\x09" * 20))
    scene = market([unknown], {key: Borrower(10**9, 0)})
    book = PositionBook()
    for row in screen.rows(None, scene):
        book.upsert(row)

    assert tuple(suspects(book, screen.factors(scene))) == ()
    assert tuple(suspects(book, screen.factors(market([one], {key: Borrower(10**9, 0)})))) == (key,)


def test_markets_beyond_the_last_slot_are_always_suspect(monkeypatch):
    """Places are not ours to limit: markets that find no slot of their own are decided exactly instead."""
    monkeypatch.setattr(screen, "LAST_SLOT", 1)
    rng = random.Random(3)
    markets = [random_isolated(rng, place) for place in range(3)]
    keys = [position_key(one.params.id, Address(b"\x09" * 20)) for one in markets]
    scene = market(markets, dict.fromkeys(keys, Borrower(1, 2**120)))
    book = PositionBook()
    for row in screen.rows(None, scene):
        book.upsert(row)

    assert tuple(suspects(book, screen.factors(scene))) == tuple(sorted(keys[1:]))
