"""Aave V2 markets built from numbers, without a chain: what unit and property tests decide on."""

from dataclasses import replace

from keeper.protocols.aave.roster import Listing, Roster
from keeper.protocols.aave_v2.account import Account
from keeper.protocols.aave_v2.discovery import Base
from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.protocols.aave_v2.reserve import Reserve
from keeper.protocols.ledger import Ledger
from keeper.types import Address, PositionKey
from keeper.units import RAY, WAD
from tests.fakes.aave_v3_market import NOW, asset, head, target

POOL = Address(b"\xaa" * 20)
ETHER = Address(b"\xee" * 20)
KEY = PositionKey(b"\x01" * 20)


def word(*, threshold=8_250, bonus=10_500, decimals=18, active=True):
    """A reserve configuration word."""
    return threshold << 16 | bonus << 32 | decimals << 48 | active << 56


def listing(place):
    a_token, stable, variable = (Address(bytes([kind, place]) + bytes(18)) for kind in (0xA0, 0xB0, 0xD0))
    return Listing(asset(place), a_token, variable, stable)


def reserve(place, price, config=None, **changes):
    """A reserve with indices of one ray, earning something so that it accrues, and plenty to seize."""
    plain = Reserve(
        asset=asset(place),
        a_token=listing(place).a_token,
        id=place,
        config=word() if config is None else config,
        liquidity_index=RAY,
        liquidity_rate=1,
        borrow_index=RAY,
        borrow_rate=0,
        last_update=NOW,
        income=RAY,
        debt_index=RAY,
        price=price,
        price_updated_at=None,
        feeds=frozenset(),
        underlying=10**40,
    )
    return replace(plain, **changes)


def market(reserves, accounts, **changes):
    """A market of these reserves and accounts at `NOW`, projected."""
    plain = AaveV2Market(
        deployment="aave-v2",
        head=head(),
        target=target(),
        pool=POOL,
        base=Base(ETHER, WAD),
        flash_premium=9,
        paused=False,
        roster=Roster.of(listing(place) for place in range(len(reserves))),
        reserves=tuple(r.projected(NOW) for r in reserves),
        ledger=Ledger(accounts),
        set_aside=frozenset(key for key, account in accounts.items() if account.stable),
    )
    return replace(plain, **changes)


def account(supplied, borrowed, *, stable=(), collateral=None):
    """An account by {place: scaled}; every supply is collateral unless a mask says otherwise."""
    mask = sum(1 << place for place in supplied) if collateral is None else collateral
    return Account(tuple(sorted(supplied.items())), tuple(sorted(borrowed.items())), tuple(stable), mask)
