"""The adapter's facets: thin, stateless names for the functions of this package."""

from collections.abc import Collection, Iterable, Sequence

from keeper.protocols.base import Factors, GuardedCall, HealthRow, Lender, Permission
from keeper.protocols.morpho_blue import cures, encode, errors, health, offers, screen, settle
from keeper.protocols.morpho_blue.market import MorphoBlueMarket
from keeper.types import Declined, Health, Log, Offer, Position, PositionKey, Rejected, Settlement

LENDER_KIND = "morpho"


class MorphoBlueHealth:
    """Screened in floats, decided in the contract's integers."""

    def rows(self, keys: Collection[PositionKey] | None, market: MorphoBlueMarket) -> Iterable[HealthRow]:
        return screen.rows(keys, market)

    def factors(self, market: MorphoBlueMarket) -> Factors:
        return screen.factors(market)

    def always_confirm(self, market: MorphoBlueMarket) -> Collection[PositionKey]:
        """Those that opted in to pre-liquidation: the screen looks at the market's own threshold."""
        return [key for key in market.opted if market.borrower(key).borrow_shares]

    def health(self, key: PositionKey, market: MorphoBlueMarket) -> Health | Declined:
        return health.health(key, market)

    def position(self, key: PositionKey, market: MorphoBlueMarket) -> Position:
        return health.position(key, market)


class MorphoBlueOffers:
    """Seizures of a borrower's collateral."""

    def offers(self, key: PositionKey, market: MorphoBlueMarket) -> Sequence[Offer | Declined]:
        return offers.offers(key, market)

    def open_offers(self, market: MorphoBlueMarket) -> Sequence[Offer | Declined]:
        """Nothing stands open; markets that are set aside say so here, once each."""
        return offers.set_aside(market)

    def settle(self, offer: Offer, size: int, market: MorphoBlueMarket) -> Settlement:
        return settle.settle(offer, size, market)

    def after(self, offer: Offer, size: int, market: MorphoBlueMarket) -> MorphoBlueMarket:
        return settle.after(offer, size, market)


class MorphoBlueEncoder:
    """Calls, events and reverts of Morpho."""

    def permissions(self, market: MorphoBlueMarket) -> Sequence[Permission]:
        return encode.permissions(market)

    def calls(
        self, offer: Offer, size: int, settlement: Settlement, market: MorphoBlueMarket, inner: bytes
    ) -> tuple[GuardedCall, ...]:
        return encode.calls(offer, size, settlement, market, inner)

    def realised(self, offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
        return encode.realised(offer, logs)

    def explain(self, revert: bytes) -> str:
        return errors.explain(revert)


class MorphoBlueLender:
    """Flash loans of whatever Morpho holds, collateral included."""

    def lenders(self, market: MorphoBlueMarket) -> Sequence[Lender]:
        """Loans on offer, all without a fee. Morpho.flashLoan."""
        return [
            Lender(LENDER_KIND, market.morpho, token, available, fee_bps=0, fee_rounds_up=False)
            for token, available in market.balances.items()
            if available > 0
        ]


class MorphoBlueCures:
    """What an owner can do before it is too late."""

    levers = staticmethod(cures.levers)
    moved = staticmethod(cures.moved)
    exposures = staticmethod(cures.exposures)
    parameters = staticmethod(cures.parameters)
    with_parameter = staticmethod(cures.with_parameter)
