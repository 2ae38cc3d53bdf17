"""A market's index price: a feed's answer, taken over only where it can be believed, and its mean over time.

Source: PriceFeedDispatcher and ChainlinkPriceFeedV3 of perp-oracle-contract 0.6.7.
"""

from dataclasses import dataclass, replace

from keeper.protocols.perp_curie.math import pow10
from keeper.protocols.perp_curie.twap import PriceHistory
from keeper.types import Address


@dataclass(frozen=True, slots=True)
class Answer:
    """What an aggregator said last; `usable` is False where it said nothing, or counts in other decimals."""

    price: int
    updated_at: int
    round_id: int
    usable: bool


@dataclass(frozen=True, slots=True)
class IndexFeed:
    """One feed. `answer` is the aggregator's, `valid_*` what the feed took over last; `decimals` are of both.

    `held` is a mean it worked out within a block and keeps for the rest of it: time, window and price.
    """

    feed: Address
    aggregator: Address
    emitters: frozenset[Address]
    decimals: int
    answer: Answer
    valid_price: int
    valid_at: int
    history: PriceHistory
    held: tuple[int, int, int] | None = None

    def latest(self, now: int) -> tuple[int, int]:
        """The price that counts at a time and since when: the answer, or the last one that could be believed."""
        said = self.answer
        if self.valid_at > 0 and self.valid_at == said.updated_at:
            return self.valid_price, self.valid_at

        dated = said.updated_at > 0 and self.valid_at <= said.updated_at <= now
        if said.usable and said.round_id > 0 and dated and said.price > 0:
            return said.price, said.updated_at

        return self.valid_price, self.valid_at

    def price(self, interval_s: int, now: int) -> int | None:
        """Mean over the seconds before `now`, or the latest price for 0; US dollars times 10**18, None if unknown."""
        latest, since = self.latest(now)
        if interval_s == 0:
            return self._scaled(latest)

        if self.held is not None and self.held[:2] == (now, interval_s):
            return self._scaled(self.held[2])

        twap = self.history.twap(interval_s, latest, since, now)
        return None if twap is None else self._scaled(twap or latest)

    def taken_over(self, interval_s: int, now: int) -> "IndexFeed":
        """The feed once somebody had it take its answer over, which changes what it takes for the mean before.

        A feed that cannot stays as it is. Source: ChainlinkPriceFeedV3.cacheTwap.
        """
        price, since = self.latest(now)
        history = self.history.updated(price, since)
        twap = None if history is None else history.twap(interval_s, price, since, now)
        if history is None or twap is None:
            return self

        held = (now, interval_s, twap or price)
        return replace(self, valid_price=price, valid_at=since, history=history, held=self._kept(held))

    def _kept(self, fresh: tuple[int, int, int]) -> tuple[int, int, int]:
        """The first mean of a block is the one that stays."""
        return self.held if self.held is not None and self.held[0] == fresh[0] else fresh

    def told(self, emitter: Address, price: int, updated_at: int, round_id: int) -> "IndexFeed":
        """The same feed after an aggregator emitted an answer."""
        if emitter not in self.emitters:
            return self

        return replace(self, answer=replace(self.answer, price=price, updated_at=updated_at, round_id=round_id))

    def _scaled(self, price: int) -> int | None:
        if price <= 0:
            return None

        if self.decimals > 18:
            return price // pow10(self.decimals - 18)  # down: _formatFromDecimalsToX10_18

        return price * pow10(18 - self.decimals)
