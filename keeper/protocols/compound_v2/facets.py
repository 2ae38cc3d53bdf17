"""The adapter's facets: thin, stateless names for the functions of this package."""

from collections.abc import Collection, Iterable, Sequence

from keeper.protocols.base import Factors, GuardedCall, HealthRow, Permission
from keeper.protocols.compound_v2 import cures, encode, errors, health, offers, screen, settle
from keeper.protocols.compound_v2.market import CompoundV2Market
from keeper.types import Declined, Health, Log, Offer, Position, PositionKey, Rejected, Settlement


class CompoundV2Health:
    """Screened in floats, decided in the comptroller's integers."""

    def rows(self, keys: Collection[PositionKey] | None, market: CompoundV2Market) -> Iterable[HealthRow]:
        return screen.rows(keys, market)

    def factors(self, market: CompoundV2Market) -> Factors:
        return screen.factors(market)

    def always_confirm(self, market: CompoundV2Market) -> Collection[PositionKey]:
        """Accounts that owe VAI, which no market's slot has."""
        return market.vai.keys()

    def health(self, key: PositionKey, market: CompoundV2Market) -> Health | Declined:
        return health.health(key, market)

    def position(self, key: PositionKey, market: CompoundV2Market) -> Position:
        return health.position(key, market)


class CompoundV2Offers:
    """Seizures of one market's cTokens for another's debt, redeemed at once."""

    def offers(self, key: PositionKey, market: CompoundV2Market) -> Sequence[Offer | Declined]:
        return offers.offers(key, market)

    def open_offers(self, market: CompoundV2Market) -> Sequence[Offer | Declined]:
        """Nothing stands open; markets that are set aside say so here, once each."""
        return offers.set_aside(market)

    def settle(self, offer: Offer, size: int, market: CompoundV2Market) -> Settlement:
        return settle.settle(offer, size, market)

    def after(self, offer: Offer, size: int, market: CompoundV2Market) -> CompoundV2Market:
        return settle.after(offer, size, market)


class CompoundV2Encoder:
    """Calls, events and refusals of cTokens."""

    def permissions(self, market: CompoundV2Market) -> Sequence[Permission]:
        return encode.permissions(market)

    def calls(
        self, offer: Offer, size: int, settlement: Settlement, market: CompoundV2Market, inner: bytes
    ) -> tuple[GuardedCall, ...]:
        return encode.calls(offer, size, settlement, market, inner)

    def realised(self, offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
        return encode.realised(offer, logs)

    def explain(self, revert: bytes) -> str:
        return errors.explain(revert)


class CompoundV2Cures:
    """What an owner can do before it is too late."""

    levers = staticmethod(cures.levers)
    moved = staticmethod(cures.moved)
    exposures = staticmethod(cures.exposures)
    parameters = staticmethod(cures.parameters)
    with_parameter = staticmethod(cures.with_parameter)
