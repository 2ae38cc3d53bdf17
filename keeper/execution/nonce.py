"""Whose turn each nonce of our key is: our own ledger is the truth, the chain's count only moves it on.

No I/O: whoever reads the chain tells it what was seen.
"""

from collections.abc import Iterable


class NonceLedger:
    """The nonces of one key.

    Invariant: a nonce is handed out once until it is released, and is released only when nothing signed for it can
    have left. `mined` is the chain's count of mined transactions, which a reorg or a lagging node may take back.
    """

    def __init__(self, mined: int, taken: Iterable[int] = (), *, floor: int = 0) -> None:
        """Start from the chain's count, the nonces not final yet, and the first that was never final.

        What the chain has used from `floor` on, and nobody took, is a stranger's: the first `observe` names it.
        """
        self.mined = mined
        self._taken = set(taken)
        self._floor = floor
        self._highest = floor

    @property
    def in_flight(self) -> tuple[int, ...]:
        """Nonces handed out and not final, ascending."""
        return tuple(sorted(self._taken))

    def reserve(self) -> int:
        """Hand out the lowest nonce that is nobody's: gaps are filled before the line grows."""
        nonce = max(self.mined, self._floor)
        while nonce in self._taken:
            nonce += 1

        self._taken.add(nonce)
        return nonce

    def take(self, nonce: int) -> None:
        """Hold one particular nonce: to fill a gap, or to replace what is in flight on it."""
        self._taken.add(nonce)

    def release(self, nonce: int) -> None:
        """Take a nonce back whose transaction was refused for good."""
        self._taken.discard(nonce)

    def finalise(self, nonce: int) -> None:
        """Forget a nonce that was used for good."""
        self._taken.discard(nonce)
        self._floor = max(self._floor, nonce + 1)

    def gaps(self) -> tuple[int, ...]:
        """Nonces nobody holds below one that is in flight: everything above waits for them."""
        first = max(self.mined, self._floor)
        return tuple(nonce for nonce in range(first, max(self._taken, default=first)) if nonce not in self._taken)

    def observe(self, mined: int) -> tuple[int, ...]:
        """Take the chain's new count in and return the nonces it passed, for the first time, that we never handed out.

        Any of them means that somebody else holds the key.
        """
        strangers = tuple(nonce for nonce in range(self._highest, mined) if nonce not in self._taken)
        self.mined = mined
        self._highest = max(self._highest, mined)
        return strangers
