"""The adapter's facets: thin, stateless names for the functions of this package."""

from collections.abc import Collection, Iterable, Sequence

from keeper.protocols.aave_v2 import encode, errors, health, offers, screen, settle
from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.protocols.base import Factors, GuardedCall, HealthRow, Lender, Permission
from keeper.types import Declined, Health, Log, Offer, Position, PositionKey, Rejected, Settlement

LENDER_KIND = "aave_v2"


class AaveV2Health:
    """Screened in floats, decided in the pool's integers."""

    def rows(self, keys: Collection[PositionKey] | None, market: AaveV2Market) -> Iterable[HealthRow]:
        return screen.rows(keys, market)

    def factors(self, market: AaveV2Market) -> Factors:
        return screen.factors(market)

    def always_confirm(self, market: AaveV2Market) -> Collection[PositionKey]:
        return market.set_aside

    def health(self, key: PositionKey, market: AaveV2Market) -> Health | Declined:
        return health.health(key, market)

    def position(self, key: PositionKey, market: AaveV2Market) -> Position:
        return health.position(key, market)


class AaveV2Offers:
    """Seizures of one collateral for one debt."""

    def offers(self, key: PositionKey, market: AaveV2Market) -> Sequence[Offer | Declined]:
        return offers.offers(key, market)

    def open_offers(self, market: AaveV2Market) -> Sequence[Offer | Declined]:
        del market
        return ()

    def settle(self, offer: Offer, size: int, market: AaveV2Market) -> Settlement:
        return settle.settle(offer, size, market)

    def after(self, offer: Offer, size: int, market: AaveV2Market) -> AaveV2Market:
        return settle.after(offer, size, market)


class AaveV2Encoder:
    """Calls, events and reverts of the pool."""

    def permissions(self, market: AaveV2Market) -> Sequence[Permission]:
        return encode.permissions(market)

    def calls(
        self, offer: Offer, size: int, settlement: Settlement, market: AaveV2Market, inner: bytes
    ) -> tuple[GuardedCall, ...]:
        return encode.calls(offer, size, settlement, market, inner)

    def realised(self, offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
        return encode.realised(offer, logs)

    def explain(self, revert: bytes) -> str:
        return errors.explain(revert)


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
