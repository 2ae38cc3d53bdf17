"""The legal sizes of one (collateral, debt) pair: which repayments the pool accepts, as disjoint intervals.

A size is the `debtToCover` to ask for. The pool accepts any repayment up to half of the debt whose burns do not round
to nothing and whose collateral it holds; where that half would take more collateral than there is, it takes all of it
for less. A property test compares the set with trying every size.
"""

from keeper.protocols.aave.offer import Interval, Sizes
from keeper.protocols.aave_v2.math import (
    Terms,
    burns,
    collateral_for,
    largest_burn,
    largest_cover,
    least_burn,
    max_liquidatable_debt,
    seize,
)
from keeper.units import MAX_UINT256


def legal_sizes(terms: Terms, available: int) -> Sizes:
    """Find every size worth naming; `available` is how much collateral can leave the pool.

    Taking all collateral is asked for as `MAX_UINT256`, which stays right while interest accrues. Left out are only
    sizes that pay at least what that pays and receive no more.
    """
    limit = max_liquidatable_debt(terms)
    if terms.bonus == 0 or limit == 0 or terms.collateral_balance == 0:
        return Sizes((), short_of_liquidity=False)

    low = _smallest(terms)
    high = min(limit, largest_cover(terms.collateral_balance, terms), _largest_burned(terms))
    paid = min(high, largest_cover(available, terms))
    short = paid < high and low <= high
    full = seize(limit, terms)
    # All of a collateral so worthless that it costs nothing is not worth a call.
    if collateral_for(limit, terms) > terms.collateral_balance and full.repaid > 0 and burns(full, terms):
        if full.collateral <= available:
            below = _interval(low, min(paid, full.repaid - 1))
            return Sizes((*below, (MAX_UINT256, MAX_UINT256)), short_of_liquidity=short)

        short = True

    return Sizes(_interval(low, paid), short_of_liquidity=short)


def _interval(low: int, high: int) -> tuple[Interval, ...]:
    return ((low, high),) if low <= high else ()


def _smallest(terms: Terms) -> int:
    """Smallest repayment whose two burns are not nothing; a stable debt alone is burned to the unit."""
    least_debt = least_burn(terms.burn_index) if terms.variable_debt else 1
    least_collateral = least_burn(terms.liquidity_index)
    return max(least_debt, largest_cover(least_collateral - 1, terms) + 1)


def _largest_burned(terms: Terms) -> int:
    """Largest repayment whose variable part the debt token can burn; binds only where the reserve earns nothing."""
    burned = largest_burn(terms.scaled_debt, terms.burn_index)
    return burned if burned < terms.variable_debt else terms.variable_debt + terms.stable_debt
