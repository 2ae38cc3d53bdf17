"""The adapter's facets: thin, stateless names for the functions of this package."""

from collections.abc import Collection, Iterable, Sequence

from keeper.protocols.aave_v3 import encode, errors, health, offers, screen, settle
from keeper.protocols.aave_v3.market import AaveV3Market
from keeper.protocols.base import Factors, GuardedCall, HealthRow, Lender, Permission
from keeper.types import Declined, Health, Log, Offer, Position, PositionKey, Rejected, Settlement

LENDER_KIND = "aave_v3"


class AaveV3Health:
    """Screened in floats, decided in the pool's integers."""

    def rows(self, keys: Collection[PositionKey] | None, market: AaveV3Market) -> Iterable[HealthRow]:
        return screen.rows(keys, market)

    def factors(self, market: AaveV3Market) -> Factors:
        return screen.factors(market)

    def always_confirm(self, market: AaveV3Market) -> Collection[PositionKey]:
        return market.set_aside

    def health(self, key: PositionKey, market: AaveV3Market) -> Health | Declined:
        return health.health(key, market)

    def position(self, key: PositionKey, market: AaveV3Market) -> Position:
        return health.position(key, market)


class AaveV3Offers:
    """Seizures of one collateral for one debt."""

    def offers(self, key: PositionKey, market: AaveV3Market) -> Sequence[Offer | Declined]:
        return offers.offers(key, market)

    def open_offers(self, market: AaveV3Market) -> Sequence[Offer | Declined]:
        del market
        return ()

    def settle(self, offer: Offer, size: int, market: AaveV3Market) -> Settlement:
        return settle.settle(offer, size, market)

    def after(self, offer: Offer, size: int, market: AaveV3Market) -> AaveV3Market:
        return settle.after(offer, size, market)


class AaveV3Encoder:
    """Calls, events and reverts of the pool."""

    def permissions(self, market: AaveV3Market) -> Sequence[Permission]:
        return encode.permissions(market)

    def calls(
        self, offer: Offer, size: int, settlement: Settlement, market: AaveV3Market, inner: bytes
    ) -> tuple[GuardedCall, ...]:
        return encode.calls(offer, size, settlement, market, inner)

    def realised(self, offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
        return encode.realised(offer, logs)

    def explain(self, revert: bytes) -> str:
        return errors.explain(revert)


class AaveV3Lender:
    """Simple flash loans of the pool's reserves."""

    def lenders(self, market: AaveV3Market) -> Sequence[Lender]:
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
