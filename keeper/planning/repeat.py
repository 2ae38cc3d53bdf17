"""Several calls on one position in one transaction, where that pays more than one.

A close factor lets one call repay only a share of the debt. A first call that leaves the position just liquidatable
makes room for that share of what is left on top; a position that a call does not heal can be called upon again.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from keeper.planning.base import Policy, Step
from keeper.planning.board import Board
from keeper.planning.deal import Deal, Sized, Way
from keeper.planning.inputs import PlanningInput
from keeper.planning.sizing import best_size
from keeper.planning.ways import ways_to
from keeper.protocols.base import Market
from keeper.types import Offer

_MOST_CALLS: Final = 4
_FINENESS: Final = 12
"""The first call stays a 4,096th below what would heal the position: a rounding must not heal it."""


def best_calls(deal: Deal, ways: tuple[Way, ...], policy: Policy, board: Board, inputs: PlanningInput) -> Sized | None:
    """The most profitable sequence of calls on a deal's position, mostly of one."""
    best = best_size(deal, ways)
    if best is None or not _may_repeat(deal, best):
        return best

    offer, size = deal.offer, best.size
    market: Market = board.markets[offer.deployment]
    steps: tuple[Step, ...] = ()
    for calls in range(2, _MOST_CALLS + 1):
        first = _largest_not_healing(offer, size, board, market)
        if first is None:
            return best

        model = board.views[offer.deployment].adapter.offers
        steps = (*steps, Step(offer, first, model.settle(offer, first, market)))
        market = model.after(offer, first, market)
        again = _same_pair(offer, board, market)
        if again is None:
            return best

        more = _deal(again, market, board, steps)
        found = best_size(more, ways_to(again, policy, board, inputs, calls=calls))
        if found is None or found.net <= best.net:
            return best

        best = found._replace(steps=more.steps_with(found.size))
        offer, size = again, found.size

    return best


def _may_repeat(deal: Deal, best: Sized) -> bool:
    """Whether one call was bounded by what may be repaid, and a second could be worth its gas.

    It can at most earn what the first did.
    """
    return best.size >= deal.offer.sizes[-1][1] and best.net > 0 and deal.offer.key is not None


def _deal(offer: Offer, market: Market, board: Board, steps: tuple[Step, ...]) -> Deal:
    model = board.views[offer.deployment].adapter.offers
    return Deal(offer, lambda size: model.settle(offer, size, market), steps)


def _same_pair(offer: Offer, board: Board, market: Market) -> Offer | None:
    """The same pair of the same position on another market; None where it is not on offer any more."""
    if offer.key is None:
        return None

    for found in board.views[offer.deployment].adapter.offers.offers(offer.key, market):
        if isinstance(found, Offer) and _pair(found) == _pair(offer):
            return replace(found, prelude=())

    return None


def _pair(offer: Offer) -> tuple[object, ...]:
    return offer.kind, offer.pay_token, offer.receive_token, offer.size_token


def _largest_not_healing(offer: Offer, size: int, board: Board, market: Market) -> int | None:
    """The largest legal size, at most the given one, after which the position is still on offer; None for none."""
    model = board.views[offer.deployment].adapter.offers

    def goes_on(at: int) -> bool:
        return _same_pair(offer, board, model.after(offer, at, market)) is not None

    if goes_on(size):
        return size

    for least, most in reversed(offer.sizes):
        if least < min(most, size) and goes_on(least):
            last = _last_but_for_a_little(least, min(most, size), goes_on)
            return max(last - (last >> _FINENESS), least)

    return None


def _last_but_for_a_little(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """A size for which a condition still holds, close to where it ends."""
    while high - low > max(high >> _FINENESS, 1):
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)

    return low
