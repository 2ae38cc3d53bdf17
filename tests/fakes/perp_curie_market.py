"""Perp Curie markets built from numbers, without a chain: what unit and property tests decide on."""

from dataclasses import replace

from keeper.protocols.ledger import Ledger
from keeper.protocols.perp_curie.account import Account
from keeper.protocols.perp_curie.index import Answer, IndexFeed
from keeper.protocols.perp_curie.instrument import Funding, Growth, Instrument, Intervals, Status
from keeper.protocols.perp_curie.market import Contracts, PerpCurieMarket, Rules
from keeper.protocols.perp_curie.pool import Fees, Pool
from keeper.protocols.perp_curie.twap import Observation, PriceHistory, TickHistory
from keeper.types import Address, BlockHead, BlockTarget, Log, PositionKey
from keeper.units import MAX_UINT256, WAD

NOW = 1_700_000_000
HOUSE, CONFIG, VAULT, EXCHANGE, BOOK, ACCOUNTS, FUND, MANAGER, REGISTRY, USDC = (
    Address(bytes([0xA0 + n]) * 20) for n in range(10)
)
BASE, OTHER_BASE, POOL, FEED, AGGREGATOR, WETH = (Address(bytes([n]) * 20) for n in (1, 2, 3, 4, 5, 6))
TRADER = Address(b"\x77" * 20)
KEY = PositionKey(bytes(TRADER))
CONTRACTS = Contracts(HOUSE, CONFIG, VAULT, EXCHANGE, BOOK, ACCOUNTS, FUND, MANAGER, REGISTRY, USDC, 6)
RULES = Rules(
    im_ratio=100_000,
    mm_ratio=62_500,
    penalty_ratio=25_000,
    balance_cap=MAX_UINT256,
    vault_tokens=10**15,
    insurance_tokens=10**12,
    paused=False,
)
INTERVALS = Intervals(twap_s=900, mark_market_s=1_800, mark_premium_s=900, max_funding_rate=100_000)
TICK, SQRT_PRICE = 0, 2**96
"""Where a base token costs one dollar, to the last digit."""


def head(number=100, timestamp=NOW):
    return BlockHead(number, number.to_bytes(32, "big"), bytes(32), timestamp, 10**9, 0, 30_000_000, Address(bytes(20)))


def target(timestamp=NOW, number=101):
    return BlockTarget(number, timestamp, 10**9, timestamp + 36)


def pool(liquidity=10**25, tick=TICK, sqrt_price=SQRT_PRICE):
    """A pool with all its liquidity between two far ticks."""
    low, high = tick // 200 * 200 - 20_000, tick // 200 * 200 + 20_000
    return Pool(sqrt_price, tick, liquidity, 200, (low, high), (liquidity, -liquidity), (liquidity, liquidity))


def feed(price=10**8, since=NOW - 5_000):
    """A feed that has said the same for long."""
    history = PriceHistory((Observation(price, 0, since),))
    emitters = frozenset({AGGREGATOR})
    return IndexFeed(FEED, AGGREGATOR, emitters, 8, Answer(price, since, 1, usable=True), price, since, history)


def instrument(price=WAD, base=BASE, **changes):
    """A calm market; mark price, index and growth may be set outright."""
    plain = Instrument(
        base=base,
        pool_address=POOL,
        status=Status.OPEN,
        paused_at=0,
        fixed_price=0,
        fixed_index=0,
        fees=Fees(10_000, 1_000, 0),
        max_ticks=1_000,
        max_spread=100_000,
        pool=pool(),
        ticks=TickHistory((NOW - 10_000,), (0,), TICK),
        index=feed(),
        funding=Funding(settled_at=NOW, growth=Growth(), first_traded_at=NOW - 9_000, tick=TICK, tick_at=NOW - 60),
        intervals=INTERVALS,
        price=price,
        index_price=WAD,
    )
    return replace(plain, **changes)


def market(instruments, accounts, **changes):
    """A deployment of these markets, places in their order."""
    plain = PerpCurieMarket(
        deployment="perp",
        head=head(),
        target=target(),
        contracts=CONTRACTS,
        rules=RULES,
        instruments={one.base: one for one in instruments},
        places={one.base: place for place, one in enumerate(instruments)},
        collaterals={},
        insurance=Account(),
        ledger=Ledger(accounts),
        makers=frozenset(key for key, one in accounts.items() if one.has_orders),
    )
    return replace(plain, **changes)


def log(emitter, topic, *indexed, words=()):
    """An event: indexed words, then words of data, signed ones in two's complement."""
    topics = (topic, *(one.rjust(32, b"\0") for one in indexed))
    data = b"".join((n % 2**256).to_bytes(32, "big") for n in words)
    return Log(emitter, topics, data, 101, bytes(32), bytes(32), 0)
