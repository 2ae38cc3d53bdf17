"""What taking an offer moves, to the unit, and the market that the next offer meets. Source: takeover.py."""

from dataclasses import replace

from keeper.errors import StateError
from keeper.protocols.perp_curie.market import PerpCurieMarket
from keeper.protocols.perp_curie.offers import detail_of, net_gain
from keeper.protocols.perp_curie.takeover import Entered, Takeover, aftermath, entered, take_over
from keeper.types import Declined, Offer, Payment, Settlement, TokenAmount


def settle(offer: Offer, size: int, market: PerpCurieMarket) -> Settlement:
    """Work out exactly what is left of taking a position over and leaving it, at the market's target.

    Net: the margin comes back within the call, so that it is only what may be pulled at most.
    """
    detail, _ = detail_of(offer)
    _, taken = _taken(offer, size, market)
    gain = net_gain(taken, detail.decimals)
    payment = Payment(offer.pay_token, max(-gain, 0), detail.deposit(size), detail.vault)
    return Settlement((payment,), (TokenAmount(offer.receive_token, max(gain, 0)),))


def after(offer: Offer, size: int, market: PerpCurieMarket) -> PerpCurieMarket:
    """Apply a liquidation: the account without its orders, the pool after the exit, and the two funds."""
    detail, key = detail_of(offer)
    found, taken = _taken(offer, size, market)
    left = aftermath(key, taken, found)
    if isinstance(left, Declined):
        raise _undecided(left)

    rules = market.rules
    held = rules.vault_tokens - net_gain(taken, detail.decimals)
    return replace(left.market, rules=replace(rules, vault_tokens=held))


def _taken(offer: Offer, size: int, market: PerpCurieMarket) -> tuple[Entered, Takeover]:
    detail, key = detail_of(offer)
    found = entered(key, detail.base, market)
    if isinstance(found, Declined):
        raise _undecided(found)

    taken = take_over(size, found)
    if taken is None:
        raise StateError("a liquidation of more than can be taken over and left", size=size)

    return found, taken


def _undecided(declined: Declined) -> StateError:
    return StateError("a liquidation in a market that cannot be decided", **dict(declined.numbers))
