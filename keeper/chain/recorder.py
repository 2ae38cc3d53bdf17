"""The flight recorder: a chain that answers like the one it wraps and writes down what a pass was told."""

from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec
from eth_hash.auto import keccak

from keeper.chain.flight import (
    FORMAT,
    Exchange,
    PassRecord,
    RunStart,
    ask_account,
    ask_header,
    ask_logs,
    ask_reads,
    ask_simulation,
    ask_simulation_in_turn,
    write_record,
)
from keeper.chain.port import ChainPort, HeadEvent, Hypothesis, Receipt
from keeper.errors import ChainError, ReorgError, SubmissionError
from keeper.private import make_private
from keeper.protocols.base import Row
from keeper.protocols.reads import Reads
from keeper.types import Address, BlockHead, Call, Log, LogQuery, Request, Returned

T = TypeVar("T")


class FlightRecorder:
    """An open record file; each record is handed to the operating system before `write` returns."""

    def __init__(self, path: Path, *, keeper: str, chain_id: int, config: str) -> None:
        """Append a run to the file, the owner's alone; `config` is the fingerprint of its configuration."""
        make_private(path)
        self._file = path.open("ab")
        self.write(RunStart(FORMAT, keeper, chain_id, config))

    def write(self, record: RunStart | PassRecord) -> None:
        """Append one record."""
        write_record(self._file, record)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class RecordingChain:
    """Implements `ChainPort` by asking another one.

    Invariant: between `begin` and `end` every answer handed out, and every refusal, is in the record that `end`
    writes. What is asked outside a pass is passed through.
    """

    def __init__(self, chain: ChainPort, recorder: FlightRecorder) -> None:
        """Wrap a chain; closing this closes it, the recorder stays open."""
        self._chain = chain
        self._recorder = recorder
        self._exchanges: list[Exchange] | None = None
        self._event: HeadEvent | None = None
        self._state: dict[str, list[tuple[bytes, bytes]]] = {}

    def begin(self, event: HeadEvent | None, state: Mapping[str, Sequence[Row]] | None = None) -> None:
        """Start a pass: its head, or None for the start of a run with the rows it starts from."""
        self._exchanges = []
        self._event = event
        self._state = {name: [(row.key, row.value) for row in rows] for name, rows in (state or {}).items()}

    def end(self, decisions: Sequence[Mapping[str, str]]) -> None:
        """Write the pass down with what was decided; a dropped one too, since it may have changed the state."""
        if self._exchanges is None:
            return

        record = PassRecord(self._event, self._state, self._exchanges, [dict(line) for line in decisions])
        self._exchanges = None
        self._recorder.write(record)

    @property
    def chain_id(self) -> int:
        """See `ChainPort`."""
        return self._chain.chain_id

    async def reads(self, read: Reads[T], head: BlockHead) -> T:
        """See `PinnedChain`; each round of the read is one exchange."""
        asked: list[tuple[Request, ...]] = []
        try:
            return await self._chain.reads(self._tapped(read, head, asked), head)
        except ChainError as error:
            self._note_error(ask_reads(head.hash, asked[-1] if asked else ()), error)
            raise

    async def logs(self, queries: Sequence[LogQuery], from_block: int, head: BlockHead) -> list[Log]:
        """See `PinnedChain`."""
        return await self._noted(ask_logs(queries, from_block, head), self._chain.logs(queries, from_block, head))

    async def header(self, block: int | bytes) -> BlockHead | None:
        """See `PinnedChain`."""
        return await self._noted(ask_header(block), self._chain.header(block))

    async def simulate(self, call: Call, head: BlockHead, hypothesis: Hypothesis) -> Returned:
        """See `PinnedChain`."""
        question = ask_simulation(call, head, hypothesis)
        return await self._noted(question, self._chain.simulate(call, head, hypothesis))

    async def simulate_in_turn(
        self, calls: Sequence[Call], head: BlockHead, hypothesis: Hypothesis
    ) -> tuple[Returned, ...]:
        """See `PinnedChain`."""
        question = ask_simulation_in_turn(calls, head, hypothesis)
        return await self._noted(question, self._chain.simulate_in_turn(calls, head, hypothesis))

    async def nonce(self, account: Address, *, pending: bool = False) -> int:
        """See `AccountChain`."""
        kind = "pending nonce" if pending else "nonce"
        return await self._noted(ask_account(kind, account), self._chain.nonce(account, pending=pending))

    async def balance(self, account: Address) -> int:
        """See `AccountChain`."""
        return int(await self._noted(ask_account("balance", account), _as_text(self._chain.balance(account))))

    async def code(self, account: Address) -> bytes:
        """See `AccountChain`."""
        return await self._noted(ask_account("code", account), self._chain.code(account))

    async def receipt(self, tx_hash: bytes) -> Receipt | None:
        """See `AccountChain`."""
        return await self._noted(ask_account("receipt", tx_hash), self._chain.receipt(tx_hash))

    async def send_raw(self, raw: bytes) -> bytes:
        """See `AccountChain`; of the transaction only its hash is written."""
        return await self._noted(ask_account("send", keccak(raw)), self._chain.send_raw(raw))

    async def close(self) -> None:
        """See `ChainPort`."""
        await self._chain.close()

    def _tapped(self, read: Reads[T], head: BlockHead, asked: list[tuple[Request, ...]]) -> Reads[T]:
        """Pass a read on round by round, noting what it asked and was told."""
        try:
            requests = next(read)
            while True:
                asked.append(requests)
                answers = yield requests
                self._note(ask_reads(head.hash, requests), msgspec.msgpack.encode(answers))
                requests = read.send(answers)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            read.close()

    async def _noted(self, question: bytes, answer: Awaitable[T]) -> T:
        try:
            found = await answer
        except (ChainError, SubmissionError) as error:
            self._note_error(question, error)
            raise

        self._note(question, msgspec.msgpack.encode(found))
        return found

    def _note(self, question: bytes, answer: bytes) -> None:
        if self._exchanges is not None:
            self._exchanges.append(Exchange(question, answer))

    def _note_error(self, question: bytes, error: ChainError | SubmissionError) -> None:
        if self._exchanges is None:
            return

        if isinstance(error, SubmissionError):
            kind = f"submission:{error.data.get('refusal', '')}"
        else:
            kind = "reorg" if isinstance(error, ReorgError) else "rpc"

        self._exchanges.append(Exchange(question, b"", kind, error.message))


async def _as_text(number: Awaitable[int]) -> str:
    """Write a number that may exceed 64 bits, which MessagePack cannot carry."""
    return str(await number)
