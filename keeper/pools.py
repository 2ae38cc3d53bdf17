"""All venues at work: their pools as of each recent block, as one liquidity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from keeper.chain.port import PinnedChain
from keeper.deployment import HISTORY_BLOCKS
from keeper.protocols.base import Applied
from keeper.protocols.reads import Reads, gather_all
from keeper.routing.base import Liquidity, Pool, VenueSync
from keeper.types import Address, BlockHead, Log, LogQuery


@dataclass(slots=True)
class PoolBook:
    """Every venue's pools. Invariant: `liquidity` is as of the last block advanced to."""

    venues: tuple[VenueSync, ...]
    liquidity: Liquidity = field(default_factory=lambda: Liquidity.of(()))
    _history: dict[bytes, Mapping[Address, Pool]] = field(default_factory=dict)

    def sources(self) -> tuple[LogQuery, ...]:
        """The logs all pools are made from."""
        return tuple(query for venue in self.venues for query in venue.sources())

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold logs into every venue; the sources of new pools come back."""
        applied = [venue.apply(logs) for venue in self.venues]
        return Applied(new_sources=tuple(query for one in applied for query in one.new_sources))

    async def freeze(self, chain: PinnedChain, head: BlockHead) -> None:
        """Make the pools of this block the liquidity plans are priced on; reads what no log tells, if anything."""
        await chain.reads(_observed(self.venues, head), head)
        self.liquidity = Liquidity.of([pool for venue in self.venues for pool in venue.pools()])
        self._history[head.hash] = self.liquidity.by_address
        if len(self._history) > HISTORY_BLOCKS:
            del self._history[next(iter(self._history))]

    async def rewind(self, chain: PinnedChain, ancestor: BlockHead) -> None:
        """Reread all pools at the last block both chains share."""
        for venue in self.venues:
            await chain.reads(venue.reread(ancestor), ancestor)

    def preceding(self, parent_hash: bytes, logs: Sequence[Log]) -> Mapping[Address, Pool] | None:
        """The pools a transaction met: its parent block's, after these logs; None when that block is too old."""
        pools = self._history.get(parent_hash)
        if pools is None:
            return None

        for venue in self.venues:
            pools = venue.preceding(pools, logs)

        return pools


def _observed(venues: Sequence[VenueSync], head: BlockHead) -> Reads[None]:
    yield from gather_all([venue.observe(head) for venue in venues])
