"""The contract's arithmetic under the contract's names: accrual, the liquidation test, absorbing and buying.

Pure integers in the contract's own order and rounding; where it would revert, `RevertError` carries its word for it.
Sources: Comet and CometWithExtendedAssetList, CometCore, CometMath.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from keeper.protocols.compound_v3.terms import (
    BASE_INDEX_SCALE,
    DIVISION_BY_ZERO,
    FACTOR_SCALE,
    MAX_INT104,
    MAX_INT256,
    MAX_TIMESTAMP,
    MAX_UINT64,
    MAX_UINT104,
    OVERFLOW,
    Base,
    Curve,
    Curves,
    Held,
    RevertError,
    Terms,
    Totals,
    checked,
    get_price,
    uint,
)
from keeper.units import MAX_UINT256, div_up, mul_div

# Principals and balances --------------------------------------------------------------------------------------------


def present_value_supply(index: int, principal: int) -> int:
    """What supplied principal has grown to, rounded down."""
    return mul_div(principal, index, BASE_INDEX_SCALE)


def present_value_borrow(index: int, principal: int) -> int:
    """What borrowed principal, as a magnitude, has grown to, rounded down."""
    return mul_div(principal, index, BASE_INDEX_SCALE)


def present_value(principal: int, totals: Totals) -> int:
    """A signed principal as a signed balance: what is owed is rounded toward zero."""
    if principal >= 0:
        return present_value_supply(totals.base_supply_index, principal)

    return -present_value_borrow(totals.base_borrow_index, -principal)


def principal_value(balance: int, totals: Totals) -> int:
    """A signed balance as a principal: supply is rounded down, debt away from zero."""
    if balance >= 0:
        principal = mul_div(balance, BASE_INDEX_SCALE, totals.base_supply_index)
        return uint(uint(principal, MAX_UINT104, "InvalidUInt104"), MAX_INT104, "InvalidInt104")

    principal = div_up(-balance * BASE_INDEX_SCALE, totals.base_borrow_index)
    return -uint(uint(principal, MAX_UINT104, "InvalidUInt104"), MAX_INT104, "InvalidInt104")


def moved(totals: Totals, old: int, new: int) -> Totals:
    """Both sums after one principal became another by a supply, a withdrawal or an absorption.

    Comet.repayAndSupplyAmount and withdrawAndBorrowAmount. What rounding carries the wrong way is left to the caller.
    """
    supply = totals.total_supply_base + max(new, 0) - max(old, 0)
    borrow = totals.total_borrow_base + max(-new, 0) - max(-old, 0)
    return totals._replace(
        total_supply_base=uint(supply, MAX_UINT104, OVERFLOW), total_borrow_base=uint(borrow, MAX_UINT104, OVERFLOW)
    )


def supplied(principal: int, amount: int, totals: Totals) -> tuple[int, Totals]:
    """A principal after base tokens were supplied or repaid, and the sums; `totals` are accrued. Comet.supplyBase."""
    new = principal_value(present_value(principal, totals) + amount, totals)
    return new, totals if new < principal else moved(totals, principal, new)


def withdrawn(principal: int, amount: int, totals: Totals) -> tuple[int, Totals]:
    """A principal after base tokens were withdrawn or borrowed, and the sums. Comet.withdrawBase."""
    new = principal_value(present_value(principal, totals) - amount, totals)
    return new, totals if new > principal else moved(totals, principal, new)


# Interest -----------------------------------------------------------------------------------------------------------


def utilization(totals: Totals) -> int:
    """What is owed over what is supplied, times 10**18, rounded down; may exceed one. Comet.getUtilization."""
    supply = present_value_supply(totals.base_supply_index, totals.total_supply_base)
    borrow = present_value_borrow(totals.base_borrow_index, totals.total_borrow_base)
    return mul_div(borrow, FACTOR_SCALE, supply) if supply else 0


def rate(curve: Curve, used: int) -> int:
    """The rate per second times 10**18 at a utilization, each part rounded down. Comet.getSupplyRate, getBorrowRate."""
    below = min(used, curve.kink)
    found = curve.base + mul_div(curve.slope_low, below, FACTOR_SCALE)
    found += mul_div(curve.slope_high, used - below, FACTOR_SCALE)
    return uint(found, MAX_UINT64, "InvalidUInt64")


def accrued(totals: Totals, curves: Curves, now: int) -> Totals:
    """Bring both indices to a timestamp in one step, whatever its length. Comet.accruedInterestIndices.

    Both by the utilization as stored, each increment rounded down.
    """
    uint(now, MAX_TIMESTAMP, "TimestampTooLarge")
    elapsed = uint(now - totals.last_accrual_time, MAX_TIMESTAMP, OVERFLOW)
    if elapsed == 0:
        return totals

    used = utilization(totals)
    supply_rate, borrow_rate = rate(curves.supply, used), rate(curves.borrow, used)
    return totals._replace(
        base_supply_index=_grown(totals.base_supply_index, supply_rate * elapsed),
        base_borrow_index=_grown(totals.base_borrow_index, borrow_rate * elapsed),
        last_accrual_time=now,
    )


def _grown(index: int, factor: int) -> int:
    increment = uint(mul_div(index, factor, FACTOR_SCALE), MAX_UINT64, "InvalidUInt64")
    return uint(index + increment, MAX_UINT64, OVERFLOW)


def reserves(base_balance: int, totals: Totals) -> int:
    """What the protocol itself owns of the base token, signed; `totals` are accrued. Comet.getReserves."""
    supply = present_value_supply(totals.base_supply_index, totals.total_supply_base)
    return base_balance - supply + present_value_borrow(totals.base_borrow_index, totals.total_borrow_base)


# The liquidation test -----------------------------------------------------------------------------------------------


def debt_value(principal: int, totals: Totals, base: Base) -> int:
    """What an account owes, in the price's unit, rounded down."""
    return checked(-present_value(principal, totals) * get_price(base.price)) // base.scale


def cover(held: Held, factor: int) -> int:
    """What one collateral counts for: its value and then the share of it, each rounded down."""
    value = collateral_value(held)
    return checked(value * factor) // FACTOR_SCALE


def collateral_value(held: Held) -> int:
    """What a collateral is worth, in the price's unit, rounded down."""
    return checked(held.amount * get_price(held.terms.price)) // held.terms.scale


def is_liquidatable(principal: int, collateral: Sequence[Held], totals: Totals, base: Base) -> bool:
    """Whether an account may be absorbed; reads no more prices than it takes to cover the debt. Comet.isLiquidatable.

    The contract's view takes the totals as stored, an absorption those accrued to its block. `collateral` is in the
    order of the assets.
    """
    if principal >= 0:
        return False

    factors = (held.terms.liquidate_collateral_factor for held in collateral)
    return _left(principal, zip(collateral, factors, strict=True), totals, base) < 0


def is_borrow_collateralized(principal: int, collateral: Sequence[Held], totals: Totals, base: Base) -> bool:
    """Whether an account may go on with its debt after a withdrawal. Comet.isBorrowCollateralized."""
    if principal >= 0:
        return True

    factors = (held.terms.borrow_collateral_factor for held in collateral)
    return _left(principal, zip(collateral, factors, strict=True), totals, base) >= 0


def _left(principal: int, collateral: Iterable[tuple[Held, int]], totals: Totals, base: Base) -> int:
    liquidity = -debt_value(principal, totals, base)
    for held, factor in collateral:
        if liquidity >= 0:
            return liquidity

        liquidity += cover(held, factor)

    return liquidity


# Absorbing ----------------------------------------------------------------------------------------------------------


class Absorbed(NamedTuple):
    """An absorption of one account: its principal after it, the sums, and what the events tell.

    `values` are those of each collateral in turn, `debt_value` that of `base_paid_out`; `minted` is the supply the
    account is left with, as its event says it.
    """

    principal: int
    totals: Totals
    base_paid_out: int
    values: tuple[int, ...]
    debt_value: int
    minted: int


def absorb(principal: int, collateral: Sequence[Held], totals: Totals, base: Base) -> Absorbed:
    """Take all of an account's collateral and its debt; `totals` are accrued. Comet.absorbInternal.

    Every collateral counts at its price times its liquidation factor; a surplus becomes a supply, and what is missing
    is the protocol's loss.
    """
    if not is_liquidatable(principal, collateral, totals, base):
        raise RevertError("NotLiquidatable")

    base_price = get_price(base.price)
    values = tuple(map(collateral_value, collateral))
    factors = [held.terms.liquidation_factor for held in collateral]
    credited = (checked(value * factor) // FACTOR_SCALE for value, factor in zip(values, factors, strict=True))
    delta_value = sum(credited)
    old_balance = present_value(principal, totals)
    delta_balance = checked(delta_value * base.scale) // base_price
    new_balance = max(old_balance + uint(delta_balance, MAX_INT256, "InvalidInt256"), 0)
    new_principal = principal_value(new_balance, totals)
    paid_out = new_balance - old_balance
    return Absorbed(
        principal=new_principal,
        totals=moved(totals, principal, new_principal),
        base_paid_out=paid_out,
        values=values,
        debt_value=checked(paid_out * base_price) // base.scale,
        minted=present_value_supply(totals.base_supply_index, new_principal),
    )


# Buying -------------------------------------------------------------------------------------------------------------


def ask_price(terms: Terms, store_front_price_factor: int) -> int:
    """The price the protocol sells a collateral at, rounded down twice. Comet.quoteCollateral."""
    discount = mul_div(store_front_price_factor, FACTOR_SCALE - terms.liquidation_factor, FACTOR_SCALE)
    return checked(get_price(terms.price) * (FACTOR_SCALE - discount)) // FACTOR_SCALE


def quote_collateral(base_amount: int, terms: Terms, base: Base, store_front_price_factor: int) -> int:
    """What an amount of base tokens buys, in units of the collateral, rounded down. Comet.quoteCollateral."""
    price = ask_price(terms, store_front_price_factor)
    worth = checked(checked(get_price(base.price) * base_amount) * terms.scale)
    if price == 0:
        raise RevertError(DIVISION_BY_ZERO)

    return worth // price // base.scale


def largest_base(collateral: int, terms: Terms, base: Base, store_front_price_factor: int) -> int:
    """The most base tokens whose quote is no more than this much collateral: what empties the stock.

    Exact: one unit more buys more than that. `RevertError` where nothing can be quoted.
    """
    price = ask_price(terms, store_front_price_factor)
    if price == 0:
        raise RevertError(DIVISION_BY_ZERO)

    return ((collateral + 1) * base.scale * price - 1) // (get_price(base.price) * terms.scale)


def bought(collateral: int, min_amount: int, available: int) -> int:
    """Return what a purchase of this quote hands over; there is no partial fill. Comet.buyCollateral."""
    if collateral < min_amount:
        raise RevertError("TooMuchSlippage")

    if collateral > available:
        raise RevertError("InsufficientReserves")

    return collateral


def collateral_reserves(balance: int, total_supply_asset: int) -> int:
    """What the protocol itself owns of a collateral. Comet.getCollateralReserves."""
    return uint(balance - total_supply_asset, MAX_UINT256, OVERFLOW)


def is_for_sale(reserves_now: int, target_reserves: int) -> bool:
    """Whether the protocol sells at all: only while it wants more of the base token. Comet.buyCollateral."""
    return reserves_now < 0 or reserves_now < target_reserves
