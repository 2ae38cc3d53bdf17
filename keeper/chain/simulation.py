"""A call run in the block it aims for: on a head's state, with that block's number, time, base fee and coinbase.

A node that ignores the overrides would run it on the head's own timestamp and answer all the same, so every
simulation carries a witness: code that returns the block it thinks it is in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keeper.chain.agreement import agreed
from keeper.chain.endpoints import Endpoints
from keeper.chain.envelope import Answer, Request
from keeper.chain.faults import ELSEWHERE, CallError, NodeFault
from keeper.chain.phrases import FaultKind
from keeper.chain.port import Hypothesis
from keeper.chain.reads import read_call
from keeper.chain.wire import Json, at_hash, call_object, hexed
from keeper.types import BlockHead, Call, Returned

# NUMBER, TIMESTAMP, COINBASE stored as three words and returned, run as creation code: no contract is needed.
_WITNESS: Final = bytes.fromhex("43600052" + "42602052" + "41604052" + "60606000f3")


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How nodes spell two of the overrides."""

    base_fee: str
    coinbase: str


_DIALECTS: Final = (_Dialect("baseFeePerGas", "feeRecipient"), _Dialect("baseFee", "coinbase"))


class Simulator:
    """Runs hypotheses through the endpoints; remembers which dialect was understood last."""

    def __init__(self, endpoints: Endpoints) -> None:
        """Simulate through these endpoints."""
        self._endpoints = endpoints
        self._dialects: Sequence[_Dialect] = _DIALECTS

    async def run(self, call: Call, head: BlockHead, hypothesis: Hypothesis) -> Returned:
        """Run a call; a revert is an answer, `RpcError` where no node runs it in the block it aims for.

        Where several endpoints are at work all are asked, and `CallError` says that two contradict each other.
        A contract that reads the base fee sees 0 on nodes that drop it for calls without a gas price.
        """
        opinions = await self._opinions(call, head, hypothesis)
        if opinions:
            return agreed(opinions, "eth_call")[0]

        answers: list[Answer] = []
        for dialect in self._dialects:
            requests = _requests(call, head, _overrides(hypothesis, dialect))
            answers = await self._endpoints.ask(requests, lambda found: _attests(found[0], hypothesis))
            if _attests(answers[0], hypothesis):
                self._prefer(dialect)
                return read_call(answers[1])

            # An orphaned head is no matter of dialect.
            if answers[0].fault is not None and answers[0].fault.kind is FaultKind.UNKNOWN_BLOCK:
                read_call(answers[0])

        told = answers[0].fault.message if answers[0].fault is not None else "the overrides are ignored"
        fault = NodeFault(FaultKind.UNSUPPORTED, f"cannot simulate in another block than the head: {told}")
        raise CallError(fault, endpoint=answers[0].endpoint, method="eth_call")

    async def _opinions(self, call: Call, head: BlockHead, hypothesis: Hypothesis) -> dict[str, list[Returned]]:
        """Ask all endpoints at work, in the other dialect too while fewer than two were understood."""
        found: dict[str, list[Returned]] = {}
        for dialect in tuple(self._dialects):
            for witness, answer in await self._endpoints.opinions(
                _requests(call, head, _overrides(hypothesis, dialect))
            ):
                is_opinion = answer.fault is None or answer.fault.kind not in ELSEWHERE
                if witness.endpoint not in found and is_opinion and _attests(witness, hypothesis):
                    found[witness.endpoint] = [read_call(answer)]

            if len(found) > 1:
                self._prefer(dialect)
                return found

        return found

    def _prefer(self, dialect: _Dialect) -> None:
        self._dialects = sorted(self._dialects, key=lambda d: d is not dialect)


def _requests(call: Call, head: BlockHead, overrides: dict[str, Json]) -> list[Request]:
    where = at_hash(head.hash)
    return [
        Request("eth_call", ({"data": hexed(_WITNESS)}, where, {}, overrides)),
        Request("eth_call", (call_object(call), where, {}, overrides)),
    ]


def _overrides(hypothesis: Hypothesis, dialect: _Dialect) -> dict[str, Json]:
    target = hypothesis.target
    return {
        "number": hex(target.number),
        "time": hex(target.timestamp),
        dialect.base_fee: hex(target.base_fee_wei),
        dialect.coinbase: hexed(hypothesis.coinbase),
    }


def _attests(answer: Answer, hypothesis: Hypothesis) -> bool:
    """Tell whether the witness saw the block aimed for."""
    if answer.fault is not None:
        return False

    words = (hypothesis.target.number, hypothesis.target.timestamp, int.from_bytes(hypothesis.coinbase, "big"))
    return read_call(answer).data == b"".join(n.to_bytes(32, "big") for n in words)
