"""The values of planning: funding, an opportunity with its exact numbers, and the plan made of them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keeper.protocols.base import Lender
from keeper.routing.base import RouteQuote
from keeper.types import Address, BlockTarget, Offer, Settlement, TokenAmount


class FundingKind(StrEnum):
    """Where the money to pay an offer may come from."""

    CALLBACK = "callback"
    """the protocol hands over what is seized before it is paid"""
    SWAP = "swap"
    """the pool that buys what is seized pays before it gets it"""
    FLASH_LOAN = "flash_loan"
    """a loan for the length of the transaction"""
    INVENTORY = "inventory"
    """the operator's own capital, in the vault"""


ALL_FUNDING: Final = frozenset(FundingKind)


@dataclass(frozen=True, slots=True)
class Funding:
    """Where the money to pay the offer comes from: a loan of `amount` that costs `fee`, both in the paid token.

    `amount` is what is borrowed (padded for accrual until the plan expires) and `fee` is owed on all of it.
    """

    lender: Lender
    amount: int
    fee: int


@dataclass(frozen=True, slots=True)
class Policy:
    """What a strategy allows, in numbers only: the pure part of a `[[strategy]]` table.

    `min_profit_usd` is US dollars times 10**18, net of gas. `floor_bps` is the share of the expected profit the
    executor must see on chain, so that a small adverse move does not revert a good liquidation. `batch` lets small ones
    share a transaction.
    """

    name: str
    deployments: tuple[str, ...]
    min_profit_usd: int
    max_hops: int
    floor_bps: int
    max_plans_per_block: int
    take_bad_debt: bool
    funding: frozenset[FundingKind] = ALL_FUNDING
    batch: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One call that takes an offer; of several in one transaction each is exact after the ones before it."""

    offer: Offer
    size: int
    settlement: Settlement


@dataclass(frozen=True, slots=True)
class Opportunity:
    """One position's offer, sized, routed and funded; every number exact at the target block.

    `offer` and `size` are of the call it goes by: the only one, the last of several on one pair, the first of several
    purchases. `settlement` is of all of them, and `steps` lists the calls where they are several. `profit` is what
    reaches the treasury, before gas; `net_usd` (times 10**18) is after gas. `gas_cost_wei` counts what the chain
    charges for the transaction's data as well.
    """

    strategy: str
    offer: Offer
    size: int
    settlement: Settlement
    route: RouteQuote
    funding: Funding
    profit: TokenAmount
    gas: int
    gas_cost_wei: int
    profit_usd: int
    net_usd: int
    steps: tuple[Step, ...] = ()

    @property
    def calls(self) -> tuple[Step, ...]:
        """Every call, in order."""
        return self.steps or (Step(self.offer, self.size, self.settlement),)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one transaction does. `data` calls the executor; it refuses unless `min_profit` of the token is met.

    `max_block` is the last block it may land in and `target.expires_at` the last timestamp. `items` are the plans of a
    batch, each as it would be alone; the batch's own opportunity is their sum.
    """

    id: str
    opportunity: Opportunity
    target: BlockTarget
    executor: Address
    data: bytes
    min_profit: int
    max_block: int
    gas_limit: int
    items: tuple["Plan", ...] = ()

    @property
    def parts(self) -> tuple["Plan", ...]:
        """Every plan in it: its items, or itself."""
        return self.items or (self,)
