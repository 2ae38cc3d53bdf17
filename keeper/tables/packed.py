"""A mapping from keys to values that keeps each value as packed bytes: what a million dataclasses would cost ten times.

Records of one length stand side by side in one growing buffer, key first. Reading a value unpacks it, so what comes
out is never the object that went in; values are immutable, and that is no difference.
"""

from collections.abc import Callable, Iterator, MutableMapping
from typing import Final, Generic, TypeVar

from keeper.tables.index import KeyIndex
from keeper.types import PositionKey

V = TypeVar("V")

_ROW_BITS: Final = 32
MAX_LENGTH: Final = 2**16 - 2
"""Bytes a packed value may have: length and row share the 48 bits of a place."""


class PackedTable(MutableMapping[PositionKey, V], Generic[V]):
    """Keys to packed values; keys of one table have one length.

    Invariant: the index names the record each key stands in. `ValueError` for a value that packs too long or a key of
    another length. Iterating is meaningless while the table is changed.
    """

    __slots__ = ("_index", "_pack", "_records", "_unpack", "_width")

    def __init__(self, pack: Callable[[V], bytes], unpack: Callable[[bytes], V]) -> None:
        """`unpack` must take back everything `pack` gives."""
        self._pack = pack
        self._unpack = unpack
        self._index = KeyIndex(self._key_at)
        self._records: dict[int, bytearray] = {}
        self._width = 0

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, bytes) and self._index.find(PositionKey(key)) is not None

    def __getitem__(self, key: PositionKey) -> V:
        place = self._index.find(key)
        if place is None:
            raise KeyError(key)

        length, start = self._locate(place)
        return self._unpack(bytes(self._records[length][start + self._width : start + self._width + length]))

    def __setitem__(self, key: PositionKey, value: V) -> None:
        packed = self._pack(value)
        self._check(key, packed)
        place = self._index.find(key)
        if place is not None and place >> _ROW_BITS == len(packed):
            length, start = self._locate(place)
            self._records[length][start + self._width : start + self._width + length] = packed
            return

        if place is not None:
            self._take_out(key, place)

        records = self._records.setdefault(len(packed), bytearray())
        row = len(records) // (self._width + len(packed))
        records += key + packed
        self._index.put(key, len(packed) << _ROW_BITS | row)

    def __delitem__(self, key: PositionKey) -> None:
        place = self._index.find(key)
        if place is None:
            raise KeyError(key)

        self._take_out(key, place)

    def __iter__(self) -> Iterator[PositionKey]:
        for length, records in self._records.items():
            for start in range(0, len(records), self._width + length):
                yield PositionKey(bytes(records[start : start + self._width]))

    def _check(self, key: PositionKey, packed: bytes) -> None:
        self._width = self._width or len(key)
        if len(key) != self._width or len(packed) > MAX_LENGTH:
            raise ValueError(
                f"key 0x{key.hex()} of {len(key)} bytes with a value of {len(packed)}: this table takes keys of "
                f"{self._width} and values up to {MAX_LENGTH}"
            )

    def _take_out(self, key: PositionKey, place: int) -> None:
        """Remove a record by moving the last of its length into it."""
        # The index compares keys in the records, so it forgets this one before another takes its place.
        self._index.remove(key)
        length, start = self._locate(place)
        records = self._records[length]
        last = len(records) - self._width - length
        if start != last:
            records[start : start + self._width + length] = records[last:]
            self._index.put(self._key_at(place), place)

        del records[last:]

    def _locate(self, place: int) -> tuple[int, int]:
        """Length of a record's value, and where the record starts in its buffer."""
        length = place >> _ROW_BITS
        return length, (place & ((1 << _ROW_BITS) - 1)) * (self._width + length)

    def _key_at(self, place: int) -> PositionKey:
        length, start = self._locate(place)
        return PositionKey(bytes(self._records[length][start : start + self._width]))
