"""Perp v2 (Curie): perpetuals whose positions are taken over, and left again through the protocol's own pools.

Start with `math`; `takeover` is one liquidation from end to end. The front door is `build`.
"""

from keeper.protocols.base import Adapter
from keeper.protocols.perp_curie import facets
from keeper.protocols.perp_curie.market import PerpCurieMarket
from keeper.protocols.perp_curie.state import PerpCurieSync
from keeper.types import Address

ADAPTER = "perp_curie"

__all__ = ["ADAPTER", "PerpCurieMarket", "build"]


def build(name: str, clearing_house: Address) -> Adapter[PerpCurieMarket]:
    """Assemble the adapter of one deployment; its markets are found in its logs."""
    return Adapter(
        name=name,
        adapter=ADAPTER,
        sync=PerpCurieSync(name, clearing_house),
        health=facets,
        offers=facets,
        encoder=facets,
        lenders=None,
        cures=facets,
    )
