"""Finds a position's place by its key: open addressing over two flat arrays, a fraction of what a dict costs.

Keys are not kept here but in the columns; a place names where.
"""

from array import array
from collections.abc import Callable
from typing import Final

from keeper.types import PositionKey

_EMPTY: Final = -1
_FIRST_SIZE: Final = 16


class KeyIndex:
    """Key to place.

    Invariant: a slot holds a key's hash and place, or `_EMPTY`; no gap lies between a key's home slot and its own; at
    least a third of the slots is empty.
    """

    __slots__ = ("_hashes", "_key_at", "_mask", "_places", "_used")

    def __init__(self, key_at: Callable[[int], bytes]) -> None:
        self._key_at = key_at
        self._used = 0
        self._clear(_FIRST_SIZE)

    def __len__(self) -> int:
        return self._used

    def find(self, key: PositionKey) -> int | None:
        """Where the key is, None for an unknown one."""
        slot = self._slot(key, hash(key))
        place = self._places[slot]
        return None if place == _EMPTY else place

    def put(self, key: PositionKey, place: int) -> None:
        """Set or move a key's place, which is not negative; the columns must already hold the key there."""
        hashed = hash(key)
        slot = self._slot(key, hashed)
        if self._places[slot] == _EMPTY:
            self._used += 1

        self._hashes[slot] = hashed
        self._places[slot] = place
        if 3 * self._used > 2 * len(self._places):
            self._grow()

    def remove(self, key: PositionKey) -> None:
        """Forget a known key; `KeyError` for an unknown one."""
        hole = self._slot(key, hash(key))
        if self._places[hole] == _EMPTY:
            raise KeyError(key)

        self._used -= 1
        slot = (hole + 1) & self._mask
        # Close the gap: whatever would no longer be reached across the hole moves into it.
        while self._places[slot] != _EMPTY:
            home = self._hashes[slot] & self._mask
            if (slot - home) & self._mask >= (slot - hole) & self._mask:
                self._hashes[hole] = self._hashes[slot]
                self._places[hole] = self._places[slot]
                hole = slot

            slot = (slot + 1) & self._mask

        self._places[hole] = _EMPTY

    def _slot(self, key: PositionKey, hashed: int) -> int:
        """The slot of a key, or the empty one it would take."""
        slot = hashed & self._mask
        while True:
            place = self._places[slot]
            if place == _EMPTY or (self._hashes[slot] == hashed and self._key_at(place) == key):
                return slot

            slot = (slot + 1) & self._mask

    def _grow(self) -> None:
        hashes, places = self._hashes, self._places
        self._clear(2 * len(places))
        for hashed, place in zip(hashes, places, strict=True):
            if place == _EMPTY:
                continue

            slot = hashed & self._mask
            while self._places[slot] != _EMPTY:
                slot = (slot + 1) & self._mask

            self._hashes[slot] = hashed
            self._places[slot] = place

    def _clear(self, size: int) -> None:
        self._mask = size - 1
        self._hashes = array("q", [0]) * size
        self._places = array("q", [_EMPTY]) * size
