"""The screen never misses what the integers call liquidatable, and suspects few besides."""

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.book.columns import PositionBook
from keeper.book.screen import suspects
from keeper.protocols.dydx_perpetual import health, screen
from keeper.protocols.dydx_perpetual.market import DydxPerpetualMarket, terms_of
from keeper.protocols.dydx_perpetual.math import Index
from keeper.protocols.ledger import Ledger
from keeper.types import Health, PositionKey
from keeper.units import WAD
from tests.fakes.dydx_perpetual_market import EMPTY_SCENE, NOW, account, signed, target

HAIR = 100
"""Units of margin by which a healthy account may be suspected: roundings. A billionth of what it owes or paid too."""


def random_market(rng):
    """Any price, index, rate and maintenance margin, and some time until the target."""
    rules = replace(
        EMPTY_SCENE.rules,
        index=Index(NOW, signed(rng.randrange(-(10**20), 10**20) * rng.choice([0, 1, 10**4]))),
        rate=signed(rng.randrange(-260_416_666_666, 260_416_666_666)),
        price=rng.randrange(1, 10**6) * 10 ** rng.randrange(20),
        min_collateral=rng.choice([WAD, 1_075 * 10**15, 3 * WAD]),
    )
    return replace(EMPTY_SCENE, rules=rules).at(target(NOW + rng.choice([0, 12, 86_400, 10**7])))


def random_account(rng, scene):
    """A long or a short within a hair of its bound, its funding unsettled; now and then none at all."""
    terms = terms_of(scene)
    size = rng.randrange(1, 10 ** rng.randrange(1, 20)) * rng.choice([1, -1])
    last = signed(terms.current.value.number - rng.randrange(-(10**18), 10**18) * rng.choice([0, 1, 10**3]))
    due = Fraction((terms.current.value.number - last.number) * size, WAD)
    share, worth = Fraction(terms.min_collateral, WAD), Fraction(abs(size) * terms.price, WAD)
    bound = -worth / share if size > 0 else worth * share
    near = bound * Fraction(rng.randrange(-300, 301), 100_000) if rng.random() < 0.8 else rng.randrange(-3, 4)
    margin = int(bound + due + near)
    if rng.random() < 0.05:
        return account(margin, 0)

    return account(margin, size, Index(NOW - 1, last))


def screened(rng, count):
    """Accounts of one deployment, and whom the screen suspects."""
    scene = random_market(rng)
    accounts = {PositionKey(i.to_bytes(20, "big")): random_account(rng, scene) for i in range(1, count + 1)}
    scene = replace(scene, ledger=Ledger(accounts))
    book = PositionBook()
    for row in screen.rows(None, scene):
        book.upsert(row)

    return scene, accounts, set(suspects(book, screen.factors(scene)))


@given(seed=st.integers(0, 2**32))
def test_everything_liquidatable_is_suspect(seed):
    scene, accounts, found = screened(random.Random(seed), 8)
    for key in accounts:
        decided = health.health(key, scene)
        assert isinstance(decided, Health)
        assert decided.liquidatable == (decided.factor_wad < WAD)
        assert key in found or not decided.liquidatable


def counts(seed, rounds, count):
    """Accounts, the liquidatable among them, and those suspected although they are healthy by more than a hair."""
    rng = random.Random(seed)
    total = liquidatable = superfluous = 0
    for _ in range(rounds):
        scene, accounts, found = screened(rng, count)
        for key in accounts:
            decided = health.decide(key, scene)
            total += 1
            liquidatable += decided.liquidatable
            spare = decided.positive * WAD - decided.negative * scene.rules.min_collateral
            indices = terms_of(scene).current.value.value + accounts[key].settled_at.value.value
            paid = indices * decided.balance.position.value
            hair = HAIR * WAD * WAD + (decided.negative + paid) * WAD // 10**9
            superfluous += key in found and not decided.liquidatable and spare > hair

    return total, liquidatable, superfluous


def test_screen_suspects_few_that_are_healthy():
    total, liquidatable, superfluous = counts(seed=1, rounds=40, count=10)
    assert (total, liquidatable > 100) == (400, True)
    assert superfluous == 0


@pytest.mark.full
def test_screen_misses_nobody_in_a_hundred_thousand():
    rng = random.Random()
    for _ in range(1_000):
        scene, accounts, found = screened(rng, 100)
        missed = [key for key in accounts if health.decide(key, scene).liquidatable and key not in found]
        assert not missed


def test_market_that_is_set_aside_suspects_nobody():
    scene, accounts, _ = screened(random.Random(1), 20)
    broken = scene.with_prices({scene.contracts.perpetual: 0})
    assert isinstance(broken, DydxPerpetualMarket)
    book = PositionBook()
    for row in screen.rows(None, broken):
        book.upsert(row)

    assert len(accounts) == 20
    assert not list(suspects(book, screen.factors(broken)))


def test_account_that_owes_without_a_position_is_suspect():
    """The contract calls it liquidatable, although nothing can be done about it."""
    key = PositionKey(b"\1" * 20)
    scene = replace(EMPTY_SCENE, ledger=Ledger({key: account(-1, 0)}))
    book = PositionBook()
    for row in screen.rows(None, scene):
        book.upsert(row)

    assert list(suspects(book, screen.factors(scene))) == [key]
