"""Reverts of Morpho Blue by name: it says most things in words, and some by a Solidity panic.

Source: ErrorsLib of Morpho Blue 1.0.0.
"""

from typing import Final

from keeper.protocols import reverts
from keeper.protocols.words import selector

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
    """Name a revert; hex for what neither Morpho nor Solidity says.

    An overflow in a liquidation mostly means more shares or collateral than the borrower has.
    """
    if revert[:4] in PRE_LIQUIDATION:
        return "{} ({})".format(*PRE_LIQUIDATION[revert[:4]])

    return reverts.explain(revert, MEANINGS)
