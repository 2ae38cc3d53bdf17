"""The size found is never worse than the best of a fine grid over everything that could be done."""

import random

import pytest

from keeper.planning.deal import NOTHING, Deal, Way, profit_of, spot_of, stages
from keeper.planning.funding import worthwhile
from keeper.planning.sizing import best_size
from keeper.protocols.base import Lender
from keeper.routing.base import Liquidity
from keeper.routing.find import find_routes
from keeper.types import PositionKey
from tests.fakes.lending import FakeMarket, FakeOffers, FakePosition, Rate
from tests.fakes.pools import address, deep_pool, sqrt_price, v3_pool

DEBT, COLLATERAL, MIDDLE = address(1), address(2), address(3)
KEY = PositionKey(bytes(20))
GRID = 400
STOPS = 4
"""Stops between two sizes at most: at each a V3 pool keeps up to one unit of its input, which may be worth a lot."""
SPLIT_GRID = 40
"""Points where a sale is split: each asks every pool many times."""


def test_best_size_is_never_below_a_grid(random_seed):
    _compare(random_seed, 15, GRID)


@pytest.mark.full
@pytest.mark.timeout(3_600)  # the grid is what takes its time
def test_best_size_is_never_below_a_fine_grid_in_many_situations(random_seed):
    _compare(random_seed, 1_000, 10_000)


def _compare(seed, situations, grid):
    profitable = inside = 0
    for number in range(situations):
        chance = random.Random(f"{seed}/{number}")
        deal, ways = _situation(chance)
        found = best_size(deal, ways)
        best, spare = _best_of_grid(deal, ways, grid)
        if best is None or best <= 0:
            continue  # nothing to be had: how little could be lost is nobody's question

        if found is None:
            assert best <= spare, f"situation {seed}/{number}: nothing instead of {best}"
            continue

        assert found.net >= best - spare, f"situation {seed}/{number}: {found.net} < {best} - {spare}"
        profitable += found.net > 0
        inside += all(found.size not in interval for interval in deal.offer.sizes)

    # The search has something to find: profits, and of many situations best sizes that are no end of an interval.
    assert profitable > situations // 3
    assert inside > situations // 15 or situations < 100


def _situation(chance):
    """A position against pools of any depth, tokens of any decimals, prices near the oracle's."""
    units = {token: 10 ** chance.choice((2, 6, 8, 18, 18)) for token in (DEBT, COLLATERAL, MIDDLE)}
    dollars = {token: chance.choice((1, 1, 15, 3_000, 60_000)) for token in units}
    liquidity = Liquidity.of(_pools(chance, units, dollars))
    rate = Rate(units[COLLATERAL] * dollars[DEBT], units[DEBT] * dollars[COLLATERAL], chance.randint(10_100, 11_500))
    whole = max(int(10 ** chance.uniform(1, 7) * units[DEBT] / dollars[DEBT]), 8)
    cut = chance.randint(1, whole - 2)
    sizes = chance.choice((((1, whole),), ((1, cut), (whole, whole)), ((cut, whole),), ((whole, whole),)))
    market = FakeMarket(
        {KEY: (FakePosition(DEBT, COLLATERAL, sizes, rate, grows=chance.choice((0, whole // 10**6))),)}, {}
    )
    offers = FakeOffers()
    deal = Deal(offers.offers(KEY, market)[0], lambda size: offers.settle(deal.offer, size, market))
    lenders = [
        Lender("aave_v3", address(50), DEBT, whole * chance.choice((1, 3)) // 2, chance.choice((0, 5)), True),
        Lender("morpho", address(51), DEBT, 2 * whole + 1, 9, False),
    ]
    gas_cost = chance.choice((0, units[DEBT] // dollars[DEBT]))
    found = find_routes(liquidity, COLLATERAL, DEBT, 2)
    return deal, [
        Way(route, lender, 100, gas_cost * (1 + len(route.hops)), spot_of(route))
        for lender in worthwhile(lenders, DEBT)
        for route in found
    ]


def _pools(chance, units, dollars):
    pairs = [(COLLATERAL, DEBT), (COLLATERAL, DEBT), (COLLATERAL, MIDDLE), (MIDDLE, DEBT)]
    return [
        _pool(chance, number, pair, units, dollars)
        for number, pair in enumerate(pairs, 10)
        if number == 10 or chance.random() < 0.7
    ]


def _pool(chance, number, pair, units, dollars):
    depth = 10 ** chance.uniform(3, 9)
    amounts = {token: max(int(depth * units[token] / dollars[token]), 10) for token in pair}
    amounts[pair[1]] = amounts[pair[1]] * chance.randint(97_000, 103_000) // 100_000
    fee = chance.choice((100, 500, 3_000, 10_000))
    pool = deep_pool(number, *(part for token in pair for part in (token, amounts[token])), fee)
    if chance.random() < 0.5:
        return pool

    # Ranges that end near the price: a kink in the curve, and beyond the last one nothing at all.
    spacing = pool.tick_spacing
    at = pool.tick // spacing * spacing
    ranges = [
        (at - chance.randint(1, 60) * spacing, at + chance.randint(1, 60) * spacing, pool.liquidity) for _ in "ab"
    ]
    token0, token1 = pool.tokens
    return v3_pool(number, pair, fee, sqrt_price(amounts[token1], amounts[token0]), ranges)


def _best_of_grid(deal, ways, grid):
    """The greatest net profit on a grid over every interval and way, and what one unit of the coarsest amount is worth.

    Where an amount on the way comes in steps of many units of the size, a lucky size may save up to one step.
    """
    best, spare = None, 1
    for way in ways:
        hops = way.route.hops
        points = grid if len({hop.token_in for hop in hops}) == len(hops) else SPLIT_GRID
        for low, high in deal.offer.sizes:
            sizes = sorted({low + (high - low) * i // points for i in range(points + 1)})
            done = [
                (profit - way.gas_cost, size) for size in sizes if (profit := profit_of(deal, way, size)) != NOTHING
            ]
            if not done:
                continue

            top, at = max(done)
            if best is None or top > best:
                amounts = stages(deal, way, at)[1:-1]
                best, spare = top, max(1, *(STOPS * deal.terms(at).paid // max(amount, 1) for amount in amounts))

    return best, spare
