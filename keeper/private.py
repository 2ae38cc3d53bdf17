"""Files that hold what nobody else should have: readable and writable by their owner alone, however they came to be."""

import os
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600


def make_private(path: Path) -> None:
    """Create a file as its owner's alone, or take everybody else's access to an existing one away.

    `OSError` where it is in a folder that cannot be written, or somebody else's.
    """
    try:
        # Created with the mode it keeps: between a create and a chmod anybody could open it.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE))
    except FileExistsError:
        if path.stat().st_mode & 0o777 & ~PRIVATE:
            # By name, never by a descriptor: closing one would drop the locks this process has on a database.
            path.chmod(PRIVATE)
