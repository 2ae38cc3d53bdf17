"""The contract's own loop over a Uniswap V3 pool, step by step and nothing remembered: what the ladders must equal."""

from bisect import bisect_right

from keeper.routing.swap_math import step_in, step_out
from keeper.routing.tick_math import (
    MAX_SQRT_RATIO,
    MAX_TICK,
    MIN_SQRT_RATIO,
    MIN_TICK,
    sqrt_ratio_at_tick,
    tick_at_sqrt_ratio,
)


class Walk:
    """A swap on its way through a pool's ranges.

    `below` is the place in the table of the greatest initialised tick not above the current one, -1 for none.
    """

    __slots__ = ("below", "liquidity", "pool", "sqrt_price_x96", "tick", "zero_for_one")

    def __init__(self, pool, *, zero_for_one: bool) -> None:
        self.pool = pool
        self.zero_for_one = zero_for_one
        self.sqrt_price_x96 = pool.sqrt_price_x96
        self.tick: int | None = pool.tick
        self.liquidity = pool.liquidity
        self.below = bisect_right(pool.ticks.indexes, pool.tick) - 1

    def swap_in(self, remaining: int) -> int | None:
        """Take all of an exact input and return the output; None where it does not fit."""
        total_out = 0
        while remaining:
            target = self._target()
            if target is None:
                return None

            step = step_in(self.sqrt_price_x96, target[1], self.liquidity, remaining, self.pool.fee)
            remaining -= step.amount_in + step.fee
            total_out += step.amount_out
            self._arrive(step.sqrt_price_x96, target[0])

        return total_out

    def swap_out(self, remaining: int) -> int | None:
        """Give all of an exact output and return the input with its fees; None where there is too little."""
        total_in = 0
        while remaining:
            target = self._target()
            if target is None:
                return None

            step = step_out(self.sqrt_price_x96, target[1], self.liquidity, remaining, self.pool.fee)
            remaining -= step.amount_out
            total_in += step.amount_in + step.fee
            self._arrive(step.sqrt_price_x96, target[0])

        return total_in

    def current_tick(self) -> int:
        """Tick of the price reached: below a boundary that was crossed downward, as the contract counts."""
        return tick_at_sqrt_ratio(self.sqrt_price_x96) if self.tick is None else self.tick

    def _target(self) -> tuple[int, int] | None:
        """Next stop as (tick, square-root price); None where no liquidity lies ahead or the range has ended."""
        indexes = self.pool.ticks.indexes
        spacing = self.pool.tick_spacing
        tick = self.current_tick()
        if self.zero_for_one:
            if self.sqrt_price_x96 <= MIN_SQRT_RATIO + 1 or (not self.liquidity and self.below < 0):
                return None

            stop = (tick // spacing >> 8 << 8) * spacing
            if self.below >= 0:
                stop = max(stop, indexes[self.below])

            stop = max(stop, MIN_TICK)
            return stop, max(sqrt_ratio_at_tick(stop), MIN_SQRT_RATIO + 1)

        above = self.below + 1
        if self.sqrt_price_x96 >= MAX_SQRT_RATIO - 1 or (not self.liquidity and above == len(indexes)):
            return None

        stop = ((tick // spacing + 1 >> 8 << 8) + 255) * spacing
        if above < len(indexes):
            stop = min(stop, indexes[above])

        stop = min(stop, MAX_TICK)
        return stop, min(sqrt_ratio_at_tick(stop), MAX_SQRT_RATIO - 1)

    def _arrive(self, sqrt_price_x96: int, stop: int) -> None:
        """Move to where a step ended, crossing the stop if its own price was reached (the outermost never is)."""
        moved = sqrt_price_x96 != self.sqrt_price_x96
        self.sqrt_price_x96 = sqrt_price_x96
        if sqrt_price_x96 != sqrt_ratio_at_tick(stop):
            self.tick = None if moved else self.tick
            return

        ticks = self.pool.ticks
        if self.zero_for_one:
            if self.below >= 0 and ticks.indexes[self.below] == stop:
                self.liquidity -= ticks.net[self.below]
                self.below -= 1

            self.tick = stop - 1
            return

        above = self.below + 1
        if above < len(ticks.indexes) and ticks.indexes[above] == stop:
            self.liquidity += ticks.net[above]
            self.below = above

        self.tick = stop
