"""The screen never misses what the integers call liquidatable on Aave V2, and the integers equal it in fractions."""

import random
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.book.columns import PositionBook
from keeper.book.screen import suspects
from keeper.protocols.aave_v2 import build, health, screen
from keeper.protocols.aave_v2.account import StableDebt
from keeper.types import Health, PositionKey
from keeper.units import RAY, WAD
from tests.fakes.aave_v2_market import account, market, reserve, word
from tests.fakes.aave_v3_market import NOW

FACET = build("aave-v2", PositionKey(bytes(20))).health


def half_up(exact):
    return floor(exact + Fraction(1, 2))


def random_market(rng):
    """Eight reserves of every width and price, in ether; indices of up to years of interest."""
    reserves = []
    for place in range(8):
        price = rng.choice([WAD, rng.randrange(1, 100), rng.randrange(1, 10**15), rng.randrange(1, 50 * WAD)])
        config = word(threshold=rng.choice([0, 1, 5_000, 8_300, 9_300, 10_000]), decimals=rng.choice([2, 6, 8, 18, 18]))
        index, debt_index = (rng.choice([RAY, rng.randrange(RAY, 5 * RAY)]) for _ in range(2))
        reserves.append(reserve(place, price, config, liquidity_index=index, borrow_index=debt_index))

    return market(reserves, {})


def random_account(rng, scene, hairy=1.0):
    """An account whose last debt is chosen so that its health is within a hair of one, or dust.

    Of the others `hairy` says how many are that close; the rest are within a twentieth.
    """
    places = rng.sample(range(8), rng.randrange(2, 6))
    split = rng.randrange(1, len(places))
    dust = rng.random() < 0.3
    scale = rng.choice([1, 3, 10, 1_000]) if dust else 10 ** rng.randrange(3, 24)
    supplied = {place: rng.randrange(1, 2 * scale + 1) for place in places[:split]}
    borrowed = {place: rng.randrange(1, 2 * scale + 1) for place in places[split:]}
    stable = ()
    if rng.random() < 0.1:
        since = NOW - rng.randrange(10**7)
        stable = (StableDebt(places[-1], rng.randrange(1, 2 * scale + 1), rng.randrange(RAY), since),)

    owner = account(supplied, borrowed, stable=stable)
    if dust:
        return owner

    cover = Fraction(0)
    for place, scaled in owner.supplied:
        r = scene.reserves[place]
        cover += Fraction(scaled * r.income * r.price * r.threshold, RAY * r.unit * 10_000)

    for place, scaled in owner.borrowed[:-1]:
        r = scene.reserves[place]
        cover -= Fraction(scaled * r.debt_index * r.price, RAY * r.unit)

    last = owner.borrowed[-1][0]
    r = scene.reserves[last]
    exact = cover * RAY * r.unit / (r.debt_index * r.price)
    near = int(exact) + rng.choice([0, 0, 1, -1, 2, -2, int(exact * Fraction(rng.randrange(-3, 4), 10**4))])
    if rng.random() >= hairy:
        near = int(exact * Fraction(rng.randrange(9_500, 10_501), 10_000))

    return owner.with_borrowed(last, max(near, 1))


def exact_factor(owner, scene):
    """Health in fractions, with a rounding wherever the contract has one; None without debt."""
    collateral = weighted = debts = 0
    for place, scaled in owner.supplied:
        r = scene.reserves[place]
        if r.threshold:
            value = floor(Fraction(half_up(Fraction(scaled * r.income, RAY)) * r.price, r.unit))
            collateral, weighted = collateral + value, weighted + value * r.threshold

    for place in owner.debts():
        r = scene.reserves[place]
        balance = half_up(Fraction(dict(owner.borrowed).get(place, 0) * r.debt_index, RAY))
        for debt in owner.stable:
            balance += half_up(debt.principal * growth(debt.rate, NOW - debt.since)) if debt.reserve == place else 0

        debts += floor(Fraction(balance * r.price, r.unit))

    average = weighted // collateral if collateral else 0
    return 2**256 - 1 if debts == 0 else half_up(Fraction(half_up(Fraction(collateral * average, 10_000)) * WAD, debts))


def growth(rate, seconds):
    """Three terms of (1 + rate per second) to the seconds, over one ray."""
    per_second = rate // 31_536_000
    squared = half_up(Fraction(per_second**2, RAY))
    cubed = half_up(Fraction(squared * per_second, RAY))
    second = floor(Fraction(seconds * (seconds - 1) * squared, 2))
    third = floor(Fraction(seconds * (seconds - 1) * max(seconds - 2, 0) * cubed, 6))
    return Fraction(RAY + per_second * seconds + second + third, RAY) if seconds else Fraction(1)


def screened(scene, accounts):
    """What the engine would decide exactly: suspects, and those no linear form describes."""
    book = PositionBook()
    for row in screen.rows(None, scene):
        book.upsert(row)

    return set(suspects(book, screen.factors(scene))) | {key for key, owner in accounts.items() if owner.stable}


def populated(rng, count, hairy=1.0):
    scene = random_market(rng)
    accounts = {PositionKey(i.to_bytes(20, "big")): random_account(rng, scene, hairy) for i in range(1, count + 1)}
    return market(scene.reserves, accounts), accounts


@given(seed=st.integers(0, 2**32))
def test_everything_liquidatable_is_suspect(seed):
    scene, accounts = populated(random.Random(seed), 24)
    assert set(FACET.always_confirm(scene)) == {key for key, owner in accounts.items() if owner.stable}
    found = screened(scene, accounts)
    for key, owner in accounts.items():
        decided = health.health(key, scene)
        assert isinstance(decided, Health)
        assert decided.factor_wad == exact_factor(owner, scene)
        assert decided.liquidatable == (decided.factor_wad < 10**18)
        assert key in found or not decided.liquidatable


def adversarial_counts(seed, rounds, hairy=1.0):
    """Accounts, liquidatable ones and superfluous suspects, the last over accounts that are not dust."""
    rng = random.Random(seed)
    total = liquidatable = superfluous = 0
    for _ in range(rounds):
        scene, accounts = populated(rng, 59, hairy)
        found = screened(scene, accounts)
        total += len(accounts)
        for key, owner in accounts.items():
            decided = health.health(key, scene)
            liquidatable += decided.liquidatable
            not_dust = decided.debt_base > WAD // 20 and not owner.stable
            superfluous += key in found and not decided.liquidatable and not_dust
            assert key in found or not decided.liquidatable

    return total, liquidatable, superfluous


def test_screen_suspects_few_that_are_not_liquidatable(random_seed):
    """Above a twentieth of an ether of debt only those within a basis point of one are screened for nothing."""
    _, liquidatable, superfluous = adversarial_counts(random_seed, 20)
    assert liquidatable > 200
    assert superfluous < liquidatable


@pytest.mark.full
def test_screen_misses_nothing_in_a_hundred_thousand_accounts_and_adds_few(random_seed):
    """One in five stands within a hair of one, where the band must over-select; the rest within a twentieth."""
    total, liquidatable, superfluous = adversarial_counts(random_seed, 1_700, hairy=0.2)
    print(f"{total} accounts, {liquidatable} liquidatable, {superfluous} screened for nothing, seed {random_seed}")
    assert total > 100_000
    assert liquidatable > 20_000
    assert superfluous < liquidatable // 10
