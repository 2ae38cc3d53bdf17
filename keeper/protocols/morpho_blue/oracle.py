"""The usual oracle of a market: a product of price feeds over another. What its feeds say, the price follows.

Any contract may be an oracle, so a formula is believed only in a block in which it gives the oracle's own price.
Source: MorphoChainlinkOracleV2, without vaults.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Final

from keeper.protocols.morpho_blue import abi
from keeper.protocols.reads import Reads, ask, gather_all
from keeper.protocols.words import WORD, encode, signed, word
from keeper.types import ZERO_ADDRESS, Address, Call, Returned
from keeper.units import MAX_UINT256

FEED_GAS: Final = 300_000
"""Several times what a feed takes; an oracle may name anything as its feed."""


@dataclass(frozen=True, slots=True)
class Source:
    """A feed, the contract behind it that emits its answers, and its last answer."""

    feed: Address
    aggregator: Address | None = None
    answer: int = 0


@dataclass(frozen=True, slots=True)
class Formula:
    """A price: `scale` times the answers on one side over those on the other."""

    scale: int
    base: tuple[Source, ...]
    quote: tuple[Source, ...]

    @property
    def sources(self) -> Iterator[Source]:
        """Every feed of it."""
        yield from self.base
        yield from self.quote

    @property
    def price(self) -> int | None:
        """The price, rounded down; None where an answer is negative or nothing can be divided by."""
        divisor = prod(source.answer for source in self.quote)
        if any(source.answer < 0 for source in self.sources) or divisor == 0:
            return None

        price = self.scale * prod(source.answer for source in self.base) // divisor  # down: Math.mulDiv
        return price if 0 < price <= MAX_UINT256 >> 1 else None

    def knows(self, emitter: Address) -> bool:
        """Whether a contract emits the answers of one of the feeds."""
        return any(emitter in (source.feed, source.aggregator) for source in self.sources)

    def told(self, emitter: Address, answer: int) -> "Formula":
        """The same after a contract emitted a new answer."""

        def changed(side: tuple[Source, ...]) -> tuple[Source, ...]:
            return tuple(
                replace(source, answer=answer) if emitter in (source.feed, source.aggregator) else source
                for source in side
            )

        return replace(self, base=changed(self.base), quote=changed(self.quote))

    def answered(self, answers: Mapping[Address, int], aggregators: Mapping[Address, Address | None]) -> "Formula":
        """The same with what the feeds now say."""

        def filled(side: tuple[Source, ...]) -> tuple[Source, ...]:
            return tuple(Source(s.feed, aggregators.get(s.feed), answers[s.feed]) for s in side)

        return replace(self, base=filled(self.base), quote=filled(self.quote))


def read_formulas(oracles: Sequence[Address]) -> Reads[dict[Address, Formula | None]]:
    """Ask oracles what they are made of; None for one that does not say, or that prices vault shares."""
    found = yield from gather_all([_read_formula(oracle) for oracle in oracles])
    return dict(zip(oracles, found, strict=True))


def _read_formula(oracle: Address) -> Reads[Formula | None]:
    answers = yield from ask(*(Call(oracle, encode(getter), gas=FEED_GAS) for getter in abi.ORACLE_PARTS))
    if not all(returned.ok and len(returned.data) == WORD for returned in answers):
        return None

    scale, *words = (word(returned.data, 0) for returned in answers)
    if any(value >> 160 for value in words) or any(words[:2]) or not scale > 0:
        return None

    feeds = [Address(value.to_bytes(20, "big")) for value in words[2:]]
    base, quote = (tuple(Source(f) for f in side if f != ZERO_ADDRESS) for side in (feeds[:2], feeds[2:]))
    return Formula(scale, base, quote)


def read_answers(feeds: Sequence[Address]) -> Reads[dict[Address, int]]:
    """Ask feeds for their answers; one that does not give any is left out."""
    answers = yield from ask(*(Call(feed, encode(abi.LATEST_ROUND_DATA), gas=FEED_GAS) for feed in feeds))
    return {
        feed: signed(word(returned.data, 1))
        for feed, returned in zip(feeds, answers, strict=True)
        if returned.ok and len(returned.data) == 5 * WORD
    }


def read_aggregators(feeds: Sequence[Address]) -> Reads[dict[Address, Address | None]]:
    """Ask feeds which contract is behind them; that one emits their answers, and it changes without notice."""
    answers = yield from ask(*(Call(feed, encode(abi.AGGREGATOR), gas=FEED_GAS) for feed in feeds))
    return {feed: _address(returned) for feed, returned in zip(feeds, answers, strict=True)}


def _address(returned: Returned) -> Address | None:
    if not returned.ok or len(returned.data) != WORD or word(returned.data, 0) >> 160:
        return None

    address = Address(returned.data[12:])
    return None if address == ZERO_ADDRESS else address
