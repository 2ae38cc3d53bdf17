"""dYdX Perpetual V1: positions below their maintenance margin, taken over by an account that has margin of its own.

Start with `math`, then `trade`: one liquidation as the contracts carry it out. The front door is `build`.
"""

from keeper.protocols.base import Adapter
from keeper.protocols.dydx_perpetual import facets
from keeper.protocols.dydx_perpetual.market import DydxPerpetualMarket, Taker
from keeper.protocols.dydx_perpetual.state import DydxPerpetualSync
from keeper.types import Address

ADAPTER = "dydx_perpetual"

__all__ = ["ADAPTER", "DydxPerpetualMarket", "Taker", "build"]


def build(
    name: str, where: tuple[Address, Address], taker: Taker, *, is_usd: bool = False
) -> Adapter[DydxPerpetualMarket]:
    """Assemble the adapter of one deployment: PerpetualV1, its P1LiquidatorProxy, and the margin account."""
    return Adapter(
        name=name,
        adapter=ADAPTER,
        sync=DydxPerpetualSync(name, where, taker, is_usd=is_usd),
        health=facets,
        offers=facets,
        encoder=facets,
        lenders=None,
        cures=facets,
    )
