"""The screen never misses what the integers call liquidatable, and the integers equal the rule in fractions."""

import random
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.book.columns import PositionBook
from keeper.book.screen import suspects
from keeper.protocols.perp_curie import health, screen
from keeper.protocols.perp_curie.account import Account, Holding, Order
from keeper.protocols.perp_curie.instrument import Growth
from keeper.protocols.perp_curie.market import Collateral
from keeper.types import Address, Declined, Health, PositionKey
from keeper.units import WAD
from tests.fakes.perp_curie_market import WETH, instrument, market

DUST = 10 * WAD
"""Ten dollars of position: below it one unit of the settlement token is a large part of what is required."""
UNIT = 10**12
COLLATERAL = Collateral(decimals=18, price=1_500 * 10**8, price_decimals=8, ratio=700_000)


def random_market(rng):
    """Three markets of any price and funding growth, and a collateral."""
    ones = []
    for place in range(3):
        price = rng.randrange(1, 10**6) * 10 ** rng.randrange(8, 20)
        growth = rng.randrange(-price, price) * rng.choice([0, 1, 86_400, 10**7]) * 2**96 // WAD
        base = Address(bytes([place + 1]) * 20)
        ones.append(instrument(price, base, growth=Growth(growth, 0)))

    places = {**{one.base: i for i, one in enumerate(ones)}, WETH: 3}
    return market(ones, {}, places=places, collaterals={WETH: COLLATERAL})


def random_account(rng, scene):
    """An account within a hair of liquidation, or dust."""
    holdings = []
    for base in rng.sample(list(scene.instruments), rng.choice([1, 1, 2, 3])):
        one = scene.instruments[base]
        dollars = rng.choice([rng.randrange(1, 50), rng.randrange(100, 10**7)])
        size = max(dollars * WAD * WAD // one.price, 1) * rng.choice([1, -1])
        notional = -size * one.price // WAD * rng.randrange(800, 1_200) // 1_000
        last = (
            one.growth.premium_x96 - rng.randrange(-one.price, one.price) * rng.randrange(86_400) * 2**96 // WAD // 10
        )
        holdings.append((base, Holding(size, notional, last)))

    pledged = ((WETH, rng.randrange(1, 10**20)),) if rng.random() < 0.2 else ()
    bare = Account(0, rng.randrange(-(10**22), 10**22), pledged, tuple(holdings))
    exact, need = worth(bare, scene)
    near = int(need * Fraction(rng.randrange(-400, 401), 100_000))
    if rng.random() < 0.1:
        near = rng.choice([0, 1, -1, UNIT, -UNIT, 2 * UNIT])

    return Account((floor(need - exact) + near) // UNIT, bare.owed, pledged, bare.holdings)


def worth(account, scene):
    """Value and requirement in fractions, every rounding but the unit's left out."""
    value = Fraction(account.balance * UNIT + account.owed)
    total = Fraction(0)
    for base, one in account.holdings:
        price, growth = scene.instruments[base].price, scene.instruments[base].growth.premium_x96
        value += Fraction(one.size * price, WAD) + one.open_notional
        value -= Fraction(one.size * (growth - one.last_growth_x96), 2**96 * 86_400)
        total += abs(Fraction(one.size * price, WAD))

    for _, amount in account.collaterals:
        value += Fraction(amount * COLLATERAL.price * COLLATERAL.ratio, 10**8 * 10**6)

    return value, total * 62_500 / 10**6


def screened(rng, count):
    """Accounts of one deployment, and whom the screen suspects."""
    scene = random_market(rng)
    accounts = {PositionKey(i.to_bytes(20, "big")): random_account(rng, scene) for i in range(1, count + 1)}
    scene = scene.with_accounts(accounts)
    book = PositionBook()
    for row in screen.rows(None, scene):
        book.upsert(row)

    return scene, accounts, set(suspects(book, screen.factors(scene)))


@given(seed=st.integers(0, 2**32))
def test_everything_liquidatable_is_suspect(seed):
    scene, accounts, found = screened(random.Random(seed), 6)
    for key, account in accounts.items():
        decided = health.health(key, scene)
        assert isinstance(decided, Health)
        value, need = worth(account, scene)
        # Funding, values and shares are each rounded by less than a unit of 10**-18, the value then to the token's.
        if value - UNIT - 20 >= need:
            assert not decided.liquidatable

        if value + 20 < need:
            assert decided.liquidatable

        assert decided.liquidatable == (decided.factor_wad < WAD)
        assert key in found or not decided.liquidatable


def counts(seed, rounds, count):
    """Liquidatable accounts, and those suspected for nothing whose positions are more than dust."""
    rng = random.Random(seed)
    total = liquidatable = superfluous = 0
    for _ in range(rounds):
        scene, _, found = screened(rng, count)
        for key in scene.overlay:
            decided = health.decide(key, scene)
            assert not isinstance(decided, Declined)
            total += 1
            liquidatable += decided.liquidatable
            superfluous += key in found and not decided.liquidatable and decided.total_value > DUST
            assert key in found or not decided.liquidatable

    return total, liquidatable, superfluous


def test_screen_suspects_few_that_are_not_liquidatable(random_seed):
    _, liquidatable, superfluous = counts(random_seed, 12, 60)
    assert liquidatable > 300
    assert superfluous < liquidatable // 10


@pytest.mark.full
@pytest.mark.timeout(900)
def test_screen_misses_nothing_in_many_adversarial_accounts(random_seed):
    total, liquidatable, superfluous = counts(random_seed, 500, 210)
    print(f"{total} accounts, {liquidatable} liquidatable, {superfluous} suspected for nothing, seed {random_seed}")
    assert total > 100_000
    assert superfluous < liquidatable // 10


def test_market_set_aside_suspects_nobody():
    one = instrument()
    key = PositionKey(b"\x09" * 20)
    sunk = Account(-(10**12), 0, (), ((one.base, Holding(WAD, -2_000 * WAD, 0)),))
    book = PositionBook()
    for row in screen.rows([key], market([one], {key: sunk})):
        book.upsert(row)

    assert tuple(suspects(book, screen.factors(market([one], {key: sunk})))) == (key,)
    assert tuple(suspects(book, screen.factors(market([one.with_price(0)], {key: sunk})))) == ()


def test_makers_are_decided_every_block_and_never_screened():
    one = instrument()
    key = PositionKey(b"\x09" * 20)
    order = Order(10**18, 70_000, 76_000, 0, 0, 0, 0, 10**15, 10**18)
    scene = market([one], {key: Account(10**6, 0, (), ((one.base, Holding(0, 0, 0, (order,))),))})
    assert next(iter(screen.rows(None, scene))).required == ()
    assert screen.always_confirm(scene) == [key]
    assert screen.always_confirm(scene.with_instrument(one.with_price(0))) == []
