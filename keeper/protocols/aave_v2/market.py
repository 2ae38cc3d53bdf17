"""A pool at one block: reserves, prices and accounts, frozen.

Accounts are a version of the ledger plus a small overlay, so that a million of them cost nothing per block and the
market after a liquidation is another overlay.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from keeper.protocols.aave.roster import Roster
from keeper.protocols.aave_v2 import math
from keeper.protocols.aave_v2.account import EMPTY, Account
from keeper.protocols.aave_v2.discovery import Base
from keeper.protocols.aave_v2.reserve import Reserve
from keeper.protocols.ledger import Ledger
from keeper.types import Address, BlockHead, BlockTarget, PositionKey, TokenPrice
from keeper.units import WAD, mul_div


@dataclass(frozen=True, slots=True)
class AaveV2Market:
    """One deployment at one block; amounts are projected to `target`.

    `reserves` are in the roster's order, `base` is what their prices are quoted in. `set_aside` holds positions no
    linear form describes: those that owe at a stable rate.
    """

    deployment: str
    head: BlockHead
    target: BlockTarget
    pool: Address
    base: Base
    flash_premium: int
    paused: bool
    roster: Roster
    reserves: tuple[Reserve, ...]
    ledger: Ledger[Account]
    set_aside: frozenset[PositionKey]
    overlay: Mapping[PositionKey, Account] = field(default_factory=dict)
    remembered: dict[tuple[PositionKey, object], math.Terms] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Terms already worked out of this very market: sizing an offer asks for them hundreds of times."""

    def at(self, target: BlockTarget) -> Self:
        """Project to another block; rates hold, so this is exact until somebody touches a reserve.

        The market after a liquidation keeps the rates from before it: exact at its own target, close beyond.
        """
        return replace(self, target=target, reserves=tuple(r.projected(target.timestamp) for r in self.reserves))

    def with_prices(self, prices: Mapping[Address, int]) -> Self:
        """Replace prices by asset, in base currency per token; 0 is unknown."""
        known = {token: price if price > 0 else None for token, price in prices.items()}
        reserves = tuple(replace(r, price=known[r.asset]) if r.asset in known else r for r in self.reserves)
        return replace(self, reserves=reserves)

    def token_prices(self) -> Mapping[Address, TokenPrice]:
        """Price every asset with a known price times 10**18, rounded down, in what the oracle's prices are quoted in.

        The token they are quoted in is left out: its price in itself says nothing.
        """
        return {
            r.asset: TokenPrice(
                mul_div(r.price, WAD, self.base.unit), r.decimals, r.price_updated_at, quote=self.base.token
            )
            for r in self.reserves
            if r.price is not None and r.asset != self.base.token
        }

    # Inside the adapter -------------------------------------------------------------------------------------------

    def account(self, key: PositionKey) -> Account:
        """Return an account, the empty one for a stranger."""
        found = self.overlay.get(key)
        return found if found is not None else self.ledger.get(key) or EMPTY

    def accounts(self, keys: Collection[PositionKey] | None) -> Iterator[tuple[PositionKey, Account]]:
        """Yield these accounts, or all of them for None."""
        if keys is not None:
            yield from ((key, self.account(key)) for key in keys)
            return

        yield from self.overlay.items()
        yield from ((key, account) for key, account in self.ledger.items() if key not in self.overlay)

    def with_accounts(self, changes: Mapping[PositionKey, Account]) -> Self:
        """The same market with these accounts replaced."""
        return replace(self, overlay={**self.overlay, **changes})

    def with_reserves(self, changes: Mapping[int, Reserve]) -> Self:
        """The same market with these reserves, by place, replaced."""
        return replace(self, reserves=tuple(changes.get(i, r) for i, r in enumerate(self.reserves)))
