"""Profit that stood for long enough and was not taken.

A window is a run of consecutive blocks in which the referee earned more than floor and gas with one position, cut where
the keeper landed on that position. The keeper needs a block to see and one to land, and while it lands elsewhere the
pools move: only blocks in which it landed nothing at all count as waiting.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from referee.judge import Finding, Record
from referee.probe import Subject

# A window that the keeper itself ended may have waited this many times longer.
PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Window:
    """A position's stretch of profit: first and last block, blocks waited, the best finding, and how it ended."""

    subject: Subject
    first: int
    last: int
    waited: int
    best: Finding
    taken: bool

    def missed(self, blocks: int) -> bool:
        """Tell whether the keeper let it stand: for that many blocks, or PATIENCE times that if it took it at last."""
        return self.waited >= (PATIENCE * blocks if self.taken else blocks)


def find_windows(records: Sequence[Record], landings: Mapping[Subject, Iterable[int]]) -> list[Window]:
    """Cut every position's profitable blocks into windows; landings: the blocks the keeper landed in, by position."""
    busy = {block for blocks in landings.values() for block in blocks}
    found: list[Window] = []

    for subject in dict.fromkeys(name for record in records for name in record.paid):
        landed = set(landings.get(subject, ()))
        stretch: list[Finding] = []

        for record in records:
            number = record.block.number

            # What this block left is what counts: a landing in it ends the stretch before it.
            if stretch and (number in landed or subject not in record.paid):
                found.append(_window(subject, stretch, busy, taken=number in landed))
                stretch = []

            if subject in record.paid:
                stretch.append(record.paid[subject])

        if stretch:
            found.append(_window(subject, stretch, busy, taken=False))

    return found


def _window(subject: Subject, stretch: Sequence[Finding], busy: set[int], *, taken: bool) -> Window:
    waited = sum(finding.block not in busy for finding in stretch)
    best = max(stretch, key=lambda finding: finding.worth.net)
    return Window(subject, stretch[0].block, stretch[-1].block, waited, best, taken)
