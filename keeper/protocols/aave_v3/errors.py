"""Reverts of Aave V3 by name: numeric strings up to 3.3, custom errors from 3.4 on.

Source: libraries/helpers/Errors.sol of 3.0.2, 3.3 and 3.6.
"""

from typing import Final

from keeper.protocols.words import selector, word

_ERROR_STRING: Final = selector("Error(string)")
_PANIC: Final = selector("Panic(uint256)")

STRINGS: Final = {
    "1": "CallerNotPoolAdmin",
    "9": "NotContract",
    "11": "CallerNotAToken",
    "12": "InvalidAddressesProvider",
    "13": "InvalidFlashloanExecutorReturn",
    "23": "CallerMustBePool",
    "24": "InvalidMintAmount",
    "25": "InvalidBurnAmount",
    "26": "InvalidAmount",
    "27": "ReserveInactive",
    "28": "ReserveFrozen",
    "29": "ReservePaused",
    "30": "BorrowingNotEnabled",
    "32": "NotEnoughAvailableUserBalance",
    "34": "CollateralBalanceIsZero",
    "35": "HealthFactorLowerThanLiquidationThreshold",
    "36": "CollateralCannotCoverNewBorrow",
    "39": "NoDebtOfSelectedType",
    "43": "UnderlyingBalanceZero",
    "45": "HealthFactorNotBelowThreshold",
    "46": "CollateralCannotBeLiquidated",
    "47": "SpecifiedCurrencyNotBorrowedByUser",
    "49": "InconsistentFlashloanParams",
    "51": "SupplyCapExceeded",
    "59": "PriceOracleSentinelCheckFailed",
    "74": "InvalidReserveIndex",
    "77": "ZeroAddressNotValid",
    "82": "AssetNotListed",
    "91": "FlashloanDisabled",
    "97": "LiquidationGraceSentinelCheckFailed",
    "103": "MustNotLeaveDust",
}
"""What a numeric revert string of an old version means, in the words of the newer ones."""

_CUSTOM: Final = (
    "AddressEmptyCode(address)",
    "AssetNotListed()",
    "BorrowingNotEnabled()",
    "CallerMustBePool()",
    "CallerNotAToken()",
    "CallerNotPoolAdmin()",
    "CollateralCannotBeLiquidated()",
    "CollateralCannotCoverNewBorrow()",
    "FailedCall()",
    "FlashloanDisabled()",
    "HealthFactorLowerThanLiquidationThreshold()",
    "HealthFactorNotBelowThreshold()",
    "InconsistentFlashloanParams()",
    "InvalidAddressesProvider()",
    "InvalidAmount()",
    "InvalidBurnAmount()",
    "InvalidFlashloanExecutorReturn()",
    "InvalidMintAmount()",
    "InvalidReserveIndex()",
    "LiquidationGraceSentinelCheckFailed()",
    "MustNotLeaveDust()",
    "NoDebtOfSelectedType()",
    "NotContract()",
    "NotEnoughAvailableUserBalance()",
    "OperationNotSupported()",
    "PriceOracleSentinelCheckFailed()",
    "ReserveFrozen()",
    "ReserveInactive()",
    "ReservePaused()",
    "SafeCastOverflowedUintDowncast(uint8,uint256)",
    "SelfLiquidation()",
    "SpecifiedCurrencyNotBorrowedByUser()",
    "SupplyCapExceeded()",
    "UnderlyingBalanceZero()",
    "ZeroAddressNotValid()",
)
CUSTOM: Final = {selector(signature): signature.partition("(")[0] for signature in _CUSTOM}
"""Custom errors a liquidation, a repayment or a flash loan can end in, by selector."""

PANICS: Final = {
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division by zero",
    0x32: "index out of bounds",
}
"""Solidity's own codes; 0x11 in a liquidation mostly means that the reserve holds too little of the collateral."""


def explain(revert: bytes) -> str:
    """Name a revert; hex for what neither the pool nor Solidity says."""
    head = revert[:4]
    if head in CUSTOM:
        return CUSTOM[head]

    if head == _ERROR_STRING and len(revert) >= 4 + 64:
        length = word(revert[4:], 1)
        text = revert[68 : 68 + length].decode("utf-8", errors="replace")
        return f"{STRINGS[text]} ({text!r})" if text in STRINGS else text

    if head == _PANIC and len(revert) == 4 + 32:
        code = word(revert[4:], 0)
        return f"Panic({code:#04x}): {PANICS.get(code, 'unknown code')}"

    return "0x" + revert.hex() if revert else "reverted without a reason"
