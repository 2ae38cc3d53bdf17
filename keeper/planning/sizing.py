"""The most profitable size of an offer over every way to do it: closing in full can throw the whole profit away.

What an offer gives is proportional to what it costs, and what that sells for is a known curve: the best size is where
one more unit costs as much as it brings, looked up rather than searched for. The legal points stand as they are. A
deal that is no straight line is searched within bounds.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from keeper.planning.bounded import Curve, searched
from keeper.planning.deal import NOTHING, SPOT_BITS, Deal, Sized, Terms, Way, is_plain, profit_of, sized
from keeper.planning.search import first_at_least
from keeper.types import OfferKind
from keeper.units import BPS, MAX_UINT256

_STRAIGHT: Final = frozenset({OfferKind.SEIZE, OfferKind.SALE})
"""Kinds whose amounts are proportional to the size but for roundings: a price and a bonus do not depend on it."""
_ROUNDINGS: Final = 4
"""Units by which roundings may bend a straight line."""
_FINE: Final = 20
"""Bits of an amount below which a bend is none."""
_TRIES: Final = 16
_PALPABLE: Final = 10_000
"""A unit received that is worth more than the profit over this is not paid for in vain."""
_COARSE: Final = 100
"""A unit of an amount on the way worth more than the profit over this is worth a search of its own."""


class _Best(NamedTuple):
    """The best so far: profit in the paid token before gas, and how it was made."""

    profit: int
    way: Way
    size: int
    line: "_Line"


def best_size(deal: Deal, ways: Sequence[Way]) -> Sized | None:
    """The size and way that leave most after gas, the first of equals; None where nothing can be carried."""
    best: _Best | None = None
    for low, high in deal.offer.sizes:
        line = _Line(deal, low, high)
        for way in ways:
            if best is not None and line.bound(way) <= best.profit - best.way.gas_cost:
                continue

            size = line.peak(way)
            if size is None:
                continue

            profit = profit_of(deal, way, size)
            if profit == NOTHING:
                # Too little to give anything: whatever would, costs more than one unit of it brings.
                size = high
                profit = profit_of(deal, way, size)

            if profit == NOTHING:
                continue

            if best is None or profit - way.gas_cost > best.profit - best.way.gas_cost:
                best = _Best(profit, way, size, line)

    if best is None:
        return None

    size, profit = best.line.polished(best)
    return sized(deal, best.way, size, profit)


class _Line:
    """One legal interval of a deal, as the straight line from nothing to its upper end."""

    __slots__ = ("_deal", "_high", "_last", "_low", "_start", "_straight")

    def __init__(self, deal: Deal, low: int, high: int) -> None:
        self._deal = deal
        self._low = low
        self._high = high
        self._last = deal.terms(high)
        self._start = deal.start
        self._straight = low == high or deal.offer.kind in _STRAIGHT

    def peak(self, way: Way) -> int | None:
        """The size of the greatest profit one way; None where nothing can be carried."""
        if self._low == self._high:
            return self._high

        if not self._straight:
            return searched(self._deal, way, self._low, self._high)

        if self._last.at_most <= way.lender.available:
            return self._peak_below(way, self._high, self._last)

        limited = self._affordable(way.lender.available)
        return None if limited is None else self._peak_below(way, limited, self._deal.terms(limited))

    def _peak_below(self, way: Way, high: int, last: Terms) -> int | None:
        """The size of the greatest profit up to a size that the lender can pay for."""
        start = self._start
        cost, gain = last.paid - start.paid, last.received - start.received
        if way.lender.fee_bps:
            cost, gain = cost * BPS + way.lender.fee_bps * (last.at_most - start.at_most), gain * BPS

        wanted = way.route.input_to(cost, gain) if cost > 0 and gain > 0 else last.received
        if wanted >= last.received:
            return high

        received = last.received - start.received
        size = max((wanted - start.received) * high // received, self._low)
        expected = start.received + size * received // high
        bend = abs(self._deal.terms(size).received - expected)
        is_bent = bend > _ROUNDINGS + (expected >> _FINE)
        return searched(self._deal, way, self._low, high) if is_bent and is_plain(way) else size

    def _affordable(self, available: int) -> int | None:
        """The greatest size that a lender can pay for; None where it is below the interval."""
        high, last = self._high, self._last
        size = high
        at_most = last.at_most
        for _ in range(_TRIES):
            size = min(size - 1, size * available // at_most)
            if size < self._low:
                return None

            at_most = self._deal.terms(size).at_most
            if at_most <= available:
                return size

        return None

    def bound(self, way: Way) -> int:
        """More than one way can leave net of gas: no unit sells for more than the first."""
        if way.spot is None or not self._straight:
            return MAX_UINT256

        last, start = self._last, self._start
        most = (last.received * way.spot >> SPOT_BITS) + 1 - last.paid
        if start.received:
            most = max(most, (start.received * way.spot >> SPOT_BITS) + 1 - start.paid)

        return max(most, 1) - way.gas_cost

    def polished(self, best: _Best) -> tuple[int, int]:
        """Try less for the same where what is received is coarser than the size; the size and its profit.

        One unit received is then worth many units of the payment, and of all sizes that give as much only the first
        is worth paying for. So few units that each is a good part of the profit are searched through.
        """
        low, high, size, deal = self._low, self._high, best.size, self._deal
        terms, start = deal.terms(size), self._start
        received = terms.received - start.received
        if low == high or not self._straight or received <= 0:
            return size, best.profit

        width = (terms.paid - start.paid) // received
        if is_plain(best.way) and max(width, self._coarsest(best, terms)) * _COARSE > best.profit:
            size = Curve(deal, best.way, low, high).polished(size)
            return size, profit_of(deal, best.way, size)

        if width <= 1:
            return size, best.profit

        last = self._last.received - start.received
        first = max(-(-received * high // last), low)  # up: the first size that gives so much, but for roundings
        if width * _PALPABLE > best.profit:
            # What is left over at the upper end may be most of a unit: worth asking where it begins.
            within, step = (low, size), max(width >> 2, 1)
            first = first_at_least(lambda at: deal.terms(at).received, terms.received, within, guess=first, step=step)

        if first >= size or deal.terms(first).received < terms.received:
            return size, best.profit

        return first, best.profit + terms.paid - deal.terms(first).paid

    @staticmethod
    def _coarsest(best: _Best, terms: Terms) -> int:
        """How many units of the payment one unit of an amount between two swaps is worth."""
        if len(best.way.route.hops) < 2:
            return 0

        quoted = best.way.route.quote(terms.received)
        return 0 if quoted is None else max(terms.paid // max(swap.amount_out, 1) for swap in quoted.swaps)
