"""How far a long read is: a bar where a person looks, a line now and then where a machine does."""

import sys
import time
from types import TracebackType
from typing import Final, Self

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

LINE_EVERY_S: Final = 5.0

log = structlog.get_logger(__name__)


class Progress:
    """Shows several reads, each by its name, on standard error."""

    def __init__(self, *, as_json: bool) -> None:
        """Draw bars only for a person at a terminal."""
        self._bars: Bars | None = None
        if sys.stderr.isatty() and not as_json:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bars = Bars(*columns, console=Console(stderr=True), transient=True)

        self._tasks: dict[str, TaskID] = {}
        self._told_at = time.monotonic()

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()

        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def update(self, name: str, done: int, total: int) -> None:
        """Show that `done` of `total` blocks of a source were read."""
        if self._bars is not None:
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(name, total=total)

            self._bars.update(self._tasks[name], completed=done)
            return

        if time.monotonic() - self._told_at >= LINE_EVERY_S:
            self._told_at = time.monotonic()
            log.info("blocks_read", source=name, done=done, total=total)
