"""The screen never misses what the integers call unsafe, and the integers equal the rule in fractions."""

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.book.columns import PositionBook
from keeper.book.screen import suspects
from keeper.protocols.maker import health, screen
from keeper.protocols.maker.bark import Start
from keeper.protocols.maker.ilk import Feed
from keeper.protocols.maker.urn import Urn, urn_key
from keeper.types import Address, Health
from keeper.units import RAY, WAD
from tests.fakes.maker_market import NOW, ilk, listing, market

DUST_WAD = 10**6
"""Normalised debt below which one unit is a large part of it."""


def random_ilk(rng, place):
    """A collateral type of any price and fee; its Spotter, and its feed, may know other prices than the Vat."""
    val = rng.randrange(1, 10**6) * 10 ** rng.randrange(4, 24)
    par, mat = RAY * rng.randrange(90, 111) // 100, RAY * rng.randrange(100, 400) // 100
    stored = Fraction(val * 10**9 * RAY, par) * RAY / mat * rng.randrange(700, 1_300) / 1_000
    waiting = val * rng.randrange(700, 1_300) // 1_000
    feed = Feed(Address(bytes([place + 1]) * 20), val, waiting, NOW + rng.choice((-60, 60)), NOW - 3_600)
    return ilk(
        listing(place, b"ILK-%d" % place, rng.choice((6, 8, 18))),
        rate=RAY + rng.randrange(RAY),
        spot=rng.choice((0, int(stored), int(stored))),
        fee=RAY + rng.randrange(RAY // 10**8),
        rho=NOW - rng.randrange(10**6),
        mat=mat,
        feed=feed,
        start=Start(val, par, RAY, RAY, 0, 0, 0),
    )


def lowest(one):
    """The lowest price the vaults of a type can be judged by now, written without the adapter's list of them."""
    known = [one.feed.val] + ([one.feed.waiting] if one.feed.due <= NOW else [])
    poked = [val * 10**9 * RAY // one.start.par * RAY // one.mat for val in known]
    return min(spot for spot in (one.spot, *poked) if spot)


def random_urn(rng, one):
    """A vault within a hair of being unsafe, or dust."""
    if rng.random() < 0.2:
        return Urn(rng.randrange(10 ** rng.randrange(1, 4)), rng.randrange(1, 10 ** rng.randrange(1, 9)))

    ink = rng.randrange(1, 10 ** rng.randrange(6, 25))
    exact = Fraction(ink * lowest(one), one.at(NOW).rate_now)
    near = int(exact) + rng.choice([0, 1, -1, 2, -2, int(exact * Fraction(rng.randrange(-3, 4), 10**4))])
    return Urn(ink, max(near, 1))


def screened(rng, per_ilk):
    """A deployment of eight collateral types with vaults, and whom the screen suspects."""
    ilks = [random_ilk(rng, place) for place in range(8)]
    urns = {
        urn_key(one.listing.ilk, Address(i.to_bytes(20, "big"))): (one, random_urn(rng, one))
        for one in ilks
        for i in range(1, per_ilk + 1)
    }
    scene = market(ilks, {key: urn for key, (_, urn) in urns.items()})
    book = PositionBook()
    for row in screen.rows(None, scene):
        book.upsert(row)

    return scene, urns, set(suspects(book, screen.factors(scene)))


def unsafe_in_fractions(urn, one):
    """Worth less at the lowest price than is owed after a drip; only the rate is the adapter's."""
    return Fraction(urn.ink * lowest(one), RAY) < Fraction(urn.art * one.at(NOW).rate_now, RAY)


@given(seed=st.integers(0, 2**32))
def test_everything_unsafe_is_suspect(seed):
    scene, urns, found = screened(random.Random(seed), 3)
    for key, (one, urn) in urns.items():
        decided = health.health(key, scene)
        assert isinstance(decided, Health)
        assert decided.liquidatable == unsafe_in_fractions(urn, one) == (decided.factor_wad < WAD)
        assert key in found or not decided.liquidatable


def counts(seed, rounds, per_ilk):
    """Unsafe vaults, and those suspected for nothing that owe more than dust."""
    rng = random.Random(seed)
    total = unsafe = superfluous = 0
    for _ in range(rounds):
        scene, urns, found = screened(rng, per_ilk)
        for key, (_, urn) in urns.items():
            liquidatable = health.health(key, scene).liquidatable
            total += 1
            unsafe += liquidatable
            superfluous += key in found and not liquidatable and urn.art > DUST_WAD
            assert key in found or not liquidatable

    return total, unsafe, superfluous


@pytest.mark.full
@pytest.mark.timeout(900)
def test_screen_misses_nothing_in_many_adversarial_vaults(random_seed):
    """A vault within 10**-9 of its threshold is suspected whichever side it is on: so are most of these."""
    total, unsafe, superfluous = counts(random_seed, 60, 210)
    print(f"{total} vaults, {unsafe} unsafe, {superfluous} suspected for nothing, seed {random_seed}")
    assert total > 100_000
    assert unsafe > total // 4
    assert superfluous < total // 2


def test_collateral_type_set_aside_suspects_nobody():
    one = random_ilk(random.Random(7), 0)
    key = urn_key(one.listing.ilk, Address(b"\x09" * 20))
    owing = {key: Urn(0, 10**18)}
    for scene, expected in (
        (market([one], owing), (key,)),
        (market([ilk(one.listing, trouble="its Clipper is of another kind")], owing), ()),
        (market([ilk(one.listing, spot=0, feed=Feed(one.feed.pip, None))], owing), ()),
    ):
        book = PositionBook()
        for row in screen.rows(None, scene):
            book.upsert(row)

        assert tuple(suspects(book, screen.factors(scene))) == expected
