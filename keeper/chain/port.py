"""What the engine needs of a chain, and the values that come back.

`PinnedChain` is everything the decisions of a pass may depend on, each answer belonging to one block; it is what the
flight recorder keeps. `AccountChain` is what sending needs, at the chain's own latest. Members: `LiveChain` asks
nodes, `RecordingChain` writes down what a live one answered, `ReplayedChain` answers from that record without a node.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from keeper.protocols.reads import Reads
from keeper.types import Address, BlockHead, BlockTarget, Call, Log, LogQuery, Returned

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HeadEvent:
    """A new head and how it follows from the head handed out before it.

    Blocks `first_new..head.number` are new to the caller and so are their logs. `reorged_to` is the last block both
    chains share, None where nothing was orphaned. `skipped` counts new blocks that were never handed out themselves.
    """

    head: BlockHead
    first_new: int
    reorged_to: int | None
    skipped: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a mined transaction ended; a status of 1 says only that it did not revert.

    A receipt belongs to its block: after a reorg the same transaction may end otherwise in another one.
    """

    tx_hash: bytes
    block_hash: bytes
    block_number: int
    index: int
    status: int
    gas_used: int
    effective_gas_price_wei: int
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The block a simulation pretends to be in, on the state of a head; `coinbase` is whom that block pays."""

    target: BlockTarget
    coinbase: Address


class PinnedChain(Protocol):
    """Answers that belong to one block each; an orphaned block raises `ReorgError`, a failing node `RpcError`."""

    async def reads(self, read: Reads[T], head: BlockHead) -> T:
        """Drive a read to its end, every request at this block's hash; a revert is an answer."""
        ...

    async def logs(self, queries: Sequence[LogQuery], from_block: int, head: BlockHead) -> list[Log]:
        """Fetch the logs of `from_block..head.number` on the head's own chain, complete, in order, without doubles.

        `from_block == head.number` asks by block hash. Whoever needs a wide range takes `keeper.chain.backfill`.
        """
        ...

    async def header(self, block: int | bytes) -> BlockHead | None:
        """Fetch a header by number or hash; None where the chain has no such block (yet, or any more)."""
        ...

    async def simulate(self, call: Call, head: BlockHead, hypothesis: Hypothesis) -> Returned:
        """Run a call on the head's state in the block it aims for; a revert is an answer."""
        ...

    async def simulate_in_turn(
        self, calls: Sequence[Call], head: BlockHead, hypothesis: Hypothesis
    ) -> tuple[Returned, ...]:
        """Run calls one after another in the block they aim for, each on what those before it leave.

        A revert is an answer, though some nodes leave its data out; `RpcError` where no node can do this.
        """
        ...


class AccountChain(Protocol):
    """What sending needs: unpinned, asked of whichever endpoint is healthy; `RpcError` where none answers."""

    async def nonce(self, account: Address, *, pending: bool = False) -> int:
        """Fetch the number of transactions mined, or with `pending` the pool's view of the next nonce."""
        ...

    async def balance(self, account: Address) -> int:
        """Fetch the native balance at the latest block, in wei."""
        ...

    async def code(self, account: Address) -> bytes:
        """Fetch the code at the latest block; empty for an externally owned account."""
        ...

    async def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Fetch a receipt; None is "not mined as far as this node knows", which is not "never"."""
        ...

    async def knows(self, tx_hash: bytes) -> bool:
        """Tell whether any node has a transaction, in its pool or in a block; every node is asked before a no."""
        ...

    async def send_raw(self, raw: bytes) -> bytes:
        """Hand a signed transaction over once, never again by itself, and return its hash.

        A pool that already knows it is success. `SubmissionError` otherwise, `data["refusal"]` a
        `keeper.chain.faults.Refusal`: `AMBIGUOUS` means nobody knows whether it left.
        """
        ...


class ChainPort(PinnedChain, AccountChain, Protocol):
    """A chain, whole."""

    @property
    def chain_id(self) -> int:
        """The id every endpoint was checked for."""
        ...

    async def close(self) -> None:
        """Close every connection; safe to call twice."""
        ...
