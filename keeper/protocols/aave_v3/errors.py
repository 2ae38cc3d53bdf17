"""Reverts of Aave V3 by name: numeric strings up to 3.3, custom errors from 3.4 on.

Source: libraries/helpers/Errors.sol of 3.0.2, 3.3 and 3.6.
"""

from typing import Final

from keeper.protocols import reverts
from keeper.protocols.words import selector

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


def explain(revert: bytes) -> str:
    """Name a revert; hex for what neither the pool nor Solidity says.

    An overflow in a liquidation mostly means that the reserve holds too little of the collateral.
    """
    if revert[:4] in CUSTOM:
        return CUSTOM[revert[:4]]

    text = reverts.reason_of(revert)
    return f"{STRINGS[text]} ({text!r})" if text in STRINGS else reverts.explain(revert)
