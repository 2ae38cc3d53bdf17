"""What Comet refuses with, by name.

Source: the errors of CometCore and CometMainInterface.
"""

from typing import Final

from keeper.protocols import reverts
from keeper.protocols.words import selector

NAMES: Final = (
    "Absurd()",
    "AlreadyInitialized()",
    "BadAsset()",
    "BadDecimals()",
    "BadDiscount()",
    "BadMinimum()",
    "BadPrice()",
    "BorrowTooSmall()",
    "InsufficientReserves()",
    "InvalidInt104()",
    "InvalidInt256()",
    "InvalidUInt104()",
    "InvalidUInt128()",
    "InvalidUInt64()",
    "NegativeNumber()",
    "NotCollateralized()",
    "NotForSale()",
    "NotLiquidatable()",
    "Paused()",
    "ReentrantCallBlocked()",
    "SupplyCapExceeded()",
    "TimestampTooLarge()",
    "TooMuchSlippage()",
    "TransferInFailed()",
    "TransferOutFailed()",
    "Unauthorized()",
)
_BY_SELECTOR: Final = {selector(name): name.removesuffix("()") for name in NAMES}
MEANINGS: Final = {
    "NotLiquidatable": "the position is healthy, or was absorbed by another before us",
    "NotForSale": "reserves have reached their target",
    "InsufficientReserves": "the stock is smaller than what this would buy: another bought before us",
    "TooMuchSlippage": "it would buy less than was asked for: the price rose",
    "BadPrice": "a feed answers zero or less",
}
"""What names mean that do not say it themselves."""


def explain(revert: bytes) -> str:
    """Name a revert; hex for what neither the protocol nor Solidity says."""
    if revert[:4] in _BY_SELECTOR:
        name = _BY_SELECTOR[revert[:4]]
        return f"{name} ({MEANINGS[name]})" if name in MEANINGS else name

    return reverts.explain(revert)
