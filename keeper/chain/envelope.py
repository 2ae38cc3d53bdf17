"""JSON-RPC frames: requests with ids out, answers matched by id in. No I/O here.

An answer under another id than asked is never an answer: proxies mix up responses, and a price under the wrong
question is worse than none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import msgspec

from keeper.chain.faults import CallError, NodeFault, classify
from keeper.chain.phrases import FaultKind
from keeper.chain.wire import Json

T = TypeVar("T")


class Request(NamedTuple):
    """One method call."""

    method: str
    params: Sequence[Json] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request came back with: raw JSON in `raw`, or a fault."""

    endpoint: str
    method: str
    raw: bytes
    fault: NodeFault | None = None

    def value(self, kind: type[T]) -> T:
        """Decode strictly; `CallError` for a fault, or for another shape than the method promises."""
        self.check()
        try:
            return msgspec.json.decode(self.raw, type=kind)
        except (msgspec.DecodeError, RecursionError) as error:
            raise self.malformed(error) from None

    def check(self) -> None:
        """Raise the fault, if there is one."""
        if self.fault is not None:
            raise CallError(self.fault, endpoint=self.endpoint, method=self.method)

    def malformed(self, error: Exception) -> CallError:
        """Say that the answer has another shape than the method promises."""
        fault = NodeFault(FaultKind.MALFORMED, f"the answer has another shape than promised: {error}")
        return CallError(fault, endpoint=self.endpoint, method=self.method)


class Frame(msgspec.Struct):
    """One message of a node: an answer (`id`) or a notification (`method`)."""

    id: int | str | None = None
    result: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    error: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    method: str | None = None
    params: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class _ErrorObject(msgspec.Struct):
    code: int | float | str | None = None
    message: Json = ""
    data: Json = None


_frames = msgspec.json.Decoder(list[Frame] | Frame)
_error = msgspec.json.Decoder(_ErrorObject)


def write_frames(first_id: int, requests: Sequence[Request], *, batch: bool) -> bytes:
    """Encode requests under consecutive ids, as one array or, for a single one, an object."""
    frames = [
        {"jsonrpc": "2.0", "id": first_id + i, "method": request.method, "params": list(request.params)}
        for i, request in enumerate(requests)
    ]
    return msgspec.json.encode(frames if batch else frames[0])


def read_frames(body: bytes) -> list[Frame]:
    """Decode a message; `ValueError` for anything but JSON-RPC."""
    try:
        found = _frames.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # A megabyte of opening brackets is a RecursionError.
        raise ValueError(f"not JSON-RPC: {error}") from None

    return found if isinstance(found, list) else [found]


def fault_of(frame: Frame) -> NodeFault | None:
    """Read what a frame says went wrong; None where it carries a result."""
    if bytes(frame.error) not in (b"", b"null"):
        try:
            error = _error.decode(frame.error)
        except (msgspec.DecodeError, RecursionError):
            return NodeFault(FaultKind.MALFORMED, "an error of unknown shape")

        code = error.code if isinstance(error.code, int) else None
        return classify(code, str(error.message), error.data)

    return None if bytes(frame.result) else NodeFault(FaultKind.MALFORMED, "neither a result nor an error")


def match(first_id: int, count: int, frames: Sequence[Frame]) -> Mapping[int, Frame]:
    """Match answers to consecutive ids; `ValueError` where ids are missing, foreign or given twice.

    One error without an id stands for the whole batch, as nodes refuse one.
    """
    if len(frames) == 1 and frames[0].id is None and fault_of(frames[0]) is not None:
        return {first_id + i: frames[0] for i in range(count)}

    found = {frame.id: frame for frame in frames}
    wanted = range(first_id, first_id + count)
    if len(found) != len(frames) or found.keys() != set(wanted):
        raise ValueError(f"answers carry other ids than asked: {len(frames)} answers to {count} requests")

    return {i: found[i] for i in wanted}
