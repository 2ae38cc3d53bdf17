"""A signer behind the journal's fence: whoever may no longer write may no longer sign."""

from keeper.execution.base import SignedTx
from keeper.execution.eip1559 import UnsignedTx
from keeper.execution.remote import RemoteSigner
from keeper.execution.signer import Signer
from keeper.journal.store import Journal
from keeper.types import Address


class FencedSigner:
    """Asks the journal before the signer, and tells a remote one the lease's epoch. Implements `Signer`."""

    def __init__(self, signer: Signer, journal: Journal) -> None:
        self._signer = signer
        self._journal = journal
        if isinstance(signer, RemoteSigner):
            signer.act_under(lambda: journal.epoch or None)

    @property
    def address(self) -> Address:
        """See `Signer`."""
        return self._signer.address

    async def check(self) -> None:
        """See `Signer`."""
        await self._signer.check()

    async def sign(self, tx: UnsignedTx) -> SignedTx:
        """Sign; `JournalError` where another keeper may be the writer by now."""
        self._journal.fence()
        return await self._signer.sign(tx)
