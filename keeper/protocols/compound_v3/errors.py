"""What Comet refuses with, by name.

Source: the errors of CometCore and CometMainInterface.
"""

from typing import Final

from keeper.protocols.words import WORD, selector, word

_ERROR_STRING: Final = selector("Error(string)")
_PANIC: Final = selector("Panic(uint256)")

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
    head = revert[:4]
    if head in _BY_SELECTOR:
        name = _BY_SELECTOR[head]
        return f"{name} ({MEANINGS[name]})" if name in MEANINGS else name

    if head == _ERROR_STRING and len(revert) >= 4 + 2 * WORD:
        length = word(revert[4:], 1)
        return revert[68 : 68 + length].decode("utf-8", errors="replace")

    if head == _PANIC and len(revert) == 4 + WORD:
        return f"Panic({word(revert[4:], 0):#04x})"

    return "0x" + revert.hex() if revert else "reverted without a reason"
