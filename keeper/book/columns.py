"""The positions of one deployment as numpy columns: grouped by how many entries they have, without padding.

Quantities are float64 here and only here: they screen, exact integers decide. What the columns are worth under some
prices is `screen.py`.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from keeper.errors import StateError
from keeper.protocols.base import HealthRow
from keeper.tables.index import PLACE_BITS, KeyIndex
from keeper.types import PositionKey

MAX_SLOTS: Final = 2**15
"""Factor slots of one deployment: a slot and its side (cover or required) share 16 bits."""
CHUNK_BITS: Final = 14
CHUNK_ROWS: Final = 1 << CHUNK_BITS
"""Rows of a chunk: small enough that one entry's column stays in the cache from the first entry to the last."""
_ROW_BITS: Final = 36
_ROW_MASK: Final = (1 << _ROW_BITS) - 1
_MAX_ENTRIES: Final = (1 << PLACE_BITS - _ROW_BITS) - 1


class Chunk(NamedTuple):
    """Rows of one number of entries; those beyond the bucket's size are unset.

    `keys`: uint8[rows, key width]. `slots`: uint16[entries, rows], twice the factor slot, plus 1 on the required side.
    `quantities`: float64[entries, rows], never negative.
    """

    keys: NDArray[np.uint8]
    slots: NDArray[np.uint16]
    quantities: NDArray[np.float64]

    def rows(self, which: NDArray[np.intp]) -> "Chunk":
        """Copy some rows."""
        return Chunk(self.keys[which], self.slots[:, which], self.quantities[:, which])


class Bucket:
    """Positions of `entries` entries each, one per row. Invariant: rows below `size` are set, in no order.

    Grows by whole chunks: no row is ever copied to make room.
    """

    __slots__ = ("_chunks", "_key_width", "entries", "size")

    def __init__(self, entries: int, key_width: int) -> None:
        self.entries = entries
        self.size = 0
        self._key_width = key_width
        self._chunks: list[Chunk] = []

    @classmethod
    def filled(cls, rows: Sequence[Chunk]) -> Self:
        """Make one of copies of these rows, at least one chunk of them, all of one number of entries."""
        keys = np.concatenate([chunk.keys for chunk in rows])
        slots = np.concatenate([chunk.slots for chunk in rows], axis=1)
        quantities = np.concatenate([chunk.quantities for chunk in rows], axis=1)
        bucket = cls(len(slots), keys.shape[1])
        for start in range(0, len(keys), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            chunk = bucket._add_chunk()
            chunk.keys[: len(keys[part])] = keys[part]
            chunk.slots[:, : len(keys[part])] = slots[:, part]
            chunk.quantities[:, : len(keys[part])] = quantities[:, part]

        bucket.size = len(keys)
        return bucket

    def chunks(self) -> Iterator[Chunk]:
        """The rows that are set, in order, a chunk at a time."""
        for number, chunk in enumerate(self._chunks):
            rows = min(self.size - (number << CHUNK_BITS), CHUNK_ROWS)
            if rows > 0:
                yield Chunk(chunk.keys[:rows], chunk.slots[:, :rows], chunk.quantities[:, :rows])

    def key(self, row: int) -> PositionKey:
        """The key of one row."""
        chunk, at = self._at(row)
        return PositionKey(chunk.keys[at].tobytes())

    def pairs(self, row: int) -> list[tuple[int, float]]:
        """(column slot, quantity) of one row's entries."""
        chunk, at = self._at(row)
        return list(zip(chunk.slots[:, at].tolist(), chunk.quantities[:, at].tolist(), strict=True))

    def append(self, key: PositionKey) -> int:
        """Add a row for a key, its entries still unset, and return it."""
        row = self.size
        if row == len(self._chunks) << CHUNK_BITS:
            self._add_chunk()

        chunk, at = self._at(row)
        chunk.keys[at] = np.frombuffer(key, np.uint8)
        self.size += 1
        return row

    def put(self, row: int, pairs: tuple[tuple[int, int], ...]) -> None:
        """Set all entries of one row."""
        chunk, at = self._at(row)
        for i, (slot, quantity) in enumerate(pairs):
            chunk.slots[i, at] = slot
            chunk.quantities[i, at] = float(quantity)  # nearest: off by 2**-53 at most, which the screen allows

    def take_out(self, row: int) -> PositionKey | None:
        """Remove a row by moving the last one into it; the key that moved, None where the row was the last."""
        last = self.size - 1
        moved = None if row == last else self.key(last)
        if moved is not None:
            (into, i), (source, j) = self._at(row), self._at(last)
            into.keys[i] = source.keys[j]
            into.slots[:, i] = source.slots[:, j]
            into.quantities[:, i] = source.quantities[:, j]

        self.size = last
        return moved

    def _add_chunk(self) -> Chunk:
        keys = np.empty((CHUNK_ROWS, self._key_width), np.uint8)
        slots = np.empty((self.entries, CHUNK_ROWS), np.uint16)
        self._chunks.append(Chunk(keys, slots, np.empty((self.entries, CHUNK_ROWS), np.float64)))
        return self._chunks[-1]

    def _at(self, row: int) -> tuple[Chunk, int]:
        return self._chunks[row >> CHUNK_BITS], row & (CHUNK_ROWS - 1)


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

    def key_chunks(self) -> Iterator[NDArray[np.uint8]]:
        """Every key, indebted or not, some thousands at a time: uint8[rows, key width], to be looked at only."""
        for bucket in self._buckets.values():
            yield from (chunk.keys for chunk in bucket.chunks())

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

        self._buckets[place >> _ROW_BITS].put(place & _ROW_MASK, entries)
        for slot, _ in entries:
            self._slots_used = max(self._slots_used, (slot >> 1) + 1)

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

        if len(entries) > _MAX_ENTRIES:
            raise StateError(f"position 0x{row.key.hex()} has {len(entries)} entries", key=row.key)

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
        moved = self._buckets[place >> _ROW_BITS].take_out(place & _ROW_MASK)
        if moved is not None:
            self._index.put(moved, place)

    def _key_at(self, place: int) -> bytes:
        return self._buckets[place >> _ROW_BITS].key(place & _ROW_MASK)


def _entries(row: HealthRow) -> tuple[tuple[int, int], ...]:
    """(column slot, quantity) of each entry that counts; none where nothing is owed."""
    required = tuple((2 * slot + 1, quantity) for slot, quantity in row.required if quantity)
    if not required:
        return ()

    return (*((2 * slot, quantity) for slot, quantity in row.cover if quantity), *required)
