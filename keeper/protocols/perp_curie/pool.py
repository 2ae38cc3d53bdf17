"""The pool of a market's virtual tokens at one moment, and what leaving a position through it costs.

The protocol charges its own fee in place of the pool's: amounts are scaled so that the pool's fee falls away, and the
fee is counted anew from the steps of the swap. Token 0 is always the base, token 1 the quote.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from keeper.protocols.perp_curie import math
from keeper.routing.swap_math import Step, amount0_between, amount1_between, step_in, step_out
from keeper.routing.tick_math import MAX_TICK, MIN_TICK, sqrt_ratio_at_tick, tick_at_sqrt_ratio
from keeper.units import div_up, mul_div_up


@dataclass(frozen=True, slots=True)
class Fees:
    """Shares in millionths: of the pool, of the protocol in its place, and of the latter to the insurance fund."""

    pool: int
    exchange: int
    insurance: int


class Exit(NamedTuple):
    """Leaving a position: base and quote exchanged, signed as the protocol counts them, fees, and the pool after.

    `quote` is before the fee.
    """

    base: int
    quote: int
    fee: int
    insurance_fee: int
    pool: "Pool"


@dataclass(frozen=True, slots=True)
class Pool:
    """Price, tick and liquidity in range; `net` is the change of liquidity at each initialised tick, going up.

    `gross` tells which ticks are initialised: one may have no net change.
    """

    sqrt_price_x96: int
    tick: int
    liquidity: int
    spacing: int
    indexes: tuple[int, ...]
    net: tuple[int, ...]
    gross: tuple[int, ...]

    @property
    def price(self) -> int:
        """US dollars per base token times 10**18, rounded down twice. Exchange._getPriceSpreadRatio."""
        return math.x96_to_x18(math.sqrt_to_price_x96(self.sqrt_price_x96))

    def burned(self, lower: int, upper: int, liquidity: int) -> tuple[int, int, "Pool"]:
        """Take an order's liquidity out: base and quote it held, both rounded down, and the pool without it."""
        base, quote = self.held(lower, upper, liquidity)
        return base, quote, self.shifted(lower, upper, -liquidity)

    def held(self, lower: int, upper: int, liquidity: int) -> tuple[int, int]:
        """Base and quote that liquidity between two ticks stands for, rounded down. OrderBook, LiquidityAmounts."""
        low, high = sqrt_ratio_at_tick(lower), sqrt_ratio_at_tick(upper)
        at = min(max(self.sqrt_price_x96, low), high)
        return amount0_between(at, high, liquidity), amount1_between(low, at, liquidity)

    def shifted(self, lower: int, upper: int, change: int) -> "Pool":
        """Add liquidity between two ticks, or take it out where negative."""
        ticks = dict(zip(self.indexes, zip(self.net, self.gross, strict=True), strict=True))
        for tick, sign in ((lower, 1), (upper, -1)):
            net, gross = ticks.get(tick, (0, 0))
            ticks[tick] = (net + sign * change, gross + change)

        inside = change if lower <= self.tick < upper else 0
        return self.with_ticks(ticks, self.liquidity + inside)

    def with_ticks(self, ticks: Mapping[int, tuple[int, int]], liquidity: int) -> Self:
        """The same price over other ticks, each with its net change and all that references it."""
        kept = sorted((tick, net, gross) for tick, (net, gross) in ticks.items() if gross)
        return replace(
            self,
            liquidity=liquidity,
            indexes=tuple(tick for tick, _, _ in kept),
            net=tuple(net for _, net, _ in kept),
            gross=tuple(gross for _, _, gross in kept),
        )

    def leave(self, size: int, fees: Fees, bound_tick: int) -> Exit | None:
        """Close a taken position through the pool; None where its price would pass the bound before it is closed.

        Source: Exchange._swap and OrderBook.replaySwap.
        """
        return self._sell(size, fees, bound_tick) if size > 0 else self._buy(-size, fees, bound_tick)

    def _sell(self, size: int, fees: Fees, bound_tick: int) -> Exit | None:
        remaining = math.scaled_up(size, fees.pool)
        walk = _Walk(self, sqrt_ratio_at_tick(bound_tick), down=True)
        paid = received = fee = insurance = 0
        while remaining:
            if (target := walk.target()) is None:
                return None

            step = step_in(walk.sqrt_price_x96, target[1], walk.liquidity, remaining, fees.pool)
            remaining -= step.amount_in + step.fee
            paid += step.amount_in + step.fee
            received += step.amount_out
            if walk.liquidity:
                charged = mul_div_up(step.amount_out, fees.exchange, math.RATIO)
                fee += charged
                insurance += mul_div_up(charged, fees.insurance, math.RATIO)

            walk.arrive(step, target[0])

        pool = walk.pool_after()
        if pool.tick < bound_tick:
            return None

        return Exit(-math.scaled_down(paid, fees.pool), received, fee, insurance, pool)

    def _buy(self, size: int, fees: Fees, bound_tick: int) -> Exit | None:
        remaining = size
        walk = _Walk(self, sqrt_ratio_at_tick(bound_tick), down=False)
        paid = fee = insurance = 0
        while remaining:
            if (target := walk.target()) is None:
                return None

            step = step_out(walk.sqrt_price_x96, target[1], walk.liquidity, remaining, fees.pool)
            remaining -= step.amount_out
            paid += step.amount_in + step.fee
            if walk.liquidity:
                charged = div_up(step.amount_in * fees.exchange, math.RATIO - fees.exchange)
                fee += charged
                insurance += mul_div_up(charged, fees.insurance, math.RATIO)

            walk.arrive(step, target[0])

        pool = walk.pool_after()
        if pool.tick > bound_tick:
            return None

        return Exit(size, -math.scaled_down(paid, fees.pool), fee, insurance, pool)


class _Walk:
    """A swap on its way, which stops at initialised ticks, at the ends of bitmap words and at its price limit."""

    __slots__ = ("down", "limit", "liquidity", "pool", "sqrt_price_x96", "tick")

    def __init__(self, pool: Pool, limit: int, *, down: bool) -> None:
        self.pool = pool
        self.limit = limit
        self.down = down
        self.sqrt_price_x96 = pool.sqrt_price_x96
        self.tick = pool.tick
        self.liquidity = pool.liquidity

    def target(self) -> tuple[int, int] | None:
        """Next stop and the price to go to; None once the limit is reached."""
        passed = self.sqrt_price_x96 <= self.limit if self.down else self.sqrt_price_x96 >= self.limit
        if passed:
            return None

        indexes, spacing = self.pool.indexes, self.pool.spacing
        if self.down:
            stop = (self.tick // spacing >> 8 << 8) * spacing
            i = bisect_right(indexes, self.tick) - 1
            stop = max(stop, indexes[i], MIN_TICK) if i >= 0 else max(stop, MIN_TICK)
            return stop, max(sqrt_ratio_at_tick(stop), self.limit)

        stop = ((self.tick // spacing + 1 >> 8 << 8) + 255) * spacing
        i = bisect_right(indexes, self.tick)
        stop = min(stop, indexes[i], MAX_TICK) if i < len(indexes) else min(stop, MAX_TICK)
        return stop, min(sqrt_ratio_at_tick(stop), self.limit)

    def arrive(self, step: Step, stop: int) -> None:
        """Move to where a step ended, crossing the stop if its own price was reached."""
        moved = step.sqrt_price_x96 != self.sqrt_price_x96
        self.sqrt_price_x96 = step.sqrt_price_x96
        if self.sqrt_price_x96 == sqrt_ratio_at_tick(stop):
            indexes = self.pool.indexes
            i = bisect_left(indexes, stop)
            if i < len(indexes) and indexes[i] == stop:
                self.liquidity += -self.pool.net[i] if self.down else self.pool.net[i]

            self.tick = stop - 1 if self.down else stop
        elif moved:
            self.tick = tick_at_sqrt_ratio(self.sqrt_price_x96)

    def pool_after(self) -> Pool:
        """The pool once the swap has ended."""
        return replace(self.pool, sqrt_price_x96=self.sqrt_price_x96, tick=self.tick, liquidity=self.liquidity)
