"""The contracts' arithmetic: interest, balances, health, close factor and seizure, in their own order and rounding.

Names are the contracts' (`liquidity_index`, `bonus`, `scaled`). Pure integers; nothing here knows a position, a
market or a price's origin. Sources: MathUtils, WadRayMath, PercentageMath, TokenMath, GenericLogic and
LiquidationLogic of Aave V3, at the versions the rules name.
"""

from dataclasses import dataclass

from keeper.protocols.aave.math import percent_div, percent_mul, ray_mul
from keeper.protocols.aave_v3.rules import Rules
from keeper.units import BPS, MAX_UINT256, RAY, WAD, YEAR_S, bps_down, bps_up, div_half_up, mul_div, mul_div_up

CLOSE_FACTOR_HEALTH_WAD = 95 * WAD // 100
"""Up to and including this health the whole debt may be repaid. LiquidationLogic, constant."""
SENTINEL_HEALTH_WAD = 95 * WAD // 100
"""Below this health no sentinel is asked. ValidationLogic, constant."""
CLOSE_FACTOR_BPS = 5_000
"""The share that may be repaid above `CLOSE_FACTOR_HEALTH_WAD`. LiquidationLogic, constant."""
MIN_BASE_MAX_CLOSE_FACTOR = 2_000 * 10**8
"""Collateral or debt smaller than this may be taken whole, in base units of 8 decimals. LiquidationLogic, 3.3+."""
MIN_LEFTOVER_BASE = 1_000 * 10**8
"""What must remain on both sides unless one is cleared, in base units of 8 decimals. LiquidationLogic, 3.3+."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything one liquidation of one (collateral, debt) pair depends on, as the contract sees it.

    Prices are base currency per whole token, balances token base units, units powers of ten. `bonus` is in bps and
    includes the 100 %; `protocol_fee` is in bps of the bonus part. `scaled_collateral` and the indices decide what
    is left after it.
    """

    collateral_price: int
    collateral_unit: int
    collateral_balance: int
    scaled_collateral: int
    liquidity_index: int
    debt_price: int
    debt_unit: int
    debt_balance: int
    borrow_index: int
    bonus: int
    protocol_fee: int
    total_collateral_base: int
    total_debt_base: int
    health_factor: int


@dataclass(frozen=True, slots=True)
class Seizure:
    """What a liquidation moves: `repaid` from the liquidator, `collateral` to it, `fee` to the treasury.

    `collateral_base` is collateral and fee together in base currency.
    """

    repaid: int
    collateral: int
    fee: int
    collateral_base: int


# Interest ----------------------------------------------------------------------------------------------------------


def compounded_interest(rate: int, elapsed_s: int, rules: Rules) -> int:
    """Growth factor of variable debt in ray: three terms of the exponential, in the version's own form."""
    if elapsed_s == 0:
        return RAY

    if rules.taylor_interest:
        x = mul_div(rate, elapsed_s, YEAR_S)
        return RAY + x + ray_mul(x, x // 2 + ray_mul(x, x // 6))

    less_one = elapsed_s - 1
    less_two = max(elapsed_s - 2, 0)
    squared = ray_mul(rate, rate) // YEAR_S**2
    cubed = ray_mul(squared, rate) // YEAR_S
    second = elapsed_s * less_one * squared // 2
    third = elapsed_s * less_one * less_two * cubed // 6
    return RAY + mul_div(rate, elapsed_s, YEAR_S) + second + third


# Scaled balances ---------------------------------------------------------------------------------------------------


def collateral_balance(scaled: int, index: int, rules: Rules) -> int:
    """Accrue a supply: down from 3.5 on, half up before. TokenMath.getATokenBalance; AToken.balanceOf."""
    return mul_div(scaled, index, RAY) if rules.directed_rounding else ray_mul(scaled, index)


def debt_balance(scaled: int, index: int, rules: Rules) -> int:
    """Accrue a debt: up from 3.5 on, half up before. TokenMath.getVTokenBalance; VariableDebtToken.balanceOf."""
    return mul_div_up(scaled, index, RAY) if rules.directed_rounding else ray_mul(scaled, index)


def scaled_collateral_taken(amount: int, index: int, rules: Rules) -> int:
    """Scaled supply that a burn or transfer of an amount takes: up from 3.5 on, half up before."""
    return mul_div_up(amount, RAY, index) if rules.directed_rounding else div_half_up(amount * RAY, index)


def scaled_debt_burned(amount: int, index: int, rules: Rules) -> int:
    """Scaled debt that a repayment burns: down from 3.5 on, half up before."""
    return mul_div(amount, RAY, index) if rules.directed_rounding else div_half_up(amount * RAY, index)


def scaled_after_event(scaled: int, change: int, index: int, rules: Rules, *, is_debt: bool) -> int:
    """Scaled balance after a Mint or Burn event moved a balance by `change`; negative if the event cannot be ours.

    From 3.5 on the event tells the difference of two rounded balances, which only one scaled balance can give; the
    index is at least one ray. Before, it tells the requested amount, scaled as a mint or a burn of that amount is.
    Source: ScaledBalanceTokenBase._mintScaled, _burnScaled.
    """
    if rules.events_tell_balances:
        if is_debt:
            return mul_div(debt_balance(scaled, index, rules) + change, RAY, index)

        return mul_div_up(collateral_balance(scaled, index, rules) + change, RAY, index)

    if is_debt == (change >= 0):
        delta = scaled_collateral_taken(abs(change), index, rules)  # against the account: up where directed
    else:
        delta = scaled_debt_burned(abs(change), index, rules)  # for the account: down where directed

    return scaled + delta if change >= 0 else scaled - delta


# Health ------------------------------------------------------------------------------------------------------------


def collateral_value(balance: int, price: int, unit: int) -> int:
    """Value a supply in base currency, rounded down."""
    return mul_div(balance, price, unit)


def debt_value(balance: int, price: int, unit: int, rules: Rules) -> int:
    """Value a debt in base currency: up from 3.5 on, down before."""
    return mul_div_up(balance, price, unit) if rules.directed_rounding else mul_div(balance, price, unit)


def health_factor(collateral_base: int, weighted_base: int, debt_base: int, rules: Rules) -> int:
    """Divide cover by debt, in wad; MAX without debt.

    `weighted_base` is the sum of value times threshold in bps. Before 3.5 the average threshold loses its fraction
    of a basis point first.
    Source: GenericLogic.calculateUserAccountData.
    """
    if debt_base == 0:
        return MAX_UINT256

    if rules.directed_rounding:
        return div_half_up(weighted_base * WAD, debt_base) // BPS

    average_threshold = weighted_base // collateral_base if collateral_base else 0
    return div_half_up(percent_mul(collateral_base, average_threshold) * WAD, debt_base)


# Liquidation -------------------------------------------------------------------------------------------------------


def max_liquidatable_debt(terms: Terms, rules: Rules) -> int:
    """Cap the repayable debt at the close factor, in debt token units.

    Half of the chosen debt before 3.3. From 3.3 on half of the *total* debt's value, rounded down to tokens, and only
    where both sides of the pair are large and the debt exceeds that half.
    Source: LiquidationLogic.executeLiquidationCall.
    """
    full = terms.health_factor <= CLOSE_FACTOR_HEALTH_WAD
    if not rules.size_rules:
        return terms.debt_balance if full else percent_mul(terms.debt_balance, CLOSE_FACTOR_BPS)

    reserve_debt = debt_value(terms.debt_balance, terms.debt_price, terms.debt_unit, rules)
    reserve_collateral = collateral_value(terms.collateral_balance, terms.collateral_price, terms.collateral_unit)
    if full or min(reserve_collateral, reserve_debt) < MIN_BASE_MAX_CLOSE_FACTOR:
        return terms.debt_balance

    half = percent_mul(terms.total_debt_base, CLOSE_FACTOR_BPS)
    return mul_div(half, terms.debt_unit, terms.debt_price) if reserve_debt > half else terms.debt_balance


def collateral_for(cover: int, terms: Terms, rules: Rules) -> int:
    """Collateral worth a repayment with its bonus, before the cap at the balance; base rounded down, then the bonus.

    Source: LiquidationLogic._calculateAvailableCollateralToLiquidate.
    """
    base = (terms.debt_price * cover * terms.collateral_unit) // (terms.collateral_price * terms.debt_unit)
    return bps_down(base, terms.bonus) if rules.directed_seizure else percent_mul(base, terms.bonus)


def seize(cover: int, terms: Terms, rules: Rules) -> Seizure:
    """Work out what a repayment of `cover`, already within the close factor, moves.

    Source: LiquidationLogic._calculateAvailableCollateralToLiquidate.
    """
    taken = collateral_for(cover, terms, rules)
    repaid = cover
    if taken > terms.collateral_balance:
        taken = terms.collateral_balance
        worth = (terms.collateral_price * taken * terms.debt_unit) // (terms.debt_price * terms.collateral_unit)
        # Up from 3.5 on: the liquidator pays the fraction; half up before.
        repaid = mul_div_up(worth, BPS, terms.bonus) if rules.directed_payments else percent_div(worth, terms.bonus)

    fee = _protocol_fee(taken, terms, rules)
    base = collateral_value(taken, terms.collateral_price, terms.collateral_unit)
    return Seizure(repaid, taken - fee, fee, base)


def _protocol_fee(taken: int, terms: Terms, rules: Rules) -> int:
    if terms.protocol_fee == 0:
        return 0

    if rules.directed_seizure:
        return bps_up(taken - mul_div(taken, BPS, terms.bonus), terms.protocol_fee)

    return percent_mul(taken - percent_div(taken, terms.bonus), terms.protocol_fee)


def leaves_dust(seizure: Seizure, terms: Terms, rules: Rules) -> bool:
    """Tell whether the contract refuses what would remain: too little on either side, neither cleared."""
    debt_left = terms.debt_balance - seizure.repaid
    collateral_left = terms.collateral_balance - seizure.collateral - seizure.fee
    if not rules.size_rules or debt_left <= 0 or collateral_left <= 0:
        return False

    debt_base = debt_value(debt_left, terms.debt_price, terms.debt_unit, rules)
    collateral_base = collateral_value(collateral_left, terms.collateral_price, terms.collateral_unit)
    return debt_base < MIN_LEFTOVER_BASE or collateral_base < MIN_LEFTOVER_BASE


def clears_collateral(seizure: Seizure, terms: Terms, rules: Rules) -> bool:
    """Tell whether no collateral of any kind is left, so that the position's debts are burned as bad debt (3.3+)."""
    if not rules.size_rules:
        return False

    if not rules.directed_seizure:
        return seizure.collateral_base == terms.total_collateral_base

    taken = scaled_collateral_taken(seizure.collateral, terms.liquidity_index, rules)
    taken += scaled_collateral_taken(seizure.fee, terms.liquidity_index, rules)
    consumed = collateral_balance(min(taken, terms.scaled_collateral), terms.liquidity_index, rules)
    value = collateral_value(consumed, terms.collateral_price, terms.collateral_unit)
    return value == terms.total_collateral_base


def burns_something(seizure: Seizure, terms: Terms, rules: Rules) -> bool:
    """Tell whether both burns round to something; the tokens refuse to burn zero.

    Source: ScaledBalanceTokenBase._burnScaled.
    """
    burned_debt = terms.debt_balance if clears_collateral(seizure, terms, rules) else seizure.repaid
    return (
        scaled_debt_burned(burned_debt, terms.borrow_index, rules) > 0
        and scaled_collateral_taken(seizure.collateral, terms.liquidity_index, rules) > 0
    )
