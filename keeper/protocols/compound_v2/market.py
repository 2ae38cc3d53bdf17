"""A comptroller and its markets at one block, frozen.

Accounts are a version of the ledger plus a small overlay, so that a million of them cost nothing per block and the
market after a liquidation is another overlay.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from keeper.protocols.compound_v2 import math
from keeper.protocols.compound_v2.account import EMPTY, Account
from keeper.protocols.compound_v2.ctoken import CToken
from keeper.protocols.compound_v2.rules import Contracts, Rules
from keeper.protocols.ledger import Ledger
from keeper.types import Address, BlockHead, BlockTarget, PositionKey, TokenPrice
from keeper.units import WAD, mul_div


@dataclass(frozen=True, slots=True)
class CompoundV2Market:
    """One deployment at one block; amounts are projected to `target`.

    `tokens` are in the roster's order. `vai` is what accounts owe in Venus's stablecoin, in dollars times 10**18.
    """

    deployment: str
    head: BlockHead
    target: BlockTarget
    contracts: Contracts
    rules: Rules
    tokens: tuple[CToken, ...]
    places: Mapping[Address, int]
    ledger: Ledger[Account]
    vai: Mapping[PositionKey, int] = field(default_factory=dict)
    overlay: Mapping[PositionKey, Account] = field(default_factory=dict)
    remembered: dict[tuple[PositionKey, object], math.Terms] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Terms already worked out of this very market: sizing an offer asks for them hundreds of times."""

    def at(self, target: BlockTarget) -> Self:
        """Project to another block; rates hold, so this is exact until somebody touches a market."""
        return replace(self, target=target, tokens=tuple(token.projected(target) for token in self.tokens))

    def with_prices(self, prices: Mapping[Address, int]) -> Self:
        """Replace prices by underlying token, in the oracle's unit; 0 is unknown."""
        known = {token: price if price > 0 else None for token, price in prices.items()}
        changed = (
            replace(t, price=known[t.listing.underlying]) if t.listing.underlying in known else t for t in self.tokens
        )
        return replace(self, tokens=tuple(changed))

    def token_prices(self) -> Mapping[Address, TokenPrice]:
        """Price every token with a known price in US dollars times 10**18, rounded down; the first market's counts."""
        found: dict[Address, TokenPrice] = {}
        for token in self.tokens:
            price, listing = token.usable_price, token.listing
            if price is not None and listing.underlying not in found:
                whole = mul_div(price, 10**listing.decimals, WAD)
                found[listing.underlying] = TokenPrice(whole, listing.decimals, token.price_updated_at)

        return found

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

    def with_tokens(self, changes: Mapping[int, CToken]) -> Self:
        """The same market with these cTokens, by place, replaced."""
        return replace(self, tokens=tuple(changes.get(i, token) for i, token in enumerate(self.tokens)))
