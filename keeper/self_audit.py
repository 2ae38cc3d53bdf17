"""Whether what is known still is the chain's: now and then a few positions of a deployment are read anew and compared.

State kept by logs can drift: a node that left out a log, an event nobody knew of. A position that differs stops its
deployment, which then reads everything anew.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import structlog

from keeper.book.columns import PositionBook
from keeper.chain.port import PinnedChain
from keeper.deployment import Deployment
from keeper.errors import StateError
from keeper.protocols.base import HealthRow
from keeper.types import BlockHead, BlockTarget, PositionKey

SAMPLE: Final = 24
"""Positions of a deployment in one audit: one batch of reads. Of a thousand drifted in a million, it finds one within
some forty audits; where logs are lost, whole ranges drift."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Auditor:
    """Audits at every `every_blocks`-th block; 0 is never."""

    every_blocks: int = 0

    async def look(
        self, chain: PinnedChain, deployments: Sequence[Deployment], head: BlockHead, target: BlockTarget
    ) -> None:
        """Compare a sample of each deployment at the head its state is true at; `ChainError` leaves it for later."""
        if self.every_blocks == 0 or head.number % self.every_blocks != 0:
            return

        for deployment in deployments:
            if deployment.market is not None:
                await audit(chain, deployment, sample(deployment.book, head.hash, SAMPLE), head, target)


NEVER: Final = Auditor()
"""Takes everything at its word."""


async def audit(
    chain: PinnedChain, deployment: Deployment, keys: Collection[PositionKey], head: BlockHead, target: BlockTarget
) -> None:
    """Reread positions and compare them with what was known; what differs stops the deployment, and is named.

    A key that was never heard of differs where the chain says that it holds or owes something.
    """
    known = deployment.rows_of([key for key in keys if key in deployment.book])
    try:
        found = await deployment.reread(chain, keys, head, target)
    except StateError as fault:
        deployment.stop(fault)
        return

    differing = sorted(key for key in keys if _entries(known.get(key)) != _entries(found.get(key)))
    log.info("state_audited", deployment=deployment.name, block=head.number, positions=len(keys), differ=len(differing))
    if differing:
        first = differing[0]
        deployment.stop(
            StateError(
                f"self-audit at block {head.number}: {len(differing)} of {len(keys)} positions differ from the chain; "
                f"0x{first.hex()} was {_text(known.get(first))}, is {_text(found.get(first))}"
            )
        )


def sample(book: PositionBook, seed: bytes, count: int) -> list[PositionKey]:
    """Choose keys by a hash of the key and the seed: another choice every block, the same in a replay, in any order."""
    mask = np.uint64(int.from_bytes(seed[-8:]))
    best: list[tuple[int, bytes]] = []
    for chunk in book.key_chunks():
        tails = np.ascontiguousarray(chunk[:, -8:]).view(np.uint64).ravel()
        scores = (tails ^ mask) * np.uint64(0x9E3779B97F4A7C15)  # wraps: Fibonacci hashing spreads neighbours
        lowest = np.argpartition(scores, min(count, len(scores)) - 1)[:count]
        best += [(int(scores[i]), chunk[i].tobytes()) for i in lowest]

    return [PositionKey(key) for _, key in sorted(best)[:count]]


def _entries(row: HealthRow | None) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
    return ((), ()) if row is None else (row.cover, row.required)


def _text(row: HealthRow | None) -> str:
    return "nothing" if row is None else f"{_side(row.cover)} against {_side(row.required)}"


def _side(entries: tuple[tuple[int, int], ...]) -> str:
    return " + ".join(f"{quantity} in slot {slot}" for slot, quantity in entries) or "0"
