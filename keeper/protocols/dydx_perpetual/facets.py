"""The functions by which this adapter meets the interface in `base`: this module is each of its facets."""

from keeper.protocols.dydx_perpetual.cures import exposures, levers, moved, parameters, with_parameter
from keeper.protocols.dydx_perpetual.encode import calls, permissions, realised
from keeper.protocols.dydx_perpetual.errors import explain
from keeper.protocols.dydx_perpetual.health import health, position
from keeper.protocols.dydx_perpetual.offers import offers, open_offers
from keeper.protocols.dydx_perpetual.screen import always_confirm, factors, rows
from keeper.protocols.dydx_perpetual.settle import after, settle

__all__ = [
    "after", "always_confirm", "calls", "explain", "exposures", "factors", "health", "levers", "moved", "offers",
    "open_offers", "parameters", "permissions", "position", "realised", "rows", "settle", "with_parameter",
]  # fmt: skip
