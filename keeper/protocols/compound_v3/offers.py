"""Offers: what the protocol sells, behind the absorption of a position or from its standing stock, or why not.

Sizes are amounts of the base token: any up to what nearly empties the stock. A purchase of more than there is reverts
whole, and the lower the price the more it asks for, so that some is left to a price that falls before we land. One
account is absorbed per plan, since an absorption of several reverts whole where one of them is healthy again.
Source: Comet.absorb, Comet.buyCollateral.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from keeper.protocols.compound_v3 import abi, math
from keeper.protocols.compound_v3.health import stand
from keeper.protocols.compound_v3.market import ABSORB_PAUSED, BUY_PAUSED, Asset, CompoundV3Market
from keeper.protocols.compound_v3.purchase import Purchase, absorbed, is_stock, stock_key
from keeper.protocols.compound_v3.terms import RevertError
from keeper.protocols.words import WORD, selector
from keeper.types import (
    Address,
    Call,
    Declined,
    Offer,
    OfferKind,
    PositionKey,
    Reason,
    account_of,
    to_checksum,
)
from keeper.units import bps_up

ROOM_BPS: Final = 100
"""How far a price may fall until we land: feeds mostly answer anew once it has moved by half of this. What is left of
the stock is offered again in the next block."""
GAS_TO_BUY: Final = 120_000
GAS_TO_ABSORB: Final = 80_000
GAS_PER_ASSET: Final = 50_000
"""Measured: 90,000 for a purchase and 80,000 for an absorption of one collateral, on the contracts themselves. Counted
higher for proxies in front of market, assets and feeds."""


def offers(key: PositionKey, market: CompoundV3Market) -> Sequence[Offer | Declined]:
    """List a purchase of each collateral of a liquidatable position, or say why not.

    A key of the storefront is answered with its asset's offer.
    """
    if is_stock(key, market):
        return [one for one in open_offers(market) if one.key == key]

    refusal = _refusal(key, market)
    if refusal is not None:
        return [refusal]

    account = market.account(key)
    try:
        behind = absorbed(key, market)
    except RevertError as error:
        return [Declined(market.deployment, key, Reason.QUARANTINED, {"why": error.message})]

    if not behind.is_selling:
        return [_not_selling(key, behind)]

    held = [behind.assets[offset] for offset, _ in account.held]
    return [_offer(key, asset, behind, absorbs=len(held)) for asset in held] or [
        Declined(market.deployment, key, Reason.NO_LEGAL_SIZE, {"why": "it has no collateral"})
    ]


def _refusal(key: PositionKey, market: CompoundV3Market) -> Declined | None:
    """What stands against an account's absorption, in the contract's order; None where nothing does."""
    if not market.account(key).owes:
        return Declined(market.deployment, key, Reason.HEALTHY, {"why": "it owes nothing"})

    standing = stand(key, market)
    if isinstance(standing, Declined):
        return standing

    if not standing.liquidatable:
        return Declined(market.deployment, key, Reason.HEALTHY, {"health_wad": standing.factor_wad})

    paused = [what for bit, what in _ACTIONS.items() if market.is_paused(bit)]
    return Declined(market.deployment, key, Reason.PAUSED, {"action": paused[0]}) if paused else None


_ACTIONS: Final = {ABSORB_PAUSED: "absorb", BUY_PAUSED: "buy"}


def open_offers(market: CompoundV3Market) -> Sequence[Offer | Declined]:
    """Offer what the protocol has in stock; what cannot be decided at all says so here, once."""
    if market.trouble or market.base_quoted.price is None:
        why = market.trouble or "the base token has no price"
        return [Declined(market.deployment, None, Reason.QUARANTINED, {"why": why})]

    return list(_standing(market))


def _standing(market: CompoundV3Market) -> Iterator[Offer | Declined]:
    stocked: list[Asset] = []
    for asset in market.assets:
        if asset.trouble:
            numbers = {"asset": to_checksum(asset.listed.asset), "why": asset.trouble}
            yield Declined(market.deployment, stock_key(asset.listed.asset), Reason.QUARANTINED, numbers)
        elif asset.stock:
            stocked.append(asset)

    # Said once, however many assets there are some of: mostly crumbs of earlier sales.
    if stocked and market.is_paused(BUY_PAUSED):
        yield Declined(market.deployment, None, Reason.PAUSED, {"action": "buy"})
    elif stocked and not market.is_selling:
        yield _not_selling(None, market)
    else:
        yield from (_offer(stock_key(asset.listed.asset), asset, market, absorbs=0) for asset in stocked)


def _not_selling(key: PositionKey | None, market: CompoundV3Market) -> Declined:
    numbers: dict[str, int | str] = {
        "why": "the protocol sells only while its reserves are below their target",
        "reserves": market.reserves,
        "target_reserves": market.listing.target_reserves,
    }
    return Declined(market.deployment, key, Reason.NO_LIQUIDITY, numbers)


def _offer(key: PositionKey, asset: Asset, market: CompoundV3Market, *, absorbs: int) -> Offer | Declined:
    """Offer one asset's stock in a market where it is for sale; `absorbs` counts the collaterals absorbed before."""
    listing, token = market.listing, asset.listed.asset
    most = largest(asset, market)
    if most is None or most < 1:
        reason = Reason.UNKNOWN_PRICE if asset.quoted.price is None else Reason.NO_LEGAL_SIZE
        numbers: dict[str, int | str] = {"asset": to_checksum(token), "stock": asset.stock}
        return Declined(market.deployment, key, reason, numbers)

    offset = next(i for i, one in enumerate(market.assets) if one.listed.asset == token)
    return Offer(
        deployment=market.deployment,
        kind=OfferKind.SALE,
        key=key,
        pay_token=listing.base_token,
        receive_token=token,
        size_token=listing.base_token,
        sizes=((1, most),),
        detail=Purchase(listing.comet, token, offset, absorbs=absorbs > 0),
        prelude=(absorb_call(listing.comet, account_of(key)),) if absorbs else (),
        gas=GAS_TO_BUY + (GAS_TO_ABSORB + GAS_PER_ASSET * absorbs if absorbs else 0),
    )


def largest(asset: Asset, market: CompoundV3Market) -> int | None:
    """The base tokens that nearly empty an asset's stock; None where the contract quotes nothing."""
    wanted = asset.stock - bps_up(asset.stock, ROOM_BPS)
    try:
        return math.largest_base(wanted, asset.terms, market.base, market.listing.store_front_price_factor)
    except RevertError:
        return None


def absorb_call(comet: Address, account: Address) -> Call:
    """Absorb one account. Nobody is named as the absorber: what it is given are points without a price."""
    words = (0, 2 * WORD, 1)
    data = selector(abi.ABSORB) + b"".join(number.to_bytes(WORD, "big") for number in words)
    return Call(comet, data + account.rjust(WORD, b"\0"))
