"""MakerDAO Liquidations 2.0: vaults put up for auction, and auctions whose price falls until somebody buys.

Start with `math`, `bark` and `auction`; `ilk` is one collateral type at one block. The front door is `build`.
"""

from keeper.protocols.base import Adapter
from keeper.protocols.maker import facets
from keeper.protocols.maker.discovery import Addresses
from keeper.protocols.maker.market import MakerMarket
from keeper.protocols.maker.state import MakerSync

ADAPTER = "maker"

__all__ = ["ADAPTER", "Addresses", "MakerMarket", "build"]


def build(name: str, named: Addresses) -> Adapter[MakerMarket]:
    """Assemble the adapter of one deployment; its Vat, Clippers and feeds are asked of the contracts named."""
    return Adapter(
        name=name,
        adapter=ADAPTER,
        sync=MakerSync(name, named),
        health=facets,
        offers=facets,
        encoder=facets,
        lenders=None,
        cures=facets,
    )
