"""One deployment at work: its adapter, its screened book, and the markets of recent blocks.

A fault in its state stops this deployment alone: it stays visible with its reason, and comes back by a reread of
everything it knows. Nothing here knows which protocol it is.
"""

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from keeper.book.columns import PositionBook
from keeper.book.screen import Suspects
from keeper.book.skin import SkinList
from keeper.chain.port import PinnedChain
from keeper.errors import StateError
from keeper.protocols.base import Adapter, Applied, HealthRow, Market
from keeper.types import BlockHead, BlockTarget, Declined, Health, Log, LogQuery, Offer, PositionKey, Reason

HISTORY_BLOCKS: Final = 64
"""Markets kept for settling what landed and for walking back a reorg; deeper reorgs resync."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What one block's screen and confirmation found: offers to plan with, and every no on the way."""

    deployment: str
    screened: int
    suspects: int
    liquidatable: dict[PositionKey, Health]
    offers: tuple[Offer, ...]
    declined: tuple[Declined, ...]


@dataclass(slots=True)
class Deployment:
    """An adapter with its book. Invariant: `market` is of the last block advanced to, or None while stopped.

    Every log is folded in once, even if the pass that brought it is dropped and its block comes again.
    """

    adapter: Adapter[Any]
    book: PositionBook = field(default_factory=PositionBook)
    market: Market | None = None
    stopped: str | None = None
    skin: SkinList = field(init=False)
    _history: dict[bytes, Market] = field(default_factory=dict)
    _touched: deque[tuple[int, frozenset[PositionKey]]] = field(default_factory=lambda: deque(maxlen=HISTORY_BLOCKS))
    _seen: set[tuple[bytes, int]] = field(default_factory=set)
    _pending: set[PositionKey] = field(default_factory=set)
    _backlog: list[Log] = field(default_factory=list)
    _loaded: bool = False
    _changed: set[PositionKey] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.skin = SkinList(self.book)

    @property
    def name(self) -> str:
        """The operator's name for it."""
        return self.adapter.name

    def sources(self) -> tuple[LogQuery, ...]:
        """The logs its state is made from."""
        return self.adapter.sync.sources()

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold in what was not seen yet; what cannot be decoded waits for `advance` to heal, and is not lost."""
        fresh = [*self._backlog, *(log for log in logs if (log.block_hash, log.index) not in self._seen)]
        self._seen.update((log.block_hash, log.index) for log in logs)
        self._backlog = fresh
        applied = self.adapter.sync.apply(fresh)
        self._backlog = []
        self._pending |= applied.touched
        return applied

    async def advance(self, chain: PinnedChain, head: BlockHead, target: BlockTarget, error: StateError | None) -> None:
        """Freeze the market of a block whose logs were applied; a fault stops this deployment and nothing else."""
        try:
            if error is not None:
                raise error

            if self.stopped is not None:
                await self._heal(chain, head)

            await self._observe(chain, head, target)
        except StateError as fault:
            self.stop(fault)

    async def rewind(self, chain: PinnedChain, ancestor: BlockHead) -> None:
        """Reread what orphaned blocks touched, at the last block both chains share."""
        # Kept as pending until a market is frozen: a reread that fails is done again with the next pass.
        while self._touched and self._touched[-1][0] > ancestor.number:
            self._pending |= self._touched.pop()[1]

        self._backlog = [log for log in self._backlog if log.block_number <= ancestor.number]
        self._seen.clear()
        try:
            # Reread, not undo: an orphaned block may hold events that were never decoded.
            await chain.reads(self.adapter.sync.reread(frozenset(self._pending), ancestor), ancestor)
        except StateError as fault:
            self.stop(fault)

    async def _heal(self, chain: PinnedChain, head: BlockHead) -> None:
        """Read everything again at the head, logs that could not be decoded included."""
        await chain.reads(self.adapter.sync.bootstrap(head), head)
        self.apply(())
        keys = frozenset(self.book.keys()) | self._pending
        await chain.reads(self.adapter.sync.reread(keys, head), head)
        self._pending |= keys
        self.stopped = None

    def rows_of(self, keys: Collection[PositionKey]) -> dict[PositionKey, HealthRow]:
        """What is known of these positions, exactly, entries in order of their slots; nothing while stopped."""
        return {} if self.market is None else _rows(self.adapter, keys, self.market)

    async def reread(
        self, chain: PinnedChain, keys: Collection[PositionKey], head: BlockHead, target: BlockTarget
    ) -> dict[PositionKey, HealthRow]:
        """Read positions anew at the head the market is of, and tell them as `rows_of` does; the market stays."""
        await chain.reads(self.adapter.sync.reread(keys, head), head)
        market = await chain.reads(self.adapter.sync.observe(head, target), head)
        return _rows(self.adapter, keys, market)

    def stop(self, error: StateError) -> None:
        """Set the deployment aside with its reason."""
        self.stopped = error.message
        self.market = None

    def findings(self) -> Findings:
        """Screen the book, decide suspects exactly, and collect the offers of what can be liquidated."""
        market = self.market
        if market is None:
            no = Declined(self.name, None, Reason.QUARANTINED, {"why": self.stopped or "no market yet"})
            return Findings(self.name, 0, 0, {}, (), (no,))

        always = self.adapter.health.always_confirm(market)
        found = _confirm_order(self.skin.suspects(self.adapter.health.factors(market)), always)
        offers: list[Offer] = []
        declined: list[Declined] = []
        liquidatable: dict[PositionKey, Health] = {}
        for key in found:
            health = self.adapter.health.health(key, market)
            if isinstance(health, Declined):
                declined.append(health)
                continue

            if not health.liquidatable:
                continue

            liquidatable[key] = health
            for offer in self.adapter.offers.offers(key, market):
                _sort(offer, offers, declined)

        for offer in self.adapter.offers.open_offers(market):
            _sort(offer, offers, declined)

        return Findings(self.name, len(self.book), len(found), liquidatable, tuple(offers), tuple(declined))

    def tend(self) -> None:
        """Do what keeps the next blocks quick, when nothing waits for it."""
        if self.market is not None:
            self.skin.tend(self.adapter.health.factors(self.market))

    def take_changed(self) -> set[PositionKey]:
        """Positions that changed since this was last asked: what a save must write."""
        changed, self._changed = self._changed, set()
        return changed

    def market_of(self, block_hash: bytes) -> Market | None:
        """The market of a recent block, None when it was never read or is too old."""
        return self._history.get(block_hash)

    async def _observe(self, chain: PinnedChain, head: BlockHead, target: BlockTarget) -> None:
        market = await chain.reads(self.adapter.sync.observe(head, target), head)
        touched = frozenset(self._pending)
        self.market = market
        self._touched.append((head.number, touched))
        self._history[head.hash] = market
        if len(self._history) > HISTORY_BLOCKS:
            del self._history[next(iter(self._history))]

        for row in self.adapter.health.rows(touched if self._loaded else None, market):
            self.skin.upsert(row)

        self._loaded = True
        self._changed |= touched

        self._pending.clear()
        # Its own logs stay seen: the pass may still be dropped for another's sake, and bring this block again.
        self._seen = {place for place in self._seen if place[0] == head.hash}


def _rows(adapter: Adapter[Any], keys: Collection[PositionKey], market: Market) -> dict[PositionKey, HealthRow]:
    return {
        row.key: HealthRow(row.key, tuple(sorted(row.cover)), tuple(sorted(row.required)))
        for row in adapter.health.rows(keys, market)
    }


def _confirm_order(screened: Suspects, always: Collection[PositionKey]) -> list[PositionKey]:
    """Those decided every block, then the screened ones, who owes most first; each once, whatever the hashing."""
    first = sorted(always)
    return [*first, *(key for key in screened if key not in always)]


def _sort(answer: Offer | Declined, offers: list[Offer], declined: list[Declined]) -> None:
    if isinstance(answer, Declined):
        declined.append(answer)
    else:
        offers.append(answer)
