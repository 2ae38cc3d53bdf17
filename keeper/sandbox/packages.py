"""The fetched packages the sandbox is made of, and the folder where what is derived from them is kept.

Their licences let us run them, not pass them on: nothing from here is ever written into the source tree.
"""

import hashlib
import json
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from keeper.errors import KeeperError
from keeper.sandbox.artifact import Artifact

CHECKOUT = Path(__file__).resolve().parents[2]


class SandboxError(KeeperError):
    """The sandbox is not installed, did not start, or a transaction of its own making failed."""

    exit_code: ClassVar[int] = 9


@dataclass(frozen=True)
class Packages:
    """The contract packages of one checkout and the cache derived from them."""

    contracts: Path
    """The folder with package-lock.json and node_modules."""
    cache: Path
    """Where compiled contracts and chain states go; named after the lock file, so a new lock starts afresh."""

    @cached_property
    def lock_hash(self) -> str:
        return lock_hash(self.contracts)

    @property
    def modules(self) -> Path:
        return self.contracts / "node_modules"

    def artifact(self, package: str, name: str) -> Artifact:
        """Load a contract that a package ships compiled, as Hardhat, Truffle or Foundry JSON."""
        return Artifact.from_json(self._artifact_paths(package)[name].read_bytes())

    def _artifact_paths(self, package: str) -> dict[str, Path]:
        index = self.cache / f"artifacts-{package.replace('/', '-')}.json"

        if not index.exists():
            root = self.modules / package
            found = {
                path.stem: str(path.relative_to(root))
                for folder in ("artifacts", "build", "out")
                for path in sorted((root / folder).rglob("*.json"))
                if not path.name.endswith(".dbg.json")
            }
            write_atomically(index, json.dumps(found).encode())

        return {name: self.modules / package / path for name, path in json.loads(index.read_bytes()).items()}

    def node(self) -> str:
        """Return the path of node: the one on PATH, or the one setup installed beside Python."""
        found = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))

        if found is None:
            raise SandboxError("no node found on PATH; run scripts/setup, which can install one into .venv")

        return found

    def anvil(self) -> str:
        """Return the path of anvil: ANVIL_BIN, the packaged one on Linux x86-64, else the one on PATH."""
        packaged = self.modules / "@foundry-rs/anvil-linux-amd64/bin/anvil"
        chosen = os.environ.get("ANVIL_BIN")

        if chosen is None and (platform.system(), platform.machine()) == ("Linux", "x86_64") and packaged.exists():
            chosen = str(packaged)

        chosen = chosen or shutil.which("anvil")

        if chosen is None:
            raise SandboxError("no anvil found: run scripts/setup on Linux x86-64, else name one in ANVIL_BIN")

        return chosen


def find_packages() -> Packages:
    """Find the packages of this checkout, or of the one KEEPER_SANDBOX_DIR names."""
    checkout = Path(os.environ.get("KEEPER_SANDBOX_DIR", CHECKOUT)).resolve()
    contracts = checkout / "contracts"

    if not (contracts / "node_modules").is_dir():
        raise SandboxError(
            f"the sandbox is not installed in {checkout}: run scripts/setup in a checkout of keeper, "
            "or name that checkout in KEEPER_SANDBOX_DIR"
        )

    cache = checkout / ".cache" / "keeper" / lock_hash(contracts)
    cache.mkdir(parents=True, exist_ok=True)
    return Packages(contracts, cache)


def lock_hash(contracts: Path) -> str:
    """Name the installed set of packages by its lock files, 16 hex digits."""
    locks = [(contracts / name).read_bytes() for name in ("package-lock.json", "tarballs.lock")]
    return hashlib.sha256(b"".join(locks)).hexdigest()[:16]


def write_atomically(path: Path, content: bytes) -> None:
    """Write a cache file so that another process sees all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(path)
