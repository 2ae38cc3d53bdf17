"""Reads at one block hash: what an adapter asks for goes out in as few round trips as the node allows.

Plain calls travel together through Multicall3; calls with a sender or gas of their own, storage, code and balances
go alone, all in one JSON-RPC batch. One bad target never costs the others their answers: what cannot be believed is
asked again in halves until the culprit stands alone, and that one's answer is "failed".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from keeper.chain.endpoints import Endpoints
from keeper.chain.envelope import Answer, Request
from keeper.chain.faults import CallError
from keeper.chain.multicall import decode_aggregate3, encode_aggregate3
from keeper.chain.phrases import FaultKind
from keeper.chain.wire import Json, at_hash, blob, call_object, hexed, word
from keeper.errors import ReorgError
from keeper.protocols.reads import Reads
from keeper.types import Address, BalanceAt, Call, CodeAt, Returned, StorageAt
from keeper.types import Request as Read

T = TypeVar("T")

MULTICALL3 = Address(bytes.fromhex("ca11bde05977b3631167028862be2a173976ca11"))
"""Where Multicall3 lives on nearly every chain."""

FAILED = Returned(ok=False, data=b"")

# Faults that belong to the question: the call halted, or asked for more than the node is willing to work for.
_OWN_FAULTS = frozenset({FaultKind.HALTED, FaultKind.TOO_WIDE, FaultKind.OVERSIZED})


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """How much goes into one aggregate and how much may come out of one read.

    100 calls at a typical 100,000 gas each, and the gauge, stay below 2**24, the least any node allows a call.
    """

    max_calls: int = 100
    max_calldata_bytes: int = 48 * 2**10
    max_answer_bytes: int = 2**20


@dataclass(frozen=True, slots=True)
class _Piece:
    """One JSON-RPC request: a single read, or `joined` several calls through Multicall3."""

    reads: tuple[Read, ...]
    joined: bool

    def halves(self) -> "tuple[_Piece, _Piece]":
        """Cut in two; a call left alone travels without Multicall3, with all the gas to itself."""
        middle = len(self.reads) // 2
        first, second = self.reads[:middle], self.reads[middle:]
        return _Piece(first, joined=len(first) > 1), _Piece(second, joined=len(second) > 1)


class PinnedReads:
    """Answers reads through the endpoints.

    Invariant: every answer of one `run` belongs to the block hash it was given. Whether Multicall3 exists is looked
    up until it does.
    """

    def __init__(
        self, endpoints: Endpoints, multicall3: Address = MULTICALL3, limits: ReadLimits | None = None
    ) -> None:
        """Read through these endpoints."""
        self._endpoints = endpoints
        self._multicall3 = multicall3
        self._limits = limits or ReadLimits()
        self._joins = False

    async def run(self, read: Reads[T], block_hash: bytes) -> T:
        """Drive a read to its end; `ReorgError` where the block is orphaned, `RpcError` where no node can answer."""
        try:
            requests = next(read)
            while True:
                requests = read.send(await self.answer(requests, block_hash))
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            read.close()

    async def answer(self, reads: Sequence[Read], block_hash: bytes) -> tuple[Returned, ...]:
        """Answer one round; a question asked twice is asked once."""
        found: dict[Read, Returned] = {}
        pieces = self._cut(dict.fromkeys(reads))
        while pieces:
            answers = await self._send(pieces, block_hash)
            following: list[_Piece] = []
            for piece, answer in zip(pieces, answers, strict=True):
                following += self._settle(piece, answer, found)

            pieces = following

        return tuple(found[read] for read in reads)

    def _cut(self, reads: Iterable[Read]) -> list[_Piece]:
        """Sort reads into requests: calls together up to the limits, the rest alone."""
        alone: list[_Piece] = []
        chunks: list[list[Read]] = [[]]
        size = 0
        for read in reads:
            if not (self._joins and isinstance(read, Call) and _is_plain(read)):
                alone.append(_Piece((read,), joined=False))
                continue

            size += len(read.data)
            if len(chunks[-1]) == self._limits.max_calls or size > self._limits.max_calldata_bytes:
                chunks.append([])
                size = len(read.data)

            chunks[-1].append(read)

        return [_Piece(tuple(chunk), joined=len(chunk) > 1) for chunk in chunks if chunk] + alone

    async def _send(self, pieces: Sequence[_Piece], block_hash: bytes) -> list[Answer]:
        """Put the pieces to one node; a batch whose answer outgrows the limit is sent in halves."""
        requests = [self._request(piece, block_hash) for piece in pieces]
        looks_for_multicall = not self._joins and len(pieces) > 1
        if looks_for_multicall:
            requests.append(Request("eth_getCode", (hexed(self._multicall3), at_hash(block_hash))))

        try:
            answers = await self._endpoints.ask(requests)
        except CallError as error:
            if error.fault.kind not in _OWN_FAULTS:
                raise

            if len(pieces) == 1:
                return [Answer(str(error.data["endpoint"]), requests[0].method, b"", error.fault)]

            middle = len(pieces) // 2
            return await self._send(pieces[:middle], block_hash) + await self._send(pieces[middle:], block_hash)

        if looks_for_multicall:
            code = answers.pop()
            self._joins = code.fault is None and code.raw not in (b'"0x"', b"null")

        return answers

    def _settle(self, piece: _Piece, answer: Answer, found: dict[Read, Returned]) -> list[_Piece]:
        """Note what a piece answered; what cannot be believed comes back as pieces to ask next."""
        if not piece.joined:
            found[piece.reads[0]] = self._read(piece.reads[0], answer)
            return []

        outcome = read_call(answer)
        if not outcome.ok:
            return list(piece.halves())

        if not outcome.data:
            # No Multicall3 in this block: it came later, or the chain was replaced under us.
            self._joins = False
            return [_Piece((read,), joined=False) for read in piece.reads]

        try:
            results = decode_aggregate3(outcome.data, len(piece.reads), self._limits.max_answer_bytes)
        except ValueError:
            results = None

        if results is None:
            return list(piece.halves())

        following: list[_Piece] = []
        for read, result in zip(piece.reads, results, strict=True):
            if result.ok or result.data:
                found[read] = result
            else:
                # Silent failure may be want of gas: alone it gets all there is.
                following.append(_Piece((read,), joined=False))

        return following

    def _read(self, read: Read, answer: Answer) -> Returned:
        """Read a single answer, its length capped."""
        if isinstance(read, Call):
            returned = read_call(answer)
        else:
            _check(answer)
            try:
                value = answer.value(str)
                returned = Returned(ok=True, data=blob(value) if isinstance(read, CodeAt) else word(value))
            except ValueError as error:
                raise answer.malformed(error) from None

        return returned if len(returned.data) <= self._limits.max_answer_bytes else FAILED

    def _request(self, piece: _Piece, block_hash: bytes) -> Request:
        """Write a piece."""
        where: Json = at_hash(block_hash)
        if piece.joined:
            calls = [read for read in piece.reads if isinstance(read, Call)]
            return Request("eth_call", (call_object(Call(self._multicall3, encode_aggregate3(calls))), where))

        match piece.reads[0]:
            case Call() as call:
                return Request("eth_call", (call_object(call), where))
            case StorageAt(to, slot):
                return Request("eth_getStorageAt", (hexed(to), f"0x{slot:064x}", where))
            case CodeAt(to):
                return Request("eth_getCode", (hexed(to), where))
            case BalanceAt(account):
                return Request("eth_getBalance", (hexed(account), where))


def read_call(answer: Answer) -> Returned:
    """Read the answer of an eth_call: a revert and a halt are answers, an orphaned block raises `ReorgError`."""
    if answer.fault is not None and answer.fault.kind is FaultKind.REVERTED:
        return Returned(ok=False, data=answer.fault.data)

    if answer.fault is not None and answer.fault.kind in _OWN_FAULTS:
        return FAILED

    _check(answer)
    try:
        return Returned(ok=True, data=blob(answer.value(str)))
    except ValueError as error:
        raise answer.malformed(error) from None


def _check(answer: Answer) -> None:
    if answer.fault is not None and answer.fault.kind is FaultKind.UNKNOWN_BLOCK:
        raise ReorgError(f"{answer.endpoint}: the block read at is not on the chain: {answer.fault.message}")

    answer.check()


def _is_plain(call: Call) -> bool:
    return call.sender is None and call.gas is None and call.value_wei == 0
