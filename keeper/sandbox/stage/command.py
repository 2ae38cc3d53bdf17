"""The `keeper` command, as a person at a terminal uses it."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from keeper.config.overrides import PREFIX
from keeper.sandbox.packages import SandboxError


def keeper_command() -> str:
    """Return the path of the `keeper` command of this very installation."""
    return str(Path(sys.executable).with_name("keeper"))


def keeper(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """Run a verb and return what it printed; `SandboxError` where it refused."""
    command = [keeper_command(), *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(environ))

    if finished.returncode != 0:
        verb = " ".join(arguments[:2])
        said = f"{finished.stderr.strip()[-2_000:]} {finished.stdout.strip()[-2_000:]}".strip()
        raise SandboxError(f"keeper {verb} ended with {finished.returncode}: {said}")

    return finished.stdout


def json_lines(text: str) -> list[dict[str, Any]]:
    """Read what a verb printed with `--json`: one object a line."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def without_settings(environ: Mapping[str, str], keep: Callable[[str], bool] = lambda _name: False) -> dict[str, str]:
    """Leave out of an environment what would set the keeper up, but for the names to keep."""
    return {name: text for name, text in environ.items() if not name.startswith(PREFIX) or keep(name)}
