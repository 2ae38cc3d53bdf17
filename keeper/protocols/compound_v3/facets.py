"""The functions by which this adapter meets the interface in `base`: this module is each of its facets."""

from keeper.protocols.compound_v3.cures import exposures, levers, moved, parameters, with_parameter
from keeper.protocols.compound_v3.encode import calls, permissions, realised
from keeper.protocols.compound_v3.errors import explain
from keeper.protocols.compound_v3.health import health, position
from keeper.protocols.compound_v3.offers import offers, open_offers
from keeper.protocols.compound_v3.screen import always_confirm, factors, rows
from keeper.protocols.compound_v3.settle import after, settle

__all__ = [
    "after", "always_confirm", "calls", "explain", "exposures", "factors", "health", "levers", "moved", "offers",
    "open_offers", "parameters", "permissions", "position", "realised", "rows", "settle", "with_parameter",
]  # fmt: skip
