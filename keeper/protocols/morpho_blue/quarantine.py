"""Oracles that gave no price are asked again later and later: anybody may write one that is slow on purpose."""

from typing import Final

from keeper.types import Address

LONGEST_BLOCKS: Final = 256
"""An oracle that heals is noticed within this many blocks."""


class Quarantine:
    """Which oracles not to ask, and until when. Invariant: decided by answers and block numbers alone."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: dict[Address, tuple[int, int]] = {}

    def is_resting(self, oracle: Address, block: int) -> bool:
        """Whether an oracle is left alone in this block."""
        return oracle in self._until and block < self._until[oracle][1]

    def failed(self, oracle: Address, block: int) -> None:
        """Let an oracle rest twice as long as the last time: first one block, then two, four and so on."""
        failures, until = self._until.get(oracle, (0, 0))
        # Several markets may share an oracle; in one block it failed once.
        if block >= until:
            self._until[oracle] = (failures + 1, block + 1 + min(2**failures, LONGEST_BLOCKS))

    def answered(self, oracle: Address) -> None:
        """Trust an oracle again."""
        self._until.pop(oracle, None)

    def clear(self) -> None:
        """Ask everybody again."""
        self._until.clear()
