"""Compound V2 and the forks that kept its cTokens: Venus's core pool, Benqi, Moonwell.

Start with `math`; `sizes` says which repayments are legal. The front door is `build`.
"""

from keeper.protocols.base import Adapter
from keeper.protocols.compound_v2 import facets
from keeper.protocols.compound_v2.market import CompoundV2Market
from keeper.protocols.compound_v2.state import CompoundV2Sync
from keeper.types import Address

ADAPTER = "compound_v2"

__all__ = ["ADAPTER", "CompoundV2Market", "build"]


def build(name: str, comptroller: Address, wrapped_native: Address | None = None) -> Adapter[CompoundV2Market]:
    """Assemble the adapter of one deployment; without `wrapped_native` a market of the native asset is set aside."""
    return Adapter(
        name=name,
        adapter=ADAPTER,
        sync=CompoundV2Sync(name, comptroller, wrapped_native),
        health=facets,
        offers=facets,
        encoder=facets,
        lenders=None,
        cures=facets,
    )
