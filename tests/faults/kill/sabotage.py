"""Ways to break the keeper, so that the audit can be seen to notice."""

from keeper.execution.nonce import NonceLedger


def sends_first(office):
    """Bytes leave before their row is durable."""
    for lane in office.lanes:
        signer, channel = lane.outbox._signer, lane.outbox._channel

        async def sign_and_send(tx, sign=signer.sign, submit=channel.submit):
            signed = await sign(tx)
            await submit(signed)
            return signed

        lane.outbox._signer = _Signer(signer.address, sign_and_send)


def forgets_reorgs(office):
    """A booking stays although its block left the chain."""
    office.journal.orphan = lambda *_: None


def signs_anew(office):
    """A restart hands nonces out that are in flight."""
    for lane in office.lanes:
        outbox, start = lane.outbox, lane.outbox.start

        def forget(mined, outbox=outbox, start=start, **named):
            start(mined, **named)
            outbox.ledger = NonceLedger(mined, floor=mined)

        outbox.start = forget


class _Signer:
    def __init__(self, address, sign):
        self.address = address
        self.sign = sign

    async def check(self):
        """The key is here."""


SABOTAGES = {found.__name__: found for found in (sends_first, forgets_reorgs, signs_anew)}
