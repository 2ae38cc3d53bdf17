"""Children that end when their parent does, however it ends: nothing of a sandbox may outlive whoever started it."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def die_with_parent() -> Callable[[], None] | None:
    """Make the function that ties a child's life to ours; it runs between fork and exec. Linux only, else None."""
    if sys.platform != "linux":
        return None

    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

        if os.getppid() != parent:  # it ended before the tie held
            os._exit(1)

    return tie
