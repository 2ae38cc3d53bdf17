"""Compound V3 (Comet): one base token per market, whose protocol absorbs positions and sells what it absorbed.

Start with `math`; `offers` says what is for sale and when. The front door is `build`.
"""

from keeper.protocols.base import Adapter
from keeper.protocols.compound_v3 import facets
from keeper.protocols.compound_v3.market import CompoundV3Market
from keeper.protocols.compound_v3.state import CompoundV3Sync
from keeper.types import Address

ADAPTER = "compound_v3"

__all__ = ["ADAPTER", "CompoundV3Market", "build"]


def build(name: str, comet: Address, price_token: Address | None = None) -> Adapter[CompoundV3Market]:
    """Assemble the adapter of one market; `price_token` is what its feeds are quoted in, US dollars where None."""
    return Adapter(
        name=name,
        adapter=ADAPTER,
        sync=CompoundV3Sync(name, comet, price_token),
        health=facets,
        offers=facets,
        encoder=facets,
        lenders=None,
        cures=facets,
    )
