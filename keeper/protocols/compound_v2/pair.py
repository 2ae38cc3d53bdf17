"""One (debt, collateral) pair of one position: what a liquidation of it depends on.

Source: CToken.liquidateBorrowInternal and liquidateBorrowFresh.
"""

from dataclasses import dataclass

from keeper.errors import StateError
from keeper.protocols.compound_v2 import math
from keeper.protocols.compound_v2.health import owed
from keeper.protocols.compound_v2.market import CompoundV2Market
from keeper.types import Address, Offer, PositionKey


@dataclass(frozen=True, slots=True)
class SeizePair:
    """An offer's detail: both cTokens, by address and by place, and who is called: the debt's, or the liquidator."""

    payee: Address
    debt_token: Address
    collateral_token: Address
    debt: int
    collateral: int


def pair_of(offer: Offer) -> tuple[SeizePair, PositionKey]:
    """Return an offer's own detail and position; any other adapter's offer is a programming error."""
    if not isinstance(offer.detail, SeizePair) or offer.key is None:
        raise TypeError("not an offer of this adapter")

    return offer.detail, offer.key


def terms_of(key: PositionKey, pair: SeizePair, market: CompoundV2Market) -> math.Terms:
    """Gather what one liquidation depends on; `StateError` where the contract could not work it out."""
    known = market.remembered.get((key, pair))
    if known is not None:
        return known

    terms = terms_between(key, (pair.collateral, pair.debt), market)
    if terms is None:
        raise StateError("a liquidation of a pair without a price", key=key.hex())

    market.remembered[key, pair] = terms
    return terms


def terms_between(key: PositionKey, places: tuple[int, int], market: CompoundV2Market) -> math.Terms | None:
    """Gather the terms of a (collateral, debt); None where a price is unknown or the contract divides by zero."""
    account = market.account(key)
    collateral, debt = (market.tokens[place] for place in places)
    prices = debt.usable_price, collateral.usable_price
    if prices[0] is None or prices[1] is None:
        return None

    ratio = math.seize_ratio(collateral.incentive, prices[0], prices[1], collateral.now_rate)
    if ratio is None:
        return None

    balance = owed(account, places[1], market)
    closed = balance if debt.forced else math.max_close(balance, market.rules.close_factor)
    return math.Terms(
        ratio=ratio,
        # What borrowers owe one by one may add up to a little more than the market's own sum.
        max_repay=min(closed, debt.now.borrows),
        tokens=account.tokens_in(places[0]),
        share=collateral.share,
        kept=market.rules.split,
        redeem_fee=market.rules.redeem_fee,
        collateral=collateral.now,
        same=places[0] == places[1],
    )
