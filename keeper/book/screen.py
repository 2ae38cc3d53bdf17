"""The one kernel that screens every protocol's positions, block by block.

A position is suspect iff sum(quantity * cover) - sum(quantity * required) < sum(slack) over its entries. It
over-selects by a relative band on top, so that no rounding of floating point can hide a liquidatable position.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keeper.book.columns import Bucket, PositionBook
from keeper.protocols.base import Factors
from keeper.types import PositionKey

RELATIVE_BAND: Final = 1e-9
"""Six orders above the worst error of a float64 sum of a few hundred terms (n * 2**-53)."""
BLOCK_ROWS: Final = 16_384
"""Rows screened at a time, so that what is read stays in the processor's cache."""


def suspects(book: PositionBook, factors: Factors) -> list[PositionKey]:
    """List, in key order, every position that may be liquidatable; exact integers decide."""
    weights, slack = _tables(factors)
    found: list[PositionKey] = []
    for bucket in book.buckets.values():
        for start, margins, slacks in _margins(bucket, weights, slack):
            rows = np.flatnonzero(margins < slacks)
            found.extend(bucket.keys[start + int(row)] for row in rows)

    return sorted(found)


def nearest(book: PositionBook, factors: Factors, count: int) -> list[tuple[PositionKey, float]]:
    """List the positions closest to liquidation with cover divided by required, ascending; for people to look at."""
    weights, _ = _tables(factors)
    ratios: list[tuple[float, PositionKey]] = []
    for bucket in book.buckets.values():
        used = bucket.used
        terms = weights[bucket.slots[:used]] * bucket.quantities[:used]
        cover = np.where(terms > 0, terms, 0.0).sum(axis=1)
        required = -np.where(terms < 0, terms, 0.0).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = cover / required

        best = np.argsort(ratio, kind="stable")[:count]
        ratios.extend((float(ratio[row]), bucket.keys[int(row)]) for row in best)

    return [(key, ratio) for ratio, key in sorted(ratios)[:count]]


def _tables(factors: Factors) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interleave cover and required by slot, required negative, both tilted toward suspicion."""
    weights = np.empty(2 * len(factors.cover), dtype=np.float64)
    weights[0::2] = factors.cover * (1 - RELATIVE_BAND)
    weights[1::2] = -factors.required * (1 + RELATIVE_BAND)
    return weights, np.repeat(factors.slack * (1 + RELATIVE_BAND), 2)


def _margins(
    bucket: Bucket, weights: NDArray[np.float64], slack: NDArray[np.float64]
) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.float64]]]:
    """Margins and slacks of a bucket's live rows, in cache-sized blocks, with the first row of each."""
    for start in range(0, bucket.used, BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, bucket.used)
        slots = bucket.slots[start:stop]
        margins = (weights[slots] * bucket.quantities[start:stop]).sum(axis=1)
        yield start, margins, slack[slots].sum(axis=1)
