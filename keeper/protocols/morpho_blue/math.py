"""The contract's arithmetic: interest, shares, health and liquidation, in its own order and rounding.

Names are the contract's. Pure integers; nothing here knows a position's owner or a price's origin. Sources: Morpho,
MathLib and SharesMathLib of Morpho Blue 1.0.0.
"""

from dataclasses import dataclass, replace
from typing import Final

from keeper.units import MAX_UINT128, MAX_UINT256, WAD, mul_div, mul_div_up

ORACLE_PRICE_SCALE: Final = 10**36
"""A price is loan token base units per collateral base unit times this. ConstantsLib, constant."""
LIQUIDATION_CURSOR: Final = 3 * WAD // 10
MAX_LIQUIDATION_INCENTIVE_FACTOR: Final = 115 * WAD // 100
VIRTUAL_SHARES: Final = 10**6
VIRTUAL_ASSETS: Final = 1


@dataclass(frozen=True, slots=True)
class Totals:
    """A market's totals as the contract stores them; `last_update` in unix s, `fee` in wad of the interest.

    Source: IMorpho.Market.
    """

    supply_assets: int = 0
    supply_shares: int = 0
    borrow_assets: int = 0
    borrow_shares: int = 0
    last_update: int = 0
    fee: int = 0


@dataclass(frozen=True, slots=True)
class Liquidation:
    """What a liquidation moves and writes off; assets in loan token, `seized` in collateral base units."""

    seized: int
    repaid_assets: int
    repaid_shares: int
    bad_debt_assets: int = 0
    bad_debt_shares: int = 0


# Interest ----------------------------------------------------------------------------------------------------------


def taylor_compounded(rate: int, elapsed_s: int) -> int:
    """Growth of a debt in wad, without the one: three terms of exp(rate * time) - 1, each rounded down.

    `rate` is per second in wad. Source: MathLib.wTaylorCompounded.
    """
    first = rate * elapsed_s
    second = mul_div(first, first, 2 * WAD)
    third = mul_div(second, first, 3 * WAD)
    return first + second + third


def accrue(totals: Totals, rate: int, timestamp: int) -> Totals | None:
    """Bring totals to a time at a rate; None where the contract would revert because they outgrow 128 bits.

    Source: Morpho._accrueInterest.
    """
    elapsed_s = timestamp - totals.last_update
    if elapsed_s <= 0:
        return totals

    interest = mul_div(totals.borrow_assets, taylor_compounded(rate, elapsed_s), WAD)
    supply_assets = totals.supply_assets + interest
    fee_assets = mul_div(interest, totals.fee, WAD)
    fee_shares = to_shares_down(fee_assets, supply_assets - fee_assets, totals.supply_shares)
    grown = replace(
        totals,
        supply_assets=supply_assets,
        supply_shares=totals.supply_shares + fee_shares,
        borrow_assets=totals.borrow_assets + interest,
        last_update=timestamp,
    )
    return grown if max(grown.supply_assets, grown.supply_shares, grown.borrow_assets) <= MAX_UINT128 else None


# Shares ------------------------------------------------------------------------------------------------------------


def to_shares_down(assets: int, total_assets: int, total_shares: int) -> int:
    """Shares an amount is worth, rounded down. SharesMathLib.toSharesDown."""
    return mul_div(assets, total_shares + VIRTUAL_SHARES, total_assets + VIRTUAL_ASSETS)


def to_shares_up(assets: int, total_assets: int, total_shares: int) -> int:
    """Shares an amount is worth, rounded up. SharesMathLib.toSharesUp."""
    return mul_div_up(assets, total_shares + VIRTUAL_SHARES, total_assets + VIRTUAL_ASSETS)


def to_assets_down(shares: int, total_assets: int, total_shares: int) -> int:
    """Assets that shares are worth, rounded down. SharesMathLib.toAssetsDown."""
    return mul_div(shares, total_assets + VIRTUAL_ASSETS, total_shares + VIRTUAL_SHARES)


def to_assets_up(shares: int, total_assets: int, total_shares: int) -> int:
    """Assets that shares are worth, rounded up. SharesMathLib.toAssetsUp."""
    return mul_div_up(shares, total_assets + VIRTUAL_ASSETS, total_shares + VIRTUAL_SHARES)


def borrowed(shares: int, totals: Totals) -> int:
    """What a borrower owes, rounded up. Morpho._isHealthy."""
    return to_assets_up(shares, totals.borrow_assets, totals.borrow_shares)


# Health ------------------------------------------------------------------------------------------------------------


def collateral_value(collateral: int, price: int) -> int | None:
    """Value collateral in the loan token, rounded down; None where the product overflows and the contract reverts."""
    product = collateral * price
    return product // ORACLE_PRICE_SCALE if product <= MAX_UINT256 else None  # down: never lend on a fraction


def max_borrow(value: int, lltv: int) -> int:
    """Most that collateral of this value may owe, rounded down. Morpho._isHealthy."""
    return mul_div(value, lltv, WAD)


# Liquidation -------------------------------------------------------------------------------------------------------


def liquidation_incentive_factor(lltv: int) -> int:
    """Collateral's worth a liquidator receives per loan token repaid, in wad; both divisions rounded down.

    Source: Morpho.liquidate.
    """
    return min(MAX_LIQUIDATION_INCENTIVE_FACTOR, mul_div(WAD, WAD, WAD - mul_div(LIQUIDATION_CURSOR, WAD - lltv, WAD)))


def seized_for(repaid_shares: int, totals: Totals, price: int, lltv: int) -> int:
    """Collateral that repaying shares seizes, each step rounded down; `price` must not be zero.

    It is also the most collateral that can be asked for without repaying more shares than these: the by-assets path
    rounds up every step this one rounds down.
    Source: Morpho.liquidate.
    """
    assets = to_assets_down(repaid_shares, totals.borrow_assets, totals.borrow_shares)
    return mul_div(mul_div(assets, liquidation_incentive_factor(lltv), WAD), ORACLE_PRICE_SCALE, price)


def repaid_shares_for(seized: int, totals: Totals, price: int, lltv: int) -> int:
    """Shares that seizing collateral repays, each step rounded up. Morpho.liquidate."""
    quoted = mul_div_up(seized, price, ORACLE_PRICE_SCALE)
    assets = mul_div_up(quoted, WAD, liquidation_incentive_factor(lltv))
    return to_shares_up(assets, totals.borrow_assets, totals.borrow_shares)


def liquidation(seized: int, repaid_shares: int, totals: Totals) -> Liquidation:
    """Name what moves, once both sides are known: assets rounded up from the shares. Morpho.liquidate."""
    repaid = to_assets_up(repaid_shares, totals.borrow_assets, totals.borrow_shares)
    return Liquidation(seized, repaid, repaid_shares)


def with_bad_debt(moved: Liquidation, shares_left: int, totals: Totals) -> Liquidation:
    """Write off what is still owed once no collateral is left; `totals` are those before the liquidation.

    Source: Morpho.liquidate.
    """
    left = after_repayment(totals, moved)
    assets = min(left.borrow_assets, to_assets_up(shares_left, left.borrow_assets, left.borrow_shares))
    return replace(moved, bad_debt_assets=assets, bad_debt_shares=shares_left)


def after_repayment(totals: Totals, moved: Liquidation) -> Totals:
    """Totals once the shares were repaid; the last rounding may ask for one unit more than is owed."""
    return replace(
        totals,
        borrow_assets=max(totals.borrow_assets - moved.repaid_assets, 0),
        borrow_shares=totals.borrow_shares - moved.repaid_shares,
    )


def after_liquidation(totals: Totals, moved: Liquidation) -> Totals:
    """Totals after a liquidation, bad debt taken from the lenders."""
    left = after_repayment(totals, moved)
    return replace(
        left,
        borrow_assets=left.borrow_assets - moved.bad_debt_assets,
        borrow_shares=left.borrow_shares - moved.bad_debt_shares,
        supply_assets=left.supply_assets - moved.bad_debt_assets,
    )
