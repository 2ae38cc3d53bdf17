"""What is remembered of a market from block to block: where its index comes from, and both rings of observations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.perp_curie import abi
from keeper.protocols.perp_curie.discovery import answer
from keeper.protocols.perp_curie.index import Answer, IndexFeed
from keeper.protocols.perp_curie.instrument import Funding, TickGrowth
from keeper.protocols.perp_curie.rings import FEED_RING, price_observation, read_ring, tick_observation
from keeper.protocols.perp_curie.twap import NO_PRICES, NO_TICKS, Observation, PriceHistory, TickHistory
from keeper.protocols.reads import Reads, ask, gather
from keeper.protocols.words import WORD, address_at, encode, signed, word
from keeper.types import ZERO_ADDRESS, Address, Call, Returned

_MOST_DECIMALS: Final = 36


@dataclass(frozen=True, slots=True)
class Learned:
    """What is remembered of a market from block to block: where its index comes from, and both rings."""

    dispatcher: Address = ZERO_ADDRESS
    feed: Address = ZERO_ADDRESS
    aggregator: Address = ZERO_ADDRESS
    emitters: frozenset[Address] = frozenset()
    decimals: int = 0
    tick_index: int | None = None
    ticks: TickHistory = NO_TICKS
    price_index: int | None = None
    prices: PriceHistory = NO_PRICES
    funding: Funding | None = None
    fee_growth_x128: int = 0
    outside: Mapping[int, TickGrowth] = field(default_factory=dict)


def learn(dispatcher: Address, learned: Learned) -> Reads[Learned]:
    """Ask where an index price comes from; four rounds, once per feed."""
    (feed,) = yield from ask(Call(dispatcher, encode(abi.GET_CHAINLINK_PRICE_FEED)))
    source = address_at(answer(feed, "getChainlinkPriceFeedV3", dispatcher), 0)
    aggregator, decimals = yield from ask(Call(source, encode(abi.GET_AGGREGATOR)), Call(source, encode(abi.DECIMALS)))
    proxy = address_at(answer(aggregator, "getAggregator", source), 0)
    (behind,) = yield from ask(Call(proxy, encode(abi.AGGREGATOR)))
    emitters = {proxy}
    if behind.ok and len(behind.data) == WORD and not word(behind.data, 0) >> 160:
        emitters.add(address_at(behind.data, 0))

    return replace(
        learned,
        dispatcher=dispatcher,
        feed=source,
        aggregator=proxy,
        emitters=frozenset(emitters),
        decimals=word(answer(decimals, "decimals", source), 0),
        price_index=None,
        prices=NO_PRICES,
    )


def ask_feed(learned: Learned) -> Reads[tuple[Returned, ...]]:
    """Ask for what an index feed says now; nothing where it is not known yet."""
    if learned.feed == ZERO_ADDRESS:
        return ()

    feed, aggregator = learned.feed, learned.aggregator
    return (
        yield from ask(
            Call(aggregator, encode(abi.LATEST_ROUND_DATA)),
            Call(aggregator, encode(abi.DECIMALS)),
            Call(feed, encode(abi.GET_LAST_VALID_PRICE)),
            Call(feed, encode(abi.GET_LAST_VALID_TIMESTAMP)),
            Call(feed, encode(abi.CURRENT_OBSERVATION_INDEX)),
            Call(learned.dispatcher, encode(abi.IS_TO_USE_UNISWAP)),
        )
    )


def read_rings(
    pool: Address, learned: Learned, slot0: bytes, rest: tuple[tuple[Returned, ...], int]
) -> Reads[tuple[Learned, IndexFeed]]:
    """Bring both rings up to date, and put the index feed together."""
    (said, decimals, valid, valid_at, newest, uniswap), oldest = rest
    feed = learned.feed
    if learned.decimals > _MOST_DECIMALS:
        raise DecodeError("its index feed counts in too many decimals")

    if word(answer(uniswap, "isToUseUniswapV3PriceFeed", learned.dispatcher), 0):
        raise DecodeError("its index price comes from a pool, which is not followed")

    index = word(answer(newest, "currentObservationIndex", feed), 0)
    tick_index, size = word(slot0, 2), word(slot0, 3)
    read_ticks = read_ring(pool, tick_index, size, learned.tick_index, tick_observation)
    read_prices = read_ring(feed, index, FEED_RING, learned.price_index, price_observation)
    fresh_ticks, fresh_prices = yield from gather(
        _nothing() if tick_index == learned.tick_index else read_ticks(oldest),
        _no_prices() if index == learned.price_index else read_prices(oldest),
    )
    times, sums = [t for t, _ in fresh_ticks], [c for _, c in fresh_ticks]
    _check_joined(learned.ticks.times[-1:], times, oldest)
    known = [one.time for one in learned.prices.observations[-1:]]
    _check_joined(known, [one.time for one in fresh_prices], oldest)
    learned = replace(
        learned,
        tick_index=tick_index,
        ticks=learned.ticks.extended(times, sums, signed(word(slot0, 1)), oldest),
        price_index=index,
        prices=learned.prices.extended(fresh_prices, oldest),
    )
    usable = said.ok and len(said.data) == 5 * WORD and decimals.ok and len(decimals.data) == WORD
    usable = usable and word(decimals.data, 0) == learned.decimals
    numbers = [word(said.data, i) for i in (1, 3, 0)] if usable else [0, 0, 0]
    found = IndexFeed(
        feed=feed,
        aggregator=learned.aggregator,
        emitters=learned.emitters,
        decimals=learned.decimals,
        answer=Answer(signed(numbers[0]), numbers[1], numbers[2], usable=usable),
        valid_price=word(answer(valid, "getLastValidPrice", feed), 0),
        valid_at=word(answer(valid_at, "getLastValidTimestamp", feed), 0),
        history=learned.prices,
    )
    return learned, found


def _check_joined(known: Sequence[int], fresh: Sequence[int], oldest: int) -> None:
    """Refuse a gap between what was known of a ring and what is new: it was written round since."""
    if known and fresh and fresh[0] > max(known[0], oldest):
        raise DecodeError("its observations were overwritten before they were read")


def _nothing() -> Reads[list[tuple[int, int]]]:
    yield from ask()
    return []


def _no_prices() -> Reads[list[Observation]]:
    yield from ask()
    return []
