"""A pool at one block: reserves, categories, prices and accounts, frozen.

Accounts are a version of the ledger plus a small overlay, so that a million of them cost nothing per block and the
market after a liquidation is another overlay.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from keeper.protocols.aave.roster import Roster
from keeper.protocols.aave_v3 import math
from keeper.protocols.aave_v3.account import EMPTY, Account
from keeper.protocols.aave_v3.reserve import EMode, Reserve
from keeper.protocols.aave_v3.rules import Rules
from keeper.protocols.ledger import Ledger
from keeper.types import Address, BlockHead, BlockTarget, PositionKey, TokenPrice
from keeper.units import USD, mul_div


@dataclass(frozen=True, slots=True)
class AaveV3Market:
    """One deployment at one block; amounts are projected to `target`.

    `reserves` are in the roster's order. `base_unit` makes one US dollar of the oracle's base currency.
    `liquidations_allowed` is the sentinel's word at the head. `set_aside` holds positions no linear form describes.
    """

    deployment: str
    head: BlockHead
    target: BlockTarget
    rules: Rules
    pool: Address
    base_unit: int
    flash_premium: int
    liquidations_allowed: bool
    roster: Roster
    reserves: tuple[Reserve, ...]
    emodes: Mapping[int, EMode]
    ledger: Ledger[Account]
    set_aside: frozenset[PositionKey]
    overlay: Mapping[PositionKey, Account] = field(default_factory=dict)
    remembered: dict[tuple[PositionKey, object], math.Terms] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Terms already worked out of this very market: sizing an offer asks for them hundreds of times."""
    projections: dict[int, tuple[Reserve, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Reserves already projected, by timestamp: bounding a full close asks for those of the last block each time."""

    def at(self, target: BlockTarget) -> Self:
        """Project to another block; rates hold, so this is exact until somebody touches a reserve.

        The market after a liquidation keeps the rates from before it: exact at its own target, close beyond.
        """
        reserves = self.projections.get(target.timestamp)
        if reserves is None:
            reserves = tuple(r.projected(target.timestamp, self.rules) for r in self.reserves)
            self.projections[target.timestamp] = reserves

        return replace(self, target=target, reserves=reserves)

    def with_prices(self, prices: Mapping[Address, int]) -> Self:
        """Replace prices by asset (or eMode price source), in base currency per token; 0 is unknown."""
        known = {token: price if price > 0 else None for token, price in prices.items()}
        reserves = tuple(replace(r, price=known[r.asset]) if r.asset in known else r for r in self.reserves)
        emodes = {
            i: replace(e, price=known[e.price_source]) if e.price_source is not None and e.price_source in known else e
            for i, e in self.emodes.items()
        }
        return replace(self, reserves=reserves, emodes=emodes)

    def token_prices(self) -> Mapping[Address, TokenPrice]:
        """Price every asset with a known price, in US dollars times 10**18, rounded down."""
        return {
            r.asset: TokenPrice(mul_div(r.price, USD, self.base_unit), r.decimals, r.price_updated_at)
            for r in self.reserves
            if r.price is not None
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

    def emode_of(self, account: Account) -> EMode | None:
        """Return the category an account is in, None for none or one the pool does not know."""
        return self.emodes.get(account.emode) if account.emode else None

    def with_accounts(self, changes: Mapping[PositionKey, Account]) -> Self:
        """The same market with these accounts replaced."""
        return replace(self, overlay={**self.overlay, **changes})

    def with_reserves(self, changes: Mapping[int, Reserve]) -> Self:
        """The same market with these reserves, by place, replaced."""
        return replace(self, reserves=tuple(changes.get(i, r) for i, r in enumerate(self.reserves)))
