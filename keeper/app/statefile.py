"""Saved state as one file: taken out of a journal, and taken up by another keeper after it was held against the chain.

The file is gzipped JSON Lines: what it is, then each source with the block its rows are true at, then its rows, and at
the end their number, so that one cut short is seen. What it says is believed only as far as a random audit goes.
"""

import base64
import gzip
import json
import os
import secrets
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

import structlog

from keeper import __version__
from keeper.app.journal import open_journal
from keeper.app.run import open_chain_of
from keeper.app.warm import warm_up
from keeper.app.wiring import build_adapter
from keeper.chain.live import LiveChain
from keeper.config.derived import place_of
from keeper.config.model import Deployment, KeeperConfig
from keeper.errors import StateError
from keeper.journal.place import open_newest_reader
from keeper.journal.records import BlockRef
from keeper.journal.state import SavedState, StateStore
from keeper.journal.text import from_hex
from keeper.mind import Pace
from keeper.protocols.base import Row
from keeper.self_audit import audit, sample
from keeper.types import BlockHead, PositionKey

FORMAT: Final = 1
AUDITED: Final = 500
"""Positions of each deployment that are read anew before a file is believed."""
RANGES: Final = 8
RANGE_BLOCKS: Final = 1_000
"""Ranges whose logs are asked who there is, and their width: some pages of any provider."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Carried:
    """What a file holds: rows by source, and the block they are true at."""

    source: str
    block: int
    rows: int


def export_state(config: KeeperConfig, path: Path) -> list[Carried]:
    """Write what the journal of the newest run has saved; `StateError` where that is nothing."""
    with open_newest_reader(place_of(config), config.chain.id) as reader:
        cursors = reader.read("SELECT source, block_number, block_hash FROM state_cursors ORDER BY source")
        if not cursors:
            raise StateError(f"{reader.name} has saved no state yet: a run saves it when it ends")

        carried: list[Carried] = []
        try:
            with gzip.open(path, "wt", compresslevel=3) as file:
                _write(file, {"keeper": __version__, "format": FORMAT, "chain_id": config.chain.id})
                for cursor in cursors:
                    source = str(cursor["source"])
                    _write(file, {"source": source, "block": cursor["block_number"], "hash": cursor["block_hash"]})
                    rows = reader.read("SELECT key, value FROM state_rows WHERE source = ? ORDER BY key", (source,))
                    for row in rows:
                        _write(file, [_text(row["key"]), _text(row["value"])])

                    carried.append(Carried(source, int(cursor["block_number"]), len(rows)))

                _write(file, {"rows": sum(each.rows for each in carried)})
        except OSError as error:
            raise StateError(f"{path} cannot be written: {error.strerror}") from error

    return carried


def read_state(path: Path, chain_id: int) -> dict[str, SavedState]:
    """Read a file whole; `StateError` for one that is damaged, cut short, of another format or of another chain."""
    try:
        with gzip.open(path, "rt") as file:
            return _assemble(path, map(json.loads, file), chain_id)
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise StateError(f"{path} is no state file, or is damaged: {error}") from error


async def import_state(config: KeeperConfig, path: Path, *, live: bool, as_json: bool) -> list[Carried]:
    """Take up a file in the journal of a mode, bring it to the head, and hold a sample against the chain.

    `StateError` where a block of the file is not this chain's or a position differs; nothing of it is kept then.
    """
    found = read_state(path, config.chain.id)
    chain = await open_chain_of(config)
    try:
        await _refuse_foreign_blocks(chain, path, found)
        with open_journal(config, live=live) as journal:
            for source, saved in found.items():
                journal.state.clear(source)
                journal.state.save(source, saved.cursor, saved.rows)

            await _believe(config, chain, journal.state, found, as_json=as_json)
    finally:
        await chain.close()

    return [Carried(source, saved.cursor.number, len(saved.rows)) for source, saved in found.items()]


async def _refuse_foreign_blocks(chain: LiveChain, path: Path, found: dict[str, SavedState]) -> None:
    for source, saved in found.items():
        header = await chain.header(saved.cursor.number)
        if header is None or header.hash != saved.cursor.hash:
            raise StateError(
                f"{path}: {source} is of block {saved.cursor.number}, which is not on this chain: "
                "the file is of another chain, of an orphaned block, or newer than the node"
            )


async def _believe(
    config: KeeperConfig, chain: LiveChain, store: StateStore, found: dict[str, SavedState], *, as_json: bool
) -> None:
    """Audit what was taken up; what does not hold is forgotten, all of it."""
    why = await _first_doubt(config, chain, store, as_json=as_json)
    if why is None:
        return

    for source in found:
        store.clear(source)

    raise StateError(f"{why}; nothing of the file was kept")


async def _first_doubt(config: KeeperConfig, chain: LiveChain, store: StateStore, *, as_json: bool) -> str | None:
    """Bring everything to the head and audit it; why the first deployment that does not hold is doubted.

    Audited are a sample of what the file knows, and whoever the chain's logs name in some random ranges: what a file
    leaves out shows only there.
    """
    book = await warm_up(config, chain, store, as_json=as_json)
    target = Pace(config.chain.block_time_s).target(book.head)
    for each, deployment in zip(config.deployments, book.deployments, strict=True):
        if deployment.stopped is None:
            keys = {*sample(deployment.book, os.urandom(8), AUDITED), *await _named_by_logs(each, chain, book.head)}
            await audit(chain, deployment, keys, book.head, target)

        if deployment.stopped is not None:
            return f"{deployment.name}: {deployment.stopped}"

    return None


async def _named_by_logs(config: Deployment, chain: LiveChain, head: BlockHead) -> set[PositionKey]:
    """Positions touched by the logs of some random ranges of blocks, read by an adapter that knows nothing else."""
    probe = build_adapter(config).sync
    await chain.reads(probe.bootstrap(head), head)
    found: set[PositionKey] = set()
    for _ in range(RANGES):
        first = config.start_block + secrets.randbelow(max(1, head.number - config.start_block))
        last = await chain.header(min(first + RANGE_BLOCKS, head.number))
        if last is None:
            continue

        try:
            found |= probe.apply(await chain.logs(probe.sources(), first, last)).touched
        except StateError as error:
            # Logs that make sense only after those before them: the sample has to do for this range.
            log.info("range_not_audited", deployment=config.name, first=first, why=error.message)

    return found


def _assemble(path: Path, lines: Iterator[Any], chain_id: int) -> dict[str, SavedState]:
    header = next(lines)
    if header["format"] != FORMAT:
        raise StateError(f"{path} has format {header['format']}, this keeper reads {FORMAT}")

    if header["chain_id"] != chain_id:
        raise StateError(f"{path} is of chain {header['chain_id']}, the configuration of {chain_id}")

    found: dict[str, tuple[BlockRef, list[Row]]] = {}
    rows: list[Row] = []
    for line in lines:
        match line:
            case [str(key), str(value)]:
                rows.append(Row(base64.b64decode(key), base64.b64decode(value)))
            case {"source": str(source), "block": int(block), "hash": str(named)}:
                rows = []
                found[source] = (BlockRef(block, from_hex(named)), rows)
            case {"rows": int(number)} if number == sum(len(each) for _, each in found.values()):
                return {source: SavedState(cursor, tuple(each)) for source, (cursor, each) in found.items()}
            case _:
                raise ValueError("a line that is not understood")

    raise ValueError("its end is missing")


def _write(file: TextIO, line: object) -> None:
    file.write(json.dumps(line, separators=(",", ":")) + "\n")


def _text(data: bytes) -> str:
    return base64.b64encode(bytes(data)).decode()
