"""The endpoints of one chain: reads go to the first healthy one and on to the next; every one is checked to be ours.

An endpoint that fails rests, longer each time, and is asked last meanwhile; none is ever given up. One that is slower
than usual has the next one asked beside it.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

from keeper.chain.envelope import Answer, Request
from keeper.chain.faults import CallError, NodeFault
from keeper.chain.headers import decode_header
from keeper.chain.judge import Judge, count_faulty, will_do
from keeper.chain.member import EndpointStanding, Member
from keeper.chain.phrases import FaultKind
from keeper.chain.rpc import Rpc
from keeper.chain.wire import Header, Json, quantity
from keeper.errors import ConfigError, RpcError
from keeper.types import BlockHead

# A load balancer may lead elsewhere without any connection being lost.
_CHECK_EVERY_S = 60.0


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
        self._members = [Member(rpc) for rpc in rpcs]
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
        for place, member in enumerate(order):
            if place == 0 and len(order) > 1:
                answers = await self._hedged((member, order[1]), requests, judge)
            else:
                patience_s = member.rpc.deadlines.patient_s if member is order[-1] else None
                answers = await self._try(member, requests, patience_s)

            if isinstance(answers, CallError):
                failure = failure or answers
                continue

            if will_do(answers, judge):
                return answers

            if best is None or count_faulty(answers) <= count_faulty(best):
                best = answers

        if best is not None:
            return best

        raise failure or RpcError("no endpoint is left to ask")

    async def opinions(self, requests: Sequence[Request]) -> list[list[Answer]]:
        """Ask every endpoint at work at once; what was answered in `opinions_s`, in the operator's order.

        Nothing where fewer than two are at work. Whoever is silent has no opinion: none is waited for or asked again.
        Endpoints of one place are one provider's, and count once.
        """
        now = self._clock()
        awake = {m.rpc.place: m for m in reversed(self._members) if m.rests_until <= now}
        if len(awake) < 2:
            return []

        async with asyncio.TaskGroup() as group:
            asked = [
                group.create_task(self._put(member, requests, member.rpc.deadlines.opinions_s), name="opinion")
                for member in reversed(awake.values())
            ]

        return [answers for task in asked if not isinstance(answers := task.result(), CallError)]

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

    def _in_order(self) -> list[Member]:
        """Members at work in the operator's order, then those at rest, the first to wake first."""
        now = self._clock()
        return sorted(self._members, key=lambda m: m.rests_until if m.rests_until > now else 0.0)

    async def _hedged(
        self, pair: tuple[Member, Member], requests: Sequence[Request], judge: Judge | None
    ) -> list[Answer] | CallError:
        """Ask one endpoint, and another beside it once the first takes longer than it usually does.

        The first answer that will do wins and the other request is given up: a replica that lags is quick to say that
        it has nothing. An endpoint that is outrun again and again rests.
        """
        member, other = pair
        usual_s = member.usual_s(requests[0].method)
        if usual_s is None or other.rests_until > self._clock():
            return await self._try(member, requests, None)

        async with asyncio.TaskGroup() as group:
            first = group.create_task(self._try(member, requests, None), name="ask")
            await asyncio.wait({first}, timeout=usual_s)
            if first.done():
                return first.result()

            second = group.create_task(self._try(other, requests, None), name="ask beside")
            await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED)
            if not first.done() and will_do(second.result(), judge):
                first.cancel()
                if member.is_outrun():
                    fault = NodeFault(FaultKind.TIMEOUT, f"{other.rpc.label} answers sooner, though asked later")
                    self._rest(member, CallError(fault, endpoint=member.rpc.label, method=requests[0].method))

                return second.result()

            found = await first
            if will_do(found, judge):
                second.cancel()
                return found

        return second.result() if isinstance(found, CallError) or will_do(second.result(), judge) else found

    async def _try(
        self, member: Member, requests: Sequence[Request], patience_s: float | None
    ) -> list[Answer] | CallError:
        """Ask one endpoint, by the methods' own deadlines or, where that is longer, for `patience_s`."""
        longest_s = max(member.rpc.deadlines.of(request.method) for request in requests)
        return await self._put(member, requests, None if patience_s is None else max(patience_s, longest_s))

    async def _put(
        self, member: Member, requests: Sequence[Request], timeout_s: float | None
    ) -> list[Answer] | CallError:
        """Put requests to one endpoint and judge it by how it answers; that it does not is a value here."""
        try:
            await self._ensure_ours(member, requests[0].method, timeout_s)
            began = self._clock()
            answers = await member.rpc.batch(requests, timeout_s=timeout_s)
            member.note_answer(requests[0].method, self._clock() - began)
            # The connection may have been opened anew to ask, and lead elsewhere.
            await self._ensure_ours(member, requests[0].method, timeout_s)
        except CallError as error:
            self._rest(member, error)
            return error

        limited = next((a for a in answers if a.fault is not None and a.fault.kind is FaultKind.RATE_LIMITED), None)
        if limited is None or limited.fault is None:
            member.recover()
        else:
            self._rest(member, CallError(limited.fault, endpoint=limited.endpoint, method=limited.method))

        return answers

    async def _ensure_ours(self, member: Member, method: str, timeout_s: float | None) -> None:
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

    async def _check(self, member: Member, timeout_s: float | None) -> None:
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

    def _rest(self, member: Member, error: CallError) -> None:
        member.rest(error, self._clock())
