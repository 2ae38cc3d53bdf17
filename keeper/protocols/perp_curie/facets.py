"""The functions by which this adapter meets the interface in `base`: this module is each of its facets."""

from keeper.protocols.perp_curie.cures import exposures, levers, moved, parameters, with_parameter
from keeper.protocols.perp_curie.encode import calls, permissions, realised
from keeper.protocols.perp_curie.errors import explain
from keeper.protocols.perp_curie.health import health, position
from keeper.protocols.perp_curie.offers import markets_set_aside as open_offers
from keeper.protocols.perp_curie.offers import offers
from keeper.protocols.perp_curie.screen import always_confirm, factors, rows
from keeper.protocols.perp_curie.settle import after, settle

__all__ = [
    "after", "always_confirm", "calls", "explain", "exposures", "factors", "health", "levers", "moved", "offers",
    "open_offers", "parameters", "permissions", "position", "realised", "rows", "settle", "with_parameter",
]  # fmt: skip
