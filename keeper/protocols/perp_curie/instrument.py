"""One market at one block: its pool, its index feed, its funding, and what follows of them at a later time.

Markets share nothing but the accounts that hold positions in several: what is wrong with one stays in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NamedTuple

from keeper.protocols.perp_curie import math
from keeper.protocols.perp_curie.index import IndexFeed
from keeper.protocols.perp_curie.pool import Fees, Pool
from keeper.protocols.perp_curie.twap import TickHistory
from keeper.types import Address
from keeper.units import div_trunc


class Status(IntEnum):
    """What may be done in a market; the numbers are IBaseToken's."""

    OPEN = 0
    PAUSED = 1
    CLOSED = 2


class Growth(NamedTuple):
    """Sums of premium over seconds, times 2**96: plain, and over the square-root price. Funding.Growth."""

    premium_x96: int = 0
    premium_div_sqrt_x96: int = 0


class TickGrowth(NamedTuple):
    """Growth on the far side of a tick. Tick.GrowthInfo."""

    fee_x128: int = 0
    premium_x96: int = 0
    premium_div_sqrt_x96: int = 0


@dataclass(frozen=True, slots=True)
class Funding:
    """What the Exchange last settled in a market, and the tick its price is bound to; times in unix s.

    `settled_at` and `first_traded_at` are 0 before the first.
    """

    settled_at: int = 0
    growth: Growth = Growth()
    first_traded_at: int = 0
    tick: int = 0
    tick_at: int = 0


@dataclass(frozen=True, slots=True)
class Intervals:
    """Windows in seconds and the share of the index funding may reach, in millionths. ClearingHouseConfig."""

    twap_s: int
    mark_market_s: int
    mark_premium_s: int
    max_funding_rate: int

    @property
    def longest_s(self) -> int:
        """How far back observations are needed."""
        return max(self.twap_s, self.mark_market_s, self.mark_premium_s, 15)


@dataclass(frozen=True, slots=True)
class Instrument:
    """A market. `price` is what positions are valued at, `growth` the funding growth, both at the time asked for.

    `fixed_price` is that of a market which is not open, `fixed_index` the index it was paused at.
    `max_ticks` is how far the price may move from the tick it is bound to, `max_spread` from the index. `outside`
    holds growths at the ticks of makers' orders. `trouble` says why it cannot be decided; empty where it can.
    """

    base: Address
    pool_address: Address
    status: Status
    paused_at: int
    fixed_price: int
    fixed_index: int
    fees: Fees
    max_ticks: int
    max_spread: int
    pool: Pool
    ticks: TickHistory
    index: IndexFeed
    funding: Funding
    intervals: Intervals
    fee_growth_x128: int = 0
    outside: Mapping[int, TickGrowth] = field(default_factory=dict)
    price: int = 0
    index_price: int = 0
    growth: Growth = Growth()
    trouble: str = ""

    @property
    def is_open(self) -> bool:
        """Whether positions can be traded and taken over."""
        return self.status is Status.OPEN

    def at(self, now: int) -> "Instrument":
        """Bring price and funding to a time; exact until somebody trades or the feed answers anew."""
        price = self._price_at(now)
        growth = self._growth_at(now)
        index = self.index.price(0, now) if self.is_open else self.fixed_price
        if price is None or growth is None or not index:
            return replace(self, price=0, index_price=0, trouble="its price cannot be told: too few observations")

        return replace(self, price=price, index_price=index, growth=growth, trouble="")

    def with_price(self, price: int) -> "Instrument":
        """The same market at another mark price; 0 is unknown."""
        return replace(self, price=price, trouble="" if price else "its price is unknown")

    def settled(self, now: int) -> "Instrument":
        """The market once funding was settled in it: the first to do so in a while binds the price to its tick.

        The index feed takes its answer over first, which may move the mark, too. Source: Exchange.settleFunding.
        """
        at = now if self.is_open else self.paused_at
        one = replace(self, index=self.index.taken_over(self.intervals.mark_premium_s, now)).at(now)
        bound = replace(one.funding, settled_at=at, growth=one.growth)
        if at >= one.funding.tick_at + math.PRICE_LIMIT_INTERVAL_S:
            bound = replace(bound, tick=one.pool.tick, tick_at=at)

        return replace(one, funding=bound)

    def _price_at(self, now: int) -> int | None:
        """Mark price of an open market, the price it was stopped at otherwise. AccountBalance._getMarkPrice."""
        if not self.is_open:
            return self.fixed_price

        spans = self.intervals
        market = self._market_price(15, now)
        market_twap = self._market_price(spans.mark_market_s, now)
        premium_twap = self._market_price(spans.mark_premium_s, now)
        index, index_twap = self.index.price(0, now), self.index.price(spans.mark_premium_s, now)
        if market is None or market_twap is None or premium_twap is None or index is None or index_twap is None:
            return None

        with_premium = index + premium_twap - index_twap
        return math.mark_price(market, market_twap, with_premium) if with_premium >= 0 else None

    def _growth_at(self, now: int) -> Growth | None:
        """Funding growth, the premium of the window before counted for all time since. Exchange, same function."""
        last = self.funding
        at = now if self.is_open else self.paused_at
        span = min(self.intervals.twap_s, max(at - last.first_traded_at, 0)) if last.first_traded_at else 0
        sqrt_twap = self.ticks.sqrt_twap_x96(span, at, self.pool.sqrt_price_x96)
        index = self.index.price(span, now) if self.is_open else self.fixed_index
        if sqrt_twap is None or index is None:
            return None

        if last.settled_at in (at, 0):
            return last.growth

        market_x96 = math.sqrt_to_price_x96(sqrt_twap)
        delta = math.delta_twap_x96(market_x96, math.x18_to_x96(index), self.intervals.max_funding_rate)
        change = delta * (at - last.settled_at)
        return Growth(
            last.growth.premium_x96 + change,
            last.growth.premium_div_sqrt_x96 + div_trunc(change * math.Q96, self.pool.sqrt_price_x96),
        )

    def _market_price(self, interval_s: int, now: int) -> int | None:
        sqrt_twap = self.ticks.sqrt_twap_x96(interval_s, now, self.pool.sqrt_price_x96)
        return None if sqrt_twap is None else math.x96_to_x18(math.sqrt_to_price_x96(sqrt_twap))


def growth_inside(one: Instrument, lower: int, upper: int) -> tuple[int, int, int, int]:
    """Growth of fees, premium, premium below and premium over price between two ticks; the fee's wraps.

    Source: Tick.getFeeGrowthInsideX128 and getAllFundingGrowth.
    """
    low, high = one.outside.get(lower, TickGrowth()), one.outside.get(upper, TickGrowth())
    above_lower, below_upper = one.pool.tick >= lower, one.pool.tick < upper
    whole = one.growth
    fee_below = low.fee_x128 if above_lower else one.fee_growth_x128 - low.fee_x128
    fee_above = high.fee_x128 if below_upper else one.fee_growth_x128 - high.fee_x128
    premium_below = low.premium_x96 if above_lower else whole.premium_x96 - low.premium_x96
    premium_above = high.premium_x96 if below_upper else whole.premium_x96 - high.premium_x96
    div, div_low, div_high = whole.premium_div_sqrt_x96, low.premium_div_sqrt_x96, high.premium_div_sqrt_x96
    div_below = div_low if above_lower else div - div_low
    div_above = div_high if below_upper else div - div_high
    return (
        math.unsigned(one.fee_growth_x128 - fee_below - fee_above),
        whole.premium_x96 - premium_below - premium_above,
        premium_below,
        div - div_below - div_above,
    )
