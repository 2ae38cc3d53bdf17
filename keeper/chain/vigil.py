"""Whether what the nodes tell is fit to spend money on: as young as it should be, and the same from all of them.

With one endpoint configured only its age can be judged. With several, silence is no objection and a contradiction is:
an endpoint that is down must not stop the keeper, one on another fork must.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from keeper.chain.endpoints import Endpoints
from keeper.chain.envelope import Answer, Request
from keeper.chain.faults import CallError
from keeper.chain.headers import decode_header
from keeper.types import BlockHead

DEVELOPMENT_CHAINS: Final = frozenset({1_337, 31_337})
"""Chains whose blocks come when a developer wants them, with the times they are given."""
MAX_SKEW_S: Final = 5
_MAX_AGE_BLOCKS: Final = 2.5
# Timestamps are whole seconds, and a pass itself takes time: on a chain of short blocks 2.5 of them say nothing.
_LEAST_AGE_S: Final = 10.0


class ChainVigil:
    """Judges heads before anything is done on them."""

    def __init__(self, endpoints: Endpoints, block_time_s: int, now: Callable[[], float] | None = time.time) -> None:
        """`now` is unix s; None where the chain's time is not the world's."""
        self._endpoints = endpoints
        self._max_age_s = max(_MAX_AGE_BLOCKS * block_time_s, _LEAST_AGE_S)
        self._now = now

    async def doubts(self, head: BlockHead) -> tuple[str, ...]:
        """Say what speaks against acting on a head, one line each, its kind before the colon; nothing is raised."""
        return (*self._of_its_age(head), *await self._of_others(head))

    def _of_its_age(self, head: BlockHead) -> Iterator[str]:
        """Compare the head's time with ours; two clocks cannot tell which of them is wrong."""
        age_s = 0.0 if self._now is None else self._now() - head.timestamp
        if age_s > self._max_age_s:
            yield f"old head: its time is {age_s:.0f} s ago; the nodes are behind, or this machine's clock is ahead"

        if age_s < -MAX_SKEW_S:
            yield f"early head: its time is {-age_s:.0f} s in the future; this machine's clock is behind"

    async def _of_others(self, head: BlockHead) -> list[str]:
        """Compare the head with the block every endpoint has at its height, or a block below where one lags."""
        numbers = (head.number, max(head.number - 1, 0))
        requests = [Request("eth_getBlockByNumber", (hex(number), False)) for number in numbers]
        opinions = await self._endpoints.opinions(requests)
        return [f"another fork: {a[0].endpoint} has another block {head.number}" for a in opinions if _objects(a, head)]


def _objects(answers: Sequence[Answer], head: BlockHead) -> bool:
    """Whether an endpoint has another block at the head's height or, where it has none there yet, another parent."""
    for answer, block_hash in zip(answers, (head.hash, head.parent_hash), strict=True):
        try:
            header = decode_header(answer)
        except CallError:
            continue

        if header is not None:
            return header.head.hash != block_hash

    return False
