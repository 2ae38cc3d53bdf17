"""The keeper with a clock in it: seconds from each head the engine takes up to each transaction's bytes leaving.

Run in the keeper's place by `sending.py`; the seconds are appended to the file named in KEEPER_BENCH_SAMPLES.
"""

import os
import time
from pathlib import Path

from keeper.chain.port import HeadEvent
from keeper.cli import main
from keeper.engine import Engine, PassSeen
from keeper.execution.base import SignedTx
from keeper.execution.submit import PublicPool, Submission

SAMPLES = Path(os.environ["KEEPER_BENCH_SAMPLES"])
on_head, submit = Engine.on_head, PublicPool.submit


class Clock:
    """When the last head was taken up."""

    head = 0.0


async def timed_on_head(engine: Engine, event: HeadEvent) -> PassSeen:
    """Start the clock, then run the pass."""
    Clock.head = time.perf_counter()
    return await on_head(engine, event)


async def timed_submit(pool: PublicPool, tx: SignedTx) -> Submission:
    """Note the time, then hand over."""
    _note(time.perf_counter() - Clock.head)
    return await submit(pool, tx)


def _note(seconds: float) -> None:
    with SAMPLES.open("a") as file:
        file.write(f"{seconds}\n")


if __name__ == "__main__":
    Engine.on_head = timed_on_head  # type: ignore[method-assign] # measured from inside, run as it is
    PublicPool.submit = timed_submit  # type: ignore[method-assign] # likewise
    main()
