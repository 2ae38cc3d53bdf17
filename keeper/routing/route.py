"""Routes: one swap, swaps one after another, and swaps side by side that share an amount so that it pays most.

Each is a curve like a pool's, so routes are built of routes. What a route is worth net of gas is not decided here.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Final, Protocol

from keeper.routing.base import Hop, RouteQuote, Swap
from keeper.routing.curve import Curve, Segment, chained, solve
from keeper.routing.split import Branches

_ONE: Final = 2**320
"""A rate of one to one, as coefficients."""


class Route(Curve, Protocol):
    """A way from one token to another."""

    @property
    def hops(self) -> tuple[Hop, ...]:
        """Every swap it may make, in the order of making them."""
        ...

    def quote(self, amount_in: int) -> RouteQuote | None:
        """Sell an exact amount; None where it cannot be taken whole or gives nothing."""
        ...

    def quote_out(self, amount_out: int) -> RouteQuote | None:
        """Sell the least found to give at least this much; None where that cannot be given."""
        ...


class Stay:
    """The route from a token to itself: no swap at all."""

    __slots__ = ()
    hops: Final[tuple[Hop, ...]] = ()

    def amount_out(self, amount_in: int) -> int | None:
        return amount_in if amount_in > 0 else None

    def amount_in(self, amount_out: int) -> int | None:
        return amount_out if amount_out > 0 else None

    def input_to(self, numerator: int, denominator: int) -> int:
        return _ONE if numerator <= denominator else 0

    def segment_at(self, amount_in: int) -> Segment:
        return Segment(amount_in, amount_in, None, 1, 1, 0)

    def quote(self, amount_in: int) -> RouteQuote:
        return RouteQuote((), amount_in, amount_in)

    def quote_out(self, amount_out: int) -> RouteQuote:
        return RouteQuote((), amount_out, amount_out)


STAY: Final = Stay()


class Single:
    """One swap; `curve` is the pool's in the hop's direction."""

    __slots__ = ("amount_in", "amount_out", "hops", "input_to", "segment_at")

    def __init__(self, hop: Hop, curve: Curve) -> None:
        self.hops = (hop,)
        # The curve's own methods, not calls to them: this is where the time goes.
        self.amount_out = curve.amount_out
        self.amount_in = curve.amount_in
        self.input_to = curve.input_to
        self.segment_at = curve.segment_at

    def quote(self, amount_in: int) -> RouteQuote | None:
        (hop,) = self.hops
        quoted = hop.pool.quote_in(hop.token_in, amount_in)
        return None if quoted is None else RouteQuote((Swap(hop, quoted),), amount_in, quoted.amount_out)

    def quote_out(self, amount_out: int) -> RouteQuote | None:
        return _sold_for(self, amount_out)


class Series:
    """Routes one after another, each selling what the one before gave. No two of them share a pool.

    `_near` only remembers where the last search ended: the next one mostly ends close by.
    """

    __slots__ = ("_near", "_parts", "hops")

    def __init__(self, parts: Sequence[Route]) -> None:
        self._parts = tuple(parts)
        self._near = 0
        self.hops = tuple(hop for part in parts for hop in part.hops)

    def amount_out(self, amount_in: int) -> int | None:
        amount = amount_in
        for part in self._parts:
            given = part.amount_out(amount)
            if given is None:
                return None

            amount = given

        return amount

    def amount_in(self, amount_out: int) -> int | None:
        amount = amount_out
        for part in reversed(self._parts):
            needed = part.amount_in(amount)
            if needed is None:
                return None

            amount = needed

        return amount

    def input_to(self, numerator: int, denominator: int) -> int:
        self._near = solve(self, numerator, denominator, self._near)
        return self._near

    def segment_at(self, amount_in: int) -> Segment | None:
        whole: Segment | None = None
        amount = amount_in
        for part in self._parts:
            here = part.segment_at(amount)
            if here is None:
                return None

            after = part.amount_out(amount) or 0
            here = here.moved(amount, after)
            whole = here if whole is None else chained(whole, here, _first_end(whole, here))
            amount = after

        return whole

    def quote(self, amount_in: int) -> RouteQuote | None:
        swaps: tuple[Swap, ...] = ()
        amount = amount_in
        for part in self._parts:
            quoted = part.quote(amount)
            if quoted is None:
                return None

            swaps += quoted.swaps
            amount = quoted.amount_out

        return RouteQuote(swaps, amount_in, amount)

    def quote_out(self, amount_out: int) -> RouteQuote | None:
        return _sold_for(self, amount_out)


class Parallel:
    """Routes side by side from one token to another that share no pool; each gets its part of what is sold."""

    __slots__ = ("_branches", "_parts", "hops")

    def __init__(self, parts: Sequence[Route]) -> None:
        self._parts = tuple(parts)
        self._branches = Branches(self._parts)
        self.hops = tuple(hop for part in parts for hop in part.hops)

    def amount_out(self, amount_in: int) -> int | None:
        shared = self._branches.shared(amount_in)
        return None if shared is None else shared.amount_out

    def amount_in(self, amount_out: int) -> int | None:
        return self._branches.amount_in(amount_out)

    def input_to(self, numerator: int, denominator: int) -> int:
        return self._branches.input_to(numerator, denominator)

    def segment_at(self, amount_in: int) -> Segment | None:
        return self._branches.segment_at(amount_in)

    def quote(self, amount_in: int) -> RouteQuote | None:
        shared = self._branches.shared(amount_in)
        if shared is None:
            return None

        quotes = [part.quote(share) for part, share in zip(self._parts, shared.shares, strict=True) if share]
        found = [quoted for quoted in quotes if quoted is not None]
        swaps = reduce(lambda all_swaps, quoted: all_swaps + quoted.swaps, found, tuple[Swap, ...]())
        return RouteQuote(swaps, amount_in, sum(quoted.amount_out for quoted in found))

    def quote_out(self, amount_out: int) -> RouteQuote | None:
        return _sold_for(self, amount_out)


def _sold_for(route: Route, amount_out: int) -> RouteQuote | None:
    amount_in = route.amount_in(amount_out)
    return None if amount_in is None else route.quote(amount_in)


def _first_end(first: Segment, second: Segment) -> int | None:
    """Input at which the first of two chained parts ends, both seen from the same place; None for never."""
    if second.end_in is None:
        return first.end_in

    # What the second starts from is what the first has given.
    ends = first.input_for(first.amount_out + second.end_in - second.amount_in)
    return ends if first.end_in is None else min(ends, first.end_in)
