"""Exact health of a vault: what it may owe against what it owes, in the Vat's integers. Source: Dog.bark.

A vault is judged as a liquidation would find it: after a drip, and at the lowest price that can be had with a poke.
"""

from keeper.protocols.maker.auction import status
from keeper.protocols.maker.checked import RevertedError
from keeper.protocols.maker.ilk import Auction, Ilk
from keeper.protocols.maker.market import MakerMarket
from keeper.protocols.maker.urn import number_of
from keeper.types import Declined, Health, Position, PositionKey, Reason, TokenAmount
from keeper.units import MAX_UINT256, RAY, WAD, div_up, mul_div


def set_aside(key: PositionKey | None, ilk: Ilk, deployment: str, why: str) -> Declined:
    """Say that a collateral type cannot be decided, and why."""
    return Declined(deployment, key, Reason.QUARANTINED, {"ilk": ilk.listing.name, "why": why})


def trouble_of(ilk: Ilk) -> str:
    """What keeps vaults of a collateral type from being judged; empty where nothing does."""
    return ilk.trouble or ("" if ilk.spots else "its feed has no price")


def health(key: PositionKey, market: MakerMarket) -> Health | Declined:
    """Decide one vault exactly; `Declined` where its collateral type is set aside."""
    ilk, urn = market.ilk_for(key), market.urn(key)
    if ilk is None:
        return Declined(market.deployment, key, Reason.QUARANTINED, {"why": "its collateral type is not followed"})

    spot = ilk.lowest_spot
    trouble = trouble_of(ilk)
    if urn.art == 0:
        value = 0 if trouble else ilk.value(urn.ink)
        return Health(key, MAX_UINT256, False, value, 0, WAD, market.contracts.dai)  # noqa: FBT003

    if trouble or spot is None:
        return set_aside(key, ilk, market.deployment, trouble)

    may_owe, owes = urn.ink * spot, urn.art * ilk.rate_now
    if max(may_owe, owes) > MAX_UINT256:
        return set_aside(key, ilk, market.deployment, "more than the contracts can count with")

    return Health(
        key=key,
        factor_wad=mul_div(may_owe, WAD, owes),
        liquidatable=may_owe < owes,
        collateral_base=ilk.value(urn.ink),
        debt_base=div_up(owes, RAY),
        base_unit=WAD,
        base_token=market.contracts.dai,
    )


def position(key: PositionKey, market: MakerMarket) -> Position:
    """List what a vault has and owes, or what an auction sells and is to raise, at the market's target."""
    ilk = market.ilk_for(key)
    if ilk is None:
        return Position(key, (), ())

    auction = ilk.auctions.get(number_of(key)) if number_of(key) else None
    if auction is not None:
        sale = auction.sale
        note = f"{ilk.listing.name} auction {number_of(key)}, {_price_text(ilk, auction, market.target.timestamp)}"
        return _listed(key, (ilk, market), sale.lot, div_up(sale.tab, RAY), note)

    urn = market.urn(key)
    note = ", ".join(part for part in (ilk.listing.name, trouble_of(ilk)) if part)
    return _listed(key, (ilk, market), urn.ink, div_up(urn.art * ilk.rate_now, RAY), note)


def _listed(key: PositionKey, of: tuple[Ilk, MakerMarket], gem: int, dai: int, note: str) -> Position:
    ilk, market = of
    amount = gem // ilk.listing.unit  # down: what can leave the Vat
    collateral = (TokenAmount(ilk.listing.gem, amount),) if amount else ()
    debt = (TokenAmount(market.contracts.dai, dai),) if dai else ()
    return Position(key, collateral, debt, note)


def _price_text(ilk: Ilk, auction: Auction, now: int) -> str:
    try:
        done, price = status(auction.sale, ilk.rules, now)
    except RevertedError:
        return "its price cannot be told"

    return "to be started anew" if done else f"price {price / RAY:,.6g} DAI"
