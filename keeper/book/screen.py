"""The one kernel that screens every protocol's positions, in float64, and over-selects so that none is missed.

A suspect is decided exactly elsewhere; a position that is no suspect is healthy. Nothing is proven here about the
factors themselves: each adapter tilts its own by what its integers can do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keeper.book.columns import CHUNK_ROWS, Bucket, Chunk, PositionBook
from keeper.errors import StateError
from keeper.protocols.base import Factors
from keeper.types import PositionKey
from keeper.units import BPS

TAU: Final = 1e-9
"""Relative tilt against float64's own errors: a sum of k entries is off by at most (k + 2) * 2**-53 of its terms,
which stays below TAU up to millions of entries."""
_BEYOND: Final = 1e200
"""A factor of this size is as good as unknown; below it no product with an amount of tokens overflows."""


class Nearness(NamedTuple):
    """How far a position is from liquidation: its cover over what is required, both already tilted."""

    key: PositionKey
    ratio: float


class Weights(NamedTuple):
    """Factors by column slot: cover at even places, required, negated, at odd ones.

    `margin`: float64[2 * n_slots], base currency per quantity. `slack`: float64[2 * n_slots], base currency per entry.
    """

    margin: NDArray[np.float64]
    slack: NDArray[np.float64]


class Scratch:
    """Buffers of one screen, reused from chunk to chunk: fresh ones would cost as much as the arithmetic."""

    __slots__ = ("below", "term", "total")

    def __init__(self) -> None:
        self.total = np.empty(CHUNK_ROWS)
        self.term = np.empty(CHUNK_ROWS)
        self.below = np.empty(CHUNK_ROWS, np.bool_)

    def margins(self, chunk: Chunk, weights: Weights) -> NDArray[np.float64]:
        """Sum over entries of quantity times weight, per row; valid until the next chunk."""
        total, term = self.total[: len(chunk.keys)], self.term[: len(chunk.keys)]
        for i, (slot, quantity) in enumerate(zip(chunk.slots, chunk.quantities, strict=True)):
            into = term if i else total
            # "clip" is the fast way to take; every slot was checked against the factors before.
            weights.margin.take(slot, mode="clip", out=into)
            into *= quantity
            if i:
                total += term

        return total


@dataclass(frozen=True, slots=True)
class Suspects:
    """Positions to be decided exactly: their rows, copied, and the weights they were found by."""

    rows: tuple[Chunk, ...]
    weights: Weights

    def __len__(self) -> int:
        return sum(len(chunk.keys) for chunk in self.rows)

    def __iter__(self) -> Iterator[PositionKey]:
        """Every key, who owes most first, and where that cannot be told before all; ties by key.

        What a liquidation can earn is bounded by what the position owes.
        """
        if not self.rows:
            return

        required = np.concatenate([_required(chunk, self.weights) for chunk in self.rows])
        order = np.argsort(-required, kind="stable")
        keys = list(as_keys(np.concatenate([chunk.keys for chunk in self.rows])[order]))
        owed = required[order]
        changes = np.flatnonzero(owed[1:] != owed[:-1]) + 1
        for start, stop in pairwise([0, *changes.tolist(), len(keys)]):
            yield from keys[start:stop] if stop - start == 1 else sorted(keys[start:stop])


def suspects(book: PositionBook, factors: Factors) -> Suspects:
    """Every indebted position whose cover less required is below its slack, or cannot be told.

    A factor that is not a number makes every position that uses it a suspect.
    """
    return find(book.buckets(), tilted(book, factors))


def below(book: PositionBook, factors: Factors, width_bps: int) -> Suspects:
    """Every indebted position whose cover may be less than so many bps of what it owes; at least 10,000."""
    width = width_bps / BPS
    return suspects(book, Factors(factors.cover, factors.required * width, factors.slack * width))


def nearest(book: PositionBook, factors: Factors, count: int) -> tuple[Nearness, ...]:
    """The positions nearest to liquidation, or furthest past it, ascending by ratio and then by key.

    Positions whose ratio cannot be told are left out.
    """
    weights = tilted(book, factors)
    found: list[Nearness] = []
    for bucket in book.buckets():
        for chunk in bucket.chunks():
            ratios = _ratios(chunk, weights)
            known = np.flatnonzero(~np.isnan(ratios))
            if len(known) > count > 0:
                # All ties of the last one stay in: which of them counts is decided by key, not by row.
                last = np.partition(ratios[known], count - 1)[count - 1]
                known = known[ratios[known] <= last]

            found += map(Nearness, as_keys(chunk.keys[known]), ratios[known].tolist())

    return tuple(sorted(found, key=lambda one: (one.ratio, one.key))[: max(count, 0)])


def find(buckets: Iterable[Bucket], weights: Weights) -> Suspects:
    """The suspects among these rows."""
    scratch = Scratch()
    greatest = weights.slack.max(initial=0.0)
    found = (
        chunk.rows(rows)
        for bucket in buckets
        for chunk in bucket.chunks()
        if len(rows := suspect_rows(chunk, weights, greatest, scratch))
    )
    return Suspects(tuple(found), weights)


def suspect_rows(chunk: Chunk, weights: Weights, greatest: float, scratch: Scratch) -> NDArray[np.intp]:
    """Rows of a chunk whose margin is below their slack; `greatest` is the greatest slack there is."""
    # First against the greatest slack any row could have, then those few against their own.
    margin = scratch.margins(chunk, weights)
    near = np.less(margin, len(chunk.slots) * greatest, out=scratch.below[: len(margin)]).nonzero()[0]
    if not len(near):
        return near

    slack = weights.slack.take(chunk.slots[:, near]).sum(axis=0)
    found: NDArray[np.intp] = near[margin[near] < slack]
    return found


def tilted(book: PositionBook, factors: Factors) -> Weights:
    """Factors as column weights, moved by `TAU` towards finding too many; `StateError` for too few of them."""
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
    # No entry is of nothing and no other weight is infinite, so whoever uses an unknown one ends at minus infinity.
    unknown = ~((np.abs(margin) < _BEYOND) & (np.abs(slack) < _BEYOND))
    margin[unknown], slack[unknown] = -np.inf, 0.0
    return Weights(margin, slack)


def _required(chunk: Chunk, weights: Weights) -> NDArray[np.float64]:
    """What each row owes; infinity where that cannot be told."""
    owed = np.where(chunk.slots & 1 == 1, -weights.margin[chunk.slots], 0.0)
    total: NDArray[np.float64] = (owed * chunk.quantities).sum(axis=0)
    return total


def _ratios(chunk: Chunk, weights: Weights) -> NDArray[np.float64]:
    """Cover over required, per row; not a number where either cannot be told."""
    owed = chunk.slots & 1 == 1
    with np.errstate(invalid="ignore"):
        terms = weights.margin[chunk.slots] * chunk.quantities
        terms[~np.isfinite(terms)] = np.nan
        cover: NDArray[np.float64] = np.where(owed, 0.0, terms).sum(axis=0)
        required: NDArray[np.float64] = np.where(owed, -terms, 0.0).sum(axis=0)
        return cover / required


def as_keys(keys: NDArray[np.uint8]) -> Iterator[PositionKey]:
    """Rows of a key column as keys."""
    width = keys.shape[1]
    packed = keys.tobytes()
    return (PositionKey(packed[at : at + width]) for at in range(0, len(packed), width))
