"""Whether the keeper is alive and ready, judged by work that was done: a process that runs but is deaf is neither."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from keeper.chain.port import HeadEvent
from keeper.engine import PassSeen
from keeper.errors import ChainError

SILENT_BLOCKS: Final = 5
"""Blocks that may fail to come before a keeper counts as deaf; proposers miss one or two now and then."""
LEAST_SILENCE_S: Final = 60.0
"""On a chain of short blocks a node's hiccup is no reason to be restarted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A yes, or every reason why not."""

    good: bool
    why: tuple[str, ...]
    block: int | None
    age_s: float | None


class Health:
    """An observer that remembers when a pass was last finished. Times are of a clock that never goes back."""

    def __init__(self, *, block_time_s: int, live: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """`live` false is a dry run, which is ready without being armed."""
        self._allowed_s = max(SILENT_BLOCKS * block_time_s, LEAST_SILENCE_S)
        self._live = live
        self._clock = clock
        self._since = clock()
        self._done_at: float | None = None
        self._block: int | None = None
        self._faults: tuple[str, ...] = ()

    def on_pass(self, seen: PassSeen) -> None:
        """A pass was finished: note when, and what stands in the way of acting."""
        self._done_at = self._clock()
        self._block = seen.decision.head.number
        faults = [f"{name} is stopped: {why}" for name, why in sorted(seen.stopped.items())]
        if self._live:
            faults += [] if seen.disarmed is None else [f"disarmed: {seen.disarmed}"]
            faults += [f"held: {why}" for why in seen.held]

        self._faults = tuple(faults)

    def on_dropped(self, event: HeadEvent, error: ChainError) -> None:
        """A dropped pass is not work done: only say so to whoever asks."""
        self._faults = (f"the pass of block {event.head.number} was dropped: {error.message}",)

    def alive(self) -> Verdict:
        """Tell whether passes are being finished; before the first one, whether there is still hope."""
        age = None if self._done_at is None else self._clock() - self._done_at
        silent = self._clock() - self._since if age is None else age
        why = () if silent <= self._allowed_s else (f"no pass was finished for {silent:.0f} s",)
        return Verdict(not why, why, self._block, age)

    def ready(self) -> Verdict:
        """Tell whether everything configured is at work: followed, and in a live run armed."""
        alive = self.alive()
        why = (*alive.why, *self._faults) if self._done_at is not None else (*alive.why, "no pass was finished yet")
        return Verdict(not why, why, alive.block, alive.age_s)
