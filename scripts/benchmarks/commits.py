"""What durability costs before bytes may leave: the journal's commits against a bare fsync of the same bytes."""

import os
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from benchmarks.figure import Figure, same
from benchmarks.timing import percentile, shown
from keeper.execution.base import Fees, SignedTx
from keeper.journal.records import Intent, TxKind, TxRecord, TxState
from keeper.journal.store import Journal, RunInfo
from keeper.types import Address

COMMITS = 400
RAW_BYTES = 1_000
"""A liquidation's signed bytes, about."""
SENDER = Address(b"\x11" * 20)
RUN = RunInfo("bench", "bench", 1_700_000_000, {})
HERE = Path(".cache")


def measure() -> Iterator[Figure]:
    """Take turns: an intent, a signed transaction, and as many bytes appended to a file, each made durable."""
    HERE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        path = Path(folder) / "keeper.db"
        with Journal(path, live=True, chain_id=1, run=RUN) as journal:
            size = _bytes_per_commit(journal, path.with_name("keeper.db-wal"))
            intents, signed, floors = _take_turns(journal, Path(folder) / "floor", size)
            same(len(journal.transactions.open(SENDER)), 2 * COMMITS)

    for name, samples in (("intent", intents), ("signed transaction", signed)):
        for percent in (50, 99):
            ours, floor = percentile(samples, percent), percentile(floors, percent)
            yield Figure(
                f"{name} durable, p{percent}",
                ours / floor,
                "x",
                3.0,
                f"{shown(ours)} against {shown(floor)} for fsync of the same {size} bytes; {COMMITS} of each, in turn",
                at_most=True,
            )


def _take_turns(journal: Journal, floor: Path, size: int) -> tuple[list[float], list[float], list[float]]:
    intents, signed, floors = [], [], []
    descriptor = os.open(floor, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    block = os.urandom(size)
    try:
        for nonce in range(COMMITS, 2 * COMMITS):
            start = time.perf_counter()
            journal.intend(Intent(SENDER, nonce, None))
            meant = time.perf_counter()
            journal.record_signed(_record(nonce))
            written = time.perf_counter()
            os.write(descriptor, block)
            os.fdatasync(descriptor)
            synced = time.perf_counter()
            intents.append(meant - start)
            signed.append(written - meant)
            floors.append(synced - written)
    finally:
        os.close(descriptor)

    return intents, signed, floors


def _bytes_per_commit(journal: Journal, log: Path) -> int:
    """What a commit appends to the write-ahead log, while it has not begun again from its start."""
    sizes = []
    for nonce in range(COMMITS):
        journal.intend(Intent(SENDER, nonce, None))
        journal.record_signed(_record(nonce))
        sizes.append(log.stat().st_size)

    grown = [after - before for before, after in pairwise(sizes) if after > before]
    return int(percentile(grown, 50)) // 2


def _record(nonce: int) -> TxRecord:
    raw = os.urandom(RAW_BYTES)
    tx = SignedTx(None, raw[:32], raw, SENDER, nonce, Fees(2 * 10**9, 10**9), 700_000)
    return TxRecord(tx, TxKind.CANCEL, None, 2**63 - 1, 2**63 - 1, "public", TxState.SIGNED)
