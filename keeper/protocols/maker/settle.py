"""What taking an offer moves, exactly, and the market the next offer of the same block will see."""

from dataclasses import replace

from keeper.errors import StateError
from keeper.protocols.maker.auction import Purchase, Sale, redo, take
from keeper.protocols.maker.bark import Bark
from keeper.protocols.maker.checked import RevertedError
from keeper.protocols.maker.ilk import Auction, Ilk
from keeper.protocols.maker.market import MakerMarket
from keeper.protocols.maker.offers import Buying, Liquidation, Restart, barked
from keeper.protocols.maker.urn import Urn, owner_of
from keeper.types import ZERO_ADDRESS, Offer, Payment, PositionKey, Settlement, TokenAmount
from keeper.units import MAX_UINT256, RAY, div_up


def detail_of(offer: Offer) -> tuple[Liquidation | Restart | Buying, PositionKey]:
    """Return an offer's own detail and key; any other adapter's offer is a programming error."""
    if not isinstance(offer.detail, Liquidation | Restart | Buying) or offer.key is None:
        raise TypeError("not an offer of this adapter")

    return offer.detail, offer.key


def settle(offer: Offer, size: int, market: MakerMarket) -> Settlement:
    """Work out exactly what is moved at the market's target.

    A reward is taken out of the Vat by as much as was asked for: what it grew by meanwhile stays there.
    """
    detail, key = detail_of(offer)
    try:
        if isinstance(detail, Buying):
            return bought(detail, _purchase(detail, size, market), offer)

        coin = _coin(detail, key, market)
    except RevertedError as no:
        raise _impossible(no) from no

    if coin < size * RAY:
        raise StateError("a reward of less than is to be taken out", coin_rad=coin, size=size)

    return rewarded(offer, size)


def bought(detail: Buying, purchase: Purchase, offer: Offer) -> Settlement:
    """Settle a purchase: DAI rounded up, since that is what must be joined; collateral down, to what can be exited.

    The price only falls until an auction is started anew, which the bound on the price rules out.
    """
    owe = div_up(purchase.owe, RAY)
    got = purchase.slice // detail.unit
    return Settlement((Payment(offer.pay_token, owe, owe, ZERO_ADDRESS),), (TokenAmount(offer.receive_token, got),))


def rewarded(offer: Offer, amount: int) -> Settlement:
    """Settle a call that pays by itself."""
    nothing = Payment(offer.pay_token, 0, 0, ZERO_ADDRESS)
    return Settlement((nothing,), (TokenAmount(offer.receive_token, amount),))


def after(offer: Offer, size: int, market: MakerMarket) -> MakerMarket:
    """Apply what an offer does: the vault, the auction, and how much is being raised."""
    detail, key = detail_of(offer)
    now = market.target.timestamp
    try:
        if isinstance(detail, Liquidation):
            changed = _after_bark(detail, key, market)
        elif isinstance(detail, Restart):
            ilk, auction = _auction(detail, market)
            sale, _ = redo(auction.sale, ilk.rules, ilk.start, now)
            changed = market.with_ilk(ilk.with_auction(detail.number, replace(auction, sale=sale)))
        else:
            changed = _after_purchase(detail, _purchase(detail, size, market), market)
    except RevertedError as no:
        raise _impossible(no) from no

    return changed.at(market.target)


def _after_bark(detail: Liquidation, key: PositionKey, market: MakerMarket) -> MakerMarket:
    ilk, done = _bark(detail, key, market)
    urn = market.urn(key)
    sale = Sale(done.tab, done.dink, market.target.timestamp, done.top)
    started = ilk.with_auction(done.id, Auction(sale, owner_of(key)))
    started = replace(started, start=replace(ilk.start, kicks=done.id))
    return market.with_urns({key: Urn(urn.ink - done.dink, urn.art - done.dart)}).raising(started, done.tab)


def _after_purchase(detail: Buying, purchase: Purchase, market: MakerMarket) -> MakerMarket:
    ilk, auction = _auction(detail, market)
    left = replace(auction.sale, tab=purchase.tab, lot=purchase.lot)
    ilk = ilk.with_auction(detail.number, None if purchase.closed else replace(auction, sale=left))
    return market.raising(ilk, -purchase.digs)


def _coin(detail: Liquidation | Restart, key: PositionKey, market: MakerMarket) -> int:
    """What a call pays, in rad."""
    if isinstance(detail, Liquidation):
        return _bark(detail, key, market)[1].coin

    ilk, auction = _auction(detail, market)
    return redo(auction.sale, ilk.rules, ilk.start, market.target.timestamp)[1]


def _bark(detail: Liquidation, key: PositionKey, market: MakerMarket) -> tuple[Ilk, Bark]:
    """Bark after the offer's prelude: the collateral type as that left it, and what was done."""
    ilk = market.ilks[detail.ilk]
    if detail.poke not in dict(ilk.spots):
        raise StateError("a liquidation by a price that is not to be had", ilk=ilk.listing.name)

    ilk = ilk.poked(detail.poke, market.target.timestamp)
    return ilk, barked(market.urn(key), ilk)


def _purchase(detail: Buying, size: int, market: MakerMarket) -> Purchase:
    ilk, auction = _auction(detail, market)
    amt = size if size == MAX_UINT256 else size * detail.unit
    return take(auction.sale, ilk.rules, market.target.timestamp, amt, detail.price)


def _auction(detail: Restart | Buying, market: MakerMarket) -> tuple[Ilk, Auction]:
    ilk = market.ilks[detail.ilk]
    auction = ilk.auctions.get(detail.number)
    if auction is None:
        raise StateError("an auction that is over", ilk=ilk.listing.name, auction=detail.number)

    return ilk, auction


def _impossible(no: RevertedError) -> StateError:
    return StateError(f"an offer the contracts would refuse: {no.message}")
