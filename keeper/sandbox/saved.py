"""Worlds built once and kept: building takes seconds, loading a state takes none.

What a build gives depends only on the packages and on the sandbox's own text, so its name is made of both.
"""

import fcntl
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from keeper.sandbox.anvil import Anvil, AnvilOptions
from keeper.sandbox.chain import BLOCK_TIME_S, LocalChain
from keeper.sandbox.packages import Packages, write_atomically
from keeper.sandbox.world import World, build_world

GENESIS_S: Final = 1_767_225_600
"""Unix s of 2026-01-01: fixed, so that every build gives the same chain."""
_OWN_IMPORT: Final = re.compile(rb"^from keeper\.sandbox\.([a-z0-9_]+) import", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SavedWorld:
    """A world's addresses and the chain state they are valid in."""

    world: World
    state: Path
    timestamp: int
    """Of the last block, unix s."""

    def start(self, packages: Packages, options: AnvilOptions | None = None, *, detached: bool = False) -> Anvil:
        """Start a chain that goes on from the saved block; the options' state and time are ours to set."""
        resumed = replace(options or AnvilOptions(), load_state=self.state, timestamp=self.timestamp + BLOCK_TIME_S)
        return Anvil(packages, resumed, detached=detached)


def saved_world(packages: Packages) -> SavedWorld:
    """Return the saved world, building it first if this is the first time; about 20 s then."""
    name = f"world-{_text_hash(packages)}"
    state, manifest = packages.cache / f"{name}.state", packages.cache / f"{name}.json"

    with _only_one(packages.cache / "world.lock"):
        if not manifest.exists():
            world, timestamp = _build(packages, state)
            write_atomically(manifest, msgspec.json.encode((world, timestamp)))

    world, timestamp = msgspec.json.decode(manifest.read_bytes(), type=tuple[World, int])
    return SavedWorld(world, state, timestamp)


def _build(packages: Packages, state: Path) -> tuple[World, int]:
    scratch = Path(tempfile.mkdtemp(dir=packages.cache))

    try:
        with Anvil(packages, AnvilOptions(timestamp=GENESIS_S, dump_state=scratch / "state")) as anvil:
            chain = LocalChain(anvil.url)
            # Blocks 12 s apart whatever they took to mine, so that every build gives the same chain.
            chain.node.rpc("anvil_setBlockTimestampInterval", BLOCK_TIME_S)
            world = build_world(chain, packages)
            timestamp = chain.timestamp()
            chain.close()

        (scratch / "state").replace(state)
    finally:
        shutil.rmtree(scratch)

    return world, timestamp


def _text_hash(packages: Packages) -> str:
    """Name the text that decides what is built, 16 hex digits: the world's modules and the contracts of our own."""
    own = sorted(_imported_by(Path(__file__))) + sorted((packages.contracts / "sandbox").glob("*.sol"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in own)).hexdigest()[:16]


def _imported_by(module: Path) -> set[Path]:
    """Follow a module's imports within its folder; a protocol that the world does not hold must not rebuild it."""
    found, waiting = set[Path](), [module]

    while waiting:
        file = waiting.pop()
        found.add(file)
        names = (match.decode() for match in _OWN_IMPORT.findall(file.read_bytes()))
        waiting += [imported for name in names if (imported := file.with_name(f"{name}.py")) not in found]

    return found


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Let one process build while the others wait for it."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
