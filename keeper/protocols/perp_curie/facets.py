"""The adapter's facets: thin, stateless names for the functions of this package."""

from collections.abc import Collection, Iterable, Sequence

from keeper.protocols.base import Factors, GuardedCall, HealthRow, Permission
from keeper.protocols.perp_curie import cures, encode, errors, health, offers, screen, settle
from keeper.protocols.perp_curie.market import PerpCurieMarket
from keeper.types import Declined, Health, Log, Offer, Position, PositionKey, Rejected, Settlement


class PerpCurieHealth:
    """Screened in floats, decided in the contracts' integers."""

    def rows(self, keys: Collection[PositionKey] | None, market: PerpCurieMarket) -> Iterable[HealthRow]:
        return screen.rows(keys, market)

    def factors(self, market: PerpCurieMarket) -> Factors:
        return screen.factors(market)

    def always_confirm(self, market: PerpCurieMarket) -> Collection[PositionKey]:
        return screen.always_confirm(market)

    def health(self, key: PositionKey, market: PerpCurieMarket) -> Health | Declined:
        return health.health(key, market)

    def position(self, key: PositionKey, market: PerpCurieMarket) -> Position:
        return health.position(key, market)


class PerpCurieOffers:
    """Positions to take over."""

    def offers(self, key: PositionKey, market: PerpCurieMarket) -> Sequence[Offer | Declined]:
        return offers.offers(key, market)

    def open_offers(self, market: PerpCurieMarket) -> Sequence[Offer | Declined]:
        """Nothing stands open; markets that are set aside say so here, once each."""
        return offers.markets_set_aside(market)

    def settle(self, offer: Offer, size: int, market: PerpCurieMarket) -> Settlement:
        return settle.settle(offer, size, market)

    def after(self, offer: Offer, size: int, market: PerpCurieMarket) -> PerpCurieMarket:
        return settle.after(offer, size, market)


class PerpCurieEncoder:
    """Calls, events and reverts of the protocol."""

    def permissions(self, market: PerpCurieMarket) -> Sequence[Permission]:
        return encode.permissions(market)

    def calls(
        self, offer: Offer, size: int, settlement: Settlement, market: PerpCurieMarket, inner: bytes
    ) -> tuple[GuardedCall, ...]:
        return encode.calls(offer, size, settlement, market, inner)

    def realised(self, offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
        return encode.realised(offer, logs)

    def explain(self, revert: bytes) -> str:
        return errors.explain(revert)


class PerpCurieCures:
    """What an owner can do before it is too late."""

    levers = staticmethod(cures.levers)
    moved = staticmethod(cures.moved)
    exposures = staticmethod(cures.exposures)
    parameters = staticmethod(cures.parameters)
    with_parameter = staticmethod(cures.with_parameter)
