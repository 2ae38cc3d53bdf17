"""Everything that leaves under one key: reserve a nonce, sign, journal, hand over, journal what was answered.

The order is the point: bytes leave only after the row that holds them is durable, so a crash at any line leaves a
journal from which the next start goes on.
"""

from dataclasses import dataclass
from typing import Final

import structlog

from keeper.errors import JournalError, SigningKeyError
from keeper.execution.base import Fees, SignedTx
from keeper.execution.nonce import NonceLedger
from keeper.execution.signer import CANCEL_FEE_HEADROOM, TRANSFER_GAS, Signer, UnsignedTx
from keeper.execution.submit import Answer, Channel, Submission
from keeper.journal.records import TxKind, TxRecord, TxState
from keeper.journal.store import Journal
from keeper.planning.base import Plan
from keeper.types import Address, to_checksum

FOREVER: Final = 2**63 - 1
"""A cancel is never too late: the largest number the journal's integer columns hold."""
_STATES: Final = {Answer.TAKEN: TxState.SENT, Answer.UNKNOWN: TxState.AMBIGUOUS, Answer.REFUSED: TxState.REFUSED}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction that was handed over, and what is known about it since."""

    tx: SignedTx
    submission: Submission


@dataclass(frozen=True, slots=True)
class _Purpose:
    """What a transaction is for, and until when."""

    kind: TxKind
    max_block: int
    expires_at: int


class Outbox:
    """One key and the channel its transactions leave by.

    Invariant: every nonce has one chain of replacements in the journal, and nothing leaves that is not in it.
    """

    def __init__(self, signer: Signer, channel: Channel, journal: Journal, *, max_fee_wei: int) -> None:
        """`max_fee_wei` is the signer's cap on fees per gas; a cancel may go past it by a fixed factor."""
        self._signer = signer
        self._channel = channel
        self._journal = journal
        self.cancel_cap_wei = max_fee_wei * CANCEL_FEE_HEADROOM
        self.ledger = NonceLedger(0)

    @property
    def sender(self) -> Address:
        """Whose transactions these are."""
        return self._signer.address

    def start(self, mined: int) -> None:
        """Take up the nonces that are still in flight from the journal, and the rest from the chain's count."""
        taken = {record.tx.nonce for record in self._journal.transactions.open(self.sender)}
        floor = self._journal.transactions.first_open_nonce(self.sender)
        self.ledger = NonceLedger(mined, taken, floor=floor)

    async def send_plan(self, plan: Plan, fees: Fees) -> Sent:
        """Sign and send a plan on the next free nonce."""
        nonce = self.ledger.reserve()
        unsigned = UnsignedTx(plan.id, plan.executor, plan.data, nonce, plan.gas_limit, fees)
        return await self._dispatch(unsigned, _Purpose(TxKind.PLAN, plan.max_block, plan.target.expires_at))

    async def send_cancel(self, nonce: int, fees: Fees, plan_id: str | None) -> Sent:
        """Use a nonce up by a transfer of nothing to ourselves, in place of whatever was signed for it before."""
        self.ledger.take(nonce)
        unsigned = UnsignedTx(plan_id, self.sender, b"", nonce, TRANSFER_GAS, fees)
        return await self._dispatch(unsigned, _Purpose(TxKind.CANCEL, FOREVER, FOREVER))

    async def offer_again(self, record: TxRecord) -> Submission:
        """Hand over bytes that may not have arrived: the same transaction, so it cannot become two."""
        submission = await self._channel.submit(record.tx)
        # A refusal now says nothing about the copy that left before; only a first answer can free a nonce.
        if submission.answer is Answer.TAKEN and record.state in (TxState.SIGNED, TxState.AMBIGUOUS):
            self._journal.move(record.tx.hash, TxState.SENT, detail="offered again")

        return submission

    async def _dispatch(self, unsigned: UnsignedTx, purpose: _Purpose) -> Sent:
        nonce = unsigned.nonce
        before = self._journal.transactions.at_nonce(self.sender, nonce)
        is_free = all(record.state is TxState.REFUSED for record in before)
        try:
            signed = await self._signer.sign(unsigned)
            # After a reorg the same plan may be made again at the same height: the answer is known.
            if any(record.tx.hash == signed.hash for record in before):
                self._release(nonce, is_free=is_free)
                return Sent(signed, Submission(Answer.REFUSED, "the very same transaction was refused before"))

            self._journal.record_signed(
                TxRecord(
                    tx=signed,
                    kind=purpose.kind,
                    replaces=before[-1].tx.hash if before else None,
                    max_block=purpose.max_block,
                    expires_at=purpose.expires_at,
                    channel=self._channel.name,
                    state=TxState.SIGNED,
                )
            )
        except (SigningKeyError, JournalError):
            self._release(nonce, is_free=is_free)
            raise

        submission = await self._channel.submit(signed)
        self._journal.move(signed.hash, _STATES[submission.answer], detail=submission.reason)
        self._release(nonce, is_free=is_free and submission.answer is Answer.REFUSED)
        log.info(
            "transaction_submitted",
            plan=signed.plan_id,
            kind=purpose.kind.value,
            tx="0x" + signed.hash.hex(),
            sender=to_checksum(signed.sender),
            nonce=nonce,
            max_fee_wei=signed.fees.max_fee_wei,
            tip_wei=signed.fees.tip_wei,
            channel=self._channel.name,
            answer=submission.answer.value,
            reason=submission.reason,
        )
        return Sent(signed, submission)

    def _release(self, nonce: int, *, is_free: bool) -> None:
        """Give a nonce back when nothing signed for it can be anywhere."""
        if is_free:
            self.ledger.release(nonce)
