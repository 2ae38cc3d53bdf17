"""Reverts of Morpho Blue by name: it says most things in words, and some by a Solidity panic.

Source: ErrorsLib of Morpho Blue 1.0.0.
"""

from typing import Final

from keeper.protocols.words import selector, word

_ERROR_STRING: Final = selector("Error(string)")
_PANIC: Final = selector("Panic(uint256)")

MEANINGS: Final = {
    "market not created": "no such market",
    "inconsistent input": "both or neither of collateral and shares were named",
    "zero assets": "a flash loan of nothing",
    "max uint128 exceeded": "a number outgrew what the contract can count",
    "transfer reverted": "the collateral token refused to be sent",
    "transfer returned false": "the collateral token refused to be sent",
    "transferFrom reverted": "the loan token could not be pulled: too little of it, or no allowance",
    "transferFrom returned false": "the loan token could not be pulled: too little of it, or no allowance",
    "no code": "a token that is no contract",
    "unauthorized": "the borrower does not authorise the pre-liquidation contract any more",
    "insufficient collateral": "a pre-liquidation would leave the position unhealthy on Morpho",
}
"""What Morpho's own words mean in a liquidation, where they do not say it themselves."""

PANICS: Final = {
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division by zero",
    0x32: "index out of bounds",
}
"""Solidity's own codes; 0x11 in a liquidation mostly means more shares or collateral than the borrower has."""


PRE_LIQUIDATION: Final = {
    selector(f"{name}({types})"): (name, meaning)
    for name, types, meaning in (
        ("NotPreLiquidatablePosition", "", "the position is below the pre-liquidation threshold"),
        ("LiquidatablePosition", "", "the position is past the market's own threshold"),
        ("PreLiquidationTooLarge", "uint256,uint256", "more than the close factor allows"),
        ("InconsistentInput", "", "both or neither of collateral and shares were named"),
        ("NotMorpho", "", "called back by somebody else"),
    )
}
"""Errors of a pre-liquidation contract. Source: ErrorsLib of morpho-org/pre-liquidation."""


def explain(revert: bytes) -> str:
    """Name a revert; hex for what neither Morpho nor Solidity says."""
    head = revert[:4]
    if head == _ERROR_STRING and len(revert) >= 4 + 64:
        length = word(revert[4:], 1)
        text = revert[68 : 68 + length].decode("utf-8", errors="replace")
        return f"{text} ({MEANINGS[text]})" if text in MEANINGS else text

    if head == _PANIC and len(revert) == 4 + 32:
        code = word(revert[4:], 0)
        return f"Panic({code:#04x}): {PANICS.get(code, 'unknown code')}"

    if head in PRE_LIQUIDATION:
        return "{} ({})".format(*PRE_LIQUIDATION[head])

    return "0x" + revert.hex() if revert else "reverted without a reason"
