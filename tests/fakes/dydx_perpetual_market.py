"""dYdX perpetual markets built from numbers, without a chain: what unit and property tests decide on."""

from dataclasses import replace

from keeper.protocols.dydx_perpetual import math
from keeper.protocols.dydx_perpetual.account import kept
from keeper.protocols.dydx_perpetual.market import Contracts, DydxPerpetualMarket, Rules, Taker
from keeper.protocols.dydx_perpetual.math import Balance, Index, Signed
from keeper.protocols.ledger import Ledger
from keeper.types import Address, BlockHead, BlockTarget, Log, PositionKey
from keeper.units import WAD

NOW = 1_700_000_000
PERPETUAL, PROXY, ORACLE, FUNDER, USDC, MARGIN, TRADER, STRANGER = (Address(bytes([0xA0 + n]) * 20) for n in range(8))
KEY, TAKER = PositionKey(bytes(TRADER)), PositionKey(bytes(MARGIN))
CONTRACTS = Contracts(PERPETUAL, PROXY, USDC, 6, is_usd=True)
PRICE = 300 * WAD
"""30,000 dollars for a whole unit of 10**8, in a token of six decimals."""
RULES = Rules(
    index=Index(NOW, math.ZERO),
    rate=math.ZERO,
    price=PRICE,
    min_collateral=1_075 * WAD // 1_000,
    insurance_fee=WAD // 5,
)


def signed(number):
    return Signed(abs(number), is_positive=number > 0)


def account(margin, position, settled_at=None):
    return kept(Balance(signed(margin), signed(position)), settled_at or RULES.index)


RICH = account(1_000_000 * 10**6, 0)


def head(number=100, timestamp=NOW):
    return BlockHead(number, number.to_bytes(32, "big"), bytes(32), timestamp, 10**9, 0, 30_000_000, Address(bytes(20)))


def target(timestamp=NOW, number=101):
    return BlockTarget(number, timestamp, 10**9, timestamp + 36)


def market(theirs, ours=RICH, *, collateral_bps=12_000, exit_cost_bps=0, **rules):
    """One trader and the margin account; `rules` replace those above."""
    return DydxPerpetualMarket(
        deployment="perp",
        head=head(),
        target=target(),
        contracts=CONTRACTS,
        taker=Taker(MARGIN, collateral_bps, exit_cost_bps),
        rules=replace(RULES, **rules),
        ledger=Ledger({KEY: theirs, TAKER: ours}),
    )


EMPTY_SCENE = market(RICH)


def log(emitter, topic, *indexed, words=()):
    topics = (topic, *(address.rjust(32, b"\0") for address in indexed))
    data = b"".join(number.to_bytes(32, "big") for number in words)
    return Log(emitter, topics, data, 101, bytes(32), bytes(32), 0)
