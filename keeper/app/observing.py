"""Whoever looks on during a run: the book is saved, the service manager told, and a monitor answered."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import structlog

from keeper import __version__
from keeper.app.alerting import alerting
from keeper.app.warm import Book
from keeper.chain.live import LiveChain
from keeper.chain.port import HeadEvent
from keeper.config.model import KeeperConfig
from keeper.engine import Observer, PassSeen
from keeper.errors import ChainError
from keeper.execution.thresholds import MEMORY_S, Standing, standing
from keeper.journal.holds import HoldLedger
from keeper.journal.store import Journal
from keeper.warmup import save_book
from keeper.watching.health import Health
from keeper.watching.lag import measure_lag
from keeper.watching.metrics import Metrics, Money, Nodes
from keeper.watching.notify import Notifier
from keeper.watching.server import serve

SAVE_EVERY_BLOCKS: Final = 50
"""Blocks between saves of the book; a crash costs reading so many blocks' logs again."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Saving:
    """Saves the book now and then."""

    journal: Journal
    book: Book

    def on_pass(self, seen: PassSeen) -> None:
        """Save at every 50th block."""
        head = seen.decision.head
        if head.number % SAVE_EVERY_BLOCKS == 0:
            save_book(self.journal.state, self.book.sources, head)

    def on_dropped(self, event: HeadEvent, error: ChainError) -> None:
        """Save nothing: the state is half-way between two blocks."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a run's observers are made from."""

    config: KeeperConfig
    chain: LiveChain
    journal: Journal
    book: Book
    live: bool


async def observe(scene: Scene, stack: AsyncExitStack) -> tuple[Observer, ...]:
    """Assemble the observers of a run; what they open ends with `stack`. `ConfigError` where nothing can listen."""
    notifier = Notifier()
    stack.callback(notifier.stopping)
    told = await alerting(scene.config, scene.chain, scene.journal, scene.book, stack, live=scene.live)
    return (Saving(scene.journal, scene.book), notifier, *await _monitored(scene, stack), told)


async def _monitored(scene: Scene, stack: AsyncExitStack) -> tuple[Observer, ...]:
    monitor = scene.config.monitor
    if monitor is None:
        return ()

    chain = scene.config.chain
    metrics = Metrics(version=__version__, chain_id=chain.id, live=scene.live)
    metrics.registry.register(Nodes(scene.chain.endpoints.standings))
    if scene.live:
        holds = scene.journal.holds
        metrics.registry.register(Money(lambda: _standing(holds, metrics.head_time_s), holds.worst_in_flight_wei))

    health = Health(block_time_s=chain.block_time_s, live=scene.live)
    runner = await serve(monitor.listen, metrics, health)
    stack.push_async_callback(runner.cleanup)
    measuring = asyncio.get_running_loop().create_task(measure_lag(metrics.lag), name="loop lag")
    stack.callback(measuring.cancel)
    log.info("monitor_opened", listen=str(monitor.listen))
    return (metrics, health)


def _standing(holds: HoldLedger, now: int) -> Standing:
    """How far limits are used at a block's time: the governor goes by the chain's clock."""
    return standing(holds.results(now - MEMORY_S), now, holds.counted_from())
