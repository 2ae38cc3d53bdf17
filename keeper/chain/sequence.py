"""Calls run one after another in the block they aim for, through `eth_simulateV1`: what a batch of plans will meet.

The simulated block comes back with its number, time and fee recipient, which is the proof that the overrides were
understood.
"""

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from keeper.chain.agreement import agreed
from keeper.chain.endpoints import Endpoints
from keeper.chain.envelope import Answer, Request
from keeper.chain.faults import CallError, NodeFault
from keeper.chain.phrases import FaultKind
from keeper.chain.port import Hypothesis
from keeper.chain.wire import Json, blob, call_object, hexed, quantity
from keeper.errors import ReorgError
from keeper.types import BlockHead, Call, Returned

_METHOD = "eth_simulateV1"


class _Result(msgspec.Struct, rename="camel"):
    """One call's end; other fields are left alone."""

    status: str
    return_data: str


class _Block(msgspec.Struct):
    """A simulated block, as far as it is needed."""

    number: str
    timestamp: str
    miner: str
    calls: list[_Result]


class SequenceSimulator:
    """Runs sequences through the endpoints."""

    def __init__(self, endpoints: Endpoints) -> None:
        """Simulate through these endpoints."""
        self._endpoints = endpoints

    async def run(self, calls: Sequence[Call], head: BlockHead, hypothesis: Hypothesis) -> tuple[Returned, ...]:
        """Run the calls; see `PinnedChain.simulate_in_turn`. `CallError` where two endpoints contradict each other."""
        request = Request(_METHOD, (_payload(calls, hypothesis), hexed(head.hash)))
        opinions: dict[str, tuple[Returned, ...]] = {}
        for (answer,) in await self._endpoints.opinions([request]):
            with suppress(CallError, ReorgError):
                opinions[answer.endpoint] = _returned(answer, len(calls), hypothesis)

        if opinions:
            return tuple(agreed(opinions, _METHOD))

        return _returned((await self._endpoints.ask([request]))[0], len(calls), hypothesis)


def _returned(answer: Answer, count: int, hypothesis: Hypothesis) -> tuple[Returned, ...]:
    """Read what the calls returned; `CallError` or `ReorgError` where the node did not run them as asked."""
    if answer.fault is not None and answer.fault.kind is FaultKind.UNKNOWN_BLOCK:
        raise ReorgError(f"{answer.endpoint}: the block simulated on is not on the chain: {answer.fault.message}")

    answer.check()
    block = _read(answer)
    try:
        is_ours = len(block.calls) == count and _attests(block, hypothesis)
        returned = tuple(Returned(ok=quantity(one.status) == 1, data=blob(one.return_data)) for one in block.calls)
    except ValueError as error:
        raise answer.malformed(error) from None

    if not is_ours:
        fault = NodeFault(FaultKind.UNSUPPORTED, "the simulated block is not the one aimed for")
        raise CallError(fault, endpoint=answer.endpoint, method=_METHOD)

    return returned


def _payload(calls: Sequence[Call], hypothesis: Hypothesis) -> dict[str, Json]:
    target = hypothesis.target
    overrides: dict[str, Json] = {
        "number": hex(target.number),
        "time": hex(target.timestamp),
        "baseFeePerGas": hex(target.base_fee_wei),
        "feeRecipient": hexed(hypothesis.coinbase),
    }
    steps: dict[str, Json] = {"blockOverrides": overrides, "calls": [call_object(call) for call in calls]}
    return {"blockStateCalls": [steps], "validation": False}


def _read(answer: Answer) -> _Block:
    try:
        (block,) = msgspec.json.decode(answer.raw, type=list[_Block])
    except (msgspec.DecodeError, ValueError) as error:
        raise answer.malformed(ValueError(str(error))) from None

    return block


def _attests(block: _Block, hypothesis: Hypothesis) -> bool:
    """Tell whether the simulated block is the one aimed for."""
    seen = (quantity(block.number), quantity(block.timestamp), blob(block.miner))
    return seen == (hypothesis.target.number, hypothesis.target.timestamp, bytes(hypothesis.coinbase))
