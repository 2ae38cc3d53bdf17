"""Morpho Blue: isolated markets anybody may create, all in one contract.

Start with `math`; `isolated` is one market at one block. The front door is `build`.
"""

from keeper.protocols.base import Adapter
from keeper.protocols.morpho_blue.facets import MorphoBlueEncoder, MorphoBlueHealth, MorphoBlueLender, MorphoBlueOffers
from keeper.protocols.morpho_blue.market import MorphoBlueMarket
from keeper.protocols.morpho_blue.state import MorphoBlueSync
from keeper.types import Address

ADAPTER = "morpho_blue"

__all__ = ["ADAPTER", "MorphoBlueMarket", "build"]


def build(name: str, morpho: Address) -> Adapter[MorphoBlueMarket]:
    """Assemble the adapter of one deployment; its markets are found in its logs."""
    return Adapter(
        name=name,
        adapter=ADAPTER,
        sync=MorphoBlueSync(name, morpho),
        health=MorphoBlueHealth(),
        offers=MorphoBlueOffers(),
        encoder=MorphoBlueEncoder(),
        lenders=MorphoBlueLender(),
    )
