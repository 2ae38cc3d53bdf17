"""Runs the `keeper` command the way a person does: as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tests import canary

KEEPER = Path(sys.executable).with_name("keeper")


def keeper(*arguments, cwd, environ=None, text_in=""):
    """Run the command to its end, with none of our environment's overrides."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KEEPER")}
    done = subprocess.run(
        [KEEPER, *arguments],
        cwd=cwd,
        env={**inherited, **(environ or {})},
        input=text_in,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    canary.check(done.stdout, done.stderr)
    return done
