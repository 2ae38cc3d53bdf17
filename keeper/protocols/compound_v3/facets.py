"""The adapter's facets: thin, stateless names for the functions of this package."""

from collections.abc import Collection, Iterable, Sequence

from keeper.protocols.base import Factors, GuardedCall, HealthRow, Permission
from keeper.protocols.compound_v3 import cures, encode, errors, health, offers, screen, settle
from keeper.protocols.compound_v3.market import CompoundV3Market
from keeper.types import Declined, Health, Log, Offer, Position, PositionKey, Rejected, Settlement


class CompoundV3Health:
    """Screened in floats, decided in the contract's integers."""

    def rows(self, keys: Collection[PositionKey] | None, market: CompoundV3Market) -> Iterable[HealthRow]:
        return screen.rows(keys, market)

    def factors(self, market: CompoundV3Market) -> Factors:
        return screen.factors(market)

    def always_confirm(self, market: CompoundV3Market) -> Collection[PositionKey]:
        """Accounts whose debt was found changed without an event, which the screen does not know."""
        return market.strays

    def health(self, key: PositionKey, market: CompoundV3Market) -> Health | Declined:
        return health.health(key, market)

    def position(self, key: PositionKey, market: CompoundV3Market) -> Position:
        return health.position(key, market)


class CompoundV3Offers:
    """Purchases from the protocol, behind an absorption or from its standing stock."""

    def offers(self, key: PositionKey, market: CompoundV3Market) -> Sequence[Offer | Declined]:
        return offers.offers(key, market)

    def open_offers(self, market: CompoundV3Market) -> Sequence[Offer | Declined]:
        return offers.open_offers(market)

    def settle(self, offer: Offer, size: int, market: CompoundV3Market) -> Settlement:
        return settle.settle(offer, size, market)

    def after(self, offer: Offer, size: int, market: CompoundV3Market) -> CompoundV3Market:
        return settle.after(offer, size, market)


class CompoundV3Encoder:
    """Calls, events and refusals of Comet."""

    def permissions(self, market: CompoundV3Market) -> Sequence[Permission]:
        return encode.permissions(market)

    def calls(
        self, offer: Offer, size: int, settlement: Settlement, market: CompoundV3Market, inner: bytes
    ) -> tuple[GuardedCall, ...]:
        return encode.calls(offer, size, settlement, market, inner)

    def realised(self, offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
        return encode.realised(offer, logs)

    def explain(self, revert: bytes) -> str:
        return errors.explain(revert)


class CompoundV3Cures:
    """What an owner can do before it is too late."""

    levers = staticmethod(cures.levers)
    moved = staticmethod(cures.moved)
    exposures = staticmethod(cures.exposures)
    parameters = staticmethod(cures.parameters)
    with_parameter = staticmethod(cures.with_parameter)
