"""All markets of one Morpho at one block, frozen; only those somebody owes in are in it.

Borrowers are a version of the ledger plus a small overlay, so that many of them cost nothing per block and the
market after a liquidation is another overlay.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from keeper.protocols.ledger import Ledger
from keeper.protocols.morpho_blue.borrower import EMPTY, Borrower
from keeper.protocols.morpho_blue.isolated import IsolatedMarket
from keeper.protocols.morpho_blue.params import MarketId, market_of
from keeper.protocols.morpho_blue.pre_liquidation import PreLiquidation
from keeper.protocols.morpho_blue.roster import Roster
from keeper.types import Address, BlockHead, BlockTarget, PositionKey, TokenPrice


@dataclass(frozen=True, slots=True)
class MorphoBlueMarket:
    """One deployment at one block; amounts are projected to `target`.

    `isolated` are the markets somebody owes in, `balances` what Morpho holds of their tokens. `opted` are positions
    that authorised pre-liquidation contracts, `pre_prices` what those contracts' own oracles say.
    """

    deployment: str
    head: BlockHead
    target: BlockTarget
    morpho: Address
    roster: Roster
    isolated: Mapping[MarketId, IsolatedMarket]
    balances: Mapping[Address, int]
    ledger: Ledger[Borrower]
    overlay: Mapping[PositionKey, Borrower] = field(default_factory=dict)
    opted: Mapping[PositionKey, tuple[PreLiquidation, ...]] = field(default_factory=dict)
    pre_prices: Mapping[Address, int | None] = field(default_factory=dict)

    def at(self, target: BlockTarget) -> Self:
        """Project to another block; exact until somebody touches a market whose rate is known for any time.

        The market after a liquidation keeps the rates from before it: exact at its own target, close beyond.
        """
        isolated = {i: market.projected(target.timestamp) for i, market in self.isolated.items()}
        return replace(self, target=target, isolated=isolated)

    def with_prices(self, prices: Mapping[Address, int]) -> Self:
        """Replace prices by oracle, in the oracle's own scale; 0 is unknown."""
        isolated = {
            i: market.with_price(prices[market.params.oracle] or None) if market.params.oracle in prices else market
            for i, market in self.isolated.items()
        }
        known = {oracle: price or None for oracle, price in prices.items() if oracle in self.pre_prices}
        return replace(self, isolated=isolated, pre_prices={**self.pre_prices, **known})

    def token_prices(self) -> Mapping[Address, TokenPrice]:
        """Price nothing: a market's oracle compares two tokens, and anybody may have written it."""
        return {}

    # Inside the adapter -------------------------------------------------------------------------------------------

    def borrower(self, key: PositionKey) -> Borrower:
        """Return a borrower, the empty one for a stranger."""
        found = self.overlay.get(key)
        return found if found is not None else self.ledger.get(key) or EMPTY

    def borrowers(self, keys: Collection[PositionKey] | None) -> Iterator[tuple[PositionKey, Borrower]]:
        """Yield these borrowers, or all of them for None."""
        if keys is not None:
            yield from ((key, self.borrower(key)) for key in keys)
            return

        yield from self.overlay.items()
        yield from ((key, borrower) for key, borrower in self.ledger.items() if key not in self.overlay)

    def market_for(self, key: PositionKey) -> IsolatedMarket | None:
        """The market a position is in, None where nobody owes anything in it."""
        return self.isolated.get(market_of(key))

    def pre_price(self, terms: PreLiquidation, isolated: IsolatedMarket) -> int | None:
        """The price a pre-liquidation contract goes by: its market's own, or its own oracle's."""
        if terms.oracle == isolated.params.oracle:
            return isolated.usable_price

        return self.pre_prices.get(terms.oracle)

    def with_borrowers(self, changes: Mapping[PositionKey, Borrower]) -> Self:
        """The same market with these borrowers replaced."""
        return replace(self, overlay={**self.overlay, **changes})

    def with_isolated(self, changes: Mapping[MarketId, IsolatedMarket]) -> Self:
        """The same market with these markets replaced."""
        return replace(self, isolated={**self.isolated, **changes})

    def with_moved(self, moved: Mapping[Address, int]) -> Self:
        """The same market after Morpho's balances moved by these amounts, where they are known."""
        balances = {token: max(held + moved.get(token, 0), 0) for token, held in self.balances.items()}
        return replace(self, balances=balances)
