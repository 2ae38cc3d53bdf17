"""Morpho Blue markets built from numbers, without a chain: what unit and property tests decide on."""

from dataclasses import replace

from keeper.protocols.ledger import Ledger
from keeper.protocols.morpho_blue.borrower import Borrower
from keeper.protocols.morpho_blue.isolated import IsolatedMarket
from keeper.protocols.morpho_blue.market import MorphoBlueMarket
from keeper.protocols.morpho_blue.math import Totals
from keeper.protocols.morpho_blue.params import MarketParams, position_key
from keeper.protocols.morpho_blue.roster import Roster
from keeper.types import Address, BlockHead, BlockTarget, Log
from keeper.units import WAD

MORPHO = Address(b"\xbb" * 20)
BORROWER = Address(b"\x01" * 20)
NOW = 1_700_000_000
LOAN, COLLATERAL, ORACLE, IRM = (Address(bytes([n]) * 20) for n in (0xC0, 0xC1, 0x0C, 0x1A))
PARAMS = MarketParams(LOAN, COLLATERAL, ORACLE, IRM, 86 * WAD // 100)
KEY = position_key(PARAMS.id, BORROWER)


def head(number=100, timestamp=NOW):
    return BlockHead(number, number.to_bytes(32, "big"), bytes(32), timestamp, 10**9, 0, 30_000_000, Address(bytes(20)))


def target(timestamp=NOW, expires_at=None, number=101):
    return BlockTarget(number, timestamp, 10**9, timestamp if expires_at is None else expires_at)


def isolated(totals, price, params=PARAMS, **changes):
    """A market last touched at `NOW`, without interest."""
    stored = replace(totals, last_update=NOW)
    return replace(IsolatedMarket(params, stored, stored, price), **changes).projected(NOW)


def market(markets, borrowers, **changes):
    """A deployment of these isolated markets, places in their order."""
    roster = Roster()
    for one in markets:
        roster.add(one.params)
        roster.place(one.params.id)

    plain = MorphoBlueMarket(
        deployment="morpho",
        head=head(),
        target=target(),
        morpho=MORPHO,
        roster=roster,
        isolated={one.params.id: one for one in markets},
        balances={LOAN: 10**30, COLLATERAL: 10**30},
        ledger=Ledger(borrowers),
    )
    return replace(plain, **changes)


def log(topic, market_id, *indexed, words=(), data=b"", block=100, index=0):
    """An event of Morpho: its market, indexed addresses, and words of data."""
    topics = (topic, bytes(market_id), *(address.rjust(32, b"\0") for address in indexed))
    data = data + b"".join(w if isinstance(w, bytes) else w.to_bytes(32, "big") for w in words)
    return Log(MORPHO, topics, data, block, block.to_bytes(32, "big"), bytes(32), index)


def example():
    """The worked market: 45,678,901.123456 lent of 60 million, and one borrower of 20,000."""
    totals = Totals(
        supply_assets=60_000_000 * 10**6,
        supply_shares=58 * 10**18,
        borrow_assets=45_678_901_123_456,
        borrow_shares=44_123_456_987_654_321_012,
    )
    return isolated(totals, 2_345_678_901 * 10**18)


def borrower(collateral, shares=19_318_966_044_477_402):
    """The worked borrower; the shares are 20,000 units of the loan token, rounded up."""
    return Borrower(shares, collateral)
