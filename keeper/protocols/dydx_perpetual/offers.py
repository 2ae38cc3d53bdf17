"""Offers: what the margin account can gain of a liquidatable account, or why nothing.

A size is the amount withdrawn as profit, in base units of the settlement token: how much of the position that takes
follows from it. Nothing is paid: the margin is there already.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keeper.protocols.dydx_perpetual.health import Standing, decide, set_aside
from keeper.protocols.dydx_perpetual.market import DydxPerpetualMarket
from keeper.protocols.dydx_perpetual.takeover import room
from keeper.types import Address, Declined, Offer, OfferKind, PositionKey, Reason, to_checksum

GAS: Final = 520_000
"""What takeover, fee and withdrawal burn together: 300,000 on the twin; the real contracts stand behind a proxy."""


@dataclass(frozen=True, slots=True)
class PositionTakeover:
    """An offer's detail: the contracts, and the account that takes the position over."""

    perpetual: Address
    proxy: Address
    account: Address


def detail_of(offer: Offer) -> tuple[PositionTakeover, PositionKey]:
    """Return an offer's own detail and position; any other adapter's offer is a programming error."""
    if not isinstance(offer.detail, PositionTakeover) or offer.key is None:
        raise TypeError("not an offer of this adapter")

    return offer.detail, offer.key


def offers(key: PositionKey, market: DydxPerpetualMarket) -> Sequence[Offer | Declined]:
    """Offer to take an account's position over, or say why not."""
    standing = decide(key, market)
    if isinstance(standing, Declined):
        return [standing]

    if not standing.liquidatable:
        return [_no(key, market, Reason.HEALTHY, positive=standing.positive, negative=standing.negative)]

    return [_refused(key, standing, market) or _offer(key, market)]


def open_offers(market: DydxPerpetualMarket) -> Sequence[Declined]:
    """Nothing stands open; a market that cannot be decided is declined here once, however many accounts it has."""
    return [set_aside(None, market, market.rules.trouble)] if market.rules.trouble else []


def _refused(key: PositionKey, standing: Standing, market: DydxPerpetualMarket) -> Declined | None:
    """Why nothing of a liquidatable account can be taken over, or should."""
    if market.rules.refuses:
        return _no(key, market, Reason.PAUSED, why=market.rules.refuses)

    if standing.balance.position.value == 0:
        return _no(key, market, Reason.NO_LEGAL_SIZE, why="it has no position to take over")

    if key == market.taker_key:
        return _no(key, market, Reason.NO_LEGAL_SIZE, why="it is the margin account itself: give it margin")

    if standing.underwater:
        numbers = {"positive": standing.positive, "negative": standing.negative}
        return _no(key, market, Reason.BAD_DEBT, **numbers, why="what it owes would be ours")

    return None


def _offer(key: PositionKey, market: DydxPerpetualMarket) -> Offer | Declined:
    found = room(key, market)
    if found.most < 1:
        return _no(key, market, Reason.NO_FUNDING, account=to_checksum(market.taker.account), why=found.why)

    if found.payout < 1:
        return _no(key, market, Reason.UNPROFITABLE, expected_profit=found.payout, size=found.most)

    contracts = market.contracts
    return Offer(
        deployment=market.deployment,
        kind=OfferKind.ASSUME,
        key=key,
        pay_token=contracts.token,
        receive_token=contracts.token,
        size_token=contracts.token,
        sizes=((1, found.payout),),
        detail=PositionTakeover(contracts.perpetual, contracts.proxy, market.taker.account),
        gas=GAS,
        free=True,
    )


def _no(key: PositionKey, market: DydxPerpetualMarket, reason: Reason, **numbers: int | str) -> Declined:
    return Declined(market.deployment, key, reason, numbers)
