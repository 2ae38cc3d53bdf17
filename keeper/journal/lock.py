"""One writer per journal, across processes: a lock that the kernel drops when its holder dies, however it dies."""

import fcntl
import os
from pathlib import Path

from keeper.errors import JournalError
from keeper.private import make_private


class JournalLock:
    """Held from construction to `release`; the file stays behind and means nothing by itself."""

    def __init__(self, journal: Path) -> None:
        """Take the lock; `JournalError` naming the holder's process id when somebody has it."""
        self.path = journal.with_name(journal.name + ".lock")
        try:
            make_private(self.path)
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise JournalError(f"cannot create {self.path}: {error.strerror}") from error

        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise JournalError(
                f"another keeper (process {holder or 'unknown'}) is using {journal}: stop it first, "
                "or give this one its own journal and its own key",
                holder=holder,
            ) from None

        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one in; safe to call twice."""
        if self._descriptor < 0:
            return

        os.close(self._descriptor)
        self._descriptor = -1
