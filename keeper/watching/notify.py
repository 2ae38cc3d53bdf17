"""Word to systemd, where it started us: ready, still working, and what about; nothing elsewhere.

The watchdog is fed by finished passes, not by a timer: a keeper that runs but hears no blocks is restarted.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from keeper.chain.port import HeadEvent
from keeper.engine import PassSeen
from keeper.errors import ChainError
from keeper.telemetry.plurals import counted


class Notifier:
    """An observer that tells the service manager; without `NOTIFY_SOCKET` every method does nothing."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Take the socket's name from the environment; a leading @ is Linux' abstract namespace."""
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._told_ready = False

    def on_pass(self, seen: PassSeen) -> None:
        """Feed the watchdog; the first pass makes the service ready."""
        head = seen.decision.head.number
        standing = seen.disarmed or ", ".join(seen.held) or f"{counted(len(seen.decision.plans), 'plan')}"
        lines = ["WATCHDOG=1", f"STATUS=block {head}: {standing}"]
        if not self._told_ready:
            lines.insert(0, "READY=1")
            self._told_ready = True

        self._tell("\n".join(lines))

    def on_dropped(self, event: HeadEvent, error: ChainError) -> None:
        """Say what is wrong; the watchdog goes hungry."""
        self._tell(f"STATUS=block {event.head.number} dropped: {error.message}")

    def stopping(self) -> None:
        """Say that the end was wanted."""
        self._tell("STOPPING=1")

    def _tell(self, text: str) -> None:
        if not self._address:
            return

        # The manager may be gone or its queue full: that is its loss, never a pass of ours.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as manager:
            manager.sendto(text.encode(), self._address)
