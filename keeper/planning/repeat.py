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
from keeper.planning.profit import gas_in_token
from keeper.planning.sizing import best_size
from keeper.planning.ways import ways_to
from keeper.protocols.base import Market
from keeper.types import Declined, Offer, OfferKind
from keeper.units import WAD

_MOST_CALLS: Final = 4
_FINENESS: Final = 12
"""The first call stays a 4,096th below what would heal the position: a rounding must not heal it."""
_TRIES: Final = 30


def best_calls(deal: Deal, ways: tuple[Way, ...], policy: Policy, board: Board, inputs: PlanningInput) -> Sized | None:
    """The most profitable sequence of calls on a deal's position, mostly of one."""
    best = best_size(deal, ways)
    if best is None or not _may_repeat(deal, best):
        return best

    offer, size = deal.offer, best.size
    market: Market = board.markets[offer.deployment]
    model = board.views[offer.deployment].adapter.offers
    steps: tuple[Step, ...] = ()
    for calls in range(2, _MOST_CALLS + 1):
        first = _largest_not_healing(offer, size, board, market)
        if first is None or not _is_worth_it(first, best, inputs, offer):
            return best

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
    """Whether one call was bounded by what may be repaid, and left something to take."""
    offer = deal.offer
    return (
        offer.kind is OfferKind.SEIZE and offer.key is not None and best.net > 0 and best.size >= offer.sizes[-1][1] > 0
    )


def _is_worth_it(first: int, best: Sized, inputs: PlanningInput, offer: Offer) -> bool:
    """Whether one more call can be worth its gas: what it adds is repaid at no better a margin than the rest."""
    gas = gas_in_token(offer.pay_token, inputs.gas.again * inputs.gas_price_wei, inputs.numeraire)
    return gas is not None and (first >= best.size or best.profit * first > gas * best.size)


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
    """The largest legal size, at most the given one, after which the position is not healthy; None for none.

    It does not depend on any pool, so that it is worked out once for all boards of a block.
    """
    asked = (offer.deployment, offer.key, _pair(offer), offer.sizes, size)
    if asked not in board.not_healing:
        board.not_healing[asked] = _find_not_healing(offer, size, board, market)

    return board.not_healing[asked]


def _find_not_healing(offer: Offer, size: int, board: Board, market: Market) -> int | None:
    adapter = board.views[offer.deployment].adapter

    def healing(at: int) -> int:
        """How far above one the health factor is after a call, negative where it is not, times 10**18."""
        health = (
            None if offer.key is None else adapter.health.health(offer.key, adapter.offers.after(offer, at, market))
        )
        if health is None or isinstance(health, Declined):
            return WAD

        return min(health.factor_wad - WAD, WAD) if not health.liquidatable else min(health.factor_wad - WAD, -1)

    if healing(size) < 0:
        return size

    for least, most in reversed(offer.sizes):
        if least < min(most, size) and healing(least) < 0:
            last = _last_below_zero(least, min(most, size), healing)
            return max(last - (last >> _FINENESS), least)

    return None


def _last_below_zero(low: int, high: int, value: Callable[[int], int]) -> int:
    """An argument below, but close to, where a rising function reaches zero, between one below and one not below it."""
    at_low, at_high = value(low), value(high)
    for tries in range(_TRIES):
        if high - low <= max(high >> _FINENESS, 1):
            break

        # Where a straight line would cross; the middle every third time, for curves that are none.
        straight = low + (high - low) * -at_low // (at_high - at_low)
        middle = (low + high) // 2 if tries % 3 == 2 else min(max(straight, low + 1), high - 1)
        found = value(middle)
        if found < 0:
            low, at_low = middle, found
        else:
            high, at_high = middle, found

    return low
