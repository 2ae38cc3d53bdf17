"""Channels: how a signed transaction leaves, and what each can promise about it.

A channel hands bytes over once and says what it knows; it never decides to try again. What it does not know is settled
by looking for the transaction on the chain, in `track`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from keeper.chain.phrases import Refusal
from keeper.chain.port import AccountChain
from keeper.errors import ChainError, SubmissionError
from keeper.execution.base import SignedTx


class BidForm(StrEnum):
    """What a channel's auction is decided by."""

    FEE = "fee"
    """the priority fee"""
    COINBASE_SHARE = "coinbase_share"
    """a share of the profit, paid to the block's producer by the executor"""
    FIXED = "fixed"
    """an amount named beside the transaction"""


class Reach(StrEnum):
    """How final "handed over" is: who may put the transaction into a block, and until when."""

    ANY_BLOCK = "any_block"
    """seen by everybody; may land until its nonce is used"""
    TARGET_BLOCK = "target_block"
    """only in the block it was given for"""


class Answer(StrEnum):
    """What is known after handing a transaction over."""

    TAKEN = "taken"
    UNKNOWN = "unknown"
    """it may have left: its nonce stays reserved until the chain tells"""
    REFUSED = "refused"
    """it cannot land by way of this channel: its nonce is free"""


@dataclass(frozen=True, slots=True)
class Submission:
    """The answer and, unless it was taken, the channel's own words."""

    answer: Answer
    reason: str | None = None


class Channel(Protocol):
    """One way for a signed transaction to leave."""

    @property
    def name(self) -> str:
        """As the configuration names it."""
        ...

    @property
    def bid_form(self) -> BidForm:
        """What decides who wins."""
        ...

    @property
    def reach(self) -> Reach:
        """Where it may land once handed over."""
        ...

    @property
    def gas_cap(self) -> int | None:
        """Most gas one transaction may ask for, None where only the chain limits it."""
        ...

    async def submit(self, tx: SignedTx) -> Submission:
        """Hand a transaction over, once."""
        ...

    async def holds(self, tx: SignedTx) -> bool:
        """Tell whether what was handed over is known to be there, pending or mined; False is "not that we can see"."""
        ...


class PublicPool:
    """The nodes' own pool: seen by everybody, won by the priority fee."""

    name: Final = "public"
    bid_form: Final = BidForm.FEE
    reach: Final = Reach.ANY_BLOCK
    gas_cap: Final = None

    def __init__(self, chain: AccountChain) -> None:
        self._chain = chain

    async def submit(self, tx: SignedTx) -> Submission:
        """Send the raw transaction; a timeout, a lost answer or a used nonce is `UNKNOWN`, never tried again here."""
        try:
            await self._chain.send_raw(tx.raw)
        except SubmissionError as error:
            return _sorted_refusal(error)
        except ChainError as error:
            return Submission(Answer.UNKNOWN, error.message)

        return Submission(Answer.TAKEN)

    async def holds(self, tx: SignedTx) -> bool:
        """Look its hash up at every node; one that cannot answer has not seen it."""
        try:
            return await self._chain.knows(tx.hash)
        except ChainError:
            return False


def _sorted_refusal(error: SubmissionError) -> Submission:
    # A used nonce may have been used by this very transaction; the receipts tell, not the pool.
    if error.data.get("refusal") in (Refusal.AMBIGUOUS, Refusal.NONCE_TOO_LOW, None):
        return Submission(Answer.UNKNOWN, error.message)

    return Submission(Answer.REFUSED, error.message)
