"""The legal sizes of one (collateral, debt) pair: which repayments the pool accepts, as disjoint intervals.

A size is the `debtToCover` to ask for. The pool accepts a repayment that leaves enough on both sides, clears the debt,
or takes all of the collateral; what leaves enough is an interval, the others are points. Every bound inverts the
contract's own rounding exactly; a property test compares the set with trying every size.
"""

from keeper.protocols.aave.offer import Interval, Sizes
from keeper.protocols.aave_v3.math import (
    MIN_LEFTOVER_BASE,
    Seizure,
    Terms,
    burns_something,
    collateral_for,
    leaves_dust,
    max_liquidatable_debt,
    seize,
)
from keeper.protocols.aave_v3.rules import Rules
from keeper.protocols.bounds import first_true, last_true
from keeper.units import BPS, MAX_UINT256, mul_div, mul_div_up


def legal_sizes(terms: Terms, available: int, rules: Rules) -> Sizes:
    """Find every size worth naming; `available` is how much collateral can leave the pool.

    Closing the debt, or taking all collateral, is asked for as `MAX_UINT256`, which stays right while interest
    accrues. Left out are only sizes that pay at least what that pays and receive no more.
    """
    limit = max_liquidatable_debt(terms, rules)
    if terms.bonus == 0 or limit == 0 or terms.collateral_balance == 0:
        return Sizes((), short_of_liquidity=False)

    short = False

    def payable(size: int) -> bool:
        return seize(size, terms, rules).collateral <= available

    def burns(size: int) -> bool:
        return burns_something(seize(size, terms, rules), terms, rules)

    found: list[Interval] = []
    uncapped = min(limit, largest_cover(terms.collateral_balance, terms, rules))
    exact = largest_cover(terms.collateral_balance - 1, terms, rules) + 1
    for low, high in ((1, min(uncapped, _leaving_enough(terms, rules))), (exact, uncapped)):
        paid = last_true(low, high, payable)
        short |= paid < high and burns(high)
        start = first_true(low, paid, burns)
        if start <= paid:
            found.append((start, paid))

    full = seize(limit, terms, rules)
    capped = collateral_for(limit, terms, rules) > terms.collateral_balance
    if limit < terms.debt_balance and not capped:
        return Sizes(_merged(found), short_of_liquidity=short)

    # All of a collateral so worthless that it costs nothing is not worth a call.
    if full.repaid > 0 and accepted(full, terms, rules):
        if full.collateral <= available:
            found = [(low, min(high, full.repaid - 1)) for low, high in found if low < full.repaid]
            return Sizes((*_merged(found), (MAX_UINT256, MAX_UINT256)), short_of_liquidity=short)

        short = True

    return Sizes(_merged(found), short_of_liquidity=short)


def accepted(seizure: Seizure, terms: Terms, rules: Rules) -> bool:
    """Tell whether the pool accepts what a liquidation would leave and burn, liquidity aside."""
    return not leaves_dust(seizure, terms, rules) and burns_something(seizure, terms, rules)


def largest_cover(collateral: int, terms: Terms, rules: Rules) -> int:
    """Return the largest repayment whose collateral, before the cap, is at most this much.

    Inverts `collateral_for`: the bonus rounded half up (down from 3.7 on), then the quotient rounded down.
    """
    half = 0 if rules.directed_seizure else BPS // 2
    base = ((collateral + 1) * BPS - 1 - half) // terms.bonus  # down: the largest base that still fits
    numerator = (base + 1) * terms.collateral_price * terms.debt_unit - 1
    return numerator // (terms.debt_price * terms.collateral_unit)  # down: the largest repayment with that base


def _leaving_enough(terms: Terms, rules: Rules) -> int:
    """Largest repayment that leaves the minimum on both sides; not positive where none does."""
    if not rules.size_rules:
        return terms.debt_balance

    if rules.directed_rounding:
        # Value rounds up: one more than the last amount worth less.
        debt_left = mul_div(MIN_LEFTOVER_BASE - 1, terms.debt_unit, terms.debt_price) + 1
    else:
        debt_left = mul_div_up(MIN_LEFTOVER_BASE, terms.debt_unit, terms.debt_price)

    collateral_left = mul_div_up(MIN_LEFTOVER_BASE, terms.collateral_unit, terms.collateral_price)
    if collateral_left > terms.collateral_balance:
        return 0

    return min(terms.debt_balance - debt_left, largest_cover(terms.collateral_balance - collateral_left, terms, rules))


def _merged(intervals: list[Interval]) -> tuple[Interval, ...]:
    """Order intervals and join those that touch."""
    joined: list[Interval] = []
    for low, high in sorted(intervals):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))

    return tuple(joined)
