"""What the referee needs of a protocol: who can be liquidated, which calls do it, and what its events say was done.

A part asks and tries the protocol's own contracts. It repeats none of their rules: no health, no close factor, no
bonus, no rounding. What it cannot ask, it finds out by trying.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from referee.chain import View
from referee.probe import Loan, Pair, Subject, Trial
from referee.rpc import Rpc

USD_UNIT = 10**8

Funds = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Holder:
    """A position that can be liquidated and the sizes to try it at, by pair.

    health: the contract's own measure, for the eye. fingerprint: the bytes of everything that its trials depend on;
    while they are the same, what was tried need not be tried again.
    """

    subject: Subject
    health: int
    fingerprint: bytes
    sizes: Mapping[Pair, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Reading:
    """A deployment at one block.

    dollars: prices of whole tokens in units of USD_UNIT by the deployment's own oracle, where it has one; 0 where it is
    silent. loans: the flash loans it offers.
    """

    holders: Sequence[Holder]
    dollars: Mapping[str, int] = field(default_factory=dict)
    loans: Sequence[Loan] = ()


@dataclass(frozen=True, slots=True)
class Liquidation:
    """A liquidation as a deployment's event says it; base units, None where the event does not say."""

    tx_hash: str
    block: int
    subject: Subject
    collateral: str
    debt: str
    repaid: int | None
    seized: int | None
    liquidator: str


class Part(Protocol):
    """One deployment, followed from block to block."""

    @property
    def name(self) -> str:
        """Its name in the manifest and in the report."""
        ...

    @property
    def accounts(self) -> int:
        """How many accounts were ever found that owe."""
        ...

    @property
    def tokens(self) -> Sequence[str]:
        """Tokens that trials pay with or gain."""
        ...

    @property
    def claims(self) -> Sequence[str]:
        """Tokens of the deployment's own, such as receipts and debts, which an executor must not hold either."""
        ...

    def learn(self, rpc: Rpc, span: tuple[int, int]) -> None:
        """Take in accounts and markets from the logs of a span of blocks, both ends included."""
        ...

    def read(self, view: View, funds: Funds) -> Reading:
        """Read one block; funds: the state overrides that give the probe a balance of every token."""
        ...

    def trial(self, pair: Pair, size: int) -> Trial:
        """Say which calls take a pair at a size."""
        ...

    def liquidations(self, rpc: Rpc, span: tuple[int, int]) -> list[Liquidation]:
        """Return every liquidation of a span of blocks, whoever made it."""
        ...
