"""What a person may choose about a trial, and where its progress goes."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from keeper.sandbox.scenes.base import Scene
from keeper.sandbox.stage.tables import WIDTH

PACE_S: Final = 0.35
"""Wall time between blocks at least; each also waits until the keeper has dealt with the one before."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may choose."""

    seed: int = 1
    as_json: bool = False
    pace_s: float = PACE_S
    protocols: tuple[Scene, ...] = ()
    """What is played, on the sandbox; a rehearsal has its own deployments."""
    keep: Path | None = None
    """An empty folder in which the run's files are kept; None for a temporary one."""


def console_of() -> Console:
    """Make the console that progress and tables go to: standard error, the other one is for the document."""
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else WIDTH)
