"""The functions by which this adapter meets the interface in `base`: this module is each of its facets."""

from keeper.protocols.aave.encode import calls, realised
from keeper.protocols.aave.offer import open_offers
from keeper.protocols.aave_v3.cures import exposures, levers, moved, parameters, with_parameter
from keeper.protocols.aave_v3.errors import explain
from keeper.protocols.aave_v3.health import health, position
from keeper.protocols.aave_v3.lenders import lenders
from keeper.protocols.aave_v3.offers import offers
from keeper.protocols.aave_v3.permissions import permissions
from keeper.protocols.aave_v3.screen import always_confirm, factors, rows
from keeper.protocols.aave_v3.settle import after, settle

__all__ = [
    "after", "always_confirm", "calls", "explain", "exposures", "factors", "health", "lenders", "levers", "moved",
    "offers", "open_offers", "parameters", "permissions", "position", "realised", "rows", "settle",
    "with_parameter",
]  # fmt: skip
