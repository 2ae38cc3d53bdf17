"""The skin list: positions near enough to their threshold that what prices did since it was built could matter.

Between two full screens only these are looked at, and whoever changed since. Molecular dynamics calls it a Verlet list.

Why nobody is missed. With cover C, required R and slack S of a position when the list was built, it is left out only if
C >= width * (R + S). Let `low` be the least ratio, over all factor slots, of a cover factor to what it was then, and
`high` the greatest of a required factor or a slack. Then the cover now is at least low * C and what is required, slack
included, at most high * (R + S). As long as high <= width * low, nobody left out can be a suspect.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keeper.book.columns import CHUNK_ROWS, Bucket, Chunk, PositionBook
from keeper.book.screen import Weights, suspect_rows, suspects_of, tilted
from keeper.protocols.base import Factors, HealthRow
from keeper.types import PositionKey

WIDTH: Final = 1.05
"""How far cover may fall against what is required before the list is built anew: about 1.4 % of positions are on it."""
_ROUNDING: Final = 1 - 1e-9
"""What float64 may have done to either side of the comparisons; its own errors are six orders smaller."""
_MOST_CHANGED: Final = 4_096


class SkinList:
    """Screens a book by its list. Invariant: every position of the book that changed since is in `_changed`."""

    def __init__(self, book: PositionBook, width: float = WIDTH) -> None:
        self._book = book
        self._width = width
        self._near: list[Chunk] = []
        self._changed = PositionBook()
        self._built_at: Weights | None = None

    @property
    def listed(self) -> int:
        """How many positions a screen looks at."""
        return sum(len(chunk.keys) for chunk in self._near) + self._changed.indebted

    def upsert(self, row: HealthRow) -> None:
        """Add a position to the book or replace its row."""
        self._book.upsert(row)
        if self._built_at is not None:
            self._changed.upsert(row)

    def suspects(self, factors: Factors) -> tuple[PositionKey, ...]:
        """What a screen of the whole book finds, short of positions that surely are healthy; ascending by key."""
        weights = tilted(self._book, factors)
        if not self._holds(weights, self._width):
            self._build(weights)

        changed = self._changed
        found = [key for key in suspects_of(self._near, weights) if key not in changed]
        found += (key for bucket in changed.buckets() for key in suspects_of(bucket.chunks(), weights))
        return tuple(sorted(found))

    def tend(self, factors: Factors) -> None:
        """Build the list anew if half of what it can stand is used up: called when there is time for it."""
        weights = tilted(self._book, factors)
        worn = len(self._changed) > _MOST_CHANGED or not self._holds(weights, 1 + (self._width - 1) / 2)
        if worn:
            self._build(weights)

    def _holds(self, now: Weights, width: float) -> bool:
        """Tell whether factors moved apart by no more than `width` since the list was built."""
        then = self._built_at
        if then is None or len(then.margin) > len(now.margin):
            return False

        used = 2 * self._book.slots_used
        if used > len(then.margin):
            return False  # a slot nobody had then

        low = _ratios(now.margin[0:used:2], then.margin[0:used:2]).min(initial=1.0)
        high = max(
            _ratios(-now.margin[1:used:2], -then.margin[1:used:2]).max(initial=1.0),
            _ratios(now.slack[:used], then.slack[:used]).max(initial=1.0),
        )
        return bool(low > 0 and high <= width * low * _ROUNDING)

    def _build(self, weights: Weights) -> None:
        """Screen everything against a threshold `width` times as high, and keep a copy of what that finds."""
        stricter = Weights(weights.margin.copy(), weights.slack * self._width)
        stricter.margin[1::2] *= self._width
        self._near = [chunk for bucket in self._book.buckets() for chunk in _kept(bucket, stricter)]
        self._changed = PositionBook()
        self._built_at = weights


def _ratios(now: NDArray[np.float64], then: NDArray[np.float64]) -> NDArray[np.float64]:
    """How each factor moved; nobody's move counts where all were listed (unknown then) or nobody could gain by it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios: NDArray[np.float64] = now / then

    ratios[~np.isfinite(then)] = 1.0
    ratios[(then == 0) & (now == 0)] = 1.0
    return ratios


def _kept(bucket: Bucket, weights: Weights) -> Iterator[Chunk]:
    """The rows of a bucket that these weights find, copied, in chunks a screen can take."""
    found = [(chunk, suspect_rows(chunk, weights)) for chunk in bucket.chunks()]
    if not found:
        return

    keys = np.concatenate([chunk.keys[rows] for chunk, rows in found])
    slots = np.concatenate([chunk.slots[:, rows] for chunk, rows in found], axis=1)
    quantities = np.concatenate([chunk.quantities[:, rows] for chunk, rows in found], axis=1)
    for start in range(0, len(keys), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        yield Chunk(keys[rows], np.ascontiguousarray(slots[:, rows]), np.ascontiguousarray(quantities[:, rows]))
