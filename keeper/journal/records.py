"""What the journal gives back: plans, transactions and outcomes as they were written, frozen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from keeper.execution.base import Fees, SignedTx
from keeper.journal.underway import address, read_funding, read_taking
from keeper.planning.underway import PlannedSwap, Taking, Underway
from keeper.types import Address, BlockTarget, OfferKind, PositionKey, Settlement, TokenAmount


class TxState(StrEnum):
    """Where a signed transaction stands; each state is durable before its effect leaves the process."""

    SIGNED = "signed"
    """its bytes are in the journal and may leave"""
    SENT = "sent"
    """a channel took it, or a node was found to have it"""
    AMBIGUOUS = "ambiguous"
    """handed over, answer unknown: it may land"""
    REFUSED = "refused"
    """a channel said no for good; its nonce is free again"""
    CANCELLED = "cancelled"
    """given up, a cancel is on its way: it may still land until its last block has passed"""
    INCLUDED = "included"
    """in a block, not yet deep enough to be final"""
    REORGED = "reorged"
    """its block, or that of what had replaced it, left the chain: it may land again"""
    REPLACED = "replaced"
    """another of our transactions with this nonce is in a block"""
    LOST = "lost"
    """its nonce was used by somebody else: the key is not ours alone"""
    FINAL = "final"
    """in a block too deep to be reorganised away"""

    @property
    def is_open(self) -> bool:
        """Whether it still needs watching; a replaced one comes back with a reorg of the one that replaced it."""
        return self.may_land or self is TxState.INCLUDED

    @property
    def may_land(self) -> bool:
        """Whether a block may still take it up, as far as we know."""
        return self in _MAY_LAND


_MAY_LAND: Final = frozenset({TxState.SIGNED, TxState.SENT, TxState.AMBIGUOUS, TxState.CANCELLED, TxState.REORGED})
_ENDS: Final = frozenset({TxState.INCLUDED, TxState.REPLACED, TxState.LOST})
"""What may come of anything that may land."""

NEXT: Final[Mapping[TxState, frozenset[TxState]]] = {
    TxState.SIGNED: _ENDS | {TxState.SENT, TxState.AMBIGUOUS, TxState.REFUSED, TxState.CANCELLED},
    TxState.SENT: _ENDS | {TxState.AMBIGUOUS, TxState.CANCELLED},
    TxState.AMBIGUOUS: _ENDS | {TxState.SENT, TxState.REFUSED, TxState.CANCELLED},
    # A channel that refused it may have passed it on all the same.
    TxState.REFUSED: frozenset({TxState.INCLUDED}),
    TxState.CANCELLED: _ENDS,
    TxState.INCLUDED: frozenset({TxState.REORGED, TxState.FINAL, TxState.REPLACED}),
    TxState.REORGED: _ENDS | {TxState.SENT, TxState.AMBIGUOUS, TxState.CANCELLED},
    TxState.REPLACED: frozenset({TxState.REORGED, TxState.INCLUDED}),
    TxState.LOST: frozenset({TxState.INCLUDED}),
    TxState.FINAL: frozenset(),
}
"""Which state may follow which; the store refuses any other step."""


class TxKind(StrEnum):
    """What a transaction is for."""

    PLAN = "plan"
    CANCEL = "cancel"
    """a transfer of nothing to ourselves, which only uses the nonce up"""


@dataclass(frozen=True, slots=True)
class Intent:
    """What a nonce is for, written before anybody is asked to sign: this plan, or None only to use it up."""

    sender: Address
    nonce: int
    plan_id: str | None


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block by number and hash: a number alone survives a reorg, and its block may not."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan as it was written before anything was signed.

    `profit` is what the treasury was expected to get, before gas. `details` holds the settlement, route, funding and
    the adapter's own detail as JSON wrote them: amounts as decimal text, bytes as 0x text.
    """

    id: str
    strategy: str
    deployment: str
    kind: str
    position: PositionKey | None
    debt_token: Address
    collateral_token: Address
    size_token: Address
    size: int
    expected: Settlement
    profit: TokenAmount
    min_profit: int
    target: BlockTarget
    max_block: int
    head_number: int
    head_hash: bytes
    ceiling_wei: int
    executor: Address
    data: bytes
    details: Mapping[str, Any]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The size of every call on the position, in order; mostly it is one, and that is `size`."""
        steps: Sequence[str] = self.details.get("steps") or ()
        return tuple(map(int, steps)) or (self.size,)

    @property
    def items(self) -> tuple[str, ...]:
        """Names of the plans of a batch, in order; empty for any other."""
        return tuple(self.details.get("items") or ())

    @property
    def underway(self) -> Underway:
        """What it does, to be made again on another state."""
        route = self.details["route"]
        return Underway(
            deployment=self.deployment,
            key=self.position,
            kind=OfferKind(self.kind),
            pay_token=self.debt_token,
            receive_token=self.collateral_token,
            size_token=self.size_token,
            takings=self._takings,
            swaps=tuple(
                PlannedSwap(address(hop["pool"]), address(hop["in"]), address(hop["out"]), int(amount))
                for hop, amount in zip(route["hops"], route["amounts"], strict=False)  # one more: what comes out
            ),
            funding=read_funding(self.details["funding"]),
        )

    @property
    def _takings(self) -> tuple[Taking, ...]:
        """Every call; rows of an older keeper know of none on anything but the position and its pair."""
        told = self.details.get("takings")
        if told is not None:
            return tuple(map(read_taking, told))

        return tuple(Taking(self.position, self.collateral_token, size) for size in self.sizes)


@dataclass(frozen=True, slots=True)
class TxRecord:
    """A signed transaction and where it stands."""

    tx: SignedTx
    kind: TxKind
    replaces: bytes | None
    max_block: int
    expires_at: int
    channel: str
    state: TxState

    @property
    def fees(self) -> Fees:
        """What it offers."""
        return self.tx.fees
