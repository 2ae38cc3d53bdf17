"""Flash loans of whatever Morpho holds, collateral included."""

from collections.abc import Sequence
from typing import Final

from keeper.protocols.base import Lender
from keeper.protocols.morpho_blue.market import MorphoBlueMarket

LENDER_KIND: Final = "morpho"


def lenders(market: MorphoBlueMarket) -> Sequence[Lender]:
    """Loans on offer, all without a fee. Morpho.flashLoan."""
    return [
        Lender(LENDER_KIND, market.morpho, token, available, fee_bps=0, fee_rounds_up=False)
        for token, available in market.balances.items()
        if available > 0
    ]
