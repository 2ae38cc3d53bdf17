"""The legal sizes of one (debt, collateral) pair: which repayments the contracts accept and then redeem.

A size is a `repayAmount`. There is no point among them: the contracts take exactly what they are told to, and
refuse the greatest number. A property test compares the set with trying every size.
"""

from typing import NamedTuple, TypeAlias

from keeper.protocols.compound_v2.math import Terms, largest_repay, move

Interval: TypeAlias = tuple[int, int]


class Sizes(NamedTuple):
    """Legal sizes, both ends legal; `short_of_liquidity` tells that the market's cash kept larger ones out."""

    intervals: tuple[Interval, ...]
    short_of_liquidity: bool


def legal_sizes(terms: Terms) -> Sizes:
    """Find every size that gives us anything, but for a unit or two where a share of what is seized burns.

    Bounded by the close factor, by the borrower's cTokens (all that can be taken where the debt is worth more), and
    by the cash the seized cTokens are redeemed for. Interest only widens the set: the debt grows, and a cToken's
    worth, so that fewer of them are seized.
    """
    if terms.ratio == 0:
        return Sizes((), short_of_liquidity=False)

    allowed = min(terms.max_repay, largest_repay(terms.tokens, terms.ratio))
    high = _last_redeemed(allowed, terms)
    if high < 1 or move(high, terms).received <= _spare(terms):
        return Sizes((), short_of_liquidity=high < allowed)

    return Sizes(((_first_received(high, terms), high),), short_of_liquidity=high < allowed)


def _spare(terms: Terms) -> int:
    """Units by which more seized cTokens may redeem for less, where a share of them burns: the rate moves in steps."""
    return 2 if terms.share else 0


def _last_redeemed(allowed: int, terms: Terms) -> int:
    """The largest repayment whose cTokens the market's cash redeems.

    What is repaid into the same market is not counted as cash: roundings would make holes in the set.
    """
    cash = terms.collateral.cash - _spare(terms)
    low, high = 0, allowed
    while low < high:
        middle = (low + high + 1) // 2  # up: the lower end is known to do
        if move(middle, terms).redeemed <= cash:
            low = middle
        else:
            high = middle - 1

    return low


def _first_received(high: int, terms: Terms) -> int:
    """The smallest repayment that gives anything; at `high` one does."""
    low = 1
    while low < high:
        middle = (low + high) // 2  # down: the upper end is known to do
        if move(middle, terms).received > _spare(terms):
            high = middle
        else:
            low = middle + 1

    return low
