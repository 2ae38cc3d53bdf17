"""Feeding logs to whatever keeps state by them: a long range page by page, or the few blocks a new head brings.

A source that turns up while its announcement is applied (a new market, a new pool) is read over the same range, until
nothing new turns up. One deployment that cannot decode its logs stops alone: its error is returned, not raised.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol

from keeper.chain.log_filter import distinct, in_order, matches
from keeper.chain.logs import LogReader, Page
from keeper.chain.port import PinnedChain
from keeper.errors import StateError
from keeper.protocols.base import Applied
from keeper.types import BlockHead, Log, LogQuery, PositionKey

# Each round needs a contract that announces another: real deployments are two deep.
_MAX_ROUNDS = 16

FetchLogs = Callable[[Sequence[LogQuery]], Awaitable[list[Log]]]
OnPage = Callable[[Page], Awaitable[None]]


class LogFed(Protocol):
    """State kept by logs: a deployment's `StateSync`, a venue's `VenueSync`."""

    def sources(self) -> tuple[LogQuery, ...]:
        """The logs this state is made from."""
        ...

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold logs in; `DecodeError` where they cannot be understood."""
        ...


async def feed(
    chain: PinnedChain, fed: Sequence[LogFed], from_block: int, head: BlockHead
) -> list[frozenset[PositionKey] | StateError]:
    """Apply the logs of `from_block..head.number`; for each, the positions touched or why it must stop."""

    async def fetch(queries: Sequence[LogQuery]) -> list[Log]:
        return await chain.logs(queries, from_block, head)

    queries = distinct([query for state in fed for query in state.sources()])
    return await _apply_all(fed, await fetch(queries), fetch)


async def backfill(
    reader: LogReader, fed: Sequence[LogFed], from_block: int, head: BlockHead, on_page: OnPage
) -> list[StateError | None]:
    """Apply a long range page by page; `on_page` runs once a page is applied: checkpoint there, show progress.

    The page handed to it covers every source, those found meanwhile included. For each fed state, the error it
    stopped with, or None.
    """
    stopped: list[StateError | None] = [None] * len(fed)

    def queries() -> list[LogQuery]:
        return [q for state, error in zip(fed, stopped, strict=True) if error is None for q in state.sources()]

    async for page in reader.pages(queries, from_block, head):
        late: list[Log] = []
        fetch = _late_fetch(reader, page, head, late)
        running = [i for i, error in enumerate(stopped) if error is None]
        outcomes = await _apply_all([fed[i] for i in running], page.logs, fetch)
        for i, outcome in zip(running, outcomes, strict=True):
            if isinstance(outcome, StateError):
                stopped[i] = outcome

        await on_page(replace(page, logs=in_order([*page.logs, *late])))

    return stopped


def _late_fetch(reader: LogReader, page: Page, head: BlockHead, late: list[Log]) -> FetchLogs:
    """Fetch over the same page again, for sources found while it was applied."""

    async def fetch(queries: Sequence[LogQuery]) -> list[Log]:
        more = await reader.page(queries, page.from_block, page.upto_block, head)
        late.extend(more.logs)
        return more.logs

    return fetch


async def _apply_all(
    fed: Sequence[LogFed], logs: Sequence[Log], fetch: FetchLogs
) -> list[frozenset[PositionKey] | StateError]:
    """Hand each its own logs, and fetch again for the sources that turn up."""
    outcomes: list[frozenset[PositionKey] | StateError] = [frozenset() for _ in fed]
    wanted = {i: state.sources() for i, state in enumerate(fed)}
    for _ in range(_MAX_ROUNDS):
        following: dict[int, tuple[LogQuery, ...]] = {}
        for i, queries in wanted.items():
            touched = outcomes[i]
            try:
                applied = fed[i].apply([log for log in logs if any(matches(query, log) for query in queries)])
            except StateError as error:
                outcomes[i] = error
                continue

            if not isinstance(touched, StateError):
                outcomes[i] = touched | applied.touched

            if applied.new_sources:
                following[i] = applied.new_sources

        if not following:
            return outcomes

        wanted = following
        logs = await fetch(distinct([query for queries in wanted.values() for query in queries]))

    raise StateError(f"new log sources still turn up after {_MAX_ROUNDS} rounds over the same blocks")
