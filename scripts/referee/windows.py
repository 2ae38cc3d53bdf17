"""Profit that stood for long enough and was not taken.

A window is a run of consecutive blocks in which the referee earned more than floor and gas with one borrower, cut where
the keeper landed on that borrower. The keeper needs a block to see and one to land, and while it lands elsewhere the
pools move: only blocks in which it landed nothing at all count as waiting.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from referee.judge import Finding, Record

# A window that the keeper itself ended may have waited this many times longer.
PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Window:
    """A borrower's stretch of profit: first and last block, blocks waited, the best finding, and how it ended."""

    borrower: str
    first: int
    last: int
    waited: int
    best: Finding
    taken: bool

    def missed(self, blocks: int) -> bool:
        """Tell whether the keeper let it stand: for that many blocks, or PATIENCE times that if it took it at last."""
        return self.waited >= (PATIENCE * blocks if self.taken else blocks)


def find_windows(records: Sequence[Record], landings: Mapping[str, Iterable[int]]) -> list[Window]:
    """Cut every borrower's profitable blocks into windows; landings: the blocks the keeper landed in, by borrower."""
    busy = {block for blocks in landings.values() for block in blocks}
    found: list[Window] = []

    for borrower in dict.fromkeys(name for record in records for name in record.paid):
        landed = set(landings.get(borrower, ()))
        stretch: list[Finding] = []

        for record in records:
            number = record.block.number

            # What this block left is what counts: a landing in it ends the stretch before it.
            if stretch and (number in landed or borrower not in record.paid):
                found.append(_window(borrower, stretch, busy, taken=number in landed))
                stretch = []

            if borrower in record.paid:
                stretch.append(record.paid[borrower])

        if stretch:
            found.append(_window(borrower, stretch, busy, taken=False))

    return found


def _window(borrower: str, stretch: Sequence[Finding], busy: set[int], *, taken: bool) -> Window:
    waited = sum(finding.block not in busy for finding in stretch)
    best = max(stretch, key=lambda finding: finding.worth.net)
    return Window(borrower, stretch[0].block, stretch[-1].block, waited, best, taken)
