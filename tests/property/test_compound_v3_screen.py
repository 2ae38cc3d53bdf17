"""The screen never misses what may be absorbed on Compound V3, and the integers that decide equal it in fractions."""

import random
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.book.columns import PositionBook
from keeper.book.screen import suspects
from keeper.protocols.compound_v3 import health, screen
from keeper.protocols.compound_v3.terms import BASE_INDEX_SCALE
from keeper.types import Declined, Health, PositionKey, Reason
from keeper.units import WAD
from tests.fakes.compound_v3_market import USUAL, account, asset, collateral, market, totals

HAIR = 5 * 10**8
"""One part in so many is nearer to a health of one than the screen's own band of a billionth on either side."""
ASSETS = 10


def random_market(rng, count):
    """Ten assets of every width and price, a tenth of them without one; indices up to ten, stale for up to a year."""
    scale = 10 ** rng.choice([6, 8, 18])
    assets = []
    for offset in range(ASSETS):
        decimals = rng.choice([6, 8, 18, 18, 27])
        factors = sorted(rng.randrange(1, 101) for _ in range(3))
        price = rng.choice([1, rng.randrange(1, 10**6), rng.randrange(10**6, 10**13), rng.randrange(10**6, 10**13)])
        assets.append(asset(collateral(offset, decimals, factors), None if rng.random() < 0.1 else price))

    indices = tuple(rng.choice([BASE_INDEX_SCALE, rng.randrange(BASE_INDEX_SCALE, 10**16)]) for _ in range(2))
    supply = rng.randrange(1, 10**8) * scale
    stored = totals(
        supply, supply * rng.randrange(0, 120) // 100, indices, 1_700_000_000 - rng.choice([0, 12, 31_536_000])
    )
    plain = market(
        assets, {}, stored, curves=USUAL, base_scale=scale, base_price=rng.choice([10**8, 99_995_000, 2 * 10**11])
    )
    accounts = {PositionKey(i.to_bytes(20, "big")): random_account(rng, plain) for i in range(1, count + 1)}
    return plain.with_accounts(accounts), accounts


def random_account(rng, scene):
    """An account whose debt is chosen so that its health is within a hair of one, or dust."""
    dust = rng.random() < 0.3
    held = {}
    for offset in rng.sample(range(ASSETS), rng.randrange(0, 6)):
        unit = scene.assets[offset].terms.scale
        held[offset] = (
            rng.randrange(1, 10**3) if dust else rng.randrange(1, 10**4) * unit // rng.choice([1, 7, 1_000]) + 1
        )

    if dust:
        return account(-rng.choice([1, rng.randrange(1, 10**4)]), held)

    terms = [(amount, scene.assets[offset].terms) for offset, amount in held.items()]
    cover = sum(
        Fraction(amount * (one.price or 0) * one.liquidate_collateral_factor, one.scale * WAD) for amount, one in terms
    )
    exact = cover * scene.base.scale * BASE_INDEX_SCALE / (scene.base.price * scene.now.base_borrow_index)
    near = int(exact) + rng.choice([0, 0, 1, -1, 2, -2, int(exact * Fraction(rng.randrange(-3, 4), 10**4))])
    return account(-min(max(near, 1), 2**102), held)


def missing_in_fractions(owner, scene):
    """What an absorption finds missing, rounded wherever the contract does; None where it reads a bad price."""
    owed = floor(Fraction(-owner.principal * scene.now.base_borrow_index, BASE_INDEX_SCALE))
    left = floor(Fraction(owed * scene.base.price, scene.base.scale))
    for offset, amount in owner.held:
        if left <= 0:
            return left

        terms = scene.assets[offset].terms
        if terms.price is None:
            return None

        value = floor(Fraction(amount * terms.price, terms.scale))
        left -= floor(Fraction(value * terms.liquidate_collateral_factor, WAD))

    return left


def screened(scene):
    book = PositionBook()
    for row in screen.rows(None, scene):
        book.upsert(row)

    return set(suspects(book, screen.factors(scene)))


def decided_and_checked(key, owner, scene):
    """Decide one position and compare with the fractions; whether it can be absorbed, and its debt's value."""
    decided, missing = health.health(key, scene), missing_in_fractions(owner, scene)
    if missing is None:
        assert isinstance(decided, Declined)
        assert decided.reason is Reason.UNKNOWN_PRICE
        return None

    assert isinstance(decided, Health)
    assert decided.liquidatable == (missing > 0)
    assert decided.liquidatable == (decided.factor_wad < WAD)
    return decided


@given(seed=st.integers(0, 2**32))
def test_everything_that_may_be_absorbed_is_suspect(seed):
    scene, accounts = random_market(random.Random(seed), 8)
    found = screened(scene)
    for key, owner in accounts.items():
        decided = decided_and_checked(key, owner, scene)
        # Whom a bad price leaves undecided cannot be absorbed: the contract reads it and reverts.
        assert key in found or decided is None or not decided.liquidatable


def is_safe(decided, owner, scene):
    """Whether an account is healthier than by a hair, a unit of its debt and two price units per entry."""
    priced = all(scene.assets[offset].quoted.price is not None for offset, _ in owner.held)
    spare = (decided.factor_wad - WAD) * decided.debt_base // WAD
    unit = scene.base.price // scene.base.scale + 1
    return priced and spare > decided.debt_base // HAIR + unit + 2 * len(owner.held) + 3


def adversarial_counts(seed, rounds):
    """Accounts, those to absorb, those undecided, those that are safe, and of these the suspects."""
    rng = random.Random(seed)
    total = liquidatable = undecided = real = superfluous = 0
    for _ in range(rounds):
        scene, accounts = random_market(rng, 59)
        found = screened(scene)
        total += len(accounts)
        for key, owner in accounts.items():
            decided = decided_and_checked(key, owner, scene)
            undecided += decided is None
            if decided is None:
                continue

            liquidatable += decided.liquidatable
            safe = is_safe(decided, owner, scene)
            real += safe
            superfluous += key in found and safe
            assert key in found or not decided.liquidatable

    return total, liquidatable, undecided, real, superfluous


def test_screen_suspects_only_what_a_float_cannot_tell(random_seed):
    _, liquidatable, undecided, real, superfluous = adversarial_counts(random_seed, 12)
    assert liquidatable > 100
    assert undecided > 10
    assert superfluous == 0 < real


@pytest.mark.full
def test_screen_misses_nothing_in_a_hundred_thousand_adversarial_accounts(random_seed):
    total, liquidatable, undecided, real, superfluous = adversarial_counts(random_seed, 1_700)
    print(
        f"{total} accounts, {liquidatable} to absorb, {undecided} undecided, {superfluous} of {real} safe ones suspects"
    )
    assert total > 100_000
    assert liquidatable > 10_000
    assert superfluous == 0 < real
