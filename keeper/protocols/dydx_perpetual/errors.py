"""Reverts of dYdX Perpetual V1, which says them in whole sentences; what a keeper should make of those it may meet.

Source: the require statements of PerpetualV1, P1Liquidation, P1LiquidatorProxy and P1Deleveraging.
"""

from typing import Final

from keeper.protocols import reverts
from keeper.protocols.dydx_perpetual import trade

_NO_PERMISSION: Final = "the margin account has not called setLocalOperator for the executor"

MEANINGS: Final = {
    trade.HEALTHY: "somebody was faster, or the price came back",
    trade.WRONG_WAY: "the position changed its side",
    trade.NO_POSITION: "the position is gone",
    trade.PAST_MAX_POSITION: "the margin account's position is not the one planned with",
    trade.NOT_ALLOWED: _NO_PERMISSION,
    "sender does not have permission to withdraw": _NO_PERMISSION,
    trade.NOT_OPERATOR: "the proxy lost its role",
    "trader is not global operator": "P1Liquidation lost its role",
    trade.NOT_COLLATERALIZED: "the margin account would be left with too little",
    trade.FINAL_SETTLEMENT: "the market is closed for good",
}
"""What the sentences mean in a plan of ours; any other speaks for itself."""


def explain(revert: bytes) -> str:
    """Name a revert; hex for what neither the protocol nor Solidity says."""
    return reverts.explain(revert, MEANINGS)
