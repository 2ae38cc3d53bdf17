"""Aave V2, and the forks that kept its contracts: half of a debt at most, prices in ether, debt at stable rates too.

Start with `math`; `sizes` says which repayments are legal. What both releases do alike
is `keeper.protocols.aave`. The front door is `build`.
"""

from keeper.protocols.aave_v2 import facets
from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.protocols.aave_v2.state import AaveV2Sync
from keeper.protocols.base import Adapter
from keeper.types import Address

ADAPTER = "aave_v2"

__all__ = ["ADAPTER", "AaveV2Market", "build"]


def build(name: str, addresses_provider: Address) -> Adapter[AaveV2Market]:
    """Assemble the adapter of one deployment; everything but the provider's address is read from the chain."""
    return Adapter(
        name=name,
        adapter=ADAPTER,
        sync=AaveV2Sync(name, addresses_provider),
        health=facets,
        offers=facets,
        encoder=facets,
        lenders=facets,
        cures=facets,
    )
