"""One folder per protocol: state, math, offers and encoding, all pure; `base` names the facets they share."""

from typing import Final

TWINS: Final = frozenset({"compound_v3", "dydx_perpetual", "maker"})
"""Adapters tested on our own twins of the contracts, which no package registry carries, and not on these themselves."""
