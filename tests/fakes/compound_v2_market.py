"""Compound V2 markets built from numbers, without a chain: what unit and property tests decide on."""

from dataclasses import replace

from keeper.protocols.compound_v2.account import Account
from keeper.protocols.compound_v2.ctoken import CToken, Listing
from keeper.protocols.compound_v2.market import CompoundV2Market
from keeper.protocols.compound_v2.math import NO_SPLIT, Totals
from keeper.protocols.compound_v2.rules import Contracts, Rules
from keeper.protocols.ledger import Ledger
from keeper.types import Address, BlockTarget, PositionKey
from keeper.units import WAD
from tests.fakes.aave_v3_market import asset, head

COMPTROLLER, ORACLE = Address(b"\xc0" * 20), Address(b"\x0a" * 20)
KEY = PositionKey(b"\x01" * 20)
TARGET = BlockTarget(1_000, 1_700_000_012, 10**9, 1_700_000_048)
RULES = Rules(close_factor=WAD // 2, incentive=108 * WAD // 100, redeem_fee=0, split=NO_SPLIT, paused=False)
CONTRACTS = Contracts(COMPTROLLER, ORACLE, None, of_bonus=False, vai=None, code=b"", speaks=frozenset())


def token_at(place):
    return Address(bytes([0xC7, place]) + bytes(18))


def ctoken(place, price, **changes):
    """A market with plenty of everything, at a rate of two hundredths and an index of one, accrued at the target."""
    listing = Listing(token_at(place), asset(place), decimals=changes.pop("decimals", 18))
    listing = replace(listing, **{name: changes.pop(name) for name in ("native", "by_time") if name in changes})
    sums = Totals(10**30, 10**30, 0, 10**32, WAD, TARGET.number)
    plain = CToken(
        listing=listing,
        stored=changes.pop("stored", sums),
        rate=changes.pop("rate", 0),
        factor=8 * WAD // 10,
        incentive=RULES.incentive,
        price=price,
        listed=True,
    )
    return replace(plain, **changes).projected(TARGET)


def market(tokens, accounts, **changes):
    """A comptroller with these markets and accounts."""
    plain = CompoundV2Market(
        deployment="venus",
        head=head(),
        target=TARGET,
        contracts=CONTRACTS,
        rules=RULES,
        tokens=tuple(tokens),
        places={token.listing.token: place for place, token in enumerate(tokens)},
        ledger=Ledger(accounts),
    )
    return replace(plain, **changes)


def account(held, loans, *, entered=None, **flags):
    """An account by {place: cTokens} and loans; it has entered all of them unless a mask says otherwise."""
    places = {*held, *(loan.place for loan in loans)}
    mask = sum(1 << place for place in places) if entered is None else entered
    return Account(tuple(sorted(held.items())), tuple(sorted(loans)), mask, **flags)
