"""Finds a position's place by its key: open addressing over flat arrays, a fraction of what a dict costs.

Keys are not kept here but where the rows are; a place names where. The index is cut into shards that grow one by one,
so that growing never holds up a block.
"""

from array import array
from collections.abc import Callable
from typing import Final

from keeper.types import PositionKey

PLACE_BITS: Final = 48
"""Places are 0 to 2**48 - 2."""
_PLACE_MASK: Final = (1 << PLACE_BITS) - 1
_TAG_MASK: Final = 0xFFFF
_EMPTY: Final = 0
_SHARDS: Final = 256
_FIRST_SIZE: Final = 8


class KeyIndex:
    """Key to place, 11 to 21 bytes a key.

    A key's hash is used in three parts: the lowest byte chooses the shard, the next 16 bits are kept beside the place
    as a tag, the rest is the home slot.
    """

    __slots__ = ("_key_at", "_shards", "_used")

    def __init__(self, key_at: Callable[[int], bytes]) -> None:
        """`key_at` gives the key that stands at a place."""
        self._key_at = key_at
        self._used = 0
        self._shards = [_Shard() for _ in range(_SHARDS)]

    def __len__(self) -> int:
        return self._used

    def find(self, key: PositionKey) -> int | None:
        """Where the key is, None for an unknown one."""
        hashed = hash(key)
        shard = self._shards[hashed & (_SHARDS - 1)]
        word = shard.words[shard.slot(key, hashed, self._key_at)]
        return None if word == _EMPTY else (word & _PLACE_MASK) - 1

    def put(self, key: PositionKey, place: int) -> None:
        """Set or move a key's place; the key must already stand there."""
        hashed = hash(key)
        shard = self._shards[hashed & (_SHARDS - 1)]
        slot = shard.slot(key, hashed, self._key_at)
        is_new = shard.words[slot] == _EMPTY
        shard.words[slot] = _tag(hashed) << PLACE_BITS | (place + 1)
        if is_new:
            self._used += 1
            shard.used += 1
            if 4 * shard.used > 3 * len(shard.words):
                shard.grow(self._key_at)

    def remove(self, key: PositionKey) -> None:
        """Forget a known key, while it still stands at its place; `KeyError` for an unknown one."""
        hashed = hash(key)
        shard = self._shards[hashed & (_SHARDS - 1)]
        slot = shard.slot(key, hashed, self._key_at)
        if shard.words[slot] == _EMPTY:
            raise KeyError(key)

        self._used -= 1
        shard.close_gap(slot, self._key_at)


class _Shard:
    """A part of the index.

    Invariant: a slot holds a key's tag and one more than its place, or `_EMPTY`; no gap lies between a key's home slot
    and its own; at least a quarter of the slots is empty.
    """

    __slots__ = ("mask", "used", "words")

    def __init__(self) -> None:
        self.used = 0
        self.mask = _FIRST_SIZE - 1
        self.words = array("Q", [_EMPTY]) * _FIRST_SIZE

    def slot(self, key: PositionKey, hashed: int, key_at: Callable[[int], bytes]) -> int:
        """The slot of a key, or the empty one it would take."""
        tag, slot = _tag(hashed), _home(hashed) & self.mask
        while True:
            word = self.words[slot]
            if word == _EMPTY or (word >> PLACE_BITS == tag and key_at((word & _PLACE_MASK) - 1) == key):
                return slot

            slot = (slot + 1) & self.mask

    def close_gap(self, hole: int, key_at: Callable[[int], bytes]) -> None:
        """Empty a slot, and move into it whatever would no longer be reached across it."""
        self.used -= 1
        slot = (hole + 1) & self.mask
        while self.words[slot] != _EMPTY:
            home = _home(hash(key_at((self.words[slot] & _PLACE_MASK) - 1)))
            if (slot - home) & self.mask >= (slot - hole) & self.mask:
                self.words[hole] = self.words[slot]
                hole = slot

            slot = (slot + 1) & self.mask

        self.words[hole] = _EMPTY

    def grow(self, key_at: Callable[[int], bytes]) -> None:
        """Twice as many slots."""
        words = self.words
        self.mask = 2 * len(words) - 1
        self.words = array("Q", [_EMPTY]) * (2 * len(words))
        for word in words:
            if word == _EMPTY:
                continue

            slot = _home(hash(key_at((word & _PLACE_MASK) - 1))) & self.mask
            while self.words[slot] != _EMPTY:
                slot = (slot + 1) & self.mask

            self.words[slot] = word


def _tag(hashed: int) -> int:
    return hashed >> 8 & _TAG_MASK


def _home(hashed: int) -> int:
    return hashed >> 24
