"""One perpetual market and all its accounts at one block, frozen."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Self

from keeper.protocols.dydx_perpetual import math
from keeper.protocols.dydx_perpetual.account import EMPTY
from keeper.protocols.dydx_perpetual.math import Index, Signed
from keeper.protocols.dydx_perpetual.trade import Account, Terms
from keeper.protocols.ledger import Ledger
from keeper.types import Address, BlockHead, BlockTarget, PositionKey, TokenPrice
from keeper.units import USD


@dataclass(frozen=True, slots=True)
class Taker:
    """The margin account that takes positions over, and what it is meant to keep.

    `collateral_bps` is the least it must have of what it owes after a takeover; `exit_cost_bps` the share of what it
    took on that stays in it, for leaving the position elsewhere.
    """

    account: Address
    collateral_bps: int
    exit_cost_bps: int


@dataclass(frozen=True, slots=True)
class Contracts:
    """The addresses of a deployment, and its settlement token; `is_usd` says that this counts as one US dollar."""

    perpetual: Address
    proxy: Address
    token: Address
    decimals: int
    is_usd: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """What was read of the contracts; `index` is the global one as stored, `rate` what it moves by per second.

    `refuses` says in the contracts' own words why nothing can be liquidated, `trouble` why nothing can be decided;
    both are empty where all is well.
    """

    index: Index
    rate: Signed
    price: int
    min_collateral: int
    insurance_fee: int
    refuses: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class DydxPerpetualMarket:
    """One deployment at one block; amounts are projected to `target`. A market is equal to itself alone."""

    deployment: str
    head: BlockHead
    target: BlockTarget
    contracts: Contracts
    taker: Taker
    rules: Rules
    ledger: Ledger[Account]
    overlay: Mapping[PositionKey, Account] = field(default_factory=dict)

    def at(self, target: BlockTarget) -> Self:
        """Project to another block: funding runs on at the rate and the price there are now."""
        return replace(self, target=target)

    def with_prices(self, prices: Mapping[Address, int]) -> Self:
        """Replace the price, by the perpetual's address; 0 is unknown."""
        price = prices.get(self.contracts.perpetual)
        if price is None:
            return self

        return replace(self, rules=replace(self.rules, price=price, trouble=trouble_with(price)))

    def token_prices(self) -> Mapping[Address, TokenPrice]:
        """Price the settlement token, where it is meant to be a US dollar: the protocol itself never asks."""
        contracts = self.contracts
        return {contracts.token: TokenPrice(USD, contracts.decimals)} if contracts.is_usd else {}

    # Inside the adapter -------------------------------------------------------------------------------------------

    @property
    def taker_key(self) -> PositionKey:
        """The margin account as a position."""
        return PositionKey(self.taker.account)

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

    def with_accounts(self, changes: Mapping[PositionKey, Account], index: Index) -> Self:
        """The same market with these accounts replaced, and the global index as they were settled at."""
        rules = replace(self.rules, index=index)
        return replace(self, rules=rules, overlay={**self.overlay, **changes})


@lru_cache(maxsize=64)
def terms_of(market: DydxPerpetualMarket) -> Terms:
    """What a call that lands at the market's target meets."""
    rules = market.rules
    now = max(market.target.timestamp, rules.index.timestamp)
    funding = math.funding_over(rules.rate, now - rules.index.timestamp)
    index = math.advanced(rules.index, now, funding, rules.price)
    return Terms(index, rules.price, rules.min_collateral, rules.insurance_fee)


def trouble_with(price: int) -> str:
    """What is wrong with a price, nothing where it is one."""
    return "" if price > 0 else "the oracle gives no price"
