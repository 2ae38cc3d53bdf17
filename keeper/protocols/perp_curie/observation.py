"""What is read every block: the rules, the funds, and of every market its state, its pool and its index feed.

What one market's contracts refuse or garble costs that market only. Rules and funds are the deployment's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.perp_curie import abi
from keeper.protocols.perp_curie.account import Account
from keeper.protocols.perp_curie.discovery import answer, mapped, mapped_tick
from keeper.protocols.perp_curie.index import Answer, IndexFeed
from keeper.protocols.perp_curie.instrument import Funding, Growth, Instrument, Intervals, Status, TickGrowth
from keeper.protocols.perp_curie.market import Collateral, Contracts, Rules
from keeper.protocols.perp_curie.pool import Fees, Pool
from keeper.protocols.perp_curie.rings import FEED_RING, price_observation, read_ring, tick_observation
from keeper.protocols.perp_curie.twap import NO_PRICES, NO_TICKS, Observation, PriceHistory, TickHistory
from keeper.protocols.reads import Reads, ask, gather
from keeper.protocols.words import WORD, address_at, encode, signed, word
from keeper.routing.tick_math import MAX_SQRT_RATIO, MAX_TICK, MIN_SQRT_RATIO, MIN_TICK
from keeper.types import ZERO_ADDRESS, Address, BlockHead, Call, Returned, StorageAt

_MOST_DECIMALS: Final = 36
MARGIN_S: Final = 120
"""How much older observations are kept than the longest window needs: we look at times before the head, too."""


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


# The deployment -----------------------------------------------------------------------------------------------------


def read_rules(contracts: Contracts) -> Reads[tuple[Rules, Intervals, Account]]:
    """Read ratios, windows, funds, and the insurance fund's account."""
    config, token, vault = contracts.config, contracts.settlement_token, contracts.vault
    fund = contracts.insurance_fund
    getters = (
        abi.GET_IM_RATIO, abi.GET_MM_RATIO, abi.GET_LIQUIDATION_PENALTY_RATIO, abi.GET_TWAP_INTERVAL,
        abi.GET_MARK_PRICE_CONFIG, abi.GET_MAX_FUNDING_RATE, abi.GET_SETTLEMENT_TOKEN_BALANCE_CAP,
    )  # fmt: skip
    answers = yield from ask(
        *(Call(config, encode(getter)) for getter in getters),
        Call(contracts.clearing_house, encode(abi.PAUSED)),
        Call(vault, encode(abi.PAUSED)),
        Call(token, encode(abi.BALANCE_OF, vault)),
        Call(token, encode(abi.BALANCE_OF, fund)),
        Call(vault, encode(abi.GET_BALANCE_BY_TOKEN, fund, token)),
        StorageAt(contracts.account_balance, mapped(fund, abi.OWED_REALIZED_PNL_SLOT)),
    )
    data = [answer(a, "a parameter", config) for a in answers]
    numbers = [word(one, 0) for one in data]
    rules = Rules(
        im_ratio=numbers[0],
        mm_ratio=numbers[1],
        penalty_ratio=numbers[2],
        balance_cap=numbers[6],
        vault_tokens=numbers[9],
        insurance_tokens=numbers[10],
        paused=bool(numbers[7] or numbers[8]),
    )
    intervals = Intervals(numbers[3], numbers[4], word(data[4], 1), numbers[5])
    return rules, intervals, Account(balance=signed(numbers[11]), owed=signed(numbers[12]))


def read_collaterals(
    contracts: Contracts, tokens: Sequence[Address], interval_s: int
) -> Reads[dict[Address, Collateral]]:
    """Read what other tokens count for; one whose feed does not answer has no price."""
    manager = contracts.collateral_manager
    asked = []
    for token in tokens:
        asked += [
            Call(manager, encode(abi.GET_COLLATERAL_CONFIG, token)),
            Call(manager, encode(abi.GET_COLLATERAL_PRICE, token, interval_s)),
            Call(manager, encode(abi.GET_PRICE_FEED_DECIMALS, token)),
            Call(token, encode(abi.DECIMALS)),
        ]

    answers = yield from ask(*asked)
    found = {}
    for i, token in enumerate(tokens):
        config, price, price_decimals, decimals = answers[4 * i : 4 * i + 4]
        known = all(one.ok and len(one.data) == WORD for one in (price, price_decimals, decimals))
        found[token] = Collateral(
            decimals=word(decimals.data, 0) if known else 18,
            price=word(price.data, 0) or None if known else None,
            price_decimals=word(price_decimals.data, 0) if known else 0,
            ratio=word(answer(config, "getCollateralConfig", manager), 1),
        )

    return found


# Markets ------------------------------------------------------------------------------------------------------------


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
    answers, feed_answers = yield from gather(ask(*asked), _ask_feed(learned))
    *of_base, closed = (answers[i] for i in (0, 1, 2, 3, 5, 4))
    is_open, is_closed, paused_at, paused_index, dispatcher = (answer(a, "its state", base) for a in of_base)
    info = answer(answers[6], "getMarketInfo", contracts.market_registry)
    if address_at(dispatcher, 0) != learned.dispatcher:
        learned = yield from _learn(address_at(dispatcher, 0), learned)
        feed_answers = yield from _ask_feed(learned)

    slot0, liquidity, spacing = (answer(a, "its state", pool) for a in answers[8:11])
    status = Status.OPEN if word(is_open, 0) else Status.CLOSED if word(is_closed, 0) else Status.PAUSED
    oldest = (head.timestamp if status is Status.OPEN else word(paused_at, 0)) - intervals.longest_s - MARGIN_S
    learned, index = yield from _read_rings(place, learned, slot0, (feed_answers, oldest))
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


def _learn(dispatcher: Address, learned: Learned) -> Reads[Learned]:
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


def _ask_feed(learned: Learned) -> Reads[tuple[Returned, ...]]:
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


def _read_rings(
    place: Place, learned: Learned, slot0: bytes, rest: tuple[tuple[Returned, ...], int]
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
    read_ticks = read_ring(place.pool, tick_index, size, learned.tick_index, tick_observation)
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
