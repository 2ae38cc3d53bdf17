"""The stops of a Uniswap V3 swap: initialised ticks and the ends of 256-tick bitmap words, and the steps between them.

A step ends at every stop, even where no liquidity changes: each rounds, so leaving one out would change the answer.
Prices are square roots times 2**96.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from keeper.routing.swap_math import step_in
from keeper.routing.tick_math import (
    MAX_SQRT_RATIO,
    MAX_TICK,
    MIN_SQRT_RATIO,
    MIN_TICK,
    sqrt_ratio_at_tick,
    tick_at_sqrt_ratio,
)

_WHOLE: Final = 2**255
"""More than any step takes or gives."""


class Rung(NamedTuple):
    """A stop: its price, and tick and liquidity once it is crossed; `crosses` is False at the ends of all prices.

    `taken` (fee included) and `given` are what the step to it moved.
    """

    sqrt_price_x96: int
    tick: int
    liquidity: int
    crosses: bool
    taken: int
    given: int


class Mark(NamedTuple):
    """Where a swap ends."""

    sqrt_price_x96: int
    tick: int
    liquidity: int


class Start(NamedTuple):
    """A pool's own numbers: where a ladder begins."""

    fee: int
    tick_spacing: int
    sqrt_price_x96: int
    tick: int
    liquidity: int


@dataclass(frozen=True, slots=True)
class TickTable:
    """Initialised ticks, ascending, with the liquidity that references each and the change on crossing upward.

    A tick with `gross` above zero is initialised even where `net` is zero: the walk stops at it. `_rungs` only
    remembers, by direction and the tick just crossed, what the whole step from there on takes: swaps do not change it.
    """

    indexes: tuple[int, ...]
    gross: tuple[int, ...]
    net: tuple[int, ...]
    _rungs: dict[tuple[bool, int], Rung | None] = field(init=False, compare=False, repr=False, default_factory=dict)

    def rung_after(self, here: Rung, start: Start, *, zero_for_one: bool) -> Rung | None:
        """The next stop from a rung; None where no liquidity lies ahead or all prices have ended.

        `start` gives fee and spacing, which are one pool's, as this table is.
        """
        if not here.crosses:
            return self._step(here, start, zero_for_one=zero_for_one)

        place = (zero_for_one, here.tick)
        if place not in self._rungs:
            self._rungs[place] = self._step(here, start, zero_for_one=zero_for_one)

        return self._rungs[place]

    def _step(self, here: Rung, start: Start, *, zero_for_one: bool) -> Rung | None:
        """The whole step from a rung to the next stop."""
        stop = self._stop_below(here, start) if zero_for_one else self._stop_above(here, start)
        if stop is None:
            return None

        own = sqrt_ratio_at_tick(stop)
        target = max(own, MIN_SQRT_RATIO + 1) if zero_for_one else min(own, MAX_SQRT_RATIO - 1)
        step = step_in(here.sqrt_price_x96, target, here.liquidity, _WHOLE, start.fee)
        crosses = target == own
        liquidity = here.liquidity
        if crosses:
            place = bisect_left(self.indexes, stop)
            net = self.net[place] if place < len(self.indexes) and self.indexes[place] == stop else 0
            liquidity += -net if zero_for_one else net

        tick = (stop - 1 if zero_for_one else stop) if crosses else tick_at_sqrt_ratio(target)
        return Rung(target, tick, liquidity, crosses, step.amount_in + step.fee, step.amount_out)

    def _stop_below(self, here: Rung, start: Start) -> int | None:
        below = bisect_right(self.indexes, here.tick) - 1
        if here.sqrt_price_x96 <= MIN_SQRT_RATIO + 1 or (not here.liquidity and below < 0):
            return None

        stop = (here.tick // start.tick_spacing >> 8 << 8) * start.tick_spacing
        if below >= 0:
            stop = max(stop, self.indexes[below])

        return max(stop, MIN_TICK)

    def _stop_above(self, here: Rung, start: Start) -> int | None:
        above = bisect_right(self.indexes, here.tick)
        if here.sqrt_price_x96 >= MAX_SQRT_RATIO - 1 or (not here.liquidity and above == len(self.indexes)):
            return None

        stop = ((here.tick // start.tick_spacing + 1 >> 8 << 8) + 255) * start.tick_spacing
        if above < len(self.indexes):
            stop = min(stop, self.indexes[above])

        return min(stop, MAX_TICK)
