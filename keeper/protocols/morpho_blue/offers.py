"""Offers: how a liquidatable borrower's collateral can be seized, with all legal sizes, or why not.

A size is collateral to seize; there is no close factor and no minimum. `MAX_UINT256` repays all shares, which stays
right while interest accrues. Source: Morpho.liquidate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keeper.errors import StateError
from keeper.protocols.morpho_blue import math
from keeper.protocols.morpho_blue.borrower import Borrower
from keeper.protocols.morpho_blue.health import decide, quarantined
from keeper.protocols.morpho_blue.isolated import IsolatedMarket
from keeper.protocols.morpho_blue.market import MorphoBlueMarket
from keeper.protocols.morpho_blue.params import MarketParams, market_of
from keeper.protocols.morpho_blue.pre_offers import PreSeizure, pre_offers
from keeper.types import Address, Declined, Offer, OfferKind, PositionKey, Reason, to_checksum
from keeper.units import MAX_UINT256, WAD, mul_div


@dataclass(frozen=True, slots=True)
class MarketSeizure:
    """An offer's detail: the contract, the market, and all shares of the borrower, which `MAX_UINT256` repays."""

    morpho: Address
    params: MarketParams
    borrow_shares: int


def detail_of(offer: Offer) -> tuple[MarketSeizure | PreSeizure, PositionKey]:
    """Return an offer's own detail and position; any other adapter's offer is a programming error."""
    if not isinstance(offer.detail, MarketSeizure | PreSeizure) or offer.key is None:
        raise TypeError("not an offer of this adapter")

    return offer.detail, offer.key


def offers(key: PositionKey, market: MorphoBlueMarket) -> Sequence[Offer | Declined]:
    """Offer the one pair a position has, early where it opted in to that, or say why not."""
    found = decide(key, market)
    if isinstance(found, Declined):
        return [found]

    if not found.liquidatable:
        early = pre_offers(key, market)
        if early:
            return early

        health_wad = mul_div(found.max_borrow, WAD, found.borrowed) if found.borrowed else MAX_UINT256
        return [Declined(market.deployment, key, Reason.HEALTHY, {"health_wad": health_wad})]

    owner, isolated = market.borrower(key), priced(key, market)
    params = isolated.params
    sizes = legal_sizes(owner, isolated)
    if not sizes:
        numbers: dict[str, int | str] = {
            "collateral": to_checksum(params.collateral_token),
            "debt": to_checksum(params.loan_token),
            "pledged": owner.collateral,
        }
        return [Declined(market.deployment, key, Reason.NO_LEGAL_SIZE, numbers)]

    return [
        Offer(
            deployment=market.deployment,
            kind=OfferKind.SEIZE,
            key=key,
            pay_token=params.loan_token,
            receive_token=params.collateral_token,
            size_token=params.collateral_token,
            sizes=sizes,
            detail=MarketSeizure(market.morpho, params, owner.borrow_shares),
            calls_back=True,
        )
    ]


def set_aside(market: MorphoBlueMarket) -> Sequence[Declined]:
    """Decline each market that cannot be decided once, however many borrowers it has."""
    return [
        quarantined(None, isolated, market.deployment, isolated.trouble)
        for isolated in market.isolated.values()
        if isolated.usable_price is None
    ]


def legal_sizes(owner: Borrower, isolated: IsolatedMarket) -> tuple[tuple[int, int], ...]:
    """Every collateral amount the contract can seize, and all shares at once where those do not cost more than that.

    Seizing all collateral is the upper end where the debt is worth more: what is left of it is written off.
    """
    most = largest_seizure(owner, isolated)
    if most == 0:
        return ()

    whole = () if clears_collateral(owner, isolated) else ((MAX_UINT256, MAX_UINT256),)
    return ((1, most), *whole)


def largest_seizure(owner: Borrower, isolated: IsolatedMarket) -> int:
    """Most collateral that can be asked for: all of it, or what all shares pay for."""
    return min(owner.collateral, _seized_for_all(owner, isolated))


def clears_collateral(owner: Borrower, isolated: IsolatedMarket) -> bool:
    """Tell whether all shares would seize more collateral than there is, so that only the collateral can be named."""
    return _seized_for_all(owner, isolated) > owner.collateral


def _seized_for_all(owner: Borrower, isolated: IsolatedMarket) -> int:
    price = isolated.usable_price
    if price is None:
        raise StateError("a liquidation in a market without a price", market=isolated.params.id.hex())

    return math.seized_for(owner.borrow_shares, isolated.now, price, isolated.params.lltv)


def priced(key: PositionKey, market: MorphoBlueMarket) -> IsolatedMarket:
    """Return a position's market; `StateError` where it is not known, which an offer rules out."""
    isolated = market.market_for(key)
    if isolated is None:
        raise StateError("a liquidation in an unknown market", market=market_of(key).hex())

    return isolated
