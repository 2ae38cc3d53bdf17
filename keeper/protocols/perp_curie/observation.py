"""What is read of a market every block: its state, its pool, its index feed, its funding.

What one market's contracts refuse or garble costs that market only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.perp_curie import abi
from keeper.protocols.perp_curie.discovery import answer, mapped, mapped_tick
from keeper.protocols.perp_curie.index import Answer, IndexFeed
from keeper.protocols.perp_curie.instrument import Funding, Growth, Instrument, Intervals, Status, TickGrowth
from keeper.protocols.perp_curie.learning import Learned, ask_feed, learn, read_rings
from keeper.protocols.perp_curie.market import Contracts
from keeper.protocols.perp_curie.pool import Fees, Pool
from keeper.protocols.perp_curie.twap import NO_PRICES, NO_TICKS
from keeper.protocols.reads import Reads, ask, gather
from keeper.protocols.words import address_at, encode, signed, word
from keeper.routing.tick_math import MAX_SQRT_RATIO, MAX_TICK, MIN_SQRT_RATIO, MIN_TICK
from keeper.types import ZERO_ADDRESS, Address, BlockHead, Call, StorageAt

MARGIN_S: Final = 120
"""How much older observations are kept than the longest window needs: we look at times before the head, too."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one market's contracts are, and the ticks of its pool as its makers' events add up to."""

    base: Address
    pool: Address
    contracts: Contracts
    ticks: Mapping[int, tuple[int, int]]


def read_instrument(
    place: Place, learned: Learned, head: BlockHead, intervals: Intervals
) -> Reads[tuple[Instrument, Learned]]:
    """Read one market; whatever its contracts do wrong sets it aside, and it is learned anew the next time."""
    read = _read_instrument(place, learned, head, intervals)
    answers = next(read)
    while True:
        given = yield answers
        try:
            answers = read.send(given)
        except StopIteration as stop:
            found: tuple[Instrument, Learned] = stop.value
            return found
        except DecodeError as error:
            return broken(place, intervals, error.message), Learned()


def broken(place: Place, intervals: Intervals, why: str) -> Instrument:
    """A market that is set aside."""
    feed = IndexFeed(ZERO_ADDRESS, ZERO_ADDRESS, frozenset(), 18, Answer(0, 0, 0, usable=False), 0, 0, NO_PRICES)
    nothing = Pool(0, 0, 0, 1, (), (), ())
    return Instrument(
        base=place.base,
        pool_address=place.pool,
        status=Status.OPEN,
        paused_at=0,
        fixed_price=0,
        fixed_index=0,
        fees=Fees(0, 0, 0),
        max_ticks=0,
        max_spread=0,
        pool=nothing,
        ticks=NO_TICKS,
        index=feed,
        funding=Funding(),
        intervals=intervals,
        trouble=why,
    )


def _read_instrument(
    place: Place, learned: Learned, head: BlockHead, intervals: Intervals
) -> Reads[tuple[Instrument, Learned]]:
    base, contracts, pool = place.base, place.contracts, place.pool
    asked = [Call(base, encode(getter)) for getter in _OF_BASE]
    asked += [
        Call(contracts.market_registry, encode(abi.GET_MARKET_INFO, base)),
        Call(contracts.exchange, encode(abi.GET_MAX_TICK_CROSSED, base)),
        *(Call(pool, encode(getter)) for getter in (abi.SLOT0, abi.LIQUIDITY, abi.TICK_SPACING)),
    ]
    answers, feed_answers = yield from gather(ask(*asked), ask_feed(learned))
    *of_base, closed = (answers[i] for i in (0, 1, 2, 3, 5, 4))
    is_open, is_closed, paused_at, paused_index, dispatcher = (answer(a, "its state", base) for a in of_base)
    info = answer(answers[6], "getMarketInfo", contracts.market_registry)
    if address_at(dispatcher, 0) != learned.dispatcher:
        learned = yield from learn(address_at(dispatcher, 0), learned)
        feed_answers = yield from ask_feed(learned)

    slot0, liquidity, spacing = (answer(a, "its state", pool) for a in answers[8:11])
    status = Status.OPEN if word(is_open, 0) else Status.CLOSED if word(is_closed, 0) else Status.PAUSED
    oldest = (head.timestamp if status is Status.OPEN else word(paused_at, 0)) - intervals.longest_s - MARGIN_S
    learned, index = yield from read_rings(pool, learned, slot0, (feed_answers, oldest))
    fixed = word(answer(closed, "getClosedPrice", base), 0) if status is Status.CLOSED else word(paused_index, 0)
    if learned.funding is None:
        raise DecodeError("the funding of a market was not read")

    one = Instrument(
        base=base,
        pool_address=pool,
        status=status,
        paused_at=word(paused_at, 0),
        fixed_price=fixed,
        fixed_index=word(paused_index, 0),
        fees=Fees(word(info, 2), word(info, 1), word(info, 3)),
        max_ticks=word(answer(answers[7], "getMaxTickCrossedWithinBlock", contracts.exchange), 0),
        max_spread=word(info, 4),
        pool=_pool(slot0, word(liquidity, 0), word(spacing, 0), place.ticks),
        ticks=learned.ticks,
        index=index,
        funding=learned.funding,
        intervals=intervals,
        fee_growth_x128=learned.fee_growth_x128,
        outside=learned.outside,
    )
    return one, learned


_OF_BASE = (
    abi.IS_OPEN, abi.IS_CLOSED, abi.GET_PAUSED_TIMESTAMP, abi.GET_PAUSED_INDEX_PRICE, abi.GET_CLOSED_PRICE,
    abi.GET_PRICE_FEED,
)  # fmt: skip


def _pool(slot0: bytes, liquidity: int, spacing: int, ticks: Mapping[int, tuple[int, int]]) -> Pool:
    """The pool as it says it is; `DecodeError` where the orders that were seen do not add up to its liquidity."""
    tick = signed(word(slot0, 1))
    if not (MIN_TICK <= tick <= MAX_TICK and MIN_SQRT_RATIO <= word(slot0, 0) < MAX_SQRT_RATIO and spacing):
        raise DecodeError("its pool has no price")

    if sum(net for at, (net, _) in ticks.items() if at <= tick) != liquidity:
        raise DecodeError("the orders that were seen do not add up to the liquidity of its pool")

    return Pool(word(slot0, 0), tick, 0, spacing, (), (), ()).with_ticks(ticks, liquidity)


# Funding ------------------------------------------------------------------------------------------------------------


def read_funding(place: Place, learned: Learned, ticks: Sequence[int]) -> Reads[Learned]:
    """Read what no getter tells: the funding last settled, and growths at the ticks of makers' orders."""
    exchange, book, base = place.contracts.exchange, place.contracts.order_book, place.base
    slots = (
        abi.LAST_SETTLED_TIMESTAMP_SLOT, abi.FIRST_TRADED_TIMESTAMP_SLOT, abi.LAST_UPDATED_TICK_SLOT,
        abi.LAST_TICK_UPDATED_TIMESTAMP_SLOT,
    )  # fmt: skip
    growth = mapped(base, abi.GLOBAL_FUNDING_GROWTH_SLOT)
    asked = [StorageAt(exchange, mapped(base, slot)) for slot in slots]
    asked += [StorageAt(exchange, growth + i) for i in range(2)]
    asked.append(StorageAt(book, mapped(base, abi.FEE_GROWTH_GLOBAL_SLOT)))
    for tick in ticks:
        at = mapped_tick(base, tick, abi.GROWTH_OUTSIDE_TICK_SLOT)
        asked += [StorageAt(book, at + i) for i in range(3)]

    answers = yield from ask(*asked)
    numbers = [word(answer(a, "its storage", exchange), 0) for a in answers]
    outside = {
        tick: TickGrowth(numbers[7 + 3 * i], signed(numbers[8 + 3 * i]), signed(numbers[9 + 3 * i]))
        for i, tick in enumerate(ticks)
    }
    funding = Funding(
        settled_at=numbers[0],
        growth=Growth(signed(numbers[4]), signed(numbers[5])),
        first_traded_at=numbers[1],
        tick=_int24(numbers[2]),
        tick_at=numbers[3],
    )
    return replace(learned, funding=funding, fee_growth_x128=numbers[6], outside=outside)


def _int24(value: int) -> int:
    """Read an int24 that a storage word keeps in its lowest 24 bits."""
    value &= (1 << 24) - 1
    return value - (1 << 24) if value >> 23 else value
