"""A Uniswap V3 pool at one block: immutable, quoting both directions exactly as the contract swaps.

The walk stops where the contract stops, at initialised ticks and at the ends of its 256-tick bitmap words: a stop
rounds, so leaving one out would change the answer. Prices are square roots times 2**96.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final, Literal, Self

from keeper.routing.base import SwapQuote
from keeper.routing.swap_math import step_in, step_out
from keeper.routing.tick_math import (
    MAX_SQRT_RATIO,
    MAX_TICK,
    MIN_SQRT_RATIO,
    MIN_TICK,
    sqrt_ratio_at_tick,
    tick_at_sqrt_ratio,
)
from keeper.types import Address

KIND: Final = "uniswap_v3"


@dataclass(frozen=True, slots=True)
class TickTable:
    """Initialised ticks, ascending, with the liquidity that references each and the change on crossing upward.

    A tick with `gross` above zero is initialised even where `net` is zero: the walk stops at it.
    """

    indexes: tuple[int, ...]
    gross: tuple[int, ...]
    net: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class UniswapV3Pool:
    """One pool between two transactions; `fee` is in millionths of the input, `liquidity` that of the current range.

    `factory` and the tokens in their order, with the fee, are what the pool's address is made of.
    Source: UniswapV3Pool.swap, v3-core 1.0; the protocol's share comes out of the fee and moves no amount.
    """

    address: Address
    factory: Address
    tokens: tuple[Address, Address]
    fee: int
    tick_spacing: int
    sqrt_price_x96: int
    tick: int
    liquidity: int
    ticks: TickTable

    @property
    def kind(self) -> Literal["uniswap_v3"]:
        return KIND

    def quote_in(self, token_in: Address, amount_in: int) -> SwapQuote | None:
        """Output for an exact input; None where the range of prices ends before all of it is taken."""
        walk = _Walk(self, zero_for_one=self._is_token0(token_in))
        amount_out = walk.swap_in(amount_in) if amount_in > 0 else None
        if not amount_out:
            return None

        return SwapQuote(amount_in, amount_out, self._moved(walk))

    def quote_out(self, token_in: Address, amount_out: int) -> SwapQuote | None:
        """Least input for an exact output; None where the pool does not hold it."""
        walk = _Walk(self, zero_for_one=self._is_token0(token_in))
        amount_in = walk.swap_out(amount_out) if amount_out > 0 else None
        if amount_in is None:
            return None

        return SwapQuote(amount_in, amount_out, self._moved(walk))

    def _is_token0(self, token: Address) -> bool:
        if token not in self.tokens:
            raise ValueError(f"0x{token.hex()} is not a token of pool 0x{self.address.hex()}")

        return token == self.tokens[0]

    def _moved(self, walk: "_Walk") -> Self:
        return type(self)(
            self.address,
            self.factory,
            self.tokens,
            self.fee,
            self.tick_spacing,
            walk.sqrt_price_x96,
            walk.current_tick(),
            walk.liquidity,
            self.ticks,
        )


class _Walk:
    """A swap on its way through a pool's ranges.

    `below` is the place in the table of the greatest initialised tick not above the current one, -1 for none.
    """

    __slots__ = ("below", "liquidity", "pool", "sqrt_price_x96", "tick", "zero_for_one")

    def __init__(self, pool: UniswapV3Pool, *, zero_for_one: bool) -> None:
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
