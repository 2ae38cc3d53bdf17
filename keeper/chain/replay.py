"""A chain that answers from a flight record, without a node: what was asked then may be asked again, nothing else."""

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import TypeVar

import msgspec
from eth_hash.auto import keccak

from keeper.chain.flight import (
    Exchange,
    PassRecord,
    ask_account,
    ask_header,
    ask_logs,
    ask_reads,
    ask_simulation,
    ask_simulation_in_turn,
    show_question,
)
from keeper.chain.phrases import Refusal
from keeper.chain.port import Hypothesis, Receipt
from keeper.errors import KeeperError, ReorgError, RpcError, SubmissionError
from keeper.protocols.reads import Reads
from keeper.types import Address, BlockHead, Call, Log, LogQuery, Returned

T = TypeVar("T")


class ReplayMismatchError(KeeperError):
    """The replay asks something else than the recorded pass did: code, configuration or record differ."""


class ReplayedChain:
    """Implements `ChainPort` from one pass at a time.

    Invariant: each recorded exchange is handed out once, equal questions in the order they were answered. Order
    between different questions does not matter: a pass asks some of them side by side.
    """

    def __init__(self, chain_id: int) -> None:
        """Start without a pass."""
        self.chain_id = chain_id
        self._left: dict[bytes, deque[Exchange]] = {}

    def load(self, record: PassRecord) -> None:
        """Answer from this pass from now on; `ReplayMismatchError` where the last one was left unfinished."""
        self.finish()
        left: defaultdict[bytes, deque[Exchange]] = defaultdict(deque)
        for exchange in record.exchanges:
            left[exchange.question].append(exchange)

        self._left = dict(left)

    def finish(self) -> None:
        """Make sure that everything recorded was asked for; `ReplayMismatchError` otherwise."""
        left = [question for question, exchanges in self._left.items() if exchanges]
        self._left = {}
        if left:
            raise ReplayMismatchError(
                f"the replay did not ask {len(left)} of the questions recorded in this pass, {show_question(left[0])} "
                "first: the code or the configuration differs from the recorded run's",
                left=len(left),
            )

    async def reads(self, read: Reads[T], head: BlockHead) -> T:
        """See `PinnedChain`."""
        try:
            requests = next(read)
            while True:
                answers = self._answer(ask_reads(head.hash, requests), tuple[Returned, ...])
                requests = read.send(answers)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            read.close()

    async def logs(self, queries: Sequence[LogQuery], from_block: int, head: BlockHead) -> list[Log]:
        """See `PinnedChain`."""
        return self._answer(ask_logs(queries, from_block, head), list[Log])

    async def header(self, block: int | bytes) -> BlockHead | None:
        """See `PinnedChain`."""
        return self._answer_or_none(ask_header(block), BlockHead)

    async def simulate(self, call: Call, head: BlockHead, hypothesis: Hypothesis) -> Returned:
        """See `PinnedChain`."""
        return self._answer(ask_simulation(call, head, hypothesis), Returned)

    async def simulate_in_turn(
        self, calls: Sequence[Call], head: BlockHead, hypothesis: Hypothesis
    ) -> tuple[Returned, ...]:
        """See `PinnedChain`."""
        return self._answer(ask_simulation_in_turn(calls, head, hypothesis), tuple[Returned, ...])

    async def nonce(self, account: Address, *, pending: bool = False) -> int:
        """See `AccountChain`."""
        return self._answer(ask_account("pending nonce" if pending else "nonce", account), int)

    async def balance(self, account: Address) -> int:
        """See `AccountChain`."""
        return int(self._answer(ask_account("balance", account), str))

    async def code(self, account: Address) -> bytes:
        """See `AccountChain`."""
        return self._answer(ask_account("code", account), bytes)

    async def receipt(self, tx_hash: bytes) -> Receipt | None:
        """See `AccountChain`."""
        return self._answer_or_none(ask_account("receipt", tx_hash), Receipt)

    async def send_raw(self, raw: bytes) -> bytes:
        """See `AccountChain`: nothing leaves, the record says what became of it."""
        return self._answer(ask_account("send", keccak(raw)), bytes)

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    def _answer(self, question: bytes, kind: type[T]) -> T:
        return msgspec.msgpack.decode(self._take(question), type=kind)

    def _answer_or_none(self, question: bytes, kind: type[T]) -> T | None:
        raw = self._take(question)
        return None if raw == _NONE else msgspec.msgpack.decode(raw, type=kind)

    def _take(self, question: bytes) -> bytes:
        waiting = self._left.get(question)
        if not waiting:
            raise self._mismatch(question)

        exchange = waiting.popleft()
        if exchange.error == "reorg":
            raise ReorgError(exchange.message)

        if exchange.error == "rpc":
            raise RpcError(exchange.message)

        if exchange.error:
            refusal = Refusal(exchange.error.removeprefix("submission:"))
            raise SubmissionError(exchange.message, refusal=refusal)

        return exchange.answer

    def _mismatch(self, question: bytes) -> ReplayMismatchError:
        asked = show_question(question)
        kind = asked.partition("(")[0]
        alike = [show_question(q) for q, left in self._left.items() if left and show_question(q).startswith(kind + "(")]
        hint = f"; still unasked of that kind: {alike[0]}" if alike else "; nothing of that kind is left in this pass"
        return ReplayMismatchError(f"the replay asks what the recorded pass did not: {asked}{hint}", asked=asked)


_NONE = msgspec.msgpack.encode(None)
