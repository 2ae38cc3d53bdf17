"""Reverts of Aave V2 by name: all of them are numbers in words.

A liquidation that fails below the pool's own checks (a token that cannot burn, an oracle without a price) ends in 23
whatever the reason, because the pool delegates it and does not pass the reason on. Source: Errors.sol of Aave V2.
"""

from typing import Final

from keeper.protocols import reverts

STRINGS: Final = {
    "1": "VL_INVALID_AMOUNT",
    "2": "VL_NO_ACTIVE_RESERVE",
    "3": "VL_RESERVE_FROZEN",
    "4": "VL_CURRENT_AVAILABLE_LIQUIDITY_NOT_ENOUGH",
    "5": "VL_NOT_ENOUGH_AVAILABLE_USER_BALANCE",
    "6": "VL_TRANSFER_NOT_ALLOWED",
    "7": "VL_BORROWING_NOT_ENABLED",
    "8": "VL_INVALID_INTEREST_RATE_MODE_SELECTED",
    "9": "VL_COLLATERAL_BALANCE_IS_0",
    "10": "VL_HEALTH_FACTOR_LOWER_THAN_LIQUIDATION_THRESHOLD",
    "11": "VL_COLLATERAL_CANNOT_COVER_NEW_BORROW",
    "12": "VL_STABLE_BORROWING_NOT_ENABLED",
    "13": "VL_COLLATERAL_SAME_AS_BORROWING_CURRENCY",
    "14": "VL_AMOUNT_BIGGER_THAN_MAX_LOAN_SIZE_STABLE",
    "15": "VL_NO_DEBT_OF_SELECTED_TYPE",
    "19": "VL_UNDERLYING_BALANCE_NOT_GREATER_THAN_0",
    "23": "LP_LIQUIDATION_CALL_FAILED",
    "29": "CT_CALLER_MUST_BE_LENDING_POOL",
    "42": "LPCM_HEALTH_FACTOR_NOT_BELOW_THRESHOLD",
    "43": "LPCM_COLLATERAL_CANNOT_BE_LIQUIDATED",
    "44": "LPCM_SPECIFIED_CURRENCY_NOT_BORROWED_BY_USER",
    "45": "LPCM_NOT_ENOUGH_LIQUIDITY_TO_LIQUIDATE",
    "48": "MATH_MULTIPLICATION_OVERFLOW",
    "49": "MATH_ADDITION_OVERFLOW",
    "50": "MATH_DIVISION_BY_ZERO",
    "56": "CT_INVALID_MINT_AMOUNT",
    "58": "CT_INVALID_BURN_AMOUNT",
    "64": "LP_IS_PAUSED",
    "66": "LP_INVALID_FLASH_LOAN_EXECUTOR_RETURN",
    "73": "VL_INCONSISTENT_FLASHLOAN_PARAMS",
}
"""What the numbers mean that a liquidation, a repayment or a flash loan can end in."""


def explain(revert: bytes) -> str:
    """Name a revert; hex for what is neither a number nor words. Solidity 0.6 panics without a reason."""
    text = reverts.reason_of(revert)
    return f"{STRINGS[text]} ({text!r})" if text in STRINGS else reverts.explain(revert)
