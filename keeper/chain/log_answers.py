"""What a node says to a question for logs, judged before it is believed. No I/O.

Out-of-filter logs, another block's logs and suspicious emptiness are the node's fault and ask the next endpoint;
a refusal for size, or a count that looks cut off, asks for less.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from keeper.chain.envelope import Answer, Request
from keeper.chain.faults import CallError, NodeFault
from keeper.chain.headers import decode_header
from keeper.chain.log_filter import matches, may_hold
from keeper.chain.phrases import FaultKind
from keeper.chain.wire import Header, block_range, hexed, log_filter, read_logs
from keeper.types import Log, LogQuery

# What providers cut answers at without saying so are round numbers.
_ROUND = 1_000


@dataclass(frozen=True, slots=True)
class OneBlock:
    """One block, by hash; its header where it is at hand."""

    block_hash: bytes
    header: Header | None


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks by number, both ends included; `last_hash` is what the last one must be, where that is known."""

    first: int
    last: int
    last_hash: bytes | None

    def halves(self) -> "tuple[Blocks, Blocks] | None":
        """Cut in two; None for a single block."""
        if self.first == self.last:
            return None

        middle = (self.first + self.last) // 2
        return Blocks(self.first, middle, None), Blocks(middle + 1, self.last, self.last_hash)


Place: TypeAlias = OneBlock | Blocks


class LogQuestion:
    """Several queries about one place, put to one node in one batch together with the place's header.

    The header shows that the node has the place at all: one that lags answers a range with fewer logs, not an error.
    """

    def __init__(self, queries: Sequence[LogQuery], place: Place) -> None:
        """Write the requests."""
        self.place = place
        self.queries = tuple(queries)
        self.requests = [Request("eth_getLogs", ({**log_filter(q), **_bounds(place)},)) for q in queries]
        if isinstance(place, Blocks):
            self.requests.append(Request("eth_getBlockByNumber", (hex(place.last), False)))
        elif place.header is None:
            self.requests.append(Request("eth_getBlockByHash", (hexed(place.block_hash), False)))

        self._judged: Sequence[Answer] | None = None
        self._found: list[list[Log] | NodeFault] = []

    def found(self, answers: Sequence[Answer]) -> list[list[Log] | NodeFault]:
        """Decode the logs of each query, or say what is wrong with them."""
        if answers is not self._judged:
            self._found = [self._decode(q, a) for q, a in zip(self.queries, answers, strict=False)]
            self._judged = answers

        return self._found

    def header(self, answers: Sequence[Answer]) -> Header | None:
        """The header of the place (of its last block); None where the node does not have it."""
        if isinstance(self.place, OneBlock) and self.place.header is not None:
            return self.place.header

        try:
            return decode_header(answers[-1])
        except CallError:
            return None

    def will_do(self, answers: Sequence[Answer]) -> bool:
        """Judge one node's answers; see `Endpoints.ask`."""
        header = self.header(answers)
        if header is None or (isinstance(self.place, Blocks) and self.place.last_hash not in (None, header.head.hash)):
            return False

        for query, logs in zip(self.queries, self.found(answers), strict=True):
            if isinstance(logs, NodeFault):
                if logs.kind is not FaultKind.TOO_WIDE:
                    return False

            elif not logs and isinstance(self.place, OneBlock) and may_hold(header.logs_bloom, query):
                return False

        return True

    def _decode(self, query: LogQuery, answer: Answer) -> list[Log] | NodeFault:
        if answer.fault is not None:
            return answer.fault

        try:
            logs = read_logs(answer.raw)
        except ValueError as error:
            return NodeFault(FaultKind.MALFORMED, f"not logs: {error}")

        if not all(matches(query, log) and self._within(log) for log in logs):
            return NodeFault(FaultKind.MALFORMED, "logs that were not asked for")

        return logs if isinstance(self.place, OneBlock) else _in_range(self.place, logs)

    def _within(self, log: Log) -> bool:
        if isinstance(self.place, OneBlock):
            return log.block_hash == self.place.block_hash

        return self.place.first <= log.block_number <= self.place.last


def _in_range(place: Blocks, logs: list[Log]) -> list[Log] | NodeFault:
    if any(log.block_number == place.last and place.last_hash not in (None, log.block_hash) for log in logs):
        return NodeFault(FaultKind.UNKNOWN_BLOCK, "logs of another block under the last one's number")

    if logs and len(logs) % _ROUND == 0 and place.first < place.last:
        return NodeFault(FaultKind.TOO_WIDE, f"exactly {len(logs)} logs, which looks cut off")

    return logs


def _bounds(place: Place) -> dict[str, str]:
    if isinstance(place, OneBlock):
        return {"blockHash": hexed(place.block_hash)}

    return block_range(place.first, place.last)
