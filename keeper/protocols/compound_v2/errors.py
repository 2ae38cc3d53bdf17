"""What cTokens and comptrollers refuse with, by name: reverts, return codes, and the event `Failure`.

The older ones, and most forks, return a code and write `Failure` instead of reverting. Forks may number differently:
a name is always shown with its number. Source: ErrorReporter of Compound V2 and of Venus.
"""

from collections.abc import Mapping
from typing import Final

from keeper.protocols import reverts
from keeper.protocols.words import WORD, selector, word

TOKEN_ERRORS: Final = {
    1: "UNAUTHORIZED",
    2: "BAD_INPUT",
    3: "COMPTROLLER_REJECTION",
    4: "COMPTROLLER_CALCULATION_ERROR",
    5: "INTEREST_RATE_MODEL_ERROR",
    6: "INVALID_ACCOUNT_PAIR",
    7: "INVALID_CLOSE_AMOUNT_REQUESTED",
    8: "INVALID_COLLATERAL_FACTOR",
    9: "MATH_ERROR",
    10: "MARKET_NOT_FRESH",
    11: "MARKET_NOT_LISTED",
    12: "TOKEN_INSUFFICIENT_ALLOWANCE",
    13: "TOKEN_INSUFFICIENT_BALANCE",
    14: "TOKEN_INSUFFICIENT_CASH",
    15: "TOKEN_TRANSFER_IN_FAILED",
    16: "TOKEN_TRANSFER_OUT_FAILED",
    17: "TOKEN_PRICE_ERROR",
}
"""A cToken's return code, and the first number of its `Failure`."""

COMPTROLLER_ERRORS: Final = {
    1: "UNAUTHORIZED",
    2: "COMPTROLLER_MISMATCH",
    3: "INSUFFICIENT_SHORTFALL",
    4: "INSUFFICIENT_LIQUIDITY",
    5: "INVALID_CLOSE_FACTOR",
    8: "MARKET_NOT_ENTERED",
    9: "MARKET_NOT_LISTED",
    11: "MATH_ERROR",
    12: "NONZERO_BORROW_BALANCE",
    13: "PRICE_ERROR",
    14: "REJECTION",
    15: "SNAPSHOT_ERROR",
    16: "TOO_MANY_ASSETS",
    17: "TOO_MUCH_REPAY",
}
"""What a comptroller answers, and the third number of a cToken's `Failure` where that is a rejection."""

INFOS: Final = {
    15: "LIQUIDATE_ACCRUE_BORROW_INTEREST_FAILED",
    16: "LIQUIDATE_ACCRUE_COLLATERAL_INTEREST_FAILED",
    17: "LIQUIDATE_COLLATERAL_FRESHNESS_CHECK",
    18: "LIQUIDATE_COMPTROLLER_REJECTION",
    19: "LIQUIDATE_COMPTROLLER_CALCULATE_AMOUNT_SEIZE_FAILED",
    20: "LIQUIDATE_CLOSE_AMOUNT_IS_UINT_MAX",
    21: "LIQUIDATE_CLOSE_AMOUNT_IS_ZERO",
    22: "LIQUIDATE_FRESHNESS_CHECK",
    23: "LIQUIDATE_LIQUIDATOR_IS_BORROWER",
    24: "LIQUIDATE_REPAY_BORROW_FRESH_FAILED",
    27: "LIQUIDATE_SEIZE_COMPTROLLER_REJECTION",
    28: "LIQUIDATE_SEIZE_LIQUIDATOR_IS_BORROWER",
}
"""The second number of a `Failure` that a liquidation writes."""

NAMED: Final = {
    selector("LiquidateComptrollerRejection(uint256)"): ("LiquidateComptrollerRejection", COMPTROLLER_ERRORS),
    selector("LiquidateSeizeComptrollerRejection(uint256)"): ("LiquidateSeizeComptrollerRejection", COMPTROLLER_ERRORS),
    selector("RepayBorrowComptrollerRejection(uint256)"): ("RepayBorrowComptrollerRejection", COMPTROLLER_ERRORS),
    selector("RedeemComptrollerRejection(uint256)"): ("RedeemComptrollerRejection", COMPTROLLER_ERRORS),
    selector("LiquidateAccrueCollateralInterestFailed(uint256)"): (
        "LiquidateAccrueCollateralInterestFailed",
        TOKEN_ERRORS,
    ),
    selector("LiquidateFreshnessCheck()"): ("LiquidateFreshnessCheck", {}),
    selector("LiquidateCollateralFreshnessCheck()"): ("LiquidateCollateralFreshnessCheck", {}),
    selector("LiquidateLiquidatorIsBorrower()"): ("LiquidateLiquidatorIsBorrower", {}),
    selector("LiquidateCloseAmountIsZero()"): ("LiquidateCloseAmountIsZero", {}),
    selector("LiquidateCloseAmountIsUintMax()"): ("LiquidateCloseAmountIsUintMax", {}),
    selector("LiquidateSeizeLiquidatorIsBorrower()"): ("LiquidateSeizeLiquidatorIsBorrower", {}),
    selector("RedeemTransferOutNotPossible()"): ("RedeemTransferOutNotPossible", {}),
    selector("RepayBorrowFreshnessCheck()"): ("RepayBorrowFreshnessCheck", {}),
    selector("RedeemFreshnessCheck()"): ("RedeemFreshnessCheck", {}),
    # Venus's liquidator contract
    selector("LiquidationNotAllowed(address,address)"): ("LiquidationNotAllowed", {}),
    selector("LiquidationFailed(uint256)"): ("LiquidationFailed", TOKEN_ERRORS),
    selector("VTokenTransferFailed(address,address,uint256)"): ("VTokenTransferFailed", {}),
    selector("WrongTransactionAmount(uint256,uint256)"): ("WrongTransactionAmount", {}),
    selector("VAIDebtTooHigh(uint256,uint256)"): ("VAIDebtTooHigh", {}),
}
"""Custom errors by selector, and what their one number means."""

MEANINGS: Final = {
    "LIQUIDATE_SEIZE_TOO_MUCH": "the borrower has fewer cTokens than that",
    "math error": "a difference below zero: of a redemption, more than the market has in cash",
    "token seizure failed": "the collateral market rejected the seizure",
    "AS": "the pool was given nothing to sell: a market rejected the liquidation, or the redemption, without a revert",
}
"""What words mean that do not say it themselves, the pool's among them."""


def failure(error: int, info: int, detail: int) -> str:
    """Name the event that stands in for a revert."""
    text = f"{named(TOKEN_ERRORS, error)} in {named(INFOS, info)}"
    return f"{text}: {named(COMPTROLLER_ERRORS, detail)}" if detail else text


def rejection(code: int) -> str:
    """Name the code a cToken returned; empty for success."""
    return named(TOKEN_ERRORS, code) if code else ""


def named(names: Mapping[int, str], code: int) -> str:
    """Name a number, with the number."""
    return f"{names.get(code, 'unknown code')} ({code})"


def explain(revert: bytes) -> str:
    """Name a revert; hex for what neither the protocol nor Solidity says."""
    text = reverts.reason_of(revert)
    if text is not None and text not in MEANINGS:
        return _native(text)

    if revert[:4] in NAMED:
        name, codes = NAMED[revert[:4]]
        return f"{name}: {named(codes, word(revert[4:], 0))}" if codes and len(revert) >= 4 + WORD else name

    return reverts.explain(revert, MEANINGS)


def _native(text: str) -> str:
    """Name the code that a native market puts behind its words, as in `liquidateBorrow failed (03)`."""
    words, _, code = text.rpartition(" (")
    digits = code.removesuffix(")")
    return f"{words}: {named(TOKEN_ERRORS, int(digits))}" if words and digits.isdecimal() else text
