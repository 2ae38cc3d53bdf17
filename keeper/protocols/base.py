"""The facets an adapter offers; everything downstream of it sees only these.

Wherever a facet is handed a market, that market is immutable and belongs to one block: the same questions get the
same answers forever, which is what makes a pass replayable.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from keeper.protocols.calls import GuardedCall, Permission
from keeper.protocols.cures import CureModel
from keeper.protocols.reads import Reads
from keeper.types import (
    Address,
    BlockHead,
    BlockTarget,
    Declined,
    Health,
    Log,
    LogQuery,
    Offer,
    Position,
    PositionKey,
    Rejected,
    Settlement,
    TokenPrice,
)


class Market(Protocol):
    """One deployment at one block: prices, indices, parameters and the positions as of that block."""

    @property
    def head(self) -> BlockHead:
        """The block everything was read at."""
        ...

    @property
    def target(self) -> BlockTarget:
        """The block that amounts are projected to."""
        ...

    def at(self, target: BlockTarget) -> Self:
        """Project the same state to another block; pure, so "when does this pay" is a search over it."""
        ...

    def with_prices(self, prices: Mapping[Address, int]) -> Self:
        """Replace prices by token, or by oracle where each market has its own; in the protocol's own price unit."""
        ...

    def token_prices(self) -> Mapping[Address, TokenPrice]:
        """Prices other stages may value amounts with; a token whose price is unknown, zero or negative is absent."""
        ...


M = TypeVar("M", bound=Market)
M_contra = TypeVar("M_contra", bound=Market, contravariant=True)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a batch of logs did: positions touched, and sources that must now be read as well, over the same range."""

    touched: frozenset[PositionKey] = frozenset()
    new_sources: tuple[LogQuery, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One saved piece of a deployment's state; `key` is unique within it, `value` is the adapter's own encoding."""

    key: bytes
    value: bytes


class StateSync(Protocol[M]):
    """Keeps a deployment's state by logs, and rereads what logs cannot tell.

    Invariant: after `apply` of every log up to block n, `observe` at n yields the chain's own numbers.
    """

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Read what must be known before the first log: addresses, reserves, rule version."""
        ...

    def sources(self) -> tuple[LogQuery, ...]:
        """The logs this state is made from."""
        ...

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold logs in, ordered by block and index; `DecodeError` stops the deployment."""
        ...

    def reread(self, keys: Collection[PositionKey], head: BlockHead) -> Reads[None]:
        """Replace the state of these positions by the chain's: after a reorg, and for the self-audit."""
        ...

    def observe(self, head: BlockHead, target: BlockTarget) -> Reads[M]:
        """Read what changes without a log (prices, foremost) and freeze the market of this block."""
        ...

    def preceding(self, parent: M, logs: Sequence[Log], target: BlockTarget) -> M:
        """The market just before a point inside a block: its parent's market and the block's logs before that point.

        Used to settle: what our own transaction met. `target` is the block it landed in. Does not touch the
        state of the sync itself.
        """
        ...

    def save(self, keys: Collection[PositionKey] | None) -> Iterable[Row]:
        """Rows for these positions and whatever else changed; None saves everything."""
        ...

    def restore(self, rows: Iterable[Row]) -> None:
        """Take back what `save` gave, instead of reading all logs again."""
        ...


@dataclass(frozen=True, slots=True)
class HealthRow:
    """A position as two sparse linear forms over factor slots: (slot, quantity) pairs, quantities exact."""

    key: PositionKey
    cover: tuple[tuple[int, int], ...]
    required: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Factors:
    """What one unit of quantity is worth per slot, already tilted to over-select.

    `cover`, `required`: float64[n_slots], base currency per quantity. `slack`: float64[n_slots], base currency
    per entry, an absolute bound on what integer truncation can move. A position is suspect iff
    sum(q * cover) - sum(q * required) < sum of slack over its entries.
    """

    cover: NDArray[np.float64]
    required: NDArray[np.float64]
    slack: NDArray[np.float64]


class HealthModel(Protocol[M_contra]):
    """Health, screened in floats and decided in integers."""

    def rows(self, keys: Collection[PositionKey] | None, market: M_contra) -> Iterable[HealthRow]:
        """Linear forms of these positions, all of them for None; a position without debt gives an empty `required`."""
        ...

    def factors(self, market: M_contra) -> Factors:
        """Per-slot factors of this block."""
        ...

    def always_confirm(self, market: M_contra) -> Collection[PositionKey]:
        """Positions that are not linear and are decided exactly every block."""
        ...

    def health(self, key: PositionKey, market: M_contra) -> Health | Declined:
        """Decide in the protocol's own integers; `Declined` where a needed price is unknown."""
        ...

    def position(self, key: PositionKey, market: M_contra) -> Position:
        """What the account holds and owes, at the market's target."""
        ...


class OfferModel(Protocol[M]):
    """What can be taken, and what taking it moves."""

    def offers(self, key: PositionKey, market: M) -> Sequence[Offer | Declined]:
        """Every (debt, collateral) a liquidatable position can be seized by, with legal sizes, or why not."""
        ...

    def open_offers(self, market: M) -> Sequence[Offer | Declined]:
        """Offers that stand without a position: auctions, stock for sale."""
        ...

    def settle(self, offer: Offer, size: int, market: M) -> Settlement:
        """Exactly what the contract will move at the market's target; `size` is one of the offer's legal sizes."""
        ...

    def after(self, offer: Offer, size: int, market: M) -> M:
        """The market that the next offer in the same block will see."""
        ...


class CallEncoder(Protocol[M_contra]):
    """Between offers and bytes."""

    def permissions(self, market: M_contra) -> Sequence[Permission]:
        """Everything this deployment's plans may call, for the executor's allow-list."""
        ...

    def calls(
        self, offer: Offer, size: int, settlement: Settlement, market: M_contra, inner: bytes
    ) -> tuple[GuardedCall, ...]:
        """The calls that take the offer; `inner` is the program to run in the protocol's callback, empty for none."""
        ...

    def realised(self, offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
        """What a receipt's logs say was moved; a status of 1 alone proves nothing."""
        ...

    def explain(self, revert: bytes) -> str:
        """Name a revert in the protocol's words; hex for what it does not know."""
        ...


@dataclass(frozen=True, slots=True)
class Lender:
    """A flash loan this deployment offers, at one block.

    Fee = amount * fee_bps / 10_000, rounded up where `fee_rounds_up`, down where `fee_rounds_down`, half up
    otherwise.
    """

    kind: str
    lender: Address
    token: Address
    available: int
    fee_bps: int
    fee_rounds_up: bool
    fee_rounds_down: bool = False


class LenderModel(Protocol[M_contra]):
    """Optional facet: a deployment that lends within a transaction."""

    def lenders(self, market: M_contra) -> Sequence[Lender]:
        """Loans on offer at this block; a paused or empty source is absent."""
        ...


@dataclass(frozen=True, slots=True)
class Adapter(Generic[M]):
    """One deployment, assembled; the engine holds these and nothing more specific."""

    name: str
    adapter: str
    sync: StateSync[M]
    health: HealthModel[M]
    offers: OfferModel[M]
    encoder: CallEncoder[M]
    lenders: LenderModel[M] | None
    cures: CureModel[M] | None = None
