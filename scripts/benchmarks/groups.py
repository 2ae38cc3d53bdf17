"""The groups of figures: a name and the module that measures it, by a generator function `measure`."""

from collections.abc import Iterator
from importlib import import_module
from typing import Protocol

from benchmarks.figure import Figure

GROUPS = {
    "sizing": "a book of 200 positions: what the best size earns, and what finding it costs",
    "screen": "a million positions screened: against big integers over dicts, a pass over the bytes, memory",
    "quotes": "exact Uniswap V3 quotes: against QuoterV2 by eth_call, and against degenbot",
    "walk": "500 blocks of a price walk: the skin list against deciding everybody exactly",
    "math_utils": "a million positions screened, per account: against @aave/math-utils",
    "commits": "the journal's commits before bytes may leave: against fsync of the same bytes",
    "sending": "the sandbox's run: head to sent and killed to armed again, against raw round trips and imports",
}
"""Name of a group and of its module; what it measures."""


class Group(Protocol):
    """A module of this package that measures."""

    def measure(self) -> Iterator[Figure]:
        """Measure each figure in turn; `DiffersError` where both sides do not give the same answer."""
        ...


def load(name: str) -> Group:
    """Import the module of a group."""
    module: Group = import_module(f"benchmarks.{name}")
    return module
