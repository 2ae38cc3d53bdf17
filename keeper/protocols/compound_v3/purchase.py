"""One purchase of a collateral: what an offer of it depends on, and the market in which it is made.

A position's purchases come behind its absorption; the storefront's stand alone. What the storefront has of an asset is
keyed by the asset's address, which owes nothing itself, so that every asset can be bought in the same block.
"""

from dataclasses import dataclass

from keeper.protocols.compound_v3 import math
from keeper.protocols.compound_v3.account import Account
from keeper.protocols.compound_v3.market import CompoundV3Market
from keeper.types import Address, Offer, PositionKey


@dataclass(frozen=True, slots=True)
class Purchase:
    """An offer's detail: the market, the asset and its offset. `absorbs`: the position must be absorbed before."""

    comet: Address
    asset: Address
    offset: int
    absorbs: bool


def purchase_of(offer: Offer) -> tuple[Purchase, PositionKey]:
    """Return an offer's own detail and key; any other adapter's offer is a programming error."""
    if not isinstance(offer.detail, Purchase) or offer.key is None:
        raise TypeError("not an offer of this adapter")

    return offer.detail, offer.key


def stock_key(asset: Address) -> PositionKey:
    """Name what the storefront has of an asset."""
    return PositionKey(asset)


def is_stock(key: PositionKey, market: CompoundV3Market) -> bool:
    """Whether a key names an asset for sale, not an account."""
    return any(bytes(one.listed.asset) == bytes(key) for one in market.assets)


def absorbed(key: PositionKey, market: CompoundV3Market) -> CompoundV3Market:
    """The market after one account's absorption; `RevertError` where the contract would refuse it."""
    known = market.absorbed.get(key)
    if known is None:
        known = market.absorbed[key] = _absorb(key, market)

    return known


def _absorb(key: PositionKey, market: CompoundV3Market) -> CompoundV3Market:
    account = market.account(key)
    found = math.absorb(account.principal, market.collateral_of(account), market.now, market.base)
    taken = {offset: market.assets[offset] for offset, _ in account.held}
    return (
        market.with_totals(found.totals)
        .with_accounts({key: Account(found.principal)})
        .with_assets({offset: asset.released(account.amount_of(offset)) for offset, asset in taken.items()})
    )


def stage(offer: Offer, market: CompoundV3Market) -> CompoundV3Market:
    """The market an offer's purchase is made in: behind the absorption, where the offer has one."""
    detail, key = purchase_of(offer)
    return absorbed(key, market) if detail.absorbs else market
