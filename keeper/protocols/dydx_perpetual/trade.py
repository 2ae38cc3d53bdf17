"""A liquidation as PerpetualV1 carries it out: who may, what moves, and whether both may be left like that.

A refusal is the contract's own words. Deleveraging goes the same way with other conditions; the keeper does not do
it, but an account that is underwater may lose its position to it at any time. Sources: P1Trade, P1Liquidation,
P1Deleveraging and P1LiquidatorProxy of dYdX Perpetual V1.
"""

from enum import Enum
from typing import Final, NamedTuple

from keeper.protocols.dydx_perpetual import math
from keeper.protocols.dydx_perpetual.math import Balance, Index
from keeper.units import WAD

TIMELOCK_S: Final = 1_800
"""How long an account must have been marked before anybody may deleverage it. P1Deleveraging, constant."""

NOT_OPERATOR: Final = "Sender is not a global operator"
NOT_ALLOWED: Final = "msg.sender cannot operate the liquidator account"
FINAL_SETTLEMENT: Final = "Not permitted during final settlement"
UNSORTED: Final = "Accounts must be sorted and unique"
TOO_BIG: Final = "SafeCast: value doesn't fit in 120 bits"
INDEX_TOO_BIG: Final = "SafeCast: value doesn't fit in 128 bits"
HEALTHY: Final = "Cannot liquidate since maker is not undercollateralized"
TOO_LITTLE: Final = "allOrNothing is set and maker position is less than amount"
WRONG_WAY: Final = "liquidation must not increase maker's position size"
BOTH_NEGATIVE: Final = "Cannot liquidate when maker position and margin are both negative"
NO_POSITION: Final = "SafeMath: division by zero"
PAST_MAX_POSITION: Final = "Cannot liquidate if it would put liquidator past the specified maxPosition"
NOT_COLLATERALIZED: Final = "account not collateralized"
NOT_UNDERWATER: Final = "Cannot deleverage since maker is not underwater"
NOT_MARKED: Final = "Cannot deleverage since account is not marked"
TIMELOCKED: Final = "Cannot deleverage since account has not been marked for the timelock period"
WRONG_SIGN: Final = "Taker position has wrong sign to deleverage this maker"
_LEFT_BAD: Final = "account is undercollateralized and "


class Party(Enum):
    """Who of the two a refusal is about."""

    MAKER = "maker"
    TAKER = "taker"


class Refusal(NamedTuple):
    """Why the contract reverts: its words, and whose address it appends to them, if anybody's."""

    words: str
    about: Party | None = None


class Order(NamedTuple):
    """What a trade asks for; `is_buy` is the taker's side."""

    amount: int
    is_buy: bool
    all_or_nothing: bool = False


class Terms(NamedTuple):
    """What holds for a whole call: the global index as it is moved on first, price, maintenance margin, proxy's fee."""

    current: Index
    price: int
    min_collateral: int
    insurance_fee: int


class Account(NamedTuple):
    """An account as it is stored: its balance, and the index it was last settled at."""

    balance: Balance = math.EMPTY
    settled_at: Index = math.NEVER


class Moved(NamedTuple):
    """What a trade does to both balances, and what it moves between them."""

    maker: Balance
    taker: Balance
    margin: int
    position: int


class TakenOver(NamedTuple):
    """The same through the proxy; `before` is the taker's settled balance, `fee` what the insurance fund gets."""

    moved: Moved
    before: Balance
    taker: Balance
    fee: int


def settled(account: Account, terms: Terms) -> Balance | Refusal:
    """Bring an account up to the global index."""
    balance = math.settled(account.balance, account.settled_at, terms.current).balance
    return balance if balance.fits else Refusal(TOO_BIG)


def liquidated(
    maker: Account, taker: Account, order: Order, terms: Terms, *, maker_first: bool = True
) -> Moved | Refusal:
    """Settle two accounts and have the second take over of the first; `maker_first` by their addresses.

    Source: P1Trade.trade with P1Liquidation.
    """
    before = _both(maker, taker, terms)
    if isinstance(before, Refusal):
        return before

    words = _against_liquidating(before[0], order, terms)
    if words is not None:
        return Refusal(words)

    return _traded(before, order, min(order.amount, before[0].position.value), terms, maker_first=maker_first)


def deleveraged(maker: Account, taker: Account, order: Order, terms: Terms, marked_s: int | None) -> Moved | Refusal:
    """Settle two accounts and close the first one's position against the second one's.

    `marked_s` is how long the first has been marked, 0 for not at all; None where the protocol's own operator asks.
    Source: P1Trade.trade with P1Deleveraging.
    """
    before = _both(maker, taker, terms)
    if isinstance(before, Refusal):
        return before

    words = _against_deleveraging(before, order, terms, marked_s)
    if words is not None:
        return Refusal(words)

    amount = min(order.amount, before[0].position.value, before[1].position.value)
    return _traded(before, order, amount, terms, maker_first=True)


def taken_over(maker: Account, taker: Account, order: Order, terms: Terms, *, maker_first: bool) -> TakenOver | Refusal:
    """Liquidate through the proxy, which keeps its fee; the order's amount is the way to the position it may end with.

    Source: P1LiquidatorProxy.liquidate.
    """
    before = settled(taker, terms)
    if isinstance(before, Refusal):
        return before

    if order.amount <= 0:
        return Refusal(PAST_MAX_POSITION)

    moved = liquidated(maker, taker, order, terms, maker_first=maker_first)
    if isinstance(moved, Refusal):
        return moved

    margin, position = (now.less(then) for now, then in zip(moved.taker, before, strict=True))
    fee = math.insurance_fee(margin, position, terms.price, terms.insurance_fee)
    if not fee:
        return TakenOver(moved, before, moved.taker, 0)

    left = withdrawn(moved.taker, fee, terms.min_collateral, terms.price)
    return left if isinstance(left, Refusal) else TakenOver(moved, before, left, fee)


def withdrawn(balance: Balance, amount: int, min_collateral: int, price: int) -> Balance | Refusal:
    """Take margin out of a settled account, which must be collateralized after. P1Margin.withdraw."""
    left = balance._replace(margin=balance.margin.minus(amount))
    return left if math.is_collateralized(left, price, min_collateral) else Refusal(NOT_COLLATERALIZED)


def _both(maker: Account, taker: Account, terms: Terms) -> tuple[Balance, Balance] | Refusal:
    if terms.current.value.value > math.MAX_UINT128:
        return Refusal(INDEX_TOO_BIG)

    first, second = settled(maker, terms), settled(taker, terms)
    if isinstance(first, Refusal):
        return first

    return second if isinstance(second, Refusal) else (first, second)


def _against_liquidating(maker: Balance, order: Order, terms: Terms) -> str | None:
    if math.is_collateralized(maker, terms.price, terms.min_collateral):
        return HEALTHY

    if order.all_or_nothing and maker.position.value < order.amount:
        return TOO_LITTLE

    if order.is_buy != maker.position.is_positive:
        return WRONG_WAY

    if maker.margin.number < 0 and maker.position.number < 0:
        return BOTH_NEGATIVE

    return NO_POSITION if maker.position.value == 0 else None


def _against_deleveraging(
    before: tuple[Balance, Balance], order: Order, terms: Terms, marked_s: int | None
) -> str | None:
    maker, taker = before
    if marked_s is not None and marked_s < TIMELOCK_S:
        return TIMELOCKED if marked_s else NOT_MARKED

    if not math.is_underwater(maker, terms.price):
        return NOT_UNDERWATER

    if order.all_or_nothing and maker.position.value < order.amount:
        return TOO_LITTLE

    return WRONG_SIGN if taker.position.is_positive == maker.position.is_positive else None


def _traded(
    before: tuple[Balance, Balance], order: Order, amount: int, terms: Terms, *, maker_first: bool
) -> Moved | Refusal:
    """Move position and margin between two settled balances, and look at what that leaves them with."""
    maker, taker = before
    margin = math.margin_share(maker, amount, is_buy=order.is_buy)
    to_maker, to_taker = (math.sold, math.bought) if order.is_buy else (math.bought, math.sold)
    after = to_maker(maker, margin, amount), to_taker(taker, margin, amount)
    if not (after[0].fits and after[1].fits):
        return Refusal(TOO_BIG)

    parties = (Party.MAKER, Party.TAKER) if maker_first else (Party.TAKER, Party.MAKER)
    for party in parties:
        place = 0 if party is Party.MAKER else 1
        words = _left_bad(before[place], after[place], terms)
        if words is not None:
            return Refusal(_LEFT_BAD + words, party)

    return Moved(after[0], after[1], margin, amount)


def _left_bad(before: Balance, after: Balance, terms: Terms) -> str | None:
    """What is wrong with how a trade leaves an account. P1Trade._verifyAccountsFinalBalances."""
    if math.is_collateralized(after, terms.price, terms.min_collateral):
        return None

    positive, negative = math.positive_and_negative(after, terms.price)
    had, owed = math.positive_and_negative(before, terms.price)
    if positive == 0:
        return "has no positive value"

    if after.position.value > before.position.value:
        return "absolute position size increased"

    if after.position.is_positive != before.position.is_positive:
        return "position changed signs"

    if owed == 0:
        return "was not previously"

    # Each divides before it multiplies, rounded down: BaseMath.baseDivMul.
    if after.position.is_positive:
        worse = negative // WAD * had > owed // WAD * positive
    else:
        worse = had // WAD * negative > positive // WAD * owed

    return "collateralization decreased" if worse else None
