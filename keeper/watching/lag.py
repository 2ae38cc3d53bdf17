"""How late the event loop is: what anything urgent would have had to wait."""

import asyncio
from typing import Final

from prometheus_client import Histogram

EVERY_S: Final = 0.25
"""Four looks a second cost nothing and miss no stall that matters to a block."""


async def measure_lag(into: Histogram) -> None:
    """Sleep, and observe how much longer than asked that took, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY_S
        await asyncio.sleep(EVERY_S)
        into.observe(max(0.0, loop.time() - due))
