"""Flash loans of the pool's reserves, one asset at a time."""

from collections.abc import Sequence
from typing import Final

from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.protocols.base import Lender

LENDER_KIND: Final = "aave_v2"


def lenders(market: AaveV2Market) -> Sequence[Lender]:
    """Loans on offer; the premium rounds down. Source: LendingPool.flashLoan."""
    if market.paused:
        return ()

    return [
        Lender(
            kind=LENDER_KIND,
            lender=market.pool,
            token=reserve.asset,
            available=reserve.underlying,
            fee_bps=market.flash_premium,
            fee_rounds_up=False,
            fee_rounds_down=True,
        )
        for reserve in market.reserves
        if reserve.active and reserve.underlying > 0
    ]
