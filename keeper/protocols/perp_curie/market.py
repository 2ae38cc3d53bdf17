"""All markets and accounts of one deployment at one block, frozen.

Accounts are a version of the ledger plus a small overlay, so that many of them cost nothing per block and the market
after a liquidation is another overlay.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from keeper.protocols.ledger import Ledger
from keeper.protocols.perp_curie.account import EMPTY, Account
from keeper.protocols.perp_curie.instrument import Instrument
from keeper.types import Address, BlockHead, BlockTarget, PositionKey, TokenPrice, account_of
from keeper.units import USD


@dataclass(frozen=True, slots=True)
class Contracts:
    """The addresses of a deployment; all but the first are asked of it."""

    clearing_house: Address
    config: Address
    vault: Address
    exchange: Address
    order_book: Address
    account_balance: Address
    insurance_fund: Address
    collateral_manager: Address
    market_registry: Address
    settlement_token: Address
    decimals: int


@dataclass(frozen=True, slots=True)
class Rules:
    """Ratios in millionths, and what bounds deposits; `balance_cap` and `vault_tokens` in settlement tokens."""

    im_ratio: int
    mm_ratio: int
    penalty_ratio: int
    balance_cap: int
    vault_tokens: int
    insurance_tokens: int
    paused: bool


@dataclass(frozen=True, slots=True)
class Collateral:
    """A token deposited beside the settlement token; its price, and the share of its value that counts.

    `price` has `price_decimals`; None where its feed does not answer.
    """

    decimals: int
    price: int | None
    price_decimals: int
    ratio: int


UNKNOWN_COLLATERAL: Final = Collateral(18, None, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class PerpCurieMarket:
    """One deployment at one block; amounts are projected to `target`. A market is equal to itself alone.

    `places` are the slots of base tokens and collateral tokens in the screen. `makers` provide liquidity somewhere.
    """

    deployment: str
    head: BlockHead
    target: BlockTarget
    contracts: Contracts
    rules: Rules
    instruments: Mapping[Address, Instrument]
    places: Mapping[Address, int]
    collaterals: Mapping[Address, Collateral]
    insurance: Account
    ledger: Ledger[Account]
    makers: frozenset[PositionKey] = frozenset()
    overlay: Mapping[PositionKey, Account] = field(default_factory=dict)

    def at(self, target: BlockTarget) -> Self:
        """Project to another block; exact until somebody trades or a feed answers anew."""
        found = {base: one.at(target.timestamp) for base, one in self.instruments.items()}
        return replace(self, target=target, instruments=found)

    def with_prices(self, prices: Mapping[Address, int]) -> Self:
        """Replace mark prices by base token, US dollars times 10**18; 0 is unknown."""
        found = {
            base: one.with_price(prices[base]) if base in prices else one for base, one in self.instruments.items()
        }
        return replace(self, instruments=found)

    def token_prices(self) -> Mapping[Address, TokenPrice]:
        """Price the settlement token only: the protocol counts it as one US dollar."""
        return {self.contracts.settlement_token: TokenPrice(USD, self.contracts.decimals)}

    # Inside the adapter -------------------------------------------------------------------------------------------

    def account(self, key: PositionKey) -> Account:
        """Return an account, the empty one for a stranger."""
        if account_of(key) == self.contracts.insurance_fund:
            return self.insurance

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

    def with_instrument(self, one: Instrument) -> Self:
        """The same market with one of its markets replaced."""
        return replace(self, instruments={**self.instruments, one.base: one})
