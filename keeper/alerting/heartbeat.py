"""The dead man's switch: a URL fetched while blocks are processed, so that silence is what alarms."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp
import structlog

_TIMEOUT_S: Final = 10.0

log = structlog.get_logger(__name__)


async def fetch(url: str) -> bool:
    """Fetch a URL; whether somebody answered that all is well."""
    try:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            return answer.status < 400
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return False  # not logged as it is: the text would name the URL


class Heartbeat:
    """Beats at most once in `every_s`, and only after a block was processed since the last time."""

    def __init__(
        self,
        url: str,
        every_s: float,
        ping: Callable[[str], Awaitable[bool]] = fetch,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url = url
        self._every_s = every_s
        self._ping = ping
        self._sleep = sleep
        self._alive = asyncio.Event()
        self._heard = True

    def note(self) -> None:
        """A block was processed."""
        self._alive.set()

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            await self._alive.wait()
            self._alive.clear()
            heard = await self._ping(self._url)
            if not heard and self._heard:
                log.warning("heartbeat_unheard", again_in_s=self._every_s)

            self._heard = heard
            await self._sleep(self._every_s)
