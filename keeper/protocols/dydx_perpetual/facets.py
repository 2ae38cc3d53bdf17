"""The adapter's facets: names under which the functions of this package meet the interface in `base`."""

from collections.abc import Collection

from keeper.protocols.dydx_perpetual import cures, encode, errors, health, offers, screen, settle
from keeper.protocols.dydx_perpetual.market import DydxPerpetualMarket
from keeper.types import PositionKey


class DydxPerpetualHealth:
    """Screened in floats, decided in the contracts' integers."""

    rows = staticmethod(screen.rows)
    factors = staticmethod(screen.factors)
    position = staticmethod(health.position)
    health = staticmethod(health.health)  # last: from here on the name is this function's

    def always_confirm(self, market: DydxPerpetualMarket) -> Collection[PositionKey]:
        """Every account is linear."""
        del market
        return ()


class DydxPerpetualOffers:
    """Positions to take over."""

    after = staticmethod(settle.after)
    settle = staticmethod(settle.settle)  # last: from here on the name is this function's
    open_offers = staticmethod(offers.market_set_aside)
    offers = staticmethod(offers.offers)  # last, as well


class DydxPerpetualEncoder:
    """Calls, events and reverts of the protocol."""

    permissions = staticmethod(encode.permissions)
    calls = staticmethod(encode.calls)
    realised = staticmethod(encode.realised)
    explain = staticmethod(errors.explain)


class DydxPerpetualCures:
    """What an owner can do before it is too late."""

    levers = staticmethod(cures.levers)
    moved = staticmethod(cures.moved)
    exposures = staticmethod(cures.exposures)
    parameters = staticmethod(cures.parameters)
    with_parameter = staticmethod(cures.with_parameter)
