"""The chain as its nodes tell it: the member of `ChainPort` that asks."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeVar

from asyncio_throttle.throttler import Throttler
from eth_hash.auto import keccak

from keeper.chain.endpoints import Endpoints
from keeper.chain.envelope import Answer, Request
from keeper.chain.faults import CallError, classify_refusal, is_known_transaction
from keeper.chain.headers import HeaderCache
from keeper.chain.heads import HeadFollower, HeadTiming
from keeper.chain.logs import LogReader, Paging
from keeper.chain.port import Hypothesis, Receipt
from keeper.chain.reads import MULTICALL3, PinnedReads
from keeper.chain.rpc import Deadlines, Rpc
from keeper.chain.sequence import SequenceSimulator
from keeper.chain.simulation import Simulator
from keeper.chain.wire import blob, hexed, quantity, read_receipt
from keeper.config.urls import RpcUrl
from keeper.errors import SubmissionError
from keeper.protocols.reads import Reads
from keeper.types import Address, BlockHead, Call, Log, LogQuery, Returned

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """Which chain, through which nodes: the `[chain]` table as far as this package needs it."""

    chain_id: int
    rpc: Sequence[RpcUrl]
    multicall3: Address = MULTICALL3
    block_time_s: int = 12
    deadlines: Deadlines | None = None
    genesis: bytes | None = None


class LiveChain:
    """Implements `ChainPort` over the endpoints, which `open_chain` has checked."""

    def __init__(self, endpoints: Endpoints, settings: ChainSettings) -> None:
        """Share one cache of headers between heads and logs."""
        self.endpoints = endpoints
        self._settings = settings
        self._headers = HeaderCache()
        # On the path of a block a rate limit is an answer at once: there is no time to wait it out.
        self._logs = LogReader(endpoints, self._headers, Paging(attempts=1))
        self._reads = PinnedReads(endpoints, settings.multicall3)
        self._simulator = Simulator(endpoints)
        self._sequence = SequenceSimulator(endpoints)

    @property
    def chain_id(self) -> int:
        """See `ChainPort`."""
        return self._settings.chain_id

    def follow_heads(self, since: BlockHead | None = None) -> HeadFollower:
        """Follow heads on from a block; its `run` belongs in the caller's task group."""
        block_time_s = self._settings.block_time_s
        timing = HeadTiming(poll_s=min(1.0, block_time_s / 4), mute_after_s=2.5 * block_time_s)
        return HeadFollower(self.endpoints, self._headers, since, timing)

    def backfill_reader(self, requests_per_s: int = 50) -> LogReader:
        """Read long ranges at a bounded rate, apart from the reader a block's own logs come through."""
        budget = Throttler(rate_limit=requests_per_s, period=1.0)
        return LogReader(self.endpoints, self._headers, Paging(), budget)

    async def reads(self, read: Reads[T], head: BlockHead) -> T:
        """See `PinnedChain`."""
        return await self._reads.run(read, head.hash)

    async def logs(self, queries: Sequence[LogQuery], from_block: int, head: BlockHead) -> list[Log]:
        """See `PinnedChain`."""
        return await self._logs.between(queries, from_block, head)

    async def header(self, block: int | bytes) -> BlockHead | None:
        """See `PinnedChain`."""
        header = await self.endpoints.header(block)
        return None if header is None else header.head

    async def latest(self) -> BlockHead | None:
        """Fetch the newest head a node will name; None where it names none."""
        header = await self.endpoints.header("latest")
        return None if header is None else header.head

    async def simulate(self, call: Call, head: BlockHead, hypothesis: Hypothesis) -> Returned:
        """See `PinnedChain`."""
        return await self._simulator.run(call, head, hypothesis)

    async def simulate_in_turn(
        self, calls: Sequence[Call], head: BlockHead, hypothesis: Hypothesis
    ) -> tuple[Returned, ...]:
        """See `PinnedChain`."""
        return await self._sequence.run(calls, head, hypothesis)

    async def nonce(self, account: Address, *, pending: bool = False) -> int:
        """See `AccountChain`."""
        return await self._quantity("eth_getTransactionCount", account, "pending" if pending else "latest")

    async def balance(self, account: Address) -> int:
        """See `AccountChain`."""
        return await self._quantity("eth_getBalance", account, "latest")

    async def code(self, account: Address) -> bytes:
        """See `AccountChain`."""
        answer = await self.endpoints.call("eth_getCode", hexed(account), "latest")
        try:
            return blob(answer.value(str))
        except ValueError as error:
            raise answer.malformed(error) from None

    async def receipt(self, tx_hash: bytes) -> Receipt | None:
        """See `AccountChain`."""
        answer = await self.endpoints.call("eth_getTransactionReceipt", hexed(tx_hash))
        answer.check()
        try:
            receipt = read_receipt(answer.raw)
        except ValueError as error:
            raise answer.malformed(error) from None

        if receipt is not None and receipt.tx_hash != tx_hash:
            raise answer.malformed(ValueError("another transaction than asked for"))

        return receipt

    async def knows(self, tx_hash: bytes) -> bool:
        """See `AccountChain`."""
        request = Request("eth_getTransactionByHash", (hexed(tx_hash),))
        (answer,) = await self.endpoints.ask([request], lambda found: _is_there(found[0]))
        answer.check()
        return _is_there(answer)

    async def send_raw(self, raw: bytes) -> bytes:
        """See `AccountChain`."""
        tx_hash = keccak(raw)
        try:
            answer = await self.endpoints.send("eth_sendRawTransaction", hexed(raw))
            if answer.fault is None or not is_known_transaction(answer.fault.message):
                answer.check()
        except CallError as error:
            refusal = classify_refusal(error.fault)
            raise SubmissionError(error.message, refusal=refusal, tx_hash=hexed(tx_hash)) from None

        # Computed, not the node's: whatever it answers, this is what was signed and will be mined.
        return tx_hash

    async def close(self) -> None:
        """See `ChainPort`."""
        await self.endpoints.close()

    async def _quantity(self, method: str, account: Address, tag: str) -> int:
        answer = await self.endpoints.call(method, hexed(account), tag)
        try:
            return quantity(answer.value(str))
        except ValueError as error:
            raise answer.malformed(error) from None


def _is_there(answer: Answer) -> bool:
    return answer.fault is None and answer.raw != b"null"


async def open_chain(settings: ChainSettings) -> LiveChain:
    """Connect and check every endpoint; `ConfigError` for a wrong chain id, `RpcError` where none answers."""
    endpoints = Endpoints(
        [Rpc(url, settings.deadlines) for url in settings.rpc], settings.chain_id, genesis=settings.genesis
    )
    async with AsyncExitStack() as on_failure:
        on_failure.push_async_callback(endpoints.close)
        await endpoints.connect()
        on_failure.pop_all()

    return LiveChain(endpoints, settings)
