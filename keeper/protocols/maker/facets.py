"""The adapter's facets: thin, stateless names for the functions of this package."""

from collections.abc import Collection, Iterable, Sequence

from keeper.protocols.base import Factors, GuardedCall, HealthRow, Permission
from keeper.protocols.maker import encode, errors, health, offers, realised, screen, settle
from keeper.protocols.maker.market import MakerMarket
from keeper.types import Declined, Health, Log, Offer, Position, PositionKey, Rejected, Settlement


class MakerHealth:
    """Screened in floats, decided in the Vat's integers."""

    def rows(self, keys: Collection[PositionKey] | None, market: MakerMarket) -> Iterable[HealthRow]:
        return screen.rows(keys, market)

    def factors(self, market: MakerMarket) -> Factors:
        return screen.factors(market)

    def always_confirm(self, market: MakerMarket) -> Collection[PositionKey]:
        """Nobody: every vault is linear."""
        del market
        return ()

    def health(self, key: PositionKey, market: MakerMarket) -> Health | Declined:
        return health.health(key, market)

    def position(self, key: PositionKey, market: MakerMarket) -> Position:
        return health.position(key, market)


class MakerOffers:
    """Barks at vaults, purchases from auctions, and auctions started anew."""

    def offers(self, key: PositionKey, market: MakerMarket) -> Sequence[Offer | Declined]:
        return offers.offers(key, market)

    def open_offers(self, market: MakerMarket) -> Sequence[Offer | Declined]:
        """Every running auction, each with a key of its own; collateral types that are set aside say so once each."""
        return offers.open_offers(market)

    def settle(self, offer: Offer, size: int, market: MakerMarket) -> Settlement:
        return settle.settle(offer, size, market)

    def after(self, offer: Offer, size: int, market: MakerMarket) -> MakerMarket:
        return settle.after(offer, size, market)


class MakerEncoder:
    """Calls, events and reverts of Dog and Clipper."""

    def permissions(self, market: MakerMarket) -> Sequence[Permission]:
        return encode.permissions(market)

    def calls(
        self, offer: Offer, size: int, settlement: Settlement, market: MakerMarket, inner: bytes
    ) -> tuple[GuardedCall, ...]:
        return encode.calls(offer, size, settlement, market, inner)

    def realised(self, offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
        return realised.realised(offer, logs)

    def explain(self, revert: bytes) -> str:
        return errors.explain(revert)
