"""The functions by which this adapter meets the interface in `base`: this module is each of its facets."""

from keeper.protocols.morpho_blue.cures import exposures, levers, moved, parameters, with_parameter
from keeper.protocols.morpho_blue.encode import calls, permissions, realised
from keeper.protocols.morpho_blue.errors import explain
from keeper.protocols.morpho_blue.health import health, position
from keeper.protocols.morpho_blue.lenders import lenders
from keeper.protocols.morpho_blue.offers import offers
from keeper.protocols.morpho_blue.offers import set_aside as open_offers
from keeper.protocols.morpho_blue.screen import always_confirm, factors, rows
from keeper.protocols.morpho_blue.settle import after, settle

__all__ = [
    "after", "always_confirm", "calls", "explain", "exposures", "factors", "health", "lenders", "levers", "moved",
    "offers", "open_offers", "parameters", "permissions", "position", "realised", "rows", "settle",
    "with_parameter",
]  # fmt: skip
