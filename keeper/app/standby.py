"""A standby: it keeps a book true beside the keeper that acts, and goes on from it when that one's lease is over.

It reads the chain and the other's saved state; it decides nothing, signs nothing and writes nothing.
"""

import asyncio
from dataclasses import dataclass, replace

import structlog

from keeper.app.journal import open_journal, open_when_free
from keeper.app.planner import BlockPlanner
from keeper.app.warm import Book, warm_up
from keeper.chain.heads import HeadFollower
from keeper.chain.live import LiveChain
from keeper.chain.port import HeadEvent
from keeper.config.derived import place_of
from keeper.config.model import KeeperConfig
from keeper.engine import joined
from keeper.errors import ChainError
from keeper.journal.borrowed import BorrowedState
from keeper.journal.database import LeaseHeldError
from keeper.journal.records import BlockRef
from keeper.journal.state import SavedState
from keeper.journal.store import Journal
from keeper.journal.view import SavedStateView
from keeper.mind import Mind, Pace
from keeper.types import BlockHead

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """A journal this process writes, and a warm book where there is one already."""

    journal: Journal
    book: Book | None = None


async def stand_by(config: KeeperConfig, chain: LiveChain, stop: asyncio.Event, *, as_json: bool) -> Opened | None:
    """Become the journal's writer as soon as nobody else is; None where `stop` came first.

    Until then a book is kept warm. Where it could not be kept true the journal comes without one.
    """
    try:
        return Opened(open_journal(config, live=True))
    except LeaseHeldError as error:
        log.info("standby_began", holder=error.data.get("holder"))

    borrowed = BorrowedState(SavedStateView(place_of(config), config.chain.id))
    book = await warm_up(config, chain, borrowed, as_json=as_json)
    follower = chain.follow_heads(book.head)
    shadow = Shadow(config, chain, book)
    async with asyncio.TaskGroup() as group:
        tasks = (
            group.create_task(follower.run(), name="standby heads"),
            group.create_task(shadow.run(follower), name="standby book"),
        )
        log.info("standby_ready", block=book.head.number)
        journal = await open_when_free(config, stop)
        head = None if journal is None else await shadow.settle(config.run.lease_s / 3)
        for task in tasks:
            task.cancel()

    if journal is None:
        return None

    if head is None:
        log.warning("standby_took_over", warm=False)
        return Opened(journal)

    await _hand_over(chain, borrowed, journal, replace(book, head=head))
    log.warning("standby_took_over", warm=True, block=head.number)
    return Opened(journal, replace(book, head=head))


class Shadow:
    """Follows heads with a book of its own.

    Invariant: while `head` is set, deployments and pools are true at it, and no pass is under way outside the turn.
    """

    def __init__(self, config: KeeperConfig, chain: LiveChain, book: Book) -> None:
        pace = Pace(config.chain.block_time_s)
        self._mind = Mind(chain, book.deployments, book.pools, BlockPlanner.of(config), pace)
        self._turn = asyncio.Lock()
        self._is_true = asyncio.Event()
        self._is_true.set()
        self._over = False
        self.head: BlockHead | None = book.head

    async def run(self, heads: HeadFollower) -> None:
        """Keep the book true until told to settle."""
        missed: HeadEvent | None = None
        async for event in heads:
            async with self._turn:
                if self._over:
                    return

                event = event if missed is None else joined(missed, event)  # noqa: PLW2901 - a dropped pass rides along
                missed = None if await self._advance(event) else event

    async def settle(self, within_s: float) -> BlockHead | None:
        """Let the pass under way end, and begin no other; the block the book is true at, None if it is at none."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    await self._is_true.wait()
                    async with self._turn:
                        if self.head is not None:
                            self._over = True
                            return self.head
        except TimeoutError:
            return None

    async def _advance(self, event: HeadEvent) -> bool:
        self.head = None
        self._is_true.clear()
        try:
            await self._mind.advance(event)
        except ChainError as error:
            log.warning("pass_dropped", block=event.head.number, error=error.message)
            return False

        self._mind.tend()
        self.head = event.head
        self._is_true.set()
        log.debug("standby_followed", block=event.head.number)
        return True


async def _hand_over(chain: LiveChain, borrowed: BorrowedState, journal: Journal, book: Book) -> None:
    """Write down what changed since the other keeper saved its book; all of it where that is no ground to build on."""
    at = BlockRef(book.head.number, book.head.hash)
    for source in book.sources:
        if not source.is_sound:
            continue

        journal.renew()
        if await _builds_on(chain, journal.state.load(source.name), book.head):
            borrowed.hand_over(journal.state, source.name, at, source.changed_rows())
        else:
            source.changed_rows()
            borrowed.clear(source.name)
            borrowed.hand_over(journal.state, source.name, at, source.all_rows())


async def _builds_on(chain: LiveChain, saved: SavedState | None, head: BlockHead) -> bool:
    """Tell whether what was saved last lies on our own way here."""
    if saved is None or saved.cursor.number > head.number:
        return False

    canonical = await chain.header(saved.cursor.number)
    return canonical is not None and canonical.hash == saved.cursor.hash
