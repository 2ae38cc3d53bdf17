"""Compound V3 markets built from numbers, without a chain: what unit and property tests decide on."""

from dataclasses import replace

from keeper.protocols.compound_v3.account import Account
from keeper.protocols.compound_v3.listing import Collateral, Listing
from keeper.protocols.compound_v3.market import Asset, CompoundV3Market, Quoted, accrued_to
from keeper.protocols.compound_v3.terms import BASE_INDEX_SCALE, Curve, Curves, Terms, Totals
from keeper.protocols.feeds import Feed
from keeper.protocols.ledger import Ledger
from keeper.types import Address, BlockTarget, PositionKey
from keeper.units import WAD
from tests.fakes.aave_v3_market import NOW, head

COMET, BASE = Address(b"\xc3" * 20), Address(b"\xba" * 20)
KEY = PositionKey(b"\x01" * 20)
TARGET = BlockTarget(101, NOW + 12, 10**9, NOW + 48)
DOLLAR = 10**8
USDC = 10**6
IDLE = Curves(Curve(WAD, 0, 0, 0), Curve(WAD, 0, 0, 0))
"""No interest at all."""
USUAL = Curves(
    Curve(8 * WAD // 10, 0, 1_109_842_719, 7_927_447_995),
    Curve(8 * WAD // 10, 475_646_879, 1_109_842_719, 7_927_447_995),
)


def token_at(offset):
    return Address(bytes([0xC3, offset]) + bytes(18))


def feed_at(place):
    """The base token's feed is place 0, an asset's is behind it."""
    return Feed(Address(bytes([0xFE, place]) + bytes(18)), Address(bytes([0xFA, place]) + bytes(18)), dated=True)


def collateral(offset, decimals=18, factors=(80, 85, 93)):
    """A listed asset with factors for borrowing, for liquidation and of a liquidation, in percent."""
    terms = Terms(10**decimals, *(percent * WAD // 100 for percent in factors), None)
    return Collateral(token_at(offset), feed_at(offset + 1), decimals, terms)


def asset(listed, price, stock=0, supplied=10**30):
    return Asset(listed, Quoted(price), supplied, supplied + stock)


def totals(supply=10**15, borrow=5 * 10**14, indices=(BASE_INDEX_SCALE, BASE_INDEX_SCALE), accrued_at=NOW):
    """A billion dollars supplied at indices of one, and half of it borrowed."""
    return Totals(*indices, supply, borrow, accrued_at)


def market(assets, accounts, stored=None, **changes):
    """A market of dollars of six decimals whose reserves are a dollar under a target of a million, by default."""
    listing = Listing(
        comet=COMET,
        base_token=BASE,
        base_feed=feed_at(0),
        base_scale=changes.pop("base_scale", USDC),
        curves=changes.pop("curves", IDLE),
        store_front_price_factor=changes.pop("store_front_price_factor", WAD // 2),
        target_reserves=changes.pop("target_reserves", 10**6 * USDC),
        assets=tuple(one.listed for one in assets),
    )
    stored = totals() if stored is None else stored
    now, trouble = accrued_to(stored, listing, TARGET)
    plain = CompoundV3Market(
        deployment="comet",
        head=head(),
        target=TARGET,
        listing=listing,
        stored=stored,
        now=now,
        base_quoted=Quoted(changes.pop("base_price", DOLLAR)),
        balance=stored.total_supply_base - stored.total_borrow_base + 999_999 * USDC,
        pause_flags=0,
        assets=tuple(assets),
        ledger=Ledger(accounts),
        trouble=trouble,
    )
    return replace(plain, **changes)


def account(principal, held):
    """An account by its principal and {offset: amount}."""
    return Account(principal, tuple(sorted(held.items())))
