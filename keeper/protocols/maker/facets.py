"""The functions by which this adapter meets the interface in `base`: this module is each of its facets."""

from keeper.protocols.maker.cures import exposures, levers, moved, parameters, with_parameter
from keeper.protocols.maker.encode import calls, permissions
from keeper.protocols.maker.errors import explain
from keeper.protocols.maker.health import health, position
from keeper.protocols.maker.offers import offers, open_offers
from keeper.protocols.maker.realised import realised
from keeper.protocols.maker.screen import always_confirm, factors, rows
from keeper.protocols.maker.settle import after, settle

__all__ = [
    "after", "always_confirm", "calls", "explain", "exposures", "factors", "health", "levers", "moved", "offers",
    "open_offers", "parameters", "permissions", "position", "realised", "rows", "settle", "with_parameter",
]  # fmt: skip
