"""Aave V3 markets built from numbers, without a chain: what unit and property tests decide on."""

from dataclasses import replace

from keeper.protocols.aave.roster import Listing, Roster
from keeper.protocols.aave_v3.account import Account
from keeper.protocols.aave_v3.market import AaveV3Market
from keeper.protocols.aave_v3.reserve import Reserve
from keeper.protocols.aave_v3.rules import BY_REVISION, DIRECTED_30
from keeper.protocols.ledger import Ledger
from keeper.types import Address, BlockHead, BlockTarget, PositionKey
from keeper.units import RAY

REVISION_OF = {"3.0": 1, "3.1": 4, "3.2": 5, "3.3": 7, "3.4": 8, "3.5": 9, "3.6": 10, "3.7": 11}
SPARK_PORT = "3.0.1"
"""Our name for SparkLend's port of 3.5's arithmetic onto 3.0, so that versions still sort."""
RULES = {version: BY_REVISION[revision] for version, revision in REVISION_OF.items()} | {SPARK_PORT: DIRECTED_30}
POOL = Address(b"\xaa" * 20)
KEY = PositionKey(b"\x01" * 20)
NOW = 1_700_000_000
DOLLAR = 10**8


def word(
    *,
    threshold=8_300,
    bonus=10_500,
    decimals=18,
    fee=1_000,
    active=True,
    paused=False,
    flash=True,
    category=0,
    virtual=True,
):
    """A reserve configuration word."""
    return (
        threshold << 16
        | bonus << 32
        | decimals << 48
        | active << 56
        | paused << 60
        | flash << 63
        | fee << 152
        | category << 168
        | virtual << 252
    )


def asset(place):
    return Address(bytes([0xC0, place]) + bytes(18))


def reserve(place, price, config=None, **changes):
    """A reserve with indices of one ray, no interest, and plenty to seize."""
    plain = Reserve(
        asset=asset(place),
        a_token=Address(bytes([0xA0, place]) + bytes(18)),
        v_token=Address(bytes([0xD0, place]) + bytes(18)),
        id=place,
        config=word() if config is None else config,
        liquidity_index=RAY,
        liquidity_rate=0,
        borrow_index=RAY,
        borrow_rate=0,
        last_update=NOW,
        income=RAY,
        debt_index=RAY,
        price=price,
        price_updated_at=None,
        feeds=frozenset(),
        virtual=10**40,
        underlying=10**40,
        grace_until=0,
    )
    return replace(plain, **changes)


def head(number=100, timestamp=NOW):
    return BlockHead(number, number.to_bytes(32, "big"), bytes(32), timestamp, 10**9, 0, 30_000_000, Address(bytes(20)))


def target(timestamp=NOW, expires_at=None, number=101):
    return BlockTarget(number, timestamp, 10**9, timestamp if expires_at is None else expires_at)


def market(reserves, accounts, *, version="3.6", emodes=None, **changes):
    """A market of these reserves and accounts at `NOW`, projected."""
    rules = RULES[version]
    plain = AaveV3Market(
        deployment="aave",
        head=head(),
        target=target(),
        rules=rules,
        pool=POOL,
        base_unit=DOLLAR,
        flash_premium=5,
        liquidations_allowed=True,
        roster=Roster.of(Listing(r.asset, r.a_token, r.v_token, None) for r in reserves),
        reserves=tuple(r.projected(NOW, rules) for r in reserves),
        emodes=emodes or {},
        ledger=Ledger(accounts),
        set_aside=frozenset(),
    )
    return replace(plain, **changes)


def account(supplied, borrowed, *, collateral=None, emode=0):
    """An account by {place: scaled}; every supply is collateral unless a mask says otherwise."""
    mask = sum(1 << place for place in supplied) if collateral is None else collateral
    return Account(tuple(sorted(supplied.items())), tuple(sorted(borrowed.items())), mask, emode)
