"""The one kernel that screens every protocol's positions, in float64, and over-selects so that none is missed.

A suspect is decided exactly elsewhere; a position that is no suspect is healthy. Nothing is proven here about the
factors themselves: each adapter tilts its own by what its integers can do.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keeper.book.columns import Bucket, PositionBook
from keeper.errors import StateError
from keeper.protocols.base import Factors
from keeper.types import PositionKey

TAU: Final = 1e-9
"""Relative tilt against float64's own errors: a sum of k entries is off by at most (k + 2) * 2**-53 of its terms,
which stays below TAU up to millions of entries."""
_BLOCK_ROWS: Final = 16_384


class Nearness(NamedTuple):
    """How far a position is from liquidation: its cover over what is required, both already tilted."""

    key: PositionKey
    ratio: float


class _Weights(NamedTuple):
    """Factors by column slot: cover at even places, required, negated, at odd ones.

    `margin`: float64[2 * n_slots], base currency per quantity. `slack`: float64[2 * n_slots], base currency per entry.
    """

    margin: NDArray[np.float64]
    slack: NDArray[np.float64]


def suspects(book: PositionBook, factors: Factors) -> tuple[PositionKey, ...]:
    """Every indebted position whose cover less required is below its slack, or cannot be told; ascending by key.

    A factor that is not a number makes every position that uses it a suspect.
    """
    weights = _tilted(book, factors)
    found: list[PositionKey] = []
    with np.errstate(invalid="ignore", over="ignore"):
        for bucket in book.buckets():
            found += map(bucket.key, _suspect_rows(bucket, weights).tolist())

    return tuple(sorted(found))


def nearest(book: PositionBook, factors: Factors, count: int) -> tuple[Nearness, ...]:
    """The positions nearest to liquidation, or furthest past it, ascending by ratio and then by key.

    Positions whose ratio cannot be told are left out.
    """
    weights = _tilted(book, factors)
    found: list[Nearness] = []
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        for bucket in book.buckets():
            ratios = _ratios(bucket, weights)
            known = np.flatnonzero(~np.isnan(ratios))
            if len(known) > count > 0:
                # All ties of the last one stay in: which of them counts is decided by key, not by row.
                last = np.partition(ratios[known], count - 1)[count - 1]
                known = known[ratios[known] <= last]

            found += (Nearness(bucket.key(row), float(ratios[row])) for row in known.tolist())

    return tuple(sorted(found, key=lambda one: (one.ratio, one.key))[: max(count, 0)])


def _tilted(book: PositionBook, factors: Factors) -> _Weights:
    slots = len(factors.cover)
    if book.slots_used > slots or len(factors.required) != slots or len(factors.slack) != slots:
        raise StateError(
            f"the book uses {book.slots_used} factor slots, the market gives {slots} cover, "
            f"{len(factors.required)} required and {len(factors.slack)} slack factors"
        )

    margin = np.empty(2 * slots)
    margin[0::2] = factors.cover - TAU * np.abs(factors.cover)
    margin[1::2] = -(factors.required + TAU * np.abs(factors.required))
    slack = np.repeat(factors.slack + TAU * np.abs(factors.slack), 2)
    # An unknown slack poisons the margin, which the first pass looks at.
    margin[np.isnan(slack)] = np.nan
    return _Weights(margin, slack)


def _suspect_rows(bucket: Bucket, weights: _Weights) -> NDArray[np.intp]:
    """Rows below their own slack: first against the greatest slack any row could have, then those few exactly."""
    ceiling = bucket.entries * np.nanmax(weights.slack, initial=0.0)
    near = [np.empty(0, np.intp)]
    # Blocks small enough to stay in the cache from the first entry to the last.
    for start in range(0, bucket.size, _BLOCK_ROWS):
        rows = slice(start, min(start + _BLOCK_ROWS, bucket.size))
        margin = _dot(weights.margin, bucket.slots[:, rows], bucket.quantities[:, rows])
        near.append(np.flatnonzero(~(margin >= ceiling)) + start)

    rows_near = np.concatenate(near)
    slots = bucket.slots[:, rows_near]
    margin = _dot(weights.margin, slots, bucket.quantities[:, rows_near])
    slack: NDArray[np.float64] = weights.slack[slots].sum(axis=0)
    return rows_near[~(margin >= slack)]


def _dot(
    weights: NDArray[np.float64], slots: NDArray[np.uint16], quantities: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum over entries of quantity times weight, per row."""
    # "clip" is the fast way to take; every slot was checked against the factors before.
    total: NDArray[np.float64] = weights.take(slots[0], mode="clip") * quantities[0]
    for slot, quantity in zip(slots[1:], quantities[1:], strict=True):
        total += weights.take(slot, mode="clip") * quantity

    return total


def _ratios(bucket: Bucket, weights: _Weights) -> NDArray[np.float64]:
    slots = bucket.slots[:, : bucket.size]
    terms = weights.margin[slots] * bucket.quantities[:, : bucket.size]
    owed = slots & 1 == 1
    cover: NDArray[np.float64] = np.where(owed, 0.0, terms).sum(axis=0)
    required: NDArray[np.float64] = np.where(owed, -terms, 0.0).sum(axis=0)
    return cover / required
