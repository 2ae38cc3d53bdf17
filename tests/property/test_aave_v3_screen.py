"""The screen never misses what the integers call liquidatable, and the integers equal the rules in fractions."""

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.book.columns import PositionBook
from keeper.book.screen import suspects
from keeper.protocols.aave_v3 import health, screen
from keeper.protocols.aave_v3.reserve import EMode
from keeper.types import Health, PositionKey
from keeper.units import RAY
from tests.fakes.aave_v3_market import DOLLAR, SPARK_PORT, account, market, reserve, word
from tests.fakes.aave_v3_reference import health_of

VERSIONS = ("3.0", SPARK_PORT, "3.1", "3.3", "3.4", "3.5", "3.6", "3.7")


def random_market(rng, version):
    """Eight reserves of every width and price, two eMode categories, indices of up to years of interest."""
    reserves = []
    for place in range(8):
        decimals = rng.choice([2, 6, 8, 18, 18])
        price = rng.choice([DOLLAR, rng.randrange(1, 100), rng.randrange(1, 100_000 * DOLLAR)])
        config = word(
            threshold=rng.choice([0, 1, 5_000, 8_300, 9_300, 10_000]),
            decimals=decimals,
            category=rng.choice([0, 1, 2]),
        )
        index, debt_index = (rng.choice([RAY, rng.randrange(RAY, 5 * RAY)]) for _ in range(2))
        reserves.append(reserve(place, price, config, liquidity_index=index, borrow_index=debt_index))

    emodes = {i: EMode(i, rng.choice([9_300, 9_700]), 10_200, bitmap=rng.getrandbits(8)) for i in (1, 2)}
    if version in ("3.0", "3.1") and rng.random() < 0.5:
        source = reserves[0].asset[:19] + b"\xee"
        emodes[1] = EMode(1, 9_300, 10_200, price_source=source, price=rng.randrange(1, 5_000 * DOLLAR))

    return market(reserves, {}, version=version, emodes=emodes)


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
    owner = account(supplied, borrowed, emode=rng.choice([0, 0, 1, 2]))
    last = places[-1]
    if dust:
        return owner

    # Weighted collateral over debt, in reals; then the last debt is moved to where it is one.
    emode = scene.emode_of(owner)
    cover = Fraction(0)
    for place, scaled in owner.supplied:
        r = scene.reserves[place]
        cover += (
            Fraction(scaled * r.income * health.price_of(r, emode, scene.rules), RAY * r.unit)
            * (health.threshold_of(r, emode, scene.rules) or 0)
            / 10_000
        )

    for place, scaled in owner.borrowed:
        r = scene.reserves[place]
        if place != last:
            cover -= Fraction(scaled * r.debt_index * health.price_of(r, emode, scene.rules), RAY * r.unit)

    r = scene.reserves[last]
    exact = cover * RAY * r.unit / (r.debt_index * health.price_of(r, emode, scene.rules))
    near = int(exact) + rng.choice([0, 0, 1, -1, 2, -2, int(exact * Fraction(rng.randrange(-3, 4), 10**4))])
    if rng.random() >= hairy:
        near = int(exact * Fraction(rng.randrange(9_500, 10_501), 10_000))

    return owner.with_scaled(last, max(near, 1), is_debt=True)


def exact_health(owner, scene, version):
    emode = scene.emode_of(owner)
    rules = scene.rules
    parts = tuple(int(part) for part in version.split("."))
    positions = []
    for place, scaled in owner.supplied:
        r = scene.reserves[place]
        threshold = health.threshold_of(r, emode, rules)
        if threshold is not None:
            balance = Fraction(scaled * r.income, RAY)
            whole = int(balance) if scene.rules.directed_rounding else int(balance + Fraction(1, 2))
            positions.append((whole, health.price_of(r, emode, rules), r.unit, threshold))

    debts = []
    for place, scaled in owner.borrowed:
        r = scene.reserves[place]
        balance = Fraction(scaled * r.debt_index, RAY)
        whole = -int(-balance // 1) if scene.rules.directed_rounding else int(balance + Fraction(1, 2))
        debts.append((whole, health.price_of(r, emode, rules), r.unit))

    return health_of(parts, positions, debts)


@pytest.mark.parametrize("version", VERSIONS)
@given(seed=st.integers(0, 2**32))
def test_everything_liquidatable_is_suspect(version, seed):
    rng = random.Random(seed)
    scene = random_market(rng, version)
    accounts = {PositionKey(bytes([i]) * 20): random_account(rng, scene) for i in range(1, 25)}
    scene = scene.with_accounts(accounts)
    book = PositionBook()
    for row in screen.rows(None, scene):
        book.upsert(row)

    found = set(suspects(book, screen.factors(scene)))
    for key, owner in accounts.items():
        decided = health.health(key, scene)
        assert isinstance(decided, Health)
        assert decided.factor_wad == exact_health(owner, scene, version)
        assert decided.liquidatable == (decided.factor_wad < 10**18)
        assert key in found or not decided.liquidatable


def adversarial_counts(version, seed, rounds, hairy=1.0):
    """Accounts, liquidatable ones and superfluous suspects, the last over accounts that are not dust."""
    rng = random.Random(seed)
    total = liquidatable = superfluous = 0
    for _ in range(rounds):
        scene = random_market(rng, version)
        accounts = {PositionKey(i.to_bytes(20, "big")): random_account(rng, scene, hairy) for i in range(1, 60)}
        scene = scene.with_accounts(accounts)
        book = PositionBook()
        for row in screen.rows(None, scene):
            book.upsert(row)

        found = set(suspects(book, screen.factors(scene)))
        total += len(accounts)
        for key in accounts:
            decided = health.health(key, scene)
            liquidatable += decided.liquidatable
            superfluous += key in found and not decided.liquidatable and decided.debt_base > 100 * DOLLAR
            assert key in found or not decided.liquidatable

    return total, liquidatable, superfluous


@pytest.mark.parametrize("version", ["3.0", "3.6"])
def test_screen_suspects_few_that_are_not_liquidatable(version, random_seed):
    """Above 100 dollars of debt only those within a basis point of one are screened for nothing."""
    _, liquidatable, superfluous = adversarial_counts(version, random_seed, 20)
    assert liquidatable > 200
    assert superfluous < liquidatable


@pytest.mark.full
@pytest.mark.parametrize("version", ["3.0", SPARK_PORT, "3.6"])
def test_screen_misses_nothing_in_a_hundred_thousand_accounts_and_adds_few(version, random_seed):
    """One in five stands within a hair of one, where the band must over-select; the rest within a twentieth."""
    total, liquidatable, superfluous = adversarial_counts(version, random_seed, 1_700, hairy=0.2)
    print(f"{version}: {total} accounts, {liquidatable} liquidatable, {superfluous} for nothing, seed {random_seed}")
    assert total > 100_000
    assert liquidatable > 20_000
    assert superfluous < liquidatable // 10
