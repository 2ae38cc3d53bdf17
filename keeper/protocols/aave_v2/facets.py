"""The adapter's facets: names under which the functions of this package meet the interface in `base`."""

from collections.abc import Collection, Sequence

from keeper.protocols.aave import encode as liquidation
from keeper.protocols.aave_v2 import cures, errors, health, offers, screen, settle
from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.protocols.aave_v2.permissions import permissions
from keeper.protocols.base import Lender
from keeper.types import Declined, Offer, PositionKey

LENDER_KIND = "aave_v2"


class AaveV2Health:
    """Screened in floats, decided in the pool's integers."""

    rows = staticmethod(screen.rows)
    factors = staticmethod(screen.factors)
    position = staticmethod(health.position)
    health = staticmethod(health.health)  # last: from here on the name is this function's

    def always_confirm(self, market: AaveV2Market) -> Collection[PositionKey]:
        return market.set_aside


class AaveV2Offers:
    """Seizures of one collateral for one debt."""

    offers = staticmethod(offers.offers)
    after = staticmethod(settle.after)
    settle = staticmethod(settle.settle)  # last: from here on the name is this function's

    def open_offers(self, market: AaveV2Market) -> Sequence[Offer | Declined]:
        del market
        return ()


class AaveV2Encoder:
    """Calls, events and reverts of the pool."""

    permissions = staticmethod(permissions)
    calls = staticmethod(liquidation.calls)
    realised = staticmethod(liquidation.realised)
    explain = staticmethod(errors.explain)


class AaveV2Lender:
    """Flash loans of the pool's reserves, one asset at a time."""

    def lenders(self, market: AaveV2Market) -> Sequence[Lender]:
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


class AaveV2Cures:
    """What an owner can do before it is too late."""

    levers = staticmethod(cures.levers)
    moved = staticmethod(cures.moved)
    exposures = staticmethod(cures.exposures)
    parameters = staticmethod(cures.parameters)
    with_parameter = staticmethod(cures.with_parameter)
