"""Simple flash loans of the pool's reserves."""

from collections.abc import Sequence
from typing import Final

from keeper.protocols.aave_v3.market import AaveV3Market
from keeper.protocols.base import Lender

LENDER_KIND: Final = "aave_v3"


def lenders(market: AaveV3Market) -> Sequence[Lender]:
    """Loans on offer; the premium rounds up from 3.5 on, half up before. FlashLoanLogic.executeFlashLoanSimple."""
    return [
        Lender(
            kind=LENDER_KIND,
            lender=market.pool,
            token=reserve.asset,
            available=reserve.available,
            fee_bps=market.flash_premium,
            fee_rounds_up=market.rules.directed_payments,
        )
        for reserve in market.reserves
        if reserve.active and not reserve.paused and reserve.lends_flash and reserve.available > 0
    ]
