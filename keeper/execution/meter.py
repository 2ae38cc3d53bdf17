"""The signer's own count: how often and for how much it signed, kept across restarts, whatever the keeper believes.

A signer cannot see what a transaction cost in the end, so each counts at its worst, for a day: the whole gas limit at
the full fee, of the dearest alternative of its nonce.
"""

import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keeper.errors import SignerError, SigningKeyError
from keeper.execution.eip1559 import UnsignedTx
from keeper.private import make_private
from keeper.types import Address

_DAY_S: Final = 86_400
_MINUTE_S: Final = 60


@dataclass(frozen=True, slots=True)
class Caps:
    """What may be signed within a day, in wei at the worst, and within a minute."""

    budget_wei: int
    per_minute: int


@dataclass(frozen=True, slots=True)
class _Entry:
    at: int
    nonce: tuple[Address, int]
    cost_wei: int


class SigningMeter:
    """Invariant: whatever `admit` let pass is counted, in the file too, before anything of it was signed."""

    def __init__(self, path: Path | None, caps: Caps, clock: Callable[[], float] = time.time) -> None:
        """Read back the last day; without a file the count begins anew with the process. `SigningKeyError` if damaged.

        The clock says unix seconds.
        """
        self._path = path
        self._caps = caps
        self._clock = clock
        self._entries: deque[_Entry] = deque()
        self._worst: dict[tuple[Address, int], int] = {}
        self.epoch = 0
        if path is not None:
            self._load(path)

    @property
    def spent_wei(self) -> int:
        """What everything signed within the last day can cost at most, in wei."""
        return sum(self._worst.values())

    def admit(self, sender: Address, tx: UnsignedTx) -> None:
        """Count a transaction that is about to be signed; `SignerError` where it would pass a cap."""
        now = int(self._clock())
        self._forget(now)
        recent = sum(entry.at > now - _MINUTE_S for entry in self._entries)
        if recent >= self._caps.per_minute:
            raise SignerError(f"refused to sign: {recent} signatures within a minute, which is the cap")

        entry = _Entry(now, (sender, tx.nonce), tx.gas_limit * tx.fees.max_fee_wei)
        known = self._worst.get(entry.nonce, 0)
        total = self.spent_wei - known + max(known, entry.cost_wei)
        if total > self._caps.budget_wei:
            raise SignerError(
                f"refused to sign: with this one {total} wei could be spent within a day, {self._caps.budget_wei} may",
                total_wei=total,
                budget_wei=self._caps.budget_wei,
            )

        self._append(f"{now} {sender.hex()} {tx.nonce} {entry.cost_wei}\n")
        self._take(entry)

    def advance(self, epoch: int) -> None:
        """Follow a lease to its newer epoch; `SigningKeyError` for one that was overtaken."""
        if epoch < self.epoch:
            raise SigningKeyError(
                f"refused to sign: the lease of epoch {epoch} was taken over, this is epoch {self.epoch}", epoch=epoch
            )

        if epoch > self.epoch:
            self._append(f"epoch {epoch}\n")
            self.epoch = epoch

    def _take(self, entry: _Entry) -> None:
        self._entries.append(entry)
        self._worst[entry.nonce] = max(entry.cost_wei, self._worst.get(entry.nonce, 0))

    def _forget(self, now: int) -> None:
        gone = False
        while self._entries and self._entries[0].at <= now - _DAY_S:
            self._entries.popleft()
            gone = True

        if gone:
            self._worst = {}
            for entry in self._entries:
                self._worst[entry.nonce] = max(entry.cost_wei, self._worst.get(entry.nonce, 0))

    def _append(self, line: str) -> None:
        if self._path is None:
            return

        try:
            with self._path.open("a", encoding="ascii") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SignerError(f"cannot count in {self._path}: {error.strerror}; nothing is signed") from None

    def _load(self, path: Path) -> None:
        """Read the file and write it again without what is over, so that it stays as short as a day."""
        try:
            make_private(path)
            lines = path.read_text(encoding="ascii").splitlines()
            for line in lines:
                self._read(line)

            self._forget(int(self._clock()))
            beside = path.with_name(f".{path.name}.new")
            make_private(beside)
            beside.write_text("".join(self._lines()), encoding="ascii")
            beside.replace(path)
        except OSError as error:
            raise SigningKeyError(f"cannot keep a count in {path}: {error.strerror}") from None
        except ValueError:
            raise SigningKeyError(
                f"{path} is damaged: what was signed today is unknown; look into it, then remove it"
            ) from None

    def _read(self, line: str) -> None:
        words = line.split(" ")
        if words[0] == "epoch" and len(words) == 2:
            self.epoch = max(self.epoch, int(words[1]))
            return

        at, sender, nonce, cost_wei = words
        self._take(_Entry(int(at), (Address(bytes.fromhex(sender)), int(nonce)), int(cost_wei)))

    def _lines(self) -> list[str]:
        entries = (f"{e.at} {e.nonce[0].hex()} {e.nonce[1]} {e.cost_wei}\n" for e in self._entries)
        return [f"epoch {self.epoch}\n", *entries]
