"""One writer per journal, one keeper per key: locks that the kernel drops when their holder dies, however it dies."""

import fcntl
import os
import socket
import struct
from pathlib import Path

from keeper.errors import JournalError, SigningKeyError
from keeper.private import make_private
from keeper.types import Address, to_checksum


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


def holder_of(journal: Path) -> int | None:
    """The process that has a journal's lock, None where nobody has; `JournalError` where that cannot be told."""
    path = journal.with_name(journal.name + ".lock")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JournalError(f"cannot read {path}: {error.strerror}") from error

    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.pread(descriptor, 32, 0))
    finally:
        os.close(descriptor)

    return None


class KeyLock:
    """One keeper per key and chain on a machine, whatever its journal, user and folder; held until `release`.

    A name in the kernel's own list of sockets: no file that could be left behind, or be on another disk. Containers
    with networks of their own do not see each other's; the watch before arming is for those, and for other machines.
    """

    def __init__(self, chain_id: int, address: Address) -> None:
        """Take the lock; `SigningKeyError` naming the holder's process id when somebody has it."""
        name = f"\0keeper key {chain_id} {address.hex()}".encode()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.bind(name)
            self._socket.listen()
        except OSError:
            self._socket.close()
            raise SigningKeyError(
                f"another keeper (process {_holder(name)}) is at work with {to_checksum(address)} on chain {chain_id}: "
                "stop it first, or give this one its own key",
                operator=to_checksum(address),
            ) from None

    def release(self) -> None:
        """Let the next one in; safe to call twice."""
        self._socket.close()


def _holder(name: bytes) -> str:
    """Ask the kernel who listens under a name."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.settimeout(1.0)
            probe.connect(name)
            found = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except OSError:
            return "unknown"

    return str(struct.unpack("3i", found)[0])
