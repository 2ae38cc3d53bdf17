"""Time-weighted prices from observations: of a pool's tick, and of an index feed. Any later time can be asked.

Both keep rings of observations on chain; here is the tail of each that the longest window reaches into.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from keeper.routing.tick_math import sqrt_ratio_at_tick
from keeper.units import div_trunc

SHORTEST_TWAP_S = 10
"""Below it the pool's own price is taken. UniswapV3Broker, constant."""


@dataclass(frozen=True, slots=True)
class TickHistory:
    """A pool's observations, ascending: when, and the sum of ticks over seconds until then; `tick` is that since.

    Source: UniswapV3Pool.observe and Oracle, v3-core 1.0.
    """

    times: tuple[int, ...]
    cumulatives: tuple[int, ...]
    tick: int

    def cumulative(self, at: int) -> int | None:
        """Sum of ticks over seconds until a time; None where the pool remembers nothing that old."""
        i = bisect_right(self.times, at) - 1
        if i < 0:
            return None

        start, total = self.times[i], self.cumulatives[i]
        if i == len(self.times) - 1:
            return total + self.tick * (at - start)

        rate = div_trunc(self.cumulatives[i + 1] - total, self.times[i + 1] - start)
        return total + rate * (at - start)

    def sqrt_twap_x96(self, interval_s: int, until: int, spot_x96: int) -> int | None:
        """Square-root price at the mean tick of the seconds before a time, the tick rounded toward zero.

        Source: UniswapV3Broker.getSqrtMarketTwapX96From.
        """
        if interval_s < SHORTEST_TWAP_S:
            return spot_x96

        before, after = self.cumulative(until - interval_s), self.cumulative(until)
        if before is None or after is None:
            return None

        return sqrt_ratio_at_tick(div_trunc(after - before, interval_s))

    def extended(self, times: Sequence[int], cumulatives: Sequence[int], tick: int, oldest: int) -> Self:
        """Add newer observations, the last known one replaced if it is among them; drop what is before a time."""
        kept = [(t, c) for t, c in zip(self.times, self.cumulatives, strict=True) if not times or t < times[0]]
        whole = kept + list(zip(times, cumulatives, strict=True))
        first = max((i for i, (t, _) in enumerate(whole) if t <= oldest), default=0)
        whole = whole[first:]
        return type(self)(tuple(t for t, _ in whole), tuple(c for _, c in whole), tick)


NO_TICKS = TickHistory((), (), 0)


@dataclass(frozen=True, slots=True)
class Observation:
    """A price, since when, and the sum of prices over seconds until then. CumulativeTwap.Observation."""

    price: int
    cumulative: int
    time: int


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """An index feed's observations, ascending. Source: CumulativeTwap._calculateTwap.

    Before the first there may be others on chain only if no window reaches there.
    """

    observations: tuple[Observation, ...]

    def twap(self, interval_s: int, price: int, updated_at: int, now: int) -> int | None:
        """Mean price of the seconds before `now`, rounded down; 0 without enough history, None where it reverts."""
        if not self.observations or interval_s == 0:
            return 0

        latest, start = self.observations[-1], now - interval_s
        if not latest.time <= updated_at <= now or (latest.time == updated_at and latest.price != price):
            return None

        total = latest.cumulative + latest.price * (updated_at - latest.time) + price * (now - updated_at)
        i = bisect_right(self.observations, start, key=lambda one: one.time) - 1
        if i < 0:
            return 0

        found = self.observations[i]
        if found.time == start:
            before = found.cumulative
        elif i == len(self.observations) - 1:
            before = found.cumulative + found.price * (start - found.time)
        else:
            after = self.observations[i + 1]
            share = (after.cumulative - found.cumulative) * (start - found.time) // (after.time - found.time)  # down
            before = found.cumulative + share

        return (total - before) // interval_s  # down

    def updated(self, price: int, updated_at: int) -> Self | None:
        """Take a price over, which counts only if it is another; None where that reverts. CumulativeTwap._update."""
        if not self.observations:
            return type(self)((Observation(price, 0, updated_at),))

        latest = self.observations[-1]
        if updated_at < latest.time or (updated_at == latest.time and price != latest.price):
            return None

        if price == latest.price:
            return self

        total = latest.cumulative + latest.price * (updated_at - latest.time)
        return type(self)((*self.observations, Observation(price, total, updated_at)))

    def extended(self, fresh: Sequence[Observation], oldest: int) -> Self:
        """Add newer observations, the last known one replaced if it is among them; drop what is before a time."""
        kept = [one for one in self.observations if not fresh or one.time < fresh[0].time]
        whole = [*kept, *fresh]
        first = max((i for i, one in enumerate(whole) if one.time <= oldest), default=0)
        return type(self)(tuple(whole[first:]))


NO_PRICES = PriceHistory(())
