"""One purchase of a collateral: what an offer of it depends on, and the market in which it is made.

A position's purchases come behind its absorption; the storefront's stand alone. The storefront names each asset by a
key of its own, so that every asset can be bought in the same block.
"""

from dataclasses import dataclass
from typing import Final

from keeper.protocols.compound_v3 import math
from keeper.protocols.compound_v3.account import Account
from keeper.protocols.compound_v3.market import CompoundV3Market
from keeper.types import ZERO_ADDRESS, Address, Offer, PositionKey

STOCK_PREFIX: Final = b"stock"


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
    return PositionKey(STOCK_PREFIX + asset)


def asset_of(key: PositionKey) -> Address | None:
    """Return the asset a storefront's key names; None for an account."""
    is_stock = len(key) == len(STOCK_PREFIX) + len(ZERO_ADDRESS) and key.startswith(STOCK_PREFIX)
    return Address(key[len(STOCK_PREFIX) :]) if is_stock else None


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
