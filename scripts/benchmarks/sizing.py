"""How much a position is closed: what the best size earns and what finding it costs, on a fixed book of 200 positions.

Real Aave V3 arithmetic, real Uniswap V3 curves from thin to deep; the others get the same quotes, routes and loans.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from benchmarks.figure import DiffersError, Figure
from benchmarks.position_book import PAIRS, SEED, Situation, crowded_block, situation
from benchmarks.timing import best_of, shown
from keeper.planning.deal import NOTHING, Way, profit_of, stages
from keeper.planning.pipeline import plan_block
from keeper.planning.sizing import best_size
from keeper.routing.route import Route
from keeper.units import USD

POSITIONS: Final = 200
GOLDEN_PPM: Final = 381_966
BLOCK: Final = 40
REPEATS: Final = 20


def measure() -> Iterator[Figure]:
    """Earn on the book each way, then find its sizes each way, then plan blocks of it."""
    book = [situation(number) for number in range(POSITIONS)]
    yield from _earned(book)
    yield from _timed(book)
    yield _planned()


# What it earns -----------------------------------------------------------------------------------------------------


def _earned(book: Sequence[Situation]) -> Iterator[Figure]:
    ours = sum(max(_net_best(each), 0) for each in book)
    partly = sum(_net_best(each) > max(_net_of(each, (1,)), 0) for each in book)
    for name, parts in (("close in full", (1,)), ('"max, half, a tenth"', (1, 2, 10))):
        theirs = sum(max(_net_of(each, parts), 0) for each in book)
        note = (
            f"{ours / USD:,.0f} against {theirs / USD:,.0f} USD after gas on {POSITIONS} positions (seed {SEED}), "
            f"{partly} of which are worth more in part than in full; the others skip what would lose"
        )
        yield Figure(f"profit against {name}", ours / theirs, "x", 1, note)


def _net_best(each: Situation) -> int:
    found = best_size(each.deal(), each.ways)
    return 0 if found is None else each.usd(found.net)


def _net_of(each: Situation, parts: Sequence[int]) -> int:
    """The best of a few shares of the largest size, each sold the best way at that size."""
    deal = each.deal()
    largest = deal.terms(each.offer.sizes[-1][1]).paid
    nets = [
        profit - way.gas_cost
        for part in parts
        for size in [each.offer.sizes[-1][1] if part == 1 else largest // part]
        if any(low <= size <= high for low, high in each.offer.sizes)
        for way in each.ways
        if (profit := profit_of(deal, way, size)) != NOTHING
    ]
    return each.usd(max(nets, default=0))


# What finding it costs ---------------------------------------------------------------------------------------------


def _looked_up(book: Sequence[Situation]) -> Figure:
    """On one curve alone: where its price falls to what a unit costs, looked up and searched for."""
    curves: list[tuple[Route, int, int, int]] = []
    for each in book:
        terms = each.deal().terms(each.offer.sizes[0][1])
        ways = [way.route for way in each.ways if len(way.route.hops) == 1]
        curves += [(route, terms.paid, terms.received, terms.received) for route in ways]

    def look_up() -> list[int]:
        return [min(route.input_to(paid, received), most) for route, paid, received, most in curves]

    def search() -> list[int]:
        return [
            _golden_on(lambda x, r=route, p=paid, g=received: (r.amount_out(x) or 0) * g - x * p, 0, most)  # type: ignore[misc]  # bound now
            for route, paid, received, most in curves
        ]

    for (route, paid, received, _), found, best in zip(curves, look_up(), search(), strict=True):
        if (route.amount_out(found) or 0) * received - found * paid < best - 4 * max(paid, received):
            raise DiffersError(f"amount to sell: {found} is worse than golden section's")

    ours, theirs = best_of(look_up, REPEATS), best_of(search)
    note = f"{shown(ours / len(curves))} against {shown(theirs / len(curves))} on {len(curves)} curves of one pool each"
    return Figure("best amount to sell against golden section on the same quoter", theirs / ours, "x", 40, note)


def _timed(book: Sequence[Situation]) -> Iterator[Figure]:
    yield _looked_up(book)
    plain = [replace(each, ways=tuple(way for way in each.ways if _is_plain(way))) for each in book]
    for each in plain:
        _compare(each)

    ours = best_of(lambda: [best_size(each.deal(), each.ways) for each in plain])
    theirs = best_of(lambda: [_golden(each) for each in plain])
    ways = sum(len(each.ways) for each in plain) / len(plain)
    yield Figure(
        "size of a position, settled and over all routes, against golden section",
        theirs / ours,
        "x",
        None,
        f"{shown(ours / len(plain))} against {shown(theirs / len(plain))} for {ways:.1f} routes of one position; "
        "golden section goes down to one unit of the size on every route",
    )


def _compare(each: Situation) -> None:
    """Never less than what golden section finds, but for four units of the coarsest amount: it comes in whole ones."""
    deal = each.deal()
    found, best = best_size(deal, each.ways), _golden(each)
    if found is None:
        spare = 1
    else:
        amounts = stages(deal, found.way, found.size)[1:-1]
        spare = max(1, *(4 * found.terms.paid // max(amount, 1) for amount in amounts))

    if best > 0 and (found is None or found.net < best - spare):
        raise DiffersError(f"size: ours nets {None if found is None else found.net}, golden section {best}")


def _golden(each: Situation) -> int:
    """The best net profit of golden section over every legal interval and route."""
    deal = each.deal()
    return max(
        _golden_on(lambda size, way=way: profit_of(deal, way, size) - way.gas_cost, low, high)  # type: ignore[misc]  # bound now
        for low, high in each.offer.sizes
        for way in each.ways
    )


def _golden_on(net: Callable[[int], int], low: int, high: int) -> int:
    a, b = low, high
    best = max(net(a), net(b))
    left, right = a + (b - a) * GOLDEN_PPM // 10**6, b - (b - a) * GOLDEN_PPM // 10**6
    at_left, at_right = net(left), net(right)
    while b - a > 4:
        if not a < left < right < b:
            left, right = a + (b - a) * GOLDEN_PPM // 10**6, b - (b - a) * GOLDEN_PPM // 10**6
            at_left, at_right = net(left), net(right)

        if at_left < at_right:
            a, left, at_left = left, right, at_right
            right = b - (b - a) * GOLDEN_PPM // 10**6
            at_right = net(right)
        else:
            b, right, at_right = right, left, at_left
            left = a + (b - a) * GOLDEN_PPM // 10**6
            at_left = net(left)

    return max(best, at_left, at_right, *(net(size) for size in range(a, b + 1)))


def _is_plain(way: Way) -> bool:
    return len({hop.token_in for hop in way.route.hops}) == len(way.route.hops)


def _planned() -> Figure:
    block = crowded_block(BLOCK)
    seconds = best_of(lambda: plan_block(block))
    plans = len(plan_block(block).plans)
    note = f"{shown(seconds)} for {BLOCK} liquidatable positions and {plans} plans on {len(PAIRS)} pools"
    return Figure("planning per liquidatable position", seconds / BLOCK * 1e6, "us", None, note)
