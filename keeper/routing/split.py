"""One amount shared between curves: where they all give the same for the last unit, nothing can be gained by moving it.

That place is found on the ideal curves and then settled in whole units, on exact amounts.
"""

from collections.abc import Sequence
from math import isqrt
from typing import Final, NamedTuple, Self

from keeper.routing.curve import Curve, Segment

_SCALE_BITS: Final = 160
"""A price is kept as the square of 2**160 over a whole number, the root: small prices lose no precision."""
_TRIES: Final = 120
_NEWTON: Final = 12
"""Tries that follow the curve."""
_REMEMBERED: Final = 64
_SPARE_BITS: Final = 30
"""The part of an amount, 2**-30 of it, that may go to any curve: what it loses there is less than a unit."""
_COARSE: Final = 10**6
"""Outputs below this are worth counting unit by unit."""


class Shared(NamedTuple):
    """An amount in shares, one per curve, and what they give together."""

    shares: tuple[int, ...]
    amount_out: int


class First(NamedTuple):
    """What is known of curves before anything is sold: the root of the best price, and how they would go on from there.

    Together they take `slope * root - depth` at the price of a root, as long as each is in its first part.
    """

    root: int | None
    slope: int
    depth: int

    @classmethod
    def of(cls, curves: Sequence[Curve]) -> Self:
        """Look at where every curve begins."""
        starts = [start for curve in curves if (start := curve.segment_at(0)) is not None]
        if not starts:
            return cls(None, 0, 0)

        best = max(starts, key=_Price)
        curved = [start for start in starts if start.c]
        return cls(
            isqrt((best.b << 2 * _SCALE_BITS) // best.a),
            sum((isqrt(start.a * start.b) << 32) // start.c for start in curved),
            sum(start.b // start.c for start in curved),
        )

    def guess(self, amount_in: int) -> int:
        """The root at which they take an amount, if all of them take part."""
        least = self.root or 0
        return max(least, ((amount_in + self.depth) << _SCALE_BITS + 32) // self.slope) if self.slope else least


class Branches:
    """Curves that share an amount. Invariant: `_known` and `_root`, where the next search begins, only remember."""

    __slots__ = ("_curves", "_first", "_known", "_root")

    def __init__(self, curves: Sequence[Curve]) -> None:
        self._curves = tuple(curves)
        self._known: dict[int, Shared | None] = {}
        self._first = First.of(self._curves)
        self._root = 0

    def input_to(self, numerator: int, denominator: int) -> int:
        """What all of them take at a price; the next amount to be shared is most likely this one."""
        self._root = isqrt((denominator << 2 * _SCALE_BITS) // numerator)
        return sum(curve.input_to(numerator, denominator) for curve in self._curves)

    def shared(self, amount_in: int) -> Shared | None:
        """Share an amount so that it gives most; never less than any one curve alone, None where it does not fit."""
        if amount_in not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()

            self._known[amount_in] = self._share(amount_in) if amount_in > 0 else None

        return self._known[amount_in]

    def amount_in(self, amount_out: int) -> int | None:
        """Least input found to give an output; None where it cannot be given."""
        if amount_out <= 0:
            return None

        # Follow the curve near to it, then halve between what gives too little and what gives enough or does not fit.
        guess = 0
        for _ in range(_NEWTON):
            here = self.segment_at(guess)
            if here is None:
                break

            wanted = here.input_for(amount_out)
            further = max(wanted if here.end_in is None else min(wanted, here.end_in), 0)
            if abs(further - guess) <= 1:
                break

            guess = further

        low, high = self._around(guess, amount_out)
        while low < high:
            middle = (low + high) // 2
            if self._is_enough(middle, amount_out):
                high = middle
            else:
                low = middle + 1

        given = self._given(high)
        return high if given is not None and given >= amount_out else None

    def segment_at(self, amount_in: int) -> Segment | None:
        """The part of the common curve an amount ends in: curves whose last units give the same move together."""
        shared = self.shared(amount_in)
        shares: Sequence[int] = shared.shares if shared is not None else self._level(amount_in)
        parts = [
            here.moved(share, (curve.amount_out(share) or 0) if share else 0)
            for curve, share in zip(self._curves, shares, strict=True)
            if (here := curve.segment_at(share)) is not None
        ]
        if not parts:
            return None

        steepest = max(parts, key=_Price)
        moving = [part for part in parts if part.amount_in or not _Price(part) < _Price(steepest)]
        given = shared.amount_out if shared is not None else 0
        flat = next((part for part in moving if part.c == 0), None)
        if flat is not None:
            end = None if flat.end_in is None else amount_in + flat.end_in - flat.amount_in
            return Segment(amount_in, given, end, flat.a, flat.b, 0)

        # With d_i = (sqrt(a_i*b_i)*r - b_i)/c_i at the common price 1/r**2, the sum is price*R*d / (R + d) again, with
        # R the sum of b_i/c_i.
        depth = sum((part.b << _SCALE_BITS) // part.c for part in moving)
        end = self._end(amount_in, parts, moving)
        return Segment(amount_in, given, end, steepest.a * depth, steepest.b * depth, steepest.b << _SCALE_BITS)

    def _end(self, amount_in: int, parts: Sequence[Segment], moving: Sequence[Segment]) -> int | None:
        """Input at which the first of the moving parts ends, or one that stands joins them."""
        ends = [part for part in moving if part.end_in is not None]
        prices = [(part.a * part.b, (part.b + part.c * (part.end_in - part.amount_in)) ** 2) for part in ends]  # type: ignore[operator]  # filtered above
        prices += [(part.a, part.b) for part in parts if part not in moving]
        if not prices:
            return None

        first = prices[0]
        for price in prices[1:]:
            if price[0] * first[1] > first[0] * price[1]:
                first = price

        return max(sum(curve.input_to(*first) for curve in self._curves), amount_in + 1)

    def _given(self, amount_in: int) -> int | None:
        shared = self.shared(amount_in)
        return None if shared is None else shared.amount_out

    def _is_enough(self, amount_in: int, amount_out: int) -> bool:
        """Whether an input gives this much, or is more than all curves take."""
        given = self._given(amount_in)
        if given is not None:
            return given >= amount_out

        return amount_in > 0 and self.segment_at(amount_in) is None

    def _around(self, guess: int, amount_out: int) -> tuple[int, int]:
        """An interval whose upper end is enough and below whose lower end nothing is, found in growing strides."""
        low, high, stride = guess, guess, 1
        while low > 0 and self._is_enough(low, amount_out):
            high = low
            low = max(low - stride, 0)
            stride *= 4

        while not self._is_enough(high, amount_out):
            low = high + 1
            high += stride
            stride *= 4

        return low, high

    def _share(self, amount_in: int) -> Shared | None:
        shares = self._level(amount_in)
        deepest = max(range(len(shares)), key=lambda place: shares[place])
        given = [
            (curve.amount_out(share) or 0) if share else 0 for curve, share in zip(self._curves, shares, strict=True)
        ]
        shares = [share if out else 0 for share, out in zip(shares, given, strict=True)]
        shares[deepest] += amount_in - sum(shares)
        out = self._curves[deepest].amount_out(shares[deepest])
        total = sum(given) - given[deepest] + (out or 0)
        if out is None or total < _COARSE:
            return self._carefully(amount_in)

        return Shared(tuple(shares), total)

    def _carefully(self, amount_in: int) -> Shared | None:
        """Share where single units count or a curve is full: in least inputs, and not if one curve alone gives more."""
        best = self._settled(self._level(amount_in), amount_in)
        for place, curve in enumerate(self._curves):
            alone = curve.amount_out(amount_in)
            if alone is not None and (best is None or alone >= best.amount_out):
                best = Shared(tuple(amount_in if i == place else 0 for i in range(len(self._curves))), alone)

        return best

    def _level(self, amount_in: int) -> list[int]:
        """Shares at which all curves give the same for the last unit, together just about the amount, never more."""
        below = [0] * len(self._curves)
        if not amount_in or self._first.root is None:
            return below

        low = self._first.root
        root = max(self._root or self._first.guess(amount_in), low)
        high: int | None = None
        spare = max(len(below), amount_in >> _SPARE_BITS)
        for _ in range(_TRIES):
            shares = [curve.input_to(1 << 2 * _SCALE_BITS, root * root or 1) for curve in self._curves]
            missing = amount_in - sum(shares)
            if missing >= 0:
                low, below = root, shares
                if missing <= spare:
                    break
            else:
                high = root

            if high is not None and high - low <= 1:
                break

            root = self._next_root(root, shares, missing - spare // 2, low, high)

        return below

    def _next_root(self, root: int, shares: Sequence[int], missing: int, low: int, high: int | None) -> int:
        """Where the shares should add up, if every curve goes on as it does here."""
        slope = 0
        for curve, share in zip(self._curves, shares, strict=True):
            here = curve.segment_at(share) if share else None
            if here is not None and here.c:
                slope += (isqrt(here.a * here.b) << 32) // here.c

        wanted = root + (missing << _SCALE_BITS + 32) // slope if slope else 2 * root + 1
        if high is None:
            return min(max(wanted, low + 1), 4 * low + 4)

        return wanted if low < wanted < high else (low + high) // 2

    def _settled(self, shares: list[int], amount_in: int) -> Shared | None:
        """Hand out what the level left over, then what a curve takes without giving more for it."""
        given: list[int] = []
        for place, curve in enumerate(self._curves):
            out = curve.amount_out(shares[place])
            given.append(out or 0)
            # Down to the least that gives as much: the rest is worth more elsewhere.
            shares[place] = (curve.amount_in(out) or 0) if out is not None else 0

        spare = amount_in - sum(shares)
        best: Shared | None = None
        for place, curve in enumerate(self._curves):
            more = curve.amount_out(shares[place] + spare)
            if more is None:
                continue

            total = sum(given) - given[place] + more
            if best is None or total > best.amount_out:
                best = Shared(tuple(share + spare * (i == place) for i, share in enumerate(shares)), total)

        return best


class _Price:
    """Orders parts by the price of their first unit."""

    __slots__ = ("_part",)

    def __init__(self, part: Segment) -> None:
        self._part = part

    def __lt__(self, other: "_Price") -> bool:
        return self._part.a * other._part.b < other._part.a * self._part.b
