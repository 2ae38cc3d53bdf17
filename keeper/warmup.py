"""From a cold or saved start to a state that is true at one head: restore, ask, read the missing logs, save.

What is saved is always true at the block its cursor names; a cursor whose block was orphaned is worth nothing, and
its source is read again from the start.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from keeper.chain.backfill import backfill
from keeper.chain.logs import LogReader, Page
from keeper.chain.port import PinnedChain
from keeper.deployment import Deployment
from keeper.errors import StateError
from keeper.journal.records import BlockRef
from keeper.journal.state import SavedState
from keeper.protocols.base import Applied, Row
from keeper.protocols.reads import Reads
from keeper.routing.base import VenueSync
from keeper.types import BlockHead, Log, LogQuery, PositionKey

log = structlog.get_logger(__name__)


class Source(Protocol):
    """A state kept by logs that can be written down: a deployment or a venue."""

    @property
    def name(self) -> str:
        """The operator's name for it; unique."""
        ...

    @property
    def start_block(self) -> int:
        """The first block that may hold a log of it."""
        ...

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Read what must be known before the first log."""
        ...

    def sources(self) -> tuple[LogQuery, ...]:
        """The logs it is made from."""
        ...

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold logs in."""
        ...

    def restore(self, rows: Iterable[Row]) -> None:
        """Take back everything that was saved."""
        ...

    @property
    def is_sound(self) -> bool:
        """Whether its state is true at the last block, and may be written down as such."""
        ...

    def changed_rows(self) -> list[Row]:
        """Rows of what changed since they were last asked for."""
        ...

    def all_rows(self) -> list[Row]:
        """Rows of everything."""
        ...


@dataclass(slots=True)
class DeploymentSource:
    """A deployment, and which of its positions were not saved yet."""

    deployment: Deployment
    start_block: int
    _unsaved: set[PositionKey] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.deployment.name

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        return self.deployment.adapter.sync.bootstrap(head)

    def sources(self) -> tuple[LogQuery, ...]:
        return self.deployment.sources()

    def apply(self, logs: Sequence[Log]) -> Applied:
        applied = self.deployment.adapter.sync.apply(logs)
        self._unsaved |= applied.touched
        return applied

    def restore(self, rows: Iterable[Row]) -> None:
        self.deployment.adapter.sync.restore(rows)

    @property
    def is_sound(self) -> bool:
        return self.deployment.stopped is None

    def all_rows(self) -> list[Row]:
        return list(self.deployment.adapter.sync.save(None))

    def changed_rows(self) -> list[Row]:
        changed = self._unsaved | self.deployment.take_changed()
        self._unsaved = set()
        return list(self.deployment.adapter.sync.save(changed))


@dataclass(slots=True)
class VenueSource:
    """A venue, saved whole each time: pools are few."""

    name: str
    venue: VenueSync
    start_block: int

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        return self.venue.bootstrap(head)

    def sources(self) -> tuple[LogQuery, ...]:
        return self.venue.sources()

    def apply(self, logs: Sequence[Log]) -> Applied:
        return self.venue.apply(logs)

    def restore(self, rows: Iterable[Row]) -> None:
        self.venue.restore(list(rows))

    @property
    def is_sound(self) -> bool:
        return True

    def all_rows(self) -> list[Row]:
        return list(self.venue.save())

    def changed_rows(self) -> list[Row]:
        return self.all_rows()


class Store(Protocol):
    """Where state is kept between runs; see `keeper.journal.state`."""

    def save(self, source: str, cursor: BlockRef, rows: Iterable[Row]) -> None:
        """Add or replace rows and move the cursor, in one transaction."""
        ...

    def load(self, source: str) -> SavedState | None:
        """Read back what was saved; None for a source never saved."""
        ...

    def clear(self, source: str) -> None:
        """Forget a source."""
        ...


class Progress(Protocol):
    """Whoever shows how far a long read is."""

    def update(self, name: str, done: int, total: int) -> None:
        """Show that `done` of `total` blocks of this source were read."""
        ...


def save_book(store: Store, sources: Iterable[Source], head: BlockHead) -> None:
    """Write down what changed; everything sound must be true at this head."""
    for source in sources:
        if source.is_sound:
            store.save(source.name, BlockRef(head.number, head.hash), source.changed_rows())


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What warming up needs; `reader` has the budget a backfill may spend."""

    chain: PinnedChain
    reader: LogReader
    store: Store
    progress: Progress

    async def bring(self, source: Source, head: BlockHead, *, prepare: Callable[[], None] | None = None) -> None:
        """Bring one source to the head; `StateError` where its logs cannot be understood.

        `prepare` runs between restoring and reading, for what must be set up anew in every run.
        """
        start = await self._restore(source, head)
        await self.chain.reads(source.bootstrap(head), head)
        if prepare is not None:
            prepare()

        first, total = start, head.number - start + 1

        async def keep(page: Page) -> None:
            self.store.save(source.name, BlockRef(page.upto_block, page.upto_hash), source.changed_rows())
            self.progress.update(source.name, page.upto_block - first + 1, total)

        if total > 0:
            (error,) = await backfill(self.reader, [source], start, head, keep)
            if error is not None:
                raise error

        log.info("source_ready", source=source.name, from_block=start, block=head.number)

    async def _restore(self, source: Source, head: BlockHead) -> int:
        """Take back what was saved if it still holds; returns the first block to read."""
        saved = self.store.load(source.name)
        if saved is None:
            return source.start_block

        canonical = await self.chain.header(saved.cursor.number)
        if canonical is None or canonical.hash != saved.cursor.hash or saved.cursor.number > head.number:
            log.warning("saved_state_orphaned", source=source.name, block=saved.cursor.number)
            self.store.clear(source.name)
            return source.start_block

        try:
            source.restore(saved.rows)
        except StateError as error:
            log.warning("saved_state_unreadable", source=source.name, error=error.message)
            self.store.clear(source.name)
            raise

        return saved.cursor.number + 1
