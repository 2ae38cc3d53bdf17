"""The bounded search over the sizes of one legal interval, for a deal that is no straight line, and the last polish.

On one way and inside one interval the profit is concave but for roundings: what is received grows evenly, what it
sells for grows ever slower. `sizing.py` asks here only where its closed form does not hold.
"""

from typing import Final

from keeper.planning.deal import NOTHING, Deal, Way, profit_of, stages
from keeper.planning.search import Memo, first_at_least, last_where, maximise

_SMALLER: Final = 256
"""How much less than a size that just gives something is not worth looking at."""
_STEPS_AROUND: Final = 4
"""Steps of a coarse amount that are tried on either side."""
_COARSE: Final = 10_000
"""A step that costs more than the profit over this is worth a search of its own."""


def searched(deal: Deal, way: Way, low: int, high: int) -> int | None:
    """The size of the greatest profit in a legal interval; None where nothing in it can be carried.

    The whole of what can be carried, where that is as good but for a rounding.
    """
    curve = Curve(deal, way, low, high)
    return None if curve.is_empty else curve.peak()


class Curve:
    """The profit of a deal done one way, over the part of one legal interval that can be carried.

    Invariant: `low..high` is legal; the lender can fund every size in it, and the pools take it and give something.
    """

    __slots__ = ("_deal", "_profit", "high", "low", "way")

    def __init__(self, deal: Deal, way: Way, low: int, high: int) -> None:
        self._deal = deal
        self.way = way
        self._profit = Memo(lambda size: profit_of(deal, way, size))
        self.low, self.high = self._carried(low, high)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all can be carried."""
        return self.high < self.low

    def peak(self) -> int:
        """The size of the greatest profit; the whole interval where that is as good but for a rounding."""
        size = maximise(self._profit, self.low, self.high)
        return self.high if self._profit(self.high) >= self._profit(size) - 1 else size

    def polished(self, size: int) -> int:
        """Improve a size where an amount on the way is coarser than the size itself.

        Such an amount rises in steps, each worth many units of the size, and of each step only its first size is worth
        paying for: those of the steps around are tried.
        """
        low, high = self._around(size)
        first, last = stages(self._deal, self.way, low), stages(self._deal, self.way, high)
        if len(first) != len(last):
            return size  # a split opens a branch in between: no step to speak of

        # What comes out at the end is the paid token itself: near the best size it rises as the size does.
        steps = [after - before for before, after in zip(first[:-1], last[:-1], strict=True)]
        stage = min(range(len(steps)), key=lambda i: (steps[i], i))
        if stage == 0 or 2 * steps[stage] >= steps[0]:
            return size

        def amount(at: int) -> int:
            return self._deal.terms(at).received if stage == 1 else stages(self._deal, self.way, at)[stage]

        def edge(level: int) -> int:
            near = size + (level - here) * (high - low) // max(steps[stage], 1)
            return first_at_least(amount, level, (low, high), guess=near, step=max(width // 2, 1))

        self._profit(size)
        here, width = amount(size), (high - low) // max(steps[stage], 1)
        dear = self._deal.terms(high).paid - self._deal.terms(low).paid
        if dear * _COARSE > self._profit(size) * steps[stage]:
            # So few steps that the search over sizes may have stopped several of them short.
            maximise(Memo(lambda level: self._profit(edge(level))), first[stage], last[stage])
        else:
            for level in range(max(here - _STEPS_AROUND, first[stage]), min(here + _STEPS_AROUND, last[stage]) + 1):
                self._profit(edge(level))

        return self._profit.best()

    def _around(self, size: int) -> tuple[int, int]:
        """A stretch of the interval about a size, wide enough for every step tried even where steps are huge."""
        width = (self.high - self.low) // 16
        low, high = max(self.low, size - width), min(self.high, size + width)
        first, last = stages(self._deal, self.way, low), stages(self._deal, self.way, high)
        few = any(after - before < 4 * _STEPS_AROUND for before, after in zip(first, last, strict=False))
        return (self.low, self.high) if few else (low, high)

    def _sells(self, size: int) -> bool:
        return self._profit(size) != NOTHING

    def _carried(self, low: int, high: int) -> tuple[int, int]:
        """The part of `low..high` that can be carried, but for sizes so small that they hardly give anything."""
        lent = self.way.lender.available
        high = last_where(lambda size: self._deal.terms(size).at_most <= lent, low, high)
        if high < low:
            return low, high

        # Too much for a pool, or too little to give anything: halve until it is neither.
        known = refused = high
        while not self._sells(known):
            if known == low:
                return low, low - 1

            refused = known
            known = low + (known - low) // 2

        if known < refused:
            high = last_where(self._sells, known, refused)

        if self._sells(low):
            return low, high

        while self._sells(smaller := low + (known - low) // _SMALLER):
            known = smaller

        # Where a unit on the way is worth much, much less than this may still give one.
        while known - smaller > (high - low) // _SMALLER + 1:
            middle = (known + smaller) // 2
            if self._sells(middle):
                known = middle
            else:
                smaller = middle

        return known, high
