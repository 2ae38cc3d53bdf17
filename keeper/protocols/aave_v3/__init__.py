"""Aave V3, and the forks that kept its contracts: Spark and others on 3.0 rules, Aave itself up to 3.7.

Start with `rules`, then `math`; `sizes` says which repayments are legal. What both releases do alike
is `keeper.protocols.aave`. The front door is `build`.
"""

from keeper.protocols.aave_v3 import facets
from keeper.protocols.aave_v3.market import AaveV3Market
from keeper.protocols.aave_v3.state import AaveV3Sync
from keeper.protocols.base import Adapter
from keeper.types import Address

ADAPTER = "aave_v3"

__all__ = ["ADAPTER", "AaveV3Market", "build"]


def build(name: str, addresses_provider: Address) -> Adapter[AaveV3Market]:
    """Assemble the adapter of one deployment; everything but the provider's address is read from the chain."""
    return Adapter(
        name=name,
        adapter=ADAPTER,
        sync=AaveV3Sync(name, addresses_provider),
        health=facets,
        offers=facets,
        encoder=facets,
        lenders=facets,
        cures=facets,
    )
