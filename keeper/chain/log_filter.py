"""What a log query matches, what a bloom may hide, and how a query too broad for a node is cut in two. No I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from eth_hash.auto import keccak

from keeper.types import Log, LogQuery


def matches(query: LogQuery, log: Log) -> bool:
    """Tell whether a log is what the query asks for."""
    if query.addresses and log.address not in query.addresses:
        return False

    if len(query.topics) > len(log.topics):
        return False

    return all(not wanted or found in wanted for wanted, found in zip(query.topics, log.topics, strict=False))


def in_order(logs: Iterable[Log]) -> list[Log]:
    """Sort by block and index and drop doubles: overlapping queries find the same log twice."""
    found = {(log.block_hash, log.index): log for log in logs}
    return sorted(found.values(), key=lambda log: (log.block_number, log.index))


def may_hold(bloom: bytes, query: LogQuery) -> bool:
    """Tell whether a block's bloom admits a match; False is certain, True may be chance."""
    bits = int.from_bytes(bloom, "big")
    places = [query.addresses, *query.topics]
    return all(not wanted or any(bits & mask == mask for mask in map(_mask, wanted)) for wanted in places)


@lru_cache(maxsize=65_536)
def _mask(item: bytes) -> int:
    """The three bits an address or topic sets (yellow paper, M3:2048)."""
    digest = keccak(item)
    mask = 0
    for i in (0, 2, 4):
        mask |= 1 << (int.from_bytes(digest[i : i + 2], "big") & 2_047)

    return mask


def halves(query: LogQuery) -> tuple[LogQuery, LogQuery] | None:
    """Cut a query in two that together match the same; None where it names one thing per place."""
    if len(query.addresses) > 1:
        middle = len(query.addresses) // 2
        return replace(query, addresses=query.addresses[:middle]), replace(query, addresses=query.addresses[middle:])

    widest = max(range(len(query.topics)), key=lambda i: len(query.topics[i]), default=None)
    if widest is None or len(query.topics[widest]) < 2:
        return None

    alternatives = query.topics[widest]
    middle = len(alternatives) // 2
    return _with_topic(query, widest, alternatives[:middle]), _with_topic(query, widest, alternatives[middle:])


def _with_topic(query: LogQuery, place: int, alternatives: tuple[bytes, ...]) -> LogQuery:
    return replace(query, topics=(*query.topics[:place], alternatives, *query.topics[place + 1 :]))


def distinct(queries: Sequence[LogQuery]) -> list[LogQuery]:
    """Drop repeated queries, keeping the order."""
    return list(dict.fromkeys(queries))
