"""Peers in environments of their own, so that what they depend on never meets what the project depends on.

A Python peer is a hashed requirements file `peers/NAME.lock`, a node peer a folder `peers/NAME` with package.json and
package-lock.json. Each is installed once under .cache, named after its lock file.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

LOCKS = Path(__file__).resolve().parent / "peers"
CHECKOUT = Path(__file__).resolve().parents[2]


def python_peer(name: str) -> Path:
    """Return the Python of a peer's environment, installing it when its lock is new."""
    lock = LOCKS / f"{name}.lock"
    home = _home(name, lock)
    python = home / "bin/python"

    if not (home / "installed").exists():
        _say(f"installing {name}, once")
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "-r", lock]
        subprocess.run([python, "-m", "pip", "install", *options], check=True, stdout=sys.stderr)
        (home / "installed").touch()

    return python


def node_peer(name: str) -> Path:
    """Return the folder a node peer's packages are installed in; scripts run there find them."""
    lock = LOCKS / name / "package-lock.json"
    home = _home(name, lock)

    if not (home / "installed").exists():
        _say(f"installing {name}, once")
        shutil.copytree(lock.parent, home, dirs_exist_ok=True)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([_tool("npm"), "ci", *options], check=True, cwd=home, stdout=sys.stderr)
        (home / "installed").touch()

    return home


def node() -> str:
    """The path of node: the one on PATH, or the one set-up installed beside Python."""
    return _tool("node")


def _home(name: str, lock: Path) -> Path:
    home = CHECKOUT / ".cache/bench" / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    home.mkdir(parents=True, exist_ok=True)
    return home


def _tool(name: str) -> str:
    beside = str(Path(sys.executable).parent)
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), beside]))

    if found is None:
        raise FileNotFoundError(f"no {name} on PATH or in {beside}: run scripts/setup")

    return found


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr)
