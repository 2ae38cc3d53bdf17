"""What a block is planned from and what comes of it: values only, so that planning is a function of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from keeper.oracles.numeraire import Numeraire
from keeper.planning.base import Plan, Policy
from keeper.planning.data_fee import DataFee, plan_bytes
from keeper.planning.gas import GasTable
from keeper.planning.underway import Underway
from keeper.protocols.base import Adapter, Lender, Market
from keeper.routing.base import Liquidity
from keeper.types import Address, BlockTarget, Declined, Health, Offer, PositionKey

M = TypeVar("M", bound=Market)

Subject: TypeAlias = tuple[str, PositionKey | None]
"""A deployment and a position in it, or None for offers that stand without one."""


@dataclass(frozen=True, slots=True)
class View(Generic[M]):
    """One deployment as planning sees it: the offers found in its market, and the health of the positions behind."""

    adapter: Adapter[M]
    market: M
    healths: Mapping[PositionKey, Health]
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class PlanningInput:
    """Everything planning depends on, at one head.

    `ahead` are plans under way that no block has taken up, in the order they are to land: everything is planned
    behind them. `policies` are in order of preference. `gas_price_wei` is what a unit of gas is expected to cost at the
    target. `busy` subjects have a transaction in flight. `barred` names pools a strategy may not trade on, by its name.
    `max_block` is the last block a plan may land in. `lenders` are the sources of money that are no deployment.
    `data_fee` is what the chain charges for bytes, None where gas is all it charges. `search_budget` is how often a
    search for a better set than the best first may appraise an opportunity again, 0 for no search.
    """

    target: BlockTarget
    views: tuple[View[Any], ...]
    liquidity: Liquidity
    policies: tuple[Policy, ...]
    numeraire: Numeraire
    trusted: frozenset[Address]
    busy: frozenset[Subject]
    gas_price_wei: int
    executor: Address
    max_block: int
    gas: GasTable = field(default_factory=GasTable)
    barred: Mapping[str, frozenset[Address]] = field(default_factory=dict)
    lenders: tuple[Lender, ...] = ()
    data_fee: DataFee | None = None
    search_budget: int = 40
    ahead: tuple[Underway, ...] = ()

    def data_fee_wei(self, hops: int, calls: int) -> int:
        """What the chain charges for the bytes of a plan of so many swaps and calls, at most."""
        return 0 if self.data_fee is None else self.data_fee.at_most_wei(plan_bytes(hops, calls))


@dataclass(frozen=True, slots=True)
class PlanningResult:
    """Plans in the order they are to be sent, and why every other subject got none, in the order of the input."""

    plans: tuple[Plan, ...]
    declined: tuple[Declined, ...]
