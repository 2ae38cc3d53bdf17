"""The port to whatever holds the keeper back, whatever a strategy believes: asked before signing, told of the rest."""

from typing import Final, Protocol, TypeAlias

from keeper.execution.base import Outcome, SignedTx
from keeper.types import BlockHead, PositionKey

Subject: TypeAlias = tuple[str, PositionKey | None]
"""A deployment and a position in it."""


class Limits(Protocol):
    """Who says no before anything is signed; `killed` says why nothing is signed at all, cancels included."""

    @property
    def killed(self) -> str | None:
        """Why nothing may leave, None while it may."""
        ...

    @property
    def held(self) -> tuple[str, ...]:
        """Why nothing is planned for at present, one line each."""
        ...

    def on_head(self, head: BlockHead) -> None:
        """Look at what was booked up to this head, before anything is planned on it."""
        ...

    def refuses(self, subject: Subject, cost_wei: int, head: BlockHead) -> str | None:
        """Say why a plan that may cost so much gas must not go out; None to go on. Asked in the plans' order."""
        ...

    def note_sent(self, tx: SignedTx) -> None:
        """Hear of a transaction, plan or cancel, right before its bytes leave for the first time."""
        ...

    def note_outcome(self, subject: Subject | None, outcome: Outcome) -> None:
        """Hear of a booking; again, with another block, where a reorg moved it. A nonce used up has no subject."""
        ...

    def note_orphan(self, tx_hash: bytes) -> None:
        """Hear that a booking was taken back."""
        ...


class Vigil(Protocol):
    """Whoever judges, once a head, whether the chain as it is told is fit to spend money on."""

    async def doubts(self, head: BlockHead) -> tuple[str, ...]:
        """Say what speaks against acting on a head, one line each, its kind before the colon; nothing is raised."""
        ...


class Unlimited:
    """Lets everything pass: a dry run's limits."""

    killed: Final = None
    held: Final = ()

    def on_head(self, head: BlockHead) -> None:
        """Look at nothing."""

    def refuses(self, subject: Subject, cost_wei: int, head: BlockHead) -> str | None:
        """Let it pass."""
        del subject, cost_wei, head
        return None

    def note_sent(self, tx: SignedTx) -> None:
        """Forget it."""

    def note_outcome(self, subject: Subject | None, outcome: Outcome) -> None:
        """Forget it."""

    def note_orphan(self, tx_hash: bytes) -> None:
        """Forget it."""


UNLIMITED: Final = Unlimited()
