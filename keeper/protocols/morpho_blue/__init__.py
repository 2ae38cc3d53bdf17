"""Morpho Blue: isolated markets anybody may create, all in one contract.

Start with `math`; `isolated` is one market at one block, `pre_liquidation` what borrowers may opt in
to. The front door is `build`.
"""

from keeper.protocols.base import Adapter
from keeper.protocols.morpho_blue import facets
from keeper.protocols.morpho_blue.market import MorphoBlueMarket
from keeper.protocols.morpho_blue.state import MorphoBlueSync
from keeper.types import Address

ADAPTER = "morpho_blue"

__all__ = ["ADAPTER", "MorphoBlueMarket", "build"]


def build(name: str, morpho: Address, pre_liquidation_factory: Address | None = None) -> Adapter[MorphoBlueMarket]:
    """Assemble the adapter of one deployment; its markets, and who opted in to what, are found in logs."""
    return Adapter(
        name=name,
        adapter=ADAPTER,
        sync=MorphoBlueSync(name, morpho, pre_liquidation_factory),
        health=facets,
        offers=facets,
        encoder=facets,
        lenders=facets,
        cures=facets,
    )
