"""What taking an offer moves, to the unit, and the market that the next offer meets. Source: takeover.py."""

from keeper.errors import StateError
from keeper.protocols.dydx_perpetual import trade
from keeper.protocols.dydx_perpetual.account import kept
from keeper.protocols.dydx_perpetual.market import DydxPerpetualMarket, terms_of
from keeper.protocols.dydx_perpetual.offers import detail_of
from keeper.protocols.dydx_perpetual.takeover import Takeover, amount_for, take
from keeper.protocols.dydx_perpetual.trade import Refusal
from keeper.types import ZERO_ADDRESS, Offer, Payment, Settlement, TokenAmount


def settle(offer: Offer, size: int, market: DydxPerpetualMarket) -> Settlement:
    """Withdraw what is asked for, or nothing at all: the amount is in the call, and cannot come out otherwise.

    What it takes to earn it, and whether the account may be left so, is what the market decides.
    """
    del market
    detail_of(offer)
    return Settlement((Payment(offer.pay_token, 0, 0, ZERO_ADDRESS),), (TokenAmount(offer.receive_token, size),))


def taken(offer: Offer, size: int, market: DydxPerpetualMarket) -> Takeover:
    """The takeover that pays for a withdrawal of this size."""
    _, key = detail_of(offer)
    found = take(key, amount_for(key, size, market), market)
    if isinstance(found, Refusal):
        raise StateError(f"a takeover that the contract refuses: {found.words}", size=size)

    return found


def after(offer: Offer, size: int, market: DydxPerpetualMarket) -> DydxPerpetualMarket:
    """Apply a takeover and its withdrawal: both accounts, settled at the target."""
    _, key = detail_of(offer)
    done, terms = taken(offer, size, market).done, terms_of(market)
    left = trade.withdrawn(done.taker, size, terms.min_collateral, terms.price)
    if isinstance(left, Refusal):
        raise StateError(f"a withdrawal that the contract refuses: {left.words}", size=size)

    changes = {key: kept(done.moved.maker, terms.current), market.taker_key: kept(left, terms.current)}
    return market.with_accounts(changes, terms.current)
