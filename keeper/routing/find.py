"""Every route worth comparing between two tokens, found in the pools themselves: nobody names the tokens in between.

A route crosses no token twice, hence no pool twice. Splits come last: they pay more before gas and cost more of it.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise, product
from typing import Final

from keeper.routing.base import Hop, Liquidity
from keeper.routing.route import STAY, Parallel, Route, Series, Single
from keeper.types import Address

_NOTHING_BARRED: frozenset[Address] = frozenset()
_ENDLESS: Final = 2**256
_PPM: Final = 1_000_000
_COMBINED: Final = (2**16, 3, 2)
"""Pools of a pair that are tried by themselves, on paths of one, two, and more swaps; splits use them all."""


def find_routes(
    liquidity: Liquidity,
    token_in: Address,
    token_out: Address,
    max_hops: int,
    barred: Collection[Address] = _NOTHING_BARRED,
) -> tuple[Route, ...]:
    """Every route of at most `max_hops` swaps in a row that avoids the barred pools.

    First those of one pool per swap, shortest first, then by pool address, on longer paths through the deepest and the
    cheapest pools of each pair only; then, along the same tokens, those that
    share each swap between all pools of its pair; then all paths that meet in no pool, side by side, each longer one
    through the deepest pools of its pairs. A token sold for itself has one route, which makes no swap.
    """
    if token_in == token_out:
        return (STAY,)

    paths: list[list[list[Single]]] = []
    for path in sorted(
        _token_paths(liquidity, (token_in,), token_out, max_hops), key=lambda found: (len(found), found)
    ):
        legs = [_swaps(liquidity, a, b, barred) for a, b in pairwise(path)]
        if all(legs):
            paths.append(legs)

    plain = [_in_a_row(list(swaps)) for legs in paths for swaps in product(*(_likely(leg, len(legs)) for leg in legs))]
    plain.sort(key=lambda route: (len(route.hops), [hop.pool.address for hop in route.hops]))
    wide = [_in_a_row([_side_by_side(leg) for leg in legs]) for legs in paths]
    split = [route for route, legs in zip(wide, paths, strict=True) if any(len(leg) > 1 for leg in legs)]
    apart = _apart([route for legs in paths for route in (legs[0] if len(legs) == 1 else [_deepest(legs)])])
    # Direct pools side by side are the first of the splits already.
    is_new = len(apart) > 1 and any(len(route.hops) > 1 for route in apart)
    return (*plain, *split, *((Parallel(apart),) if is_new else ()))


def _in_a_row(parts: list[Route] | list[Single]) -> Route:
    return parts[0] if len(parts) == 1 else Series(parts)


def _side_by_side(swaps: list[Single]) -> Route:
    return swaps[0] if len(swaps) == 1 else Parallel(swaps)


def _likely(leg: list[Single], hops: int) -> list[Single]:
    """Pools of one pair worth combining with those of others: otherwise three swaps are dozens of routes per path."""
    most = _COMBINED[min(hops, len(_COMBINED)) - 1]
    if len(leg) <= most:
        return leg

    deepest = sorted(leg, key=_depth, reverse=True)
    cheapest = max(deepest, key=lambda swap: _price(swap, deepest[0]))
    kept = [*deepest[: most - 1], cheapest] if cheapest not in deepest[: most - 1] else deepest[:most]
    return [swap for swap in leg if swap in kept]


def _price(swap: Single, beside: Single) -> int:
    """The first unit's price over another pool's, in millionths."""
    own, other = swap.segment_at(0), beside.segment_at(0)
    if own is None or other is None or not other.a:
        return 0

    return own.a * other.b * _PPM // (own.b * other.a)


def _deepest(legs: list[list[Single]]) -> Route:
    return _in_a_row([max(leg, key=_depth) for leg in legs])


def _depth(swap: Single) -> int:
    """How much a pool takes before its price moves much; without end for a conversion."""
    start = swap.segment_at(0)
    return 0 if start is None else start.b // start.c if start.c else _ENDLESS


def _apart(routes: Sequence[Route]) -> list[Route]:
    """Routes that share no pool with one before them."""
    used: set[Address] = set()
    found: list[Route] = []
    for route in routes:
        pools = {hop.pool.address for hop in route.hops}
        if not pools & used:
            used |= pools
            found.append(route)

    return found


def _swaps(liquidity: Liquidity, token_in: Address, token_out: Address, barred: Collection[Address]) -> list[Single]:
    """Pools of a pair that take this token."""
    return [
        Single(Hop(pool, token_in, token_out), curve)
        for pool in liquidity.between(token_in, token_out)
        if pool.address not in barred and (curve := pool.curve(token_in)) is not None
    ]


def _token_paths(
    liquidity: Liquidity, path: tuple[Address, ...], token_out: Address, hops_left: int
) -> Iterator[tuple[Address, ...]]:
    """Continuations of a path to `token_out` that visit no token twice and have pools on every leg."""
    around = liquidity.neighbours(path[-1])
    if hops_left > 0 and token_out in around:
        yield (*path, token_out)

    if hops_left > 1:
        for middle in around - {*path, token_out}:
            yield from _token_paths(liquidity, (*path, middle), token_out, hops_left - 1)
