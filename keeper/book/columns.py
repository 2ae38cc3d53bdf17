"""The positions of one deployment as numpy columns: grouped by how many entries they have, without padding.

Quantities are float64 here and only here: they screen, exact integers decide. What the columns are worth under some
prices is `screen.py`.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keeper.book.index import KeyIndex
from keeper.errors import StateError
from keeper.protocols.base import HealthRow
from keeper.types import PositionKey

MAX_SLOTS: Final = 2**15
"""Factor slots of one deployment: a slot and its side (cover or required) share 16 bits."""
_ROW_BITS: Final = 40
_FIRST_CAPACITY: Final = 64


class Bucket:
    """Positions of `entries` entries each, one per row. Invariant: rows below `size` are set, in no order.

    `slots`: uint16[entries, capacity], twice the factor slot, plus 1 on the required side.
    `quantities`: float64[entries, capacity], never negative. `keys`: uint8[capacity, key width].
    """

    __slots__ = ("entries", "keys", "quantities", "size", "slots")

    def __init__(self, entries: int, key_width: int) -> None:
        self.entries = entries
        self.size = 0
        self.keys: NDArray[np.uint8] = np.empty((_FIRST_CAPACITY, key_width), np.uint8)
        self.slots: NDArray[np.uint16] = np.empty((entries, _FIRST_CAPACITY), np.uint16)
        self.quantities: NDArray[np.float64] = np.empty((entries, _FIRST_CAPACITY), np.float64)

    def key(self, row: int) -> PositionKey:
        """The key of one row."""
        return PositionKey(self.keys[row].tobytes())

    def append(self, key: PositionKey) -> int:
        """Add a row for a key, its entries still unset, and return it."""
        row = self.size
        if row == len(self.keys):
            self._grow()

        self.keys[row] = np.frombuffer(key, np.uint8)
        self.size += 1
        return row

    def take_out(self, row: int) -> PositionKey | None:
        """Remove a row by moving the last one into it; the key that moved, None where the row was the last."""
        last = self.size - 1
        self.size = last
        if row == last:
            return None

        self.keys[row] = self.keys[last]
        self.slots[:, row] = self.slots[:, last]
        self.quantities[:, row] = self.quantities[:, last]
        return self.key(row)

    def _grow(self) -> None:
        capacity = 2 * len(self.keys)
        keys, slots, quantities = self.keys, self.slots, self.quantities
        self.keys = np.empty((capacity, keys.shape[1]), np.uint8)
        self.slots = np.empty((self.entries, capacity), np.uint16)
        self.quantities = np.empty((self.entries, capacity), np.float64)
        self.keys[: self.size] = keys[: self.size]
        self.slots[:, : self.size] = slots[:, : self.size]
        self.quantities[:, : self.size] = quantities[:, : self.size]


class PositionBook:
    """Every known position of a deployment, each once. Invariant: the index names the row each key stands in.

    A position that owes nothing is known by its key alone and is never screened. Keys of one book have one length.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, Bucket] = {}
        self._index = KeyIndex(self._key_at)
        self._key_width = 0
        self._slots_used = 0

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, key: PositionKey) -> bool:
        return self._index.find(key) is not None

    @property
    def indebted(self) -> int:
        """How many positions owe something: the rows a screen looks at."""
        return sum(bucket.size for bucket in self.buckets())

    @property
    def slots_used(self) -> int:
        """One more than the greatest factor slot any row ever had: how many factors a screen needs."""
        return self._slots_used

    def keys(self) -> Iterator[PositionKey]:
        """Every key, indebted or not, in no particular order."""
        for bucket in self._buckets.values():
            yield from (bucket.key(row) for row in range(bucket.size))

    def buckets(self) -> Iterator[Bucket]:
        """The rows a screen looks at, by number of entries, ascending."""
        return (self._buckets[entries] for entries in sorted(self._buckets) if entries)

    def upsert(self, row: HealthRow) -> None:
        """Add a position or replace its row; `StateError` for a slot or quantity the columns cannot hold."""
        entries = _entries(row)
        self._check(row, entries)
        place = self._index.find(row.key)
        if place is not None and place >> _ROW_BITS != len(entries):
            self._take_out(row.key, place)
            place = None

        if place is None:
            place = self._append(row.key, len(entries))

        bucket, at = self._buckets[place >> _ROW_BITS], place & ((1 << _ROW_BITS) - 1)
        for i, (slot, quantity) in enumerate(entries):
            self._slots_used = max(self._slots_used, (slot >> 1) + 1)
            bucket.slots[i, at] = slot
            bucket.quantities[i, at] = float(quantity)  # nearest: off by 2**-53 of it at most, which the screen allows

    def remove(self, key: PositionKey) -> None:
        """Forget a position; `KeyError` for an unknown one."""
        place = self._index.find(key)
        if place is None:
            raise KeyError(key)

        self._take_out(key, place)

    def _check(self, row: HealthRow, entries: tuple[tuple[int, int], ...]) -> None:
        if len(row.key) != (self._key_width or len(row.key)):
            raise StateError(
                f"position 0x{row.key.hex()} has a key of {len(row.key)} bytes in a book of {self._key_width}",
                key=row.key,
            )

        for slot, quantity in entries:
            if not 0 <= slot < 2 * MAX_SLOTS or quantity < 0:
                raise StateError(
                    f"position 0x{row.key.hex()} has quantity {quantity} in factor slot {slot >> 1}; "
                    f"slots are 0..{MAX_SLOTS - 1} and quantities not negative",
                    key=row.key,
                )

    def _append(self, key: PositionKey, entries: int) -> int:
        self._key_width = len(key)
        if entries not in self._buckets:
            self._buckets[entries] = Bucket(entries, self._key_width)

        place = entries << _ROW_BITS | self._buckets[entries].append(key)
        self._index.put(key, place)
        return place

    def _take_out(self, key: PositionKey, place: int) -> None:
        # The index compares keys in the columns, so it forgets this one before another takes its row.
        self._index.remove(key)
        moved = self._buckets[place >> _ROW_BITS].take_out(place & ((1 << _ROW_BITS) - 1))
        if moved is not None:
            self._index.put(moved, place)

    def _key_at(self, place: int) -> bytes:
        return self._buckets[place >> _ROW_BITS].key(place & ((1 << _ROW_BITS) - 1))


def _entries(row: HealthRow) -> tuple[tuple[int, int], ...]:
    """(column slot, quantity) of each entry that counts; none where nothing is owed."""
    required = tuple((2 * slot + 1, quantity) for slot, quantity in row.required if quantity)
    if not required:
        return ()

    return (*((2 * slot, quantity) for slot, quantity in row.cover if quantity), *required)
