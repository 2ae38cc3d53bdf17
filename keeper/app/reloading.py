"""A new configuration under a running keeper: read whole, taken up whole between two blocks, or refused by name."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from keeper.app.planner import BlockPlanner
from keeper.app.wiring import bid_policy
from keeper.chain.port import HeadEvent
from keeper.config.derived import thresholds
from keeper.config.fingerprint import fingerprint
from keeper.config.model import KeeperConfig
from keeper.config.reload import changes, unsafe
from keeper.engine import PassSeen
from keeper.errors import ChainError, KeeperError
from keeper.execution.desk import Desk
from keeper.execution.governor import Governor
from keeper.mind import Mind

log = structlog.get_logger(__name__)


class Reloading:
    """An observer that takes up a new configuration after the pass in which it was asked to.

    Invariant: what runs is one configuration as a file once was, never parts of two.
    """

    def __init__(self, config: KeeperConfig, read: Callable[[], KeeperConfig], mind: Mind, desk: Desk) -> None:
        """`read` reads the file anew and checks it, raising `KeeperError` for anything wrong."""
        self._config = config
        self._read = read
        self._mind = mind
        self._desk = desk
        self._asked = False

    @contextmanager
    def on_signal(self) -> Iterator[None]:
        """Be asked by SIGHUP while the block lasts."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self.ask)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)

    def ask(self) -> None:
        """Reload after the pass at hand."""
        self._asked = True

    def on_pass(self, seen: PassSeen) -> None:
        """Take up what was asked for: nothing is being decided now."""
        if not self._asked:
            return

        self._asked = False
        try:
            config = self._read()
        except KeeperError as error:
            log.warning("reload_refused", why=error.message)
            return

        self._take_up(config, seen.decision.head.number)

    def on_dropped(self, event: HeadEvent, error: ChainError) -> None:
        """Wait for a pass that ends well."""

    def _take_up(self, config: KeeperConfig, block: int) -> None:
        changed = changes(self._config, config)
        if not changed:
            log.info("reload_changed_nothing", block=block)
            return

        refused = unsafe(changed)
        if self._config.run.recording is not None:
            refused = changed  # a recording is of one configuration

        if refused:
            log.warning("reload_refused", why="only a restart can change these", settings=list(refused))
            return

        self._mind.replan(BlockPlanner.of(config))
        self._desk.retune({each.name: bid_policy(each) for each in config.strategies})
        if isinstance(self._desk.limits, Governor):
            self._desk.limits.retune(thresholds(config.governor))

        self._config = config
        log.info("config_reloaded", block=block, config=fingerprint(config), settings=list(changed))
