"""The endpoints of one chain: reads go to the first healthy one and on to the next; every one is checked to be ours.

An endpoint that fails rests, longer each time, and is asked last meanwhile; none is ever given up.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog

from keeper.chain.envelope import Answer, Request
from keeper.chain.faults import CallError, NodeFault
from keeper.chain.phrases import FaultKind
from keeper.chain.rpc import Rpc
from keeper.chain.wire import Header, Json, quantity, read_header
from keeper.errors import ConfigError, RpcError
from keeper.types import BlockHead

log = structlog.get_logger(__name__)

_REST_S = 0.5
_MAX_REST_S = 30.0
# A load balancer may lead elsewhere without any connection being lost.
_CHECK_EVERY_S = 60.0

# Faults of the node rather than of the question: another node may well answer.
ELSEWHERE = frozenset(
    {
        FaultKind.RATE_LIMITED,
        FaultKind.UNKNOWN_BLOCK,
        FaultKind.PRUNED,
        FaultKind.UNSUPPORTED,
        FaultKind.MALFORMED,
        FaultKind.NODE,
    }
)

Judge = Callable[[Sequence[Answer]], bool]
"""Tells whether answers will do; False asks the next endpoint."""


@dataclass(slots=True)
class _Member:
    """One endpoint and what we think of it."""

    rpc: Rpc
    failures: int = 0
    rests_until: float = 0.0
    checked_at: float | None = None
    checked_generation: int = -1


@dataclass(frozen=True, slots=True)
class EndpointStanding:
    """How one endpoint does: its name without credentials, failures in a row, and whether it is asked last for now."""

    label: str
    failures: int
    resting: bool


class Endpoints:
    """All endpoints, in the operator's order of preference.

    Invariant: no answer is handed out from an endpoint whose chain id (and first block, once one endpoint has told
    it) was not checked since it was connected.
    """

    def __init__(
        self,
        rpcs: Sequence[Rpc],
        chain_id: int,
        clock: Callable[[], float] = time.monotonic,
        genesis: bytes | None = None,
    ) -> None:
        """Take endpoints in order of preference; nothing is connected yet. `genesis` is the first block's hash."""
        self.chain_id = chain_id
        self._members = [_Member(rpc) for rpc in rpcs]
        self._clock = clock
        self._genesis = genesis

    async def connect(self) -> None:
        """Check every endpoint now; `ConfigError` for a wrong chain, `RpcError` where none can be reached."""
        failures: list[str] = []
        for member in self._members:
            try:
                await self._check(member, member.rpc.deadlines.patient_s)
            except CallError as error:
                self._rest(member, error)
                failures.append(error.message)

        if len(failures) == len(self._members):
            raise RpcError(f"no endpoint of [chain] rpc answers: {'; '.join(failures)}")

    async def ask(self, requests: Sequence[Request], judge: Judge | None = None) -> list[Answer]:
        """Ask the same things of one endpoint after another until the answers will do.

        Where they never do, the least bad ones are returned, faults as values. `CallError` where no endpoint
        answered at all. Only for what may be asked twice.
        """
        if not requests:
            return []

        best: list[Answer] | None = None
        failure: CallError | None = None
        order = self._in_order()
        for member in order:
            try:
                patience_s = member.rpc.deadlines.patient_s if member is order[-1] else None
                answers = await self._ask_one(member, requests, patience_s)
            except CallError as error:
                self._rest(member, error)
                failure = failure or error
                continue

            faulty = sum(a.fault is not None and a.fault.kind in ELSEWHERE for a in answers)
            if faulty == 0 and (judge is None or judge(answers)):
                return answers

            if best is None or faulty <= sum(a.fault is not None and a.fault.kind in ELSEWHERE for a in best):
                best = answers

        if best is not None:
            return best

        raise failure or RpcError("no endpoint is left to ask")

    async def opinions(self, requests: Sequence[Request]) -> list[list[Answer]]:
        """Ask every endpoint at work at once; what was answered in `opinions_s`, in the operator's order.

        Nothing where fewer than two are at work. Whoever is silent has no opinion: none is waited for or asked again.
        Endpoints of one label are one provider's, and count once.
        """
        now = self._clock()
        awake = {m.rpc.label: m for m in reversed(self._members) if m.rests_until <= now}
        if len(awake) < 2:
            return []

        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._opinion(m, requests), name="opinion") for m in reversed(awake.values())]

        return [answers for task in asked if (answers := task.result()) is not None]

    async def call(self, method: str, *params: Json) -> Answer:
        """Ask one thing; see `ask`."""
        return (await self.ask([Request(method, params)]))[0]

    async def send(self, method: str, *params: Json) -> Answer:
        """Ask the first healthy endpoint, once; whatever happens, nothing is tried again."""
        member = self._in_order()[0]
        try:
            await self._ensure_ours(member, method, None)
            return (await member.rpc.batch([Request(method, params)]))[0]
        except CallError as error:
            self._rest(member, error)
            raise

    async def header(self, block: int | bytes | str) -> Header | None:
        """Fetch a header by number, hash or tag from whichever endpoint has it; None where none does."""
        if isinstance(block, bytes):
            request = Request("eth_getBlockByHash", ("0x" + block.hex(), False))
        else:
            request = Request("eth_getBlockByNumber", (block if isinstance(block, str) else hex(block), False))

        answers = await self.ask([request], lambda found: found[0].raw != b"null")
        if answers[0].fault is not None and answers[0].fault.kind is FaultKind.UNKNOWN_BLOCK:
            return None

        header = decode_header(answers[0])
        if header is not None and block not in (header.head.hash, header.head.number) and not isinstance(block, str):
            raise answers[0].malformed(ValueError("another block than asked for"))

        return header

    async def ancestors(self, head: BlockHead, count: int) -> list[BlockHead]:
        """Fetch up to `count` ancestors, nearest first; fewer where the chain no longer leads to this head."""
        numbers = range(head.number - 1, max(head.number - 1 - count, -1), -1)
        found: list[BlockHead] = []
        wanted = head.parent_hash
        for answer in await self.ask([Request("eth_getBlockByNumber", (hex(n), False)) for n in numbers]):
            header = decode_header(answer)
            if header is None or header.head.hash != wanted:
                return found

            found.append(header.head)
            wanted = header.head.parent_hash

        return found

    def subscribers(self) -> Iterable[Rpc]:
        """Endpoints that can notify, best first."""
        return [member.rpc for member in self._in_order() if member.rpc.can_subscribe]

    def standings(self) -> tuple[EndpointStanding, ...]:
        """How each endpoint does, in the operator's order."""
        now = self._clock()
        return tuple(EndpointStanding(m.rpc.label, m.failures, m.rests_until > now) for m in self._members)

    async def check(self, rpc: Rpc) -> None:
        """Check one endpoint's chain before something is asked of it directly; `CallError` where it is not ours."""
        member = next(m for m in self._members if m.rpc is rpc)
        await self._ensure_ours(member, "eth_chainId", rpc.deadlines.patient_s)

    async def close(self) -> None:
        """Close every connection."""
        for member in self._members:
            await member.rpc.close()

    def _in_order(self) -> list[_Member]:
        """Members at work in the operator's order, then those at rest, the first to wake first."""
        now = self._clock()
        return sorted(self._members, key=lambda m: m.rests_until if m.rests_until > now else 0.0)

    async def _ask_one(self, member: _Member, requests: Sequence[Request], patience_s: float | None) -> list[Answer]:
        """Ask one endpoint, by the methods' own deadlines or, where that is longer, for `patience_s`."""
        longest_s = max(member.rpc.deadlines.of(request.method) for request in requests)
        return await self._put(member, requests, None if patience_s is None else max(patience_s, longest_s))

    async def _opinion(self, member: _Member, requests: Sequence[Request]) -> list[Answer] | None:
        try:
            return await self._put(member, requests, member.rpc.deadlines.opinions_s)
        except CallError as error:
            self._rest(member, error)
            return None

    async def _put(self, member: _Member, requests: Sequence[Request], timeout_s: float | None) -> list[Answer]:
        await self._ensure_ours(member, requests[0].method, timeout_s)
        answers = await member.rpc.batch(requests, timeout_s=timeout_s)
        # The connection may have been opened anew to ask, and lead elsewhere.
        await self._ensure_ours(member, requests[0].method, timeout_s)
        limited = next((a for a in answers if a.fault is not None and a.fault.kind is FaultKind.RATE_LIMITED), None)
        if limited is None or limited.fault is None:
            member.failures = 0
            member.rests_until = 0.0
        else:
            self._rest(member, CallError(limited.fault, endpoint=limited.endpoint, method=limited.method))

        return answers

    async def _ensure_ours(self, member: _Member, method: str, timeout_s: float | None) -> None:
        """Check where the last check no longer holds; `CallError` where the endpoint is not ours any more."""
        fresh = member.checked_at is not None and self._clock() - member.checked_at < _CHECK_EVERY_S
        if fresh and member.checked_generation == member.rpc.generation:
            return

        try:
            await self._check(member, timeout_s)
        except ConfigError as error:
            # It was ours, or another endpoint is: run on without it.
            fault = NodeFault(FaultKind.NODE, error.message, unsent=True)
            raise CallError(fault, endpoint=member.rpc.label, method=method) from None

    async def _check(self, member: _Member, timeout_s: float | None) -> None:
        requests = [Request("eth_chainId"), Request("eth_getBlockByNumber", ("0x0", False))]
        told, first = await member.rpc.batch(requests, timeout_s=timeout_s)
        try:
            chain_id = quantity(told.value(object))
        except ValueError as error:
            raise told.malformed(error) from None

        if chain_id != self.chain_id:
            raise ConfigError(
                f"{member.rpc.label} serves chain {chain_id}, the configuration says {self.chain_id}: "
                "correct [chain] id or [chain] rpc",
                endpoint=member.rpc.label,
                found=chain_id,
                expected=self.chain_id,
            )

        # Two chains may share an id (a fork, a copy for tests), never the first block. Not every node still has it.
        header = decode_header(first) if first.fault is None else None
        if header is not None:
            self._genesis = self._genesis or header.head.hash
            if header.head.hash != self._genesis:
                raise ConfigError(
                    f"{member.rpc.label} serves another chain under the same id {chain_id}: its first block differs "
                    f"from the one that [chain] genesis or another endpoint names: 0x{header.head.hash.hex()}",
                    endpoint=member.rpc.label,
                )

        member.checked_at = self._clock()
        member.checked_generation = member.rpc.generation

    def _rest(self, member: _Member, error: CallError) -> None:
        if error.fault.kind in (FaultKind.TOO_WIDE, FaultKind.OVERSIZED):
            # The question's fault, not the endpoint's.
            return

        member.failures += 1
        rest_s = min(_REST_S * 2 ** min(member.failures - 1, 10), _MAX_REST_S)
        if error.fault.retry_after_s is not None:
            rest_s = error.fault.retry_after_s

        member.rests_until = self._clock() + rest_s
        if error.fault.kind is not FaultKind.RATE_LIMITED:
            member.checked_at = None

        if member.failures == 1:
            log.warning("endpoint_failed", endpoint=member.rpc.label, kind=str(error.fault.kind), error=error.message)


def decode_header(answer: Answer) -> Header | None:
    """Read an answered header; `CallError` for a fault or another shape."""
    answer.check()
    try:
        return read_header(answer.raw)
    except ValueError as error:
        raise answer.malformed(error) from None
