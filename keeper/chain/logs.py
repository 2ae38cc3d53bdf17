"""Logs, completely or not at all: of one block by hash, or of a range, page by page, as wide as the node allows.

A query too broad for the node is cut in two until it answers; what cannot be cut any more raises `CallError`. What
makes an answer believable is in `log_answers.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass

import structlog

from keeper.chain.endpoints import Endpoints
from keeper.chain.envelope import Answer
from keeper.chain.faults import CallError, NodeFault
from keeper.chain.headers import HeaderCache
from keeper.chain.log_answers import Blocks, LogQuestion, OneBlock, Place
from keeper.chain.log_filter import distinct, halves, in_order
from keeper.chain.phrases import FaultKind
from keeper.errors import ReorgError
from keeper.types import BlockHead, Log, LogQuery

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Paging:
    """How wide pages are, in blocks: they start at `first_width`, double while pages stay light, halve on refusal.

    `light_logs` is the number of logs up to which a page counts as light; `attempts` and `retry_s` bound how often
    a rate limit is waited out, where the node does not say how long.
    """

    first_width: int = 2_000
    max_width: int = 50_000
    light_logs: int = 5_000
    attempts: int = 8
    retry_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Page:
    """The logs of `from_block..upto_block`, in order; the hash makes it a checkpoint that outlives a reorg."""

    from_block: int
    upto_block: int
    upto_hash: bytes
    logs: list[Log]


class LogReader:
    """Reads logs through the endpoints.

    `budget` is entered once per request: a throttle for backfills, nothing on the path of a block, where waiting
    for one's turn is worse than a refusal.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        headers: HeaderCache,
        paging: Paging | None = None,
        budget: AbstractAsyncContextManager[object] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Read through these endpoints; headers that others saw save a request here."""
        self._endpoints = endpoints
        self._headers = headers
        self._paging = paging or Paging()
        self._budget: AbstractAsyncContextManager[object] = budget or nullcontext()
        self._sleep = sleep
        self._cuts = 0

    async def at_block(self, queries: Sequence[LogQuery], head: BlockHead) -> list[Log]:
        """Fetch one block's logs by its hash; `ReorgError` where it is orphaned."""
        if not queries:
            return []

        return in_order(await self._read(distinct(queries), OneBlock(head.hash, self._headers.get(head.hash))))

    async def between(self, queries: Sequence[LogQuery], from_block: int, head: BlockHead) -> list[Log]:
        """Fetch the logs of `from_block..head.number` on the head's chain; see `PinnedChain.logs`."""
        if from_block == head.number:
            return await self.at_block(queries, head)

        found: list[Log] = []
        async for page in self.pages(lambda: queries, from_block, head):
            found += page.logs

        return found

    async def pages(
        self, queries_of: Callable[[], Sequence[LogQuery]], from_block: int, head: BlockHead
    ) -> AsyncIterator[Page]:
        """Read a range page by page; queries are asked for anew before each, so that sources may grow meanwhile.

        `ReorgError` where the head, or the end of a page, was orphaned while reading: resume from a checkpoint
        whose hash is still on the chain.
        """
        width = min(self._paging.first_width, self._paging.max_width)
        start = from_block
        while start <= head.number:
            last = min(start + width - 1, head.number)
            cuts = self._cuts
            page = await self.page(queries_of(), start, last, head)
            yield page
            start = last + 1
            if self._cuts > cuts:
                width = max(width // 2, 1)
            elif len(page.logs) <= self._paging.light_logs:
                width = min(width * 2, self._paging.max_width)

    async def page(self, queries: Sequence[LogQuery], first: int, last: int, head: BlockHead) -> Page:
        """Read `first..last`, the end pinned by hash before and after."""
        last_hash = head.hash if last == head.number else await self._hash_of(last)
        logs = await self._read(distinct(queries), Blocks(first, last, last_hash)) if queries else []
        if await self._hash_of(last) != last_hash:
            raise ReorgError(f"block {last} was orphaned while its logs were read", block=last)

        return Page(first, last, last_hash, in_order(logs))

    async def _hash_of(self, number: int) -> bytes:
        header = await self._endpoints.header(number)
        if header is None:
            raise ReorgError(f"block {number} is not on the chain any more", block=number)

        return header.head.hash

    async def _read(self, queries: Sequence[LogQuery], place: Place) -> list[Log]:
        question = LogQuestion(queries, place)
        try:
            answers = await self._ask(question)
        except CallError as error:
            return await self._after_failure(question, error)

        header = question.header(answers)
        if isinstance(place, Blocks):
            _check_end(place, None if header is None else header.head.hash, answers[-1])
        elif header is not None:
            self._headers.add(header)

        logs: list[Log] = []
        for query, answer, found in zip(queries, answers, question.found(answers), strict=False):
            if not isinstance(found, NodeFault):
                logs += found
            elif found.kind is FaultKind.UNKNOWN_BLOCK:
                raise ReorgError(f"the node does not know the block its logs are asked of: {found.message}")
            elif found.kind is FaultKind.TOO_WIDE:
                logs += await self._in_parts(query, place, found, answer)
            else:
                raise CallError(found, endpoint=answer.endpoint, method=answer.method)

        if header is None:
            raise ReorgError("the node does not know the block its logs are asked of")

        return logs

    async def _after_failure(self, question: LogQuestion, error: CallError) -> list[Log]:
        """Go on where a whole batch failed for its size; a node that is down fails this again, at once."""
        wide = isinstance(question.place, Blocks) and question.place.first < question.place.last
        if error.fault.kind is FaultKind.TIMEOUT and wide:
            (await self._endpoints.call("eth_blockNumber")).check()
        elif error.fault.kind not in (FaultKind.OVERSIZED, FaultKind.TOO_WIDE):
            raise error

        if len(question.queries) > 1:
            return [entry for query in question.queries for entry in await self._read([query], question.place)]

        answer = Answer(str(error.data["endpoint"]), "eth_getLogs", b"", error.fault)
        return await self._in_parts(question.queries[0], question.place, error.fault, answer)

    async def _in_parts(self, query: LogQuery, place: Place, fault: NodeFault, answer: Answer) -> list[Log]:
        """Read a query in halves: of the range first, then of what it names."""
        self._cuts += 1
        log.debug("log_query_cut", reason=fault.message)
        places = place.halves() if isinstance(place, Blocks) else None
        if places is not None:
            return [entry for part in places for entry in await self._read([query], part)]

        parts = halves(query)
        if parts is None:
            raise CallError(fault, endpoint=answer.endpoint, method=answer.method)

        return [entry for part in parts for entry in await self._read([part], place)]

    async def _ask(self, question: LogQuestion) -> list[Answer]:
        """Ask within the budget, waiting out rate limits."""
        retry_s = self._paging.retry_s
        tries_left = self._paging.attempts
        while True:
            tries_left -= 1
            for _ in question.requests:
                async with self._budget:
                    pass

            try:
                answers = await self._endpoints.ask(question.requests, question.will_do)
            except CallError as error:
                if error.fault.kind is not FaultKind.RATE_LIMITED or tries_left == 0:
                    raise

                fault = error.fault
            else:
                limits = [a.fault for a in answers if a.fault is not None and a.fault.kind is FaultKind.RATE_LIMITED]
                if not limits or tries_left == 0:
                    return answers

                fault = limits[0]

            wait_s = retry_s if fault.retry_after_s is None else fault.retry_after_s
            log.info("log_budget_refused", wait_s=wait_s)
            await self._sleep(wait_s)
            retry_s *= 2


def _check_end(place: Blocks, found: bytes | None, answer: Answer) -> None:
    """Refuse a range whose last block the node does not have, or has another one for."""
    if found is None:
        fault = answer.fault or NodeFault(FaultKind.UNKNOWN_BLOCK, f"the node has no block {place.last} yet")
        raise CallError(fault, endpoint=answer.endpoint, method="eth_getLogs")

    if place.last_hash not in (None, found):
        raise ReorgError(f"block {place.last} was orphaned while its logs were read", block=place.last)
