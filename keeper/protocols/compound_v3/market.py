"""A market at one block, frozen: indices, reserves, prices, stock, and the accounts as of that block.

Accounts are a version of the ledger plus a small overlay, so that a million of them cost nothing per block and the
market after an absorption is another overlay.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from keeper.protocols.compound_v3 import math
from keeper.protocols.compound_v3.account import EMPTY, Account
from keeper.protocols.compound_v3.listing import Collateral, Listing
from keeper.protocols.compound_v3.terms import PRICE_DECIMALS, Base, Held, RevertError, Terms, Totals
from keeper.protocols.ledger import Ledger
from keeper.types import Address, BlockHead, BlockTarget, PositionKey, TokenPrice
from keeper.units import WAD, mul_div

ABSORB_PAUSED: Final = 8
BUY_PAUSED: Final = 16
PRICE_UNIT: Final = 10**PRICE_DECIMALS


@dataclass(frozen=True, slots=True)
class Quoted:
    """A price as its feed gave it, None where it is unusable, and the feed's own time (unix s), None for none."""

    price: int | None
    updated_at: int | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """One collateral at one block: its price, what accounts hold of it and what the market has of it.

    `trouble` says why it is left alone; empty where it is not.
    """

    listed: Collateral
    quoted: Quoted
    total_supply: int
    balance: int
    trouble: str = ""

    @property
    def terms(self) -> Terms:
        """Its factors and its price."""
        return self.listed.terms._replace(price=self.quoted.price)

    @property
    def stock(self) -> int:
        """What the protocol itself owns of it; 0 where the contract could not say. Comet.getCollateralReserves."""
        return max(self.balance - self.total_supply, 0)

    def released(self, amount: int) -> "Asset":
        """The same after an account's holding became the protocol's."""
        return replace(self, total_supply=self.total_supply - amount)

    def sold(self, amount: int) -> "Asset":
        """The same after a purchase."""
        return replace(self, balance=self.balance - amount)


@dataclass(frozen=True, slots=True)
class CompoundV3Market:
    """One deployment at one block; `now` are the totals accrued to `target`.

    `balance` is what the market has of the base token. `price_token` is what prices are in where that is not the US
    dollar. `strays` are accounts whose debt was found to be another than their last event left. `trouble`: why nothing
    at all can be decided, empty where it can.
    """

    deployment: str
    head: BlockHead
    target: BlockTarget
    listing: Listing
    stored: Totals
    now: Totals
    base_quoted: Quoted
    balance: int
    pause_flags: int
    assets: tuple[Asset, ...]
    ledger: Ledger[Account]
    price_token: Address | None = None
    strays: frozenset[PositionKey] = frozenset()
    overlay: Mapping[PositionKey, Account] = field(default_factory=dict)
    trouble: str = ""
    absorbed: dict[PositionKey, "CompoundV3Market"] = field(default_factory=dict, init=False, repr=False, compare=False)
    """This very market after one account's absorption, worked out once: sizing asks for it hundreds of times."""

    def at(self, target: BlockTarget) -> Self:
        """Accrue to another block; exact until somebody supplies, borrows or repays."""
        now, trouble = accrued_to(self.stored, self.listing, target)
        return replace(self, target=target, now=now, trouble=trouble or self.trouble)

    def with_prices(self, prices: Mapping[Address, int]) -> Self:
        """Replace prices by token, in the feeds' unit (8 decimals); 0 is unknown."""
        known = {token: Quoted(price if price > 0 else None) for token, price in prices.items()}
        return replace(
            self,
            base_quoted=known.get(self.listing.base_token, self.base_quoted),
            assets=tuple(replace(a, quoted=known.get(a.listed.asset, a.quoted)) for a in self.assets),
        )

    def token_prices(self) -> Mapping[Address, TokenPrice]:
        """Price the base token and every collateral times 10**18, in US dollars or in `price_token`.

        The token they are quoted in is left out: its price in itself says nothing.
        """
        listing = self.listing
        quoted = [(listing.base_token, listing.base_decimals, self.base_quoted)]
        quoted += [(one.listed.asset, one.listed.decimals, one.quoted) for one in self.assets if not one.trouble]
        return {
            token: TokenPrice(mul_div(found.price, WAD, PRICE_UNIT), decimals, found.updated_at, quote=self.price_token)
            for token, decimals, found in quoted
            if found.price is not None and token != self.price_token
        }

    # Inside the adapter -------------------------------------------------------------------------------------------

    @property
    def base(self) -> Base:
        """The base token's unit and price."""
        return Base(self.listing.base_scale, self.base_quoted.price)

    @property
    def reserves(self) -> int:
        """What the protocol itself owns of the base token at the target, signed."""
        return math.reserves(self.balance, self.now)

    @property
    def is_selling(self) -> bool:
        """Whether the protocol sells collateral at the target."""
        return math.is_for_sale(self.reserves, self.listing.target_reserves)

    def is_paused(self, bit: int) -> bool:
        """Whether governance paused one of the actions."""
        return bool(self.pause_flags & bit)

    def collateral_of(self, account: Account) -> tuple[Held, ...]:
        """An account's collateral in the order of the assets."""
        return tuple(Held(amount, self.assets[offset].terms) for offset, amount in account.held)

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

    def with_totals(self, accrued: Totals) -> Self:
        """The same market after an action that accrued to the target and stored these totals."""
        return replace(self, stored=accrued, now=accrued)

    def with_assets(self, changes: Mapping[int, Asset]) -> Self:
        """The same market with these assets, by offset, replaced."""
        return replace(self, assets=tuple(changes.get(i, one) for i, one in enumerate(self.assets)))


def accrued_to(stored: Totals, listing: Listing, target: BlockTarget) -> tuple[Totals, str]:
    """Accrue to a block, or say why the contract could not."""
    try:
        return math.accrued(stored, listing.curves, target.timestamp), ""
    except RevertError as error:
        return stored, f"it cannot accrue: {error.name}"
