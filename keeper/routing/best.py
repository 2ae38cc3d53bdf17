"""Routes between two tokens, found in the pools themselves, and what each of them pays.

A route crosses no token twice, hence no pool twice. Its order of hops is the order of the swaps.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise, product

from keeper.routing.base import Hop, Liquidity, RouteQuote, Swap
from keeper.types import Address

_NOTHING_BARRED: frozenset[Address] = frozenset()


def routes(
    liquidity: Liquidity,
    token_in: Address,
    token_out: Address,
    max_hops: int,
    barred: Collection[Address] = _NOTHING_BARRED,
) -> tuple[tuple[Hop, ...], ...]:
    """Every route of at most `max_hops` pools that avoids the barred ones: shortest first, then by pool address.

    A token sold for itself has one route, the empty one.
    """
    if token_in == token_out:
        return ((),)

    found: list[tuple[Hop, ...]] = []
    for path in _token_paths(liquidity, (token_in,), token_out, max_hops):
        legs = [_hops(liquidity, a, b, barred) for a, b in pairwise(path)]
        found += product(*legs)

    return tuple(sorted(found, key=lambda route: (len(route), [hop.pool.address for hop in route])))


def quote(hops: Sequence[Hop], amount: int) -> RouteQuote | None:
    """Sell an exact amount along a route; None where a pool cannot take it or nothing comes out."""
    swaps: list[Swap] = []
    left = amount
    for hop in hops:
        swap = hop.pool.quote_in(hop.token_in, left)
        if swap is None:
            return None

        swaps.append(Swap(hop, swap))
        left = swap.amount_out

    return RouteQuote(tuple(swaps), amount, left)


def best(candidates: Sequence[tuple[Hop, ...]], amount: int) -> RouteQuote | None:
    """The candidate that pays most at this size, before gas; the first of equals, None where none can take it."""
    quotes = [quoted for hops in candidates if (quoted := quote(hops, amount)) is not None]
    return max(quotes, key=lambda quoted: quoted.amount_out, default=None)


def _hops(liquidity: Liquidity, token_in: Address, token_out: Address, barred: Collection[Address]) -> list[Hop]:
    return [Hop(p, token_in, token_out) for p in liquidity.between(token_in, token_out) if p.address not in barred]


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
