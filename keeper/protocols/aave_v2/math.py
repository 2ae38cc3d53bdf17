"""The contracts' arithmetic: interest, balances, health, close factor and seizure, in their own order and rounding.

Names are the contracts'. Pure integers; nothing here knows a position, a market or a price's origin. Sources:
MathUtils, WadRayMath, PercentageMath, GenericLogic and LendingPoolCollateralManager of Aave V2.
"""

from dataclasses import dataclass

from keeper.protocols.aave.math import percent_div, percent_mul, ray_div, ray_mul
from keeper.units import BPS, MAX_UINT256, RAY, WAD, YEAR_S, div_half_up, div_up, mul_div

CLOSE_FACTOR_BPS = 5_000
"""The share of a reserve's debt that may be repaid. LendingPoolCollateralManager, constant."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything one liquidation of one (collateral, debt) pair depends on, as the contract sees it.

    Prices are base currency per whole token, balances token base units, units powers of ten; `bonus` is in bps and
    includes the 100 %. `burn_index` is the index that variable debt is burned by, which is not the one that
    `variable_debt` was valued by where the reserve earns nothing.
    """

    collateral_price: int
    collateral_unit: int
    collateral_balance: int
    liquidity_index: int
    debt_price: int
    debt_unit: int
    variable_debt: int
    scaled_debt: int
    burn_index: int
    stable_debt: int
    bonus: int


@dataclass(frozen=True, slots=True)
class Seizure:
    """What a liquidation moves: `repaid` from the liquidator, `collateral` to it."""

    repaid: int
    collateral: int


# Interest ----------------------------------------------------------------------------------------------------------


def compounded_interest(rate: int, elapsed_s: int) -> int:
    """Growth factor of debt in ray: three terms of a binomial series over seconds; the rate per second rounds down.

    Source: MathUtils.calculateCompoundedInterest.
    """
    if elapsed_s == 0:
        return RAY

    less_one = elapsed_s - 1
    less_two = max(elapsed_s - 2, 0)
    per_second = rate // YEAR_S  # down, before anything is multiplied
    squared = ray_mul(per_second, per_second)
    cubed = ray_mul(squared, per_second)
    second = elapsed_s * less_one * squared // 2  # down
    third = elapsed_s * less_one * less_two * cubed // 6  # down
    return RAY + per_second * elapsed_s + second + third


def stable_debt(principal: int, rate: int, elapsed_s: int) -> int:
    """Accrue a stable debt by its own rate. StableDebtToken.balanceOf."""
    return ray_mul(principal, compounded_interest(rate, elapsed_s))


# Health ------------------------------------------------------------------------------------------------------------


def value(balance: int, price: int, unit: int) -> int:
    """Value a supply or a debt in base currency, rounded down."""
    return mul_div(balance, price, unit)


def health_factor(collateral_base: int, weighted_base: int, debt_base: int) -> int:
    """Divide cover by debt, in wad; MAX without debt.

    `weighted_base` is the sum of value times threshold in bps; the average threshold loses its fraction of a basis
    point first. Source: GenericLogic.calculateUserAccountData, calculateHealthFactorFromBalances.
    """
    if debt_base == 0:
        return MAX_UINT256

    average_threshold = weighted_base // collateral_base if collateral_base else 0  # down
    return div_half_up(percent_mul(collateral_base, average_threshold) * WAD, debt_base)


# Liquidation -------------------------------------------------------------------------------------------------------


def max_liquidatable_debt(terms: Terms) -> int:
    """Cap the repayable debt at half of the reserve's debts at both rates, in token units, rounded half up.

    Source: LendingPoolCollateralManager.liquidationCall.
    """
    return percent_mul(terms.stable_debt + terms.variable_debt, CLOSE_FACTOR_BPS)


def collateral_for(cover: int, terms: Terms) -> int:
    """Collateral worth a repayment with its bonus, before the cap at the balance; the bonus first, then down.

    Source: LendingPoolCollateralManager._calculateAvailableCollateralToLiquidate.
    """
    worth = percent_mul(terms.debt_price * cover * terms.collateral_unit, terms.bonus)
    return worth // (terms.collateral_price * terms.debt_unit)  # down


def seize(cover: int, terms: Terms) -> Seizure:
    """Work out what asking to repay `cover` moves.

    Source: LendingPoolCollateralManager.liquidationCall, _calculateAvailableCollateralToLiquidate.
    """
    cover = min(cover, max_liquidatable_debt(terms))
    taken = collateral_for(cover, terms)
    if taken <= terms.collateral_balance:
        return Seizure(cover, taken)

    taken = terms.collateral_balance
    worth = (terms.collateral_price * taken * terms.debt_unit) // (terms.debt_price * terms.collateral_unit)  # down
    return Seizure(min(cover, percent_div(worth, terms.bonus)), taken)


def variable_part(repaid: int, terms: Terms) -> int:
    """How much of a repayment goes to the variable debt, which is burned first."""
    return min(repaid, terms.variable_debt)


def burns(seizure: Seizure, terms: Terms) -> bool:
    """Tell whether the tokens can burn what a liquidation takes: none of them burns zero, or more than there is.

    Source: AToken.burn, VariableDebtToken.burn.
    """
    if ray_div(seizure.collateral, terms.liquidity_index) == 0:
        return False

    variable = variable_part(seizure.repaid, terms)
    burned = ray_div(variable, terms.burn_index)
    if variable == seizure.repaid or variable > 0:
        return 0 < burned <= terms.scaled_debt

    return True


# Inverses ----------------------------------------------------------------------------------------------------------


def largest_cover(collateral: int, terms: Terms) -> int:
    """Return the largest repayment whose collateral, before the cap, is at most this much; inverts `collateral_for`.

    The two roundings are one: half of a basis point is added, and the quotient rounds down.
    """
    limit = (collateral + 1) * BPS * terms.collateral_price * terms.debt_unit - BPS // 2 - 1
    return limit // (terms.debt_price * terms.collateral_unit * terms.bonus)  # down: the largest that still fits


def largest_burn(scaled: int, index: int) -> int:
    """Return the largest amount that `ray_div` turns into at most this many scaled units."""
    return ((scaled + 1) * index - index // 2 - 1) // RAY  # down: the largest that still fits


def least_burn(index: int) -> int:
    """Return the smallest amount that `ray_div` does not turn into nothing."""
    return div_up(index - index // 2, RAY)
