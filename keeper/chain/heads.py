"""Heads as they come: by subscription, by polling where there is none or it has gone quiet; only the newest counts.

How a head follows from the one handed out before is worked out when it is taken: parent hashes are walked back to a
block we know, which fills gaps and finds reorgs alike. Logs are not read here.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import structlog

from keeper.chain.endpoints import Endpoints
from keeper.chain.faults import CallError, NodeFault
from keeper.chain.headers import HeaderCache
from keeper.chain.lineage import Lineage, link
from keeper.chain.phrases import FaultKind
from keeper.chain.port import HeadEvent
from keeper.chain.rpc import Rpc
from keeper.chain.subscription import Subscription
from keeper.chain.wire import Header, read_header
from keeper.errors import RpcError
from keeper.types import BlockHead

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HeadTiming:
    """When to poll and when to worry, in seconds.

    `mute_after_s` is how long a subscription may stay silent: two and a half slots. `max_walk` bounds how many
    parents are fetched one by one; a longer gap is crossed by number. `known_before` is how many blocks before the
    first one are looked up, so that a reorg right after the start is one like any other.
    """

    poll_s: float = 1.0
    mute_after_s: float = 30.0
    retry_s: float = 0.5
    max_retry_s: float = 30.0
    max_walk: int = 256
    known_before: int = 64


@dataclass(frozen=True, slots=True)
class Waiting:
    """Time, handed in so that tests need not wait."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random


class HeadFollower:
    """Follows the chain's heads: `run` listens, iteration hands out the newest.

    Invariant: the heads handed out form one chain but for the reorgs they name; a head is handed out once. Heads
    that arrive while nobody takes them replace each other.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        headers: HeaderCache,
        since: BlockHead | None = None,
        timing: HeadTiming | None = None,
        waiting: Waiting | None = None,
    ) -> None:
        """Follow from `since`, the last block whose logs the caller has, or from whatever comes first.

        Headers seen are left in `headers`, for whoever reads the logs.
        """
        self._endpoints = endpoints
        self._headers = headers
        self._ancestry = _SeenOrFetched(endpoints, headers)
        self._timing = timing or HeadTiming()
        self._time = waiting or Waiting()
        self._lineage = Lineage()
        self._newest: Header | None = None
        self._arrived = asyncio.Event()
        self._heard_at = self._time.clock()
        self._subscription: Subscription | None = None
        self._notifies = False
        self._looked_back = False
        self._silent_since = self._heard_at
        if since is not None:
            self._lineage.extend(since)

    @property
    def age_s(self) -> float:
        """Seconds since a new head was last heard of, by the monotonic clock."""
        return self._time.clock() - self._heard_at

    @property
    def newest_number(self) -> int:
        """The number of the newest head heard of, handed out or not; -1 before the first."""
        return -1 if self._newest is None else self._newest.head.number

    async def run(self) -> None:
        """Listen and poll until cancelled."""
        try:
            # Before anything can be orphaned: afterwards nobody tells what came before an orphan.
            await self._look_back()
        except RpcError as error:
            log.warning("head_look_back_failed", error=error.message)

        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(), name="heads subscription")
            group.create_task(self._poll(), name="heads poll")

    async def __aiter__(self) -> AsyncIterator[HeadEvent]:
        """Hand out heads as they are taken, forever; `ReorgError` where the chain left everything we remember."""
        while True:
            yield await self.next()

    async def next(self) -> HeadEvent:
        """Wait for a head that was not handed out yet and say how it follows; see `__aiter__`."""
        retry_s = self._timing.retry_s
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            header = self._newest
            if header is None or self._lineage.holds(header.head):
                continue

            try:
                await self._look_back()
                event = await link(header.head, self._lineage, self._ancestry, self._timing.max_walk)
            except RpcError as error:
                log.warning("head_link_failed", block=header.head.number, error=error.message)
                await self._time.sleep(retry_s)
                retry_s = min(retry_s * 2, self._timing.max_retry_s)
                self._arrived.set()
                continue

            if event is not None:
                return event

            # Orphaned while we looked: a newer head follows, or the next poll tells.
            self._newest = None

    def offer(self, header: Header) -> None:
        """Take note of a head, from wherever it comes."""
        self._headers.add(header)
        if self._newest is not None and self._headers.leads_to(self._newest, header):
            # Known already, or told by a node that lags: our head never goes back to one of its own ancestors.
            return

        if self._lineage.holds(header.head):
            return

        self._newest = header
        self._heard_at = self._time.clock()
        self._arrived.set()

    async def _look_back(self) -> None:
        """Learn the blocks before the one we start from, once."""
        last = self._lineage.last
        if self._looked_back or last is None:
            return

        ancestors = await self._ancestry.ancestors(last, self._timing.known_before)
        if self._lineage.last is not last:
            # Listening and linking both look back; the chain moved on meanwhile, and these may be orphans.
            return

        self._looked_back = True
        for ancestor in ancestors:
            self._lineage.prepend(ancestor)

    # Where heads come from ------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Keep one subscription open, on the best endpoint that offers one."""
        retry_s = self._timing.retry_s
        while True:
            for rpc in self._endpoints.subscribers():
                if await self._follow(rpc):
                    retry_s = self._timing.retry_s

            # Jittered, and longer each time: providers ban clients that reconnect in a loop.
            await self._time.sleep(retry_s * (0.5 + self._time.jitter()))
            retry_s = min(retry_s * 2, self._timing.max_retry_s)

    async def _follow(self, rpc: Rpc) -> bool:
        """Follow one endpoint until its subscription ends or falls silent; True if it ever delivered."""
        try:
            await self._endpoints.check(rpc)
            subscription = await rpc.subscribe("newHeads")
        except RpcError as error:
            log.warning("head_subscription_failed", endpoint=rpc.label, error=error.message)
            return False

        self._silent_since = self._time.clock()
        self._subscription = subscription
        try:
            while True:
                raw = await subscription.next()
                self._silent_since = self._time.clock()
                self._notifies = True
                self.offer(_notified(raw, rpc))
        except RpcError as error:
            log.warning("head_subscription_ended", endpoint=rpc.label, error=error.message)
            delivered, self._notifies = self._notifies, False
            self._subscription = None
            await self._leave(rpc, subscription)
            return delivered

    async def _leave(self, rpc: Rpc, subscription: Subscription) -> None:
        """Unsubscribe, which also finds out whether the connection is still alive."""
        try:
            await rpc.unsubscribe(subscription)
        except RpcError as error:
            log.info("head_unsubscribe_failed", endpoint=rpc.label, error=error.message)

    async def _poll(self) -> None:
        """Ask for the latest head unless a subscription delivers; end one that has been silent for too long."""
        while True:
            subscription = self._subscription
            mute = self._time.clock() - self._silent_since >= self._timing.mute_after_s
            if subscription is None or mute or not self._notifies:
                await self._poll_once()

            if subscription is not None and mute:
                # A half-open socket raises nothing, silence is its only sign. Whether it was the chain that was
                # silent does not matter: a new subscription costs one round trip.
                fault = NodeFault(FaultKind.TIMEOUT, f"no head for {self._timing.mute_after_s:g} s")
                subscription.end(CallError(fault, endpoint="heads", method="eth_subscription"))

            await self._time.sleep(self._timing.poll_s)

    async def _poll_once(self) -> None:
        try:
            header = await self._endpoints.header("latest")
        except RpcError as error:
            log.warning("head_poll_failed", error=error.message)
            return

        if header is not None:
            self.offer(header)


class _SeenOrFetched:
    """Headers for linking: what was notified and skipped is at hand, the rest is fetched."""

    def __init__(self, endpoints: Endpoints, headers: HeaderCache) -> None:
        self._endpoints = endpoints
        self._headers = headers

    async def header(self, block: int | bytes) -> BlockHead | None:
        """See `Ancestry`."""
        known = self._headers.get(block) if isinstance(block, bytes) else None
        header = known or await self._endpoints.header(block)
        if header is None:
            return None

        self._headers.add(header)
        return header.head

    async def ancestors(self, head: BlockHead, count: int) -> list[BlockHead]:
        """See `Ancestry`."""
        return await self._endpoints.ancestors(head, count)


def _notified(raw: bytes, rpc: Rpc) -> Header:
    """Read the header inside a notification."""
    try:
        header = read_header(raw)
    except ValueError as error:
        header, reason = None, str(error)
    else:
        reason = "null"

    if header is None:
        fault = NodeFault(FaultKind.MALFORMED, f"not a header: {reason}")
        raise CallError(fault, endpoint=rpc.label, method="eth_subscription")

    return header
