"""How much of a position the margin account can take, what that leaves it with, and what may leave it as profit.

The account pays with margin it has, and keeps the position: no contract lets an outsider close one. What it gained at
the oracle's price, less the insurance fund's fee and what leaving the position will cost, is withdrawn.
"""

from functools import lru_cache
from typing import NamedTuple

from keeper.protocols.bounds import first_true, last_true
from keeper.protocols.dydx_perpetual import math, trade
from keeper.protocols.dydx_perpetual.market import DydxPerpetualMarket, terms_of
from keeper.protocols.dydx_perpetual.trade import Order, Refusal, TakenOver
from keeper.types import PositionKey
from keeper.units import BPS, WAD, mul_div_up


class Takeover(NamedTuple):
    """One takeover: how much, what it does to both, and what may be withdrawn after it (below zero for a loss)."""

    amount: int
    done: TakenOver
    payout: int

    @property
    def grows(self) -> bool:
        """Whether it adds to what the margin account holds, rather than closing part of it."""
        return self.done.taker.position.value >= self.done.before.position.value


class Room(NamedTuple):
    """The most that can be taken over, 0 for nothing, and why not more where nothing can be."""

    most: int
    payout: int
    why: str


def take(key: PositionKey, amount: int, market: DydxPerpetualMarket) -> Takeover | Refusal:
    """Take so much of a position over, at the market's target."""
    maker, taker, terms = market.account(key), market.account(market.taker_key), terms_of(market)
    order = Order(amount, is_buy=maker.balance.position.is_positive)
    done = trade.taken_over(maker, taker, order, terms, maker_first=key < market.taker_key)
    if isinstance(done, Refusal):
        return done

    value = done.moved.position * terms.price - done.moved.margin * WAD
    gained = (value if order.is_buy else -value) // WAD - done.fee  # down
    grown = max(done.taker.position.value - done.before.position.value, 0)
    exit_cost = mul_div_up(grown * terms.price, market.taker.exit_cost_bps, WAD * BPS)
    return Takeover(amount, done, gained - exit_cost)


@lru_cache(maxsize=64)
def room(key: PositionKey, market: DydxPerpetualMarket) -> Room:
    """The most that the margin account can take of a position and keep the collateral it is meant to keep.

    A position of the other side is closed first: never past zero in one go, so that what is left always tells what
    was taken.
    """
    theirs, ours = market.account(key).balance.position, market.account(market.taker_key).balance.position
    closes = ours.value > 0 and ours.is_positive != theirs.is_positive
    high = min(theirs.value, ours.value) if closes else theirs.value
    most = last_true(1, high, lambda amount: _against(take(key, amount, market), market) is None)
    if most < 1:
        return Room(0, 0, _against(take(key, high, market), market) or "it has no position to take over")

    found = take(key, most, market)
    return Room(most, 0 if isinstance(found, Refusal) else found.payout, "")


def amount_for(key: PositionKey, payout: int, market: DydxPerpetualMarket) -> int:
    """The least amount whose takeover pays so much; the most there is where none does."""
    most = room(key, market).most

    def pays(amount: int) -> bool:
        found = take(key, amount, market)
        return isinstance(found, Takeover) and found.payout >= payout

    return min(first_true(1, most, pays), most)


def _against(found: Takeover | Refusal, market: DydxPerpetualMarket) -> str | None:
    """What stands against a takeover, None where nothing does."""
    if isinstance(found, Refusal):
        return found.words

    terms = terms_of(market)
    left = found.done.taker._replace(margin=found.done.taker.margin.minus(max(found.payout, 0)))
    wanted = max(terms.min_collateral, market.taker.collateral_bps * WAD // BPS)
    if found.grows and not math.is_collateralized(left, terms.price, wanted):
        return "the margin account would keep less collateral than it is meant to"

    return None
