"""What can be done about a position before it is liquidated: the one facet that margin calls need of an adapter.

Levers are what its owner can move, exposures the prices it hangs on, parameters what governance can change under it.
How much of which is found by search elsewhere, the same way for every protocol.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeVar

from keeper.types import Address, PositionKey

M = TypeVar("M")


class Action(StrEnum):
    """What an owner can do: the first two cure, the last pays for the second one."""

    DEPOSIT = "deposit"
    REPAY = "repay"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class Lever:
    """One thing to move, in base units of `token`: what there is of it now, and the most that may be moved."""

    action: Action
    token: Address
    now: int
    most: int


@dataclass(frozen=True, slots=True)
class Exposure:
    """A price a position hangs on.

    `price_id` is what `Market.with_prices` knows it by, `price` the protocol's own number, `unit` of which make one
    whole `quote` (a US dollar for None) per whole token; 0 where that depends on decimals the protocol never asks for.
    """

    token: Address
    price_id: Address
    price: int
    unit: int
    quote: Address | None = None


class Parameter(NamedTuple):
    """Something governance can change; `token` is None where it holds for the whole deployment."""

    name: str
    token: Address | None


class CureModel(Protocol[M]):
    """Optional facet. Pure; whatever it returns is another market, the one it was handed stays as it is."""

    def levers(self, key: PositionKey, market: M) -> Sequence[Lever]:
        """What can be moved, in the order it is to be shown; nothing that the protocol would refuse at present."""
        ...

    def moved(self, key: PositionKey, lever: Lever, amount: int, market: M) -> M | None:
        """The market right after the owner moved so much, at its target; None where the protocol would refuse."""
        ...

    def exposures(self, key: PositionKey, market: M) -> Sequence[Exposure]:
        """The prices that decide this position, each once."""
        ...

    def parameters(self, market: M) -> Mapping[Parameter, int]:
        """Everything governance can change that decides health, or what is lost with it; flags are 0 or 1."""
        ...

    def with_parameter(self, parameter: Parameter, value: int, market: M) -> M:
        """The market with one of its own parameters changed."""
        ...
