"""Offers: barking at a vault, starting an auction anew, buying from one; each with its legal sizes, or why not.

The first two pay by themselves: their size is the DAI that can be taken out of the Vat. A purchase is sized in
collateral; `MAX_UINT256` buys all that is left, or all that is still to be paid for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keeper.protocols.maker import abi
from keeper.protocols.maker.auction import NO_TAKE, redo, status, take
from keeper.protocols.maker.bark import Bark, bark
from keeper.protocols.maker.checked import RevertedError
from keeper.protocols.maker.health import set_aside, trouble_of
from keeper.protocols.maker.ilk import Auction, Ilk, Poke
from keeper.protocols.maker.market import Contracts, MakerMarket
from keeper.protocols.maker.math import is_unsafe
from keeper.protocols.maker.urn import Urn, auction_key, number_of
from keeper.protocols.words import encode
from keeper.types import Address, Call, Declined, Offer, OfferKind, PositionKey, Reason, to_checksum
from keeper.units import MAX_UINT256, RAY

BARK_GAS: Final = 480_000
"""Bark, start of the auction and taking the reward out of the Vat; an unoptimised build, measured."""
POKE_GAS: Final = 70_000
"""Each of feed, Spotter and Jug called beforehand."""
REDO_GAS: Final = 210_000
TAKE_GAS: Final = 330_000
"""A purchase with the collateral taken out of the Vat and DAI put in, inside its callback."""

_REASONS: Final = {
    "Dog/not-live": Reason.PAUSED,
    "Dog/not-unsafe": Reason.HEALTHY,
    "Clipper/stopped-incorrect": Reason.PAUSED,
    "Clipper/invalid-price": Reason.UNKNOWN_PRICE,
    "Clipper/zero-top-price": Reason.UNKNOWN_PRICE,
}


@dataclass(frozen=True, slots=True)
class Liquidation:
    """The detail of barking at a vault; `poke` is how it comes to be judged by a price that makes it unsafe."""

    contracts: Contracts
    ilk: bytes
    poke: Poke


@dataclass(frozen=True, slots=True)
class Restart:
    """The detail of starting an auction anew."""

    contracts: Contracts
    ilk: bytes
    clip: Address
    number: int


@dataclass(frozen=True, slots=True)
class Buying:
    """The detail of a purchase; `price` (ray) is the most to be paid, `unit` scales the token to 18 decimals."""

    contracts: Contracts
    ilk: bytes
    clip: Address
    number: int
    price: int
    join: Address
    decimals: int
    unit: int


def offers(key: PositionKey, market: MakerMarket) -> Sequence[Offer | Declined]:
    """What can be done about a vault or an auction, or why nothing."""
    ilk = market.ilk_for(key)
    if ilk is None:
        return [Declined(market.deployment, key, Reason.QUARANTINED, {"why": "its collateral type is not followed"})]

    if ilk.trouble:
        return [set_aside(key, ilk, market.deployment, ilk.trouble)]

    if not number_of(key):
        return [_to_bark(key, ilk, market)]

    auction = ilk.auctions.get(number_of(key))
    if auction is None:
        return [_no(key, ilk, market, Reason.HEALTHY, why="the auction is over")]

    return [_of_auction(ilk, number_of(key), auction, market)]


def open_offers(market: MakerMarket) -> Sequence[Offer | Declined]:
    """Every running auction; a collateral type that is set aside says so once."""
    found: list[Offer | Declined] = []
    for ilk in market.ilks.values():
        trouble = trouble_of(ilk)
        if trouble:
            found.append(set_aside(None, ilk, market.deployment, trouble))

        if not ilk.trouble:
            found += (_of_auction(ilk, number, auction, market) for number, auction in sorted(ilk.auctions.items()))

    return found


# Barking ------------------------------------------------------------------------------------------------------------


def poke_for(urn: Urn, ilk: Ilk) -> Poke:
    """How a vault comes to be judged by a price that makes it unsafe: the cheapest way that does, after a drip."""
    for how, spot in ilk.spots:
        if is_unsafe(urn.ink, urn.art, ilk.rate_now, spot):
            return how

    return Poke.NOTHING


def barked(urn: Urn, ilk: Ilk) -> Bark:
    """Bark at a vault of a collateral type as it is; `RevertedError` where the Dog would."""
    return bark((urn.ink, urn.art), (ilk.rate, ilk.spot, ilk.dust), ilk.limits, ilk.start)


def _to_bark(key: PositionKey, ilk: Ilk, market: MakerMarket) -> Offer | Declined:
    trouble, urn, now = trouble_of(ilk), market.urn(key), market.target.timestamp
    if trouble:
        return set_aside(key, ilk, market.deployment, trouble)

    try:
        poke = poke_for(urn, ilk)
        done = barked(urn, ilk.poked(poke, now))
    except RevertedError as no:
        reason = _REASONS.get(no.reason, Reason.NO_LEGAL_SIZE)
        return _no(key, ilk, market, reason, why=no.message, room=ilk.limits.room, dust=ilk.dust)

    detail = Liquidation(market.contracts, ilk.listing.ilk, poke)
    prelude = _prelude(ilk, poke, market.contracts)
    return _reward(key, (ilk, market), done.coin, detail, (prelude, BARK_GAS + POKE_GAS * len(prelude)))


def _prelude(ilk: Ilk, poke: Poke, contracts: Contracts) -> tuple[Call, ...]:
    """What is called before a bark: always a drip where it changes anything, so that what is raised is known."""
    calls: list[Call] = []
    if poke is Poke.FEED:
        calls.append(Call(ilk.feed.pip, encode(abi.POKE)))

    if poke is not Poke.NOTHING:
        calls.append(Call(contracts.spotter, encode(abi.POKE_ILK, ilk.listing.ilk)))

    if ilk.rate_now != ilk.rate:
        calls.append(Call(contracts.jug, encode(abi.DRIP, ilk.listing.ilk)))

    return tuple(calls)


def _reward(
    key: PositionKey,
    at: tuple[Ilk, MakerMarket],
    coin: int,
    detail: Liquidation | Restart,
    costs: tuple[tuple[Call, ...], int],
) -> Offer | Declined:
    """Offer a call that pays `coin` (rad); less than a base unit of DAI cannot be taken out. `costs`: prelude, gas."""
    (ilk, market), (prelude, gas) = at, costs
    dai = coin // RAY  # down: the rest stays in the Vat
    if dai == 0:
        return _no(key, ilk, market, Reason.UNPROFITABLE, why="it pays nothing")

    token = market.contracts.dai
    return Offer(
        deployment=market.deployment,
        kind=OfferKind.TRIGGER,
        key=key,
        pay_token=token,
        receive_token=token,
        size_token=token,
        sizes=((dai, dai),),
        detail=detail,
        prelude=prelude,
        gas=gas,
        free=True,
    )


# Auctions -----------------------------------------------------------------------------------------------------------


def _of_auction(ilk: Ilk, number: int, auction: Auction, market: MakerMarket) -> Offer | Declined:
    """Buy from an auction, or start it anew where nothing else can be done with it."""
    key = auction_key(ilk.listing.ilk, number, auction.owner)
    try:
        done, price = status(auction.sale, ilk.rules, market.target.timestamp)
        if not done:
            return _to_buy(key, (ilk, auction), price, market)

        _, coin = redo(auction.sale, ilk.rules, ilk.start, market.target.timestamp)
    except RevertedError as no:
        reason = _REASONS.get(no.reason, Reason.NO_LEGAL_SIZE)
        return _no(key, ilk, market, reason, auction=number, why=no.message)

    detail = Restart(market.contracts, ilk.listing.ilk, ilk.clip, number)
    return _reward(key, (ilk, market), coin, detail, ((), REDO_GAS))


def _to_buy(key: PositionKey, of: tuple[Ilk, Auction], price: int, market: MakerMarket) -> Offer | Declined:
    ilk, auction = of
    listing, contracts, number = ilk.listing, market.contracts, number_of(key)
    if ilk.rules.stopped >= NO_TAKE:
        return _no(key, ilk, market, Reason.PAUSED, auction=number, stopped=ilk.rules.stopped)

    sizes = legal_sizes(ilk, auction, price, market.target.timestamp)
    if not sizes:
        return _no(key, ilk, market, Reason.NO_LEGAL_SIZE, auction=number, why="less than the token can count is left")

    detail = Buying(contracts, listing.ilk, ilk.clip, number, price, listing.join, listing.decimals, listing.unit)
    return Offer(
        deployment=market.deployment,
        kind=OfferKind.SALE,
        key=key,
        pay_token=contracts.dai,
        receive_token=listing.gem,
        size_token=listing.gem,
        sizes=sizes,
        detail=detail,
        calls_back=True,
        gas=TAKE_GAS,
    )


def legal_sizes(ilk: Ilk, auction: Auction, price: int, now: int) -> tuple[tuple[int, int], ...]:
    """Every amount that is bought as asked for, in base units of the token, and all of it.

    What would leave less than `chost` to raise is cut back to what leaves just that, and is no size of its own.
    """
    sale, unit, chost = auction.sale, ilk.listing.unit, ilk.rules.chost
    if take(sale, ilk.rules, now, MAX_UINT256, MAX_UINT256).slice < unit:
        return ()

    whole = ((MAX_UINT256, MAX_UINT256),)
    if price == 0 or sale.tab <= chost:
        return whole

    most = min((sale.tab - chost) // price, sale.lot - 1) // unit  # down: one more would be cut back
    return ((1, most), *whole) if most else whole


def _no(key: PositionKey, ilk: Ilk, market: MakerMarket, reason: Reason, **numbers: int | str) -> Declined:
    about: dict[str, int | str] = {"ilk": ilk.listing.name, "collateral": to_checksum(ilk.listing.gem)}
    return Declined(market.deployment, key, reason, {**about, **numbers})
