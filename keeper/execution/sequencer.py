"""Nothing is signed while a rollup's sequencer is down, nor for a while after: see `keeper.oracles.sequencer`."""

from keeper.chain.port import PinnedChain
from keeper.errors import ChainError
from keeper.oracles.sequencer import read_sequencer
from keeper.types import Address, BlockHead


class SequencerVigil:
    """Doubts the chain for as long as its uptime feed does, or cannot be read."""

    def __init__(self, chain: PinnedChain, feed: Address, grace_s: int) -> None:
        self._chain = chain
        self._feed = feed
        self._grace_s = grace_s

    async def doubts(self, head: BlockHead) -> tuple[str, ...]:
        """See `Vigil`; the feed is read at the head's own state."""
        try:
            why = await self._chain.reads(read_sequencer(self._feed, head.timestamp, self._grace_s), head)
        except ChainError as error:
            why = f"its uptime feed cannot be read: {error.message}"

        return () if why is None else (f"sequencer: {why}",)
