"""The skin list: positions near enough to their threshold that what prices did since it was built could matter.

Between two full screens only these are looked at, and whoever changed since. Molecular dynamics calls it a Verlet list.

Why nobody is missed. With cover C, required R and slack S of a position when the list was built, it is left out only if
C >= width * (R + S). Let `low` be the least ratio, over all factor slots, of a cover factor to what it was then, and
`high` the greatest of a required factor or a slack. Then the cover now is at least low * C and what is required, slack
included, at most high * (R + S). As long as high <= width * low, nobody left out can be a suspect.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from keeper.book.columns import Bucket, PositionBook
from keeper.book.screen import Suspects, Weights, as_keys, find, tilted
from keeper.protocols.base import Factors, HealthRow
from keeper.types import PositionKey

WIDTH: Final = 1.05
"""How far cover may fall against what is required before the list is built anew: about 1.4 % of positions are on it."""
_ROUNDING: Final = 1 - 1e-9
"""What float64 may have done to either side of the comparisons; its own errors are six orders smaller."""
_MOST_CHANGED: Final = 4_096


class SkinList:
    """Screens a book by its list. Invariant: a position is on the list, or changed since, or cannot be a suspect."""

    def __init__(self, book: PositionBook, width: float = WIDTH) -> None:
        self._book = book
        self._width = width
        self._near: dict[int, Bucket] = {}
        self._places: dict[PositionKey, tuple[int, int]] = {}
        self._changed = PositionBook()
        self._built_at: Weights | None = None

    @property
    def listed(self) -> int:
        """How many positions a screen looks at."""
        return len(self._places) + self._changed.indebted

    def upsert(self, row: HealthRow) -> None:
        """Add a position to the book or replace its row."""
        self._book.upsert(row)
        if self._built_at is None:
            return

        self._changed.upsert(row)
        entries, at = self._places.pop(row.key, (0, 0))
        if entries:
            moved = self._near[entries].take_out(at)
            if moved is not None:
                self._places[moved] = entries, at

    def suspects(self, factors: Factors) -> Suspects:
        """What a screen of the whole book finds, short of positions that surely are healthy."""
        weights = tilted(self._book, factors)
        if not self._holds(weights, self._width):
            self._build(weights)

        return find((*self._near.values(), *self._changed.buckets()), weights)

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
        found = ((bucket.entries, find((bucket,), stricter).rows) for bucket in self._book.buckets())
        self._near = {entries: Bucket.filled(rows) for entries, rows in found if rows}
        self._places = {
            key: (entries, row)
            for entries, bucket in self._near.items()
            for row, key in enumerate(key for chunk in bucket.chunks() for key in as_keys(chunk.keys))
        }
        self._changed = PositionBook()
        self._built_at = weights


def _ratios(now: NDArray[np.float64], then: NDArray[np.float64]) -> NDArray[np.float64]:
    """How each factor moved; nobody's move counts where all were listed (unknown then) or nobody could gain by it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios: NDArray[np.float64] = now / then

    ratios[~np.isfinite(then)] = 1.0
    ratios[(then == 0) & (now == 0)] = 1.0
    return ratios
