"""Everything that leaves under one key: reserve a nonce, journal what it is for, sign, journal, hand over, journal.

The order is the point: a signer is asked only after the nonce's purpose is durable, and bytes leave only after the row
that holds them is, so a crash at any line leaves a journal from which the next start goes on.
"""

from dataclasses import dataclass
from typing import Final

import structlog

from keeper.errors import JournalError, SignerAwayError, SignerError, SigningKeyError
from keeper.execution.base import Fees, SignedTx
from keeper.execution.limits import UNLIMITED, Limits
from keeper.execution.nonce import NonceLedger
from keeper.execution.signer import CANCEL_FEE_HEADROOM, TRANSFER_GAS, Signer, UnsignedTx
from keeper.execution.submit import Answer, Channel, Submission
from keeper.journal.records import Intent, PlanRecord, TxKind, TxRecord, TxState
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
class Unsigned:
    """What the signer did not sign, and why; nothing left, and the nonce is as free as before."""

    why: str


@dataclass(frozen=True, slots=True)
class _Draft:
    """A transaction to be signed: what for, until when."""

    unsigned: UnsignedTx
    kind: TxKind
    max_block: int
    expires_at: int


class Outbox:
    """One key and the channel its transactions leave by.

    Invariant: every nonce has one intent and one chain of replacements in the journal, and nothing leaves that is not
    in it.
    """

    def __init__(
        self, signer: Signer, channel: Channel, journal: Journal, limits: Limits = UNLIMITED, *, max_fee_wei: int
    ) -> None:
        """`max_fee_wei` is the signer's cap on fees per gas; a cancel may go past it by a fixed factor."""
        self._signer = signer
        self._channel = channel
        self._journal = journal
        self.limits = limits
        self.cancel_cap_wei = max_fee_wei * CANCEL_FEE_HEADROOM
        self.ledger = NonceLedger(0)
        self.silent: str | None = None
        """Why the signer cannot be asked, None while it can."""

    @property
    def sender(self) -> Address:
        """Whose transactions these are."""
        return self._signer.address

    def start(self, mined: int, *, adopt: bool = False) -> None:
        """Take up the nonces that are still in flight from the journal, and the rest from the chain's count.

        `SigningKeyError` for a key that was used and is unknown to the journal, unless told to `adopt` it.
        """
        first = self._journal.transactions.first_nonce(self.sender)
        if first is None and mined and not adopt:
            raise SigningKeyError(
                f"the key {to_checksum(self.sender)} has sent {mined} transactions, and this journal knows none: "
                "its journal is missing, or another keeper has it. Bring the journal back; or, if nothing of this key "
                "can be in flight, start once with --init-journal",
                mined=mined,
            )

        if first is None or adopt:
            first = mined
            self._journal.adopt(self.sender, first)

        taken = {record.tx.nonce for record in self._journal.transactions.open(self.sender)}
        floor = max(first, self._journal.transactions.first_open_nonce(self.sender))
        self.ledger = NonceLedger(mined, taken, floor=floor)

    def refuse_strangers(self, pending: int) -> None:
        """Raise `SigningKeyError` where somebody else has a transaction of this key waiting in a pool.

        `pending` is the pool's next nonce. A nonce of ours counts as ours even if a channel had refused it. What was
        mined is looked into at the first head.
        """
        for nonce in range(self.ledger.mined, pending):
            if nonce in self.ledger.in_flight or self._journal.transactions.at_nonce(self.sender, nonce):
                continue

            raise SigningKeyError(
                f"nonce {nonce} of {to_checksum(self.sender)} belongs to a transaction this journal does not know: "
                "another keeper is at work with this key, or somebody who should not have it. Find out who; then, if "
                "nothing of theirs can be in flight, start once with --init-journal",
                nonce=nonce,
            )

    async def ask_signer(self) -> None:
        """Find out whether the signer can be asked; one that is back is asked again from here on."""
        try:
            await self._signer.check()
        except SigningKeyError as error:
            self._note_silence(error.message)
            return

        if self.silent is not None:
            log.info("signer_returned", operator=to_checksum(self.sender))

        self.silent = None

    async def send_plan(self, plan: Plan, fees: Fees) -> Sent | Unsigned:
        """Sign and send a plan on the next free nonce."""
        nonce = self.ledger.reserve()
        unsigned = UnsignedTx(plan.id, plan.executor, plan.data, nonce, plan.gas_limit, fees)
        return await self._dispatch(_Draft(unsigned, TxKind.PLAN, plan.max_block, plan.target.expires_at))

    async def send_rung(self, record: TxRecord, plan: PlanRecord, fees: Fees) -> Sent | Unsigned:
        """Offer more for a plan that is in flight: another alternative at its nonce, of which one can land."""
        tx = record.tx
        unsigned = UnsignedTx(tx.plan_id, plan.executor, plan.data, tx.nonce, tx.gas_limit, fees)
        return await self._dispatch(_Draft(unsigned, TxKind.PLAN, record.max_block, record.expires_at))

    async def send_cancel(self, nonce: int, fees: Fees, plan_id: str | None) -> Sent | Unsigned:
        """Use a nonce up by a transfer of nothing to ourselves, in place of whatever was signed for it before."""
        self.ledger.take(nonce)
        unsigned = UnsignedTx(plan_id, self.sender, b"", nonce, TRANSFER_GAS, fees)
        return await self._dispatch(_Draft(unsigned, TxKind.CANCEL, FOREVER, FOREVER))

    async def offer_again(self, record: TxRecord) -> bool:
        """Look a transaction up, and hand its bytes over again only if no node has them; True where one had.

        They are the same bytes, so they cannot become two transactions. A refusal now says nothing about the copy
        that left before; only a first answer can free a nonce.
        """
        if await self._channel.holds(record.tx):
            self._note_taken(record, "found by its hash")
            return True

        self._journal.fence()
        if (await self._channel.submit(record.tx)).answer is Answer.TAKEN:
            self._note_taken(record, "offered again")

        return False

    def _note_taken(self, record: TxRecord, detail: str) -> None:
        if record.state in (TxState.SIGNED, TxState.AMBIGUOUS, TxState.REORGED):
            self._journal.move(record.tx.hash, TxState.SENT, detail=detail)

    async def _dispatch(self, draft: _Draft) -> Sent | Unsigned:
        nonce = draft.unsigned.nonce
        if self.silent is not None:
            self._give_back(nonce)
            return Unsigned(self.silent)

        before = self._journal.transactions.at_nonce(self.sender, nonce)
        plan_id = draft.unsigned.plan_id if draft.kind is TxKind.PLAN else None
        try:
            self._journal.intend(Intent(self.sender, nonce, plan_id))
            signed = await self._signer.sign(draft.unsigned)
            # After a reorg the same plan may be made again at the same height: the answer is known.
            if any(record.tx.hash == signed.hash for record in before):
                self._give_back(nonce)
                return Sent(signed, Submission(Answer.REFUSED, "the very same transaction was refused before"))

            self._journal.record_signed(
                TxRecord(
                    tx=signed,
                    kind=draft.kind,
                    replaces=before[-1].tx.hash if before else None,
                    max_block=draft.max_block,
                    expires_at=draft.expires_at,
                    channel=self._channel.name,
                    state=TxState.SIGNED,
                )
            )
        except SignerError as error:
            self._give_back(nonce)
            if isinstance(error, SignerAwayError):
                self._note_silence(error.message)
            else:
                await self.ask_signer()  # it may say no because it has another key by now

            return Unsigned(error.message)
        except (SigningKeyError, JournalError):
            self._give_back(nonce)
            raise

        return await self._hand_over(draft, signed)

    async def _hand_over(self, draft: _Draft, signed: SignedTx) -> Sent:
        self._journal.fence()
        self.limits.note_sent(signed)
        submission = await self._channel.submit(signed)
        if submission.answer is Answer.UNKNOWN and await self._channel.holds(signed):
            submission = Submission(Answer.TAKEN, f"found by its hash after: {submission.reason}")

        self._journal.move(signed.hash, _STATES[submission.answer], detail=submission.reason)
        if submission.answer is Answer.REFUSED:
            self._give_back(signed.nonce)

        log.info(
            "transaction_submitted",
            plan=signed.plan_id,
            kind=draft.kind.value,
            tx="0x" + signed.hash.hex(),
            sender=to_checksum(signed.sender),
            nonce=signed.nonce,
            max_fee_wei=signed.fees.max_fee_wei,
            tip_wei=signed.fees.tip_wei,
            channel=self._channel.name,
            answer=submission.answer.value,
            reason=submission.reason,
        )
        return Sent(signed, submission)

    def _note_silence(self, why: str) -> None:
        if self.silent is None:
            log.warning("signer_lost", operator=to_checksum(self.sender), why=why)

        self.silent = why

    def _give_back(self, nonce: int) -> None:
        """Free a nonce if nothing signed for it can be anywhere; the journal's next intent there says so."""
        signed = self._journal.transactions.at_nonce(self.sender, nonce)
        if all(record.state is TxState.REFUSED for record in signed):
            self.ledger.release(nonce)
