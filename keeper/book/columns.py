"""Positions as columns: rows grouped by how many entries they have, so that the kernel reads whole matrices.

A position is a list of (slot, quantity) entries, cover first. Slots of cover and of required amounts share one
table of factors twice as long, so that one gather serves both. Quantities are float64 here; exact integers stay with
the adapter, which decides.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keeper.protocols.base import HealthRow
from keeper.types import PositionKey

_FIRST_ROWS: Final = 64


@dataclass(slots=True)
class Bucket:
    """Rows of one width. Invariant: rows [0, used) are live, `keys[i]` names row i.

    `slots`: uint32[capacity, width], factor slots, required ones marked by the low bit; `quantities`:
    float64[capacity, width].
    """

    width: int
    used: int = 0
    slots: NDArray[np.uint32] = field(init=False)
    quantities: NDArray[np.float64] = field(init=False)
    keys: list[PositionKey] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.slots = np.zeros((_FIRST_ROWS, self.width), dtype=np.uint32)
        self.quantities = np.zeros((_FIRST_ROWS, self.width), dtype=np.float64)

    def append(self, key: PositionKey, slots: list[int], quantities: list[float]) -> int:
        """Add a row and return its number."""
        if self.used == len(self.slots):
            self.slots = np.concatenate([self.slots, np.zeros_like(self.slots)])
            self.quantities = np.concatenate([self.quantities, np.zeros_like(self.quantities)])

        row = self.used
        self.slots[row] = slots
        self.quantities[row] = quantities
        self.keys.append(key)
        self.used += 1
        return row

    def drop(self, row: int) -> PositionKey | None:
        """Remove a row by moving the last one into its place; returns the key that moved, if any."""
        last = self.used - 1
        self.used = last
        moved = self.keys.pop()
        if row == last:
            return None

        self.slots[row] = self.slots[last]
        self.quantities[row] = self.quantities[last]
        self.keys[row] = moved
        return moved


class PositionBook:
    """All positions of one deployment that owe something.

    Invariant: every key is in exactly one bucket, at the row the index says. A position that owes nothing is not
    kept: nothing can happen to it until an event touches it.
    """

    def __init__(self) -> None:
        self.buckets: dict[int, Bucket] = {}
        self._places: dict[PositionKey, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: PositionKey) -> bool:
        return key in self._places

    def keys(self) -> list[PositionKey]:
        """Every position, in key order."""
        return sorted(self._places)

    def upsert(self, row: HealthRow) -> None:
        """Replace a position's entries; one without debt leaves the book."""
        self.remove(row.key)
        if not row.required:
            return

        entries = [(slot << 1, quantity) for slot, quantity in row.cover]
        entries += [(slot << 1 | 1, quantity) for slot, quantity in row.required]
        width = len(entries)
        bucket = self.buckets.setdefault(width, Bucket(width))
        # float(int) rounds to nearest: one part in 2**53, far inside the kernel's relative band.
        place = bucket.append(row.key, [slot for slot, _ in entries], [float(quantity) for _, quantity in entries])
        self._places[row.key] = (width, place)

    def remove(self, key: PositionKey) -> None:
        """Forget a position; nothing happens for one that is not there."""
        place = self._places.pop(key, None)
        if place is None:
            return

        width, row = place
        moved = self.buckets[width].drop(row)
        if moved is not None:
            self._places[moved] = (width, row)
