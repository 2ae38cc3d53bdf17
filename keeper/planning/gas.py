"""What a plan's transaction will burn, from a table of its pieces: no estimate is asked of a node on the hot path.

The numbers come from configuration or from what earlier plans really used; the defaults are measured on the sandbox.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from keeper.routing.base import Hop
from keeper.units import bps_up

_LOANS: Final = MappingProxyType(
    {"swap": 0, "callback": 0, "vault": 60_000, "morpho": 60_000, "balancer_v2": 70_000}
    | {"erc3156": 90_000, "aave_v3": 70_000, "aave_v2": 90_000}
)
_TAKES: Final = MappingProxyType({"aave_v3": 260_000})
# Redeeming from a plain vault burns a third of this; one that first takes money out of markets burns it all.
_HOPS: Final = MappingProxyType(
    {
        "uniswap_v3": 110_000,
        "uniswap_v2": 120_000,
        "uniswap_v4": 150_000,
        "erc4626": 120_000,
        "wsteth": 90_000,
        "wrapped_native": 15_000,
    }
)


@dataclass(frozen=True, slots=True)
class GasTable:
    """Gas by piece: the frame itself, a loan by lender kind, taking an offer by adapter, a swap by venue kind.

    Each further call on the same position costs `again`: what it touches was touched before. A piece that is not
    listed counts as `unlisted`, which is meant to be too much. `limit_bps` is the gas limit over the expected gas: what
    a longer path through the same contracts may add; `first_sight` what a treasury's first units of two tokens do.
    """

    frame: int = 80_000
    loans: Mapping[str, int] = field(default_factory=lambda: _LOANS)
    takes: Mapping[str, int] = field(default_factory=lambda: _TAKES)
    hops: Mapping[str, int] = field(default_factory=lambda: _HOPS)
    again: int = 130_000
    unlisted: int = 500_000
    limit_bps: int = 14_000
    first_sight: int = 50_000

    def expected(
        self, adapter: str, lender_kind: str, route: tuple[Hop, ...], *, calls: int = 1, take: int | None = None
    ) -> int:
        """Add up the pieces of one plan that calls upon its position so often.

        `take` is what the offer itself says it burns; where it does, each further call counts as much.
        """
        swaps = sum(self.hops.get(hop.pool.kind, self.unlisted) for hop in route)
        first, again = (self.takes.get(adapter, self.unlisted), self.again) if take is None else (take, take)
        return self.frame + self.loans.get(lender_kind, self.unlisted) + first + (calls - 1) * again + swaps

    def limit(self, expected: int) -> int:
        """The gas limit of a plan expected to burn this much, rounded up."""
        return bps_up(expected, self.limit_bps) + self.first_sight
