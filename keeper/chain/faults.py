"""What can go wrong between us and a node, sorted by what to do about it.

Nodes and providers word the same fault in many ways and reuse codes for different ones, so phrases are looked at
before codes; the words are in `phrases.py`. A fault is a value here; `CallError` is raised where nobody can go on
without an answer.
"""

import re
from dataclasses import dataclass

from keeper.chain.phrases import CODES, KNOWN, PHRASES, REFUSALS, FaultKind, Refusal
from keeper.errors import RpcError

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


@dataclass(frozen=True, slots=True)
class NodeFault:
    """One failed request. `data` is what a revert returned; `unsent` says that no byte of the request left."""

    kind: FaultKind
    message: str
    code: int | None = None
    data: bytes = b""
    retry_after_s: float | None = None
    unsent: bool = False


class CallError(RpcError):
    """A request nobody could answer; `fault` says why, the message names the endpoint without its credentials."""

    def __init__(self, fault: NodeFault, *, endpoint: str, method: str) -> None:
        """Word the fault for people and keep it for handlers."""
        super().__init__(
            f"{endpoint}: {method}: {fault.kind.replace('_', ' ')}: {fault.message}",
            endpoint=endpoint,
            method=method,
            kind=str(fault.kind),
        )
        self.fault = fault


def clean(text: str, limit: int = 240) -> str:
    """Make a node's words fit to show: printable ASCII, cut at `limit` characters, URLs dropped.

    Providers repeat the request URL in their errors, and the URL carries the key.
    """
    without_urls = re.sub(r"\b(?:https?|wss?)://\S+", "<url>", text[: 4 * limit])
    shown = "".join(c if " " <= c <= "~" else "?" for c in without_urls)
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def classify(code: int | None, message: str, data: object = None) -> NodeFault:
    """Sort a JSON-RPC error object; `data` as it came, in any of the shapes nodes use for revert data."""
    returned = _revert_data(data)
    said = f"{message} {data if isinstance(data, str) else ''}".lower()
    kind = next((kind for kind, phrases in PHRASES if any(phrase in said for phrase in phrases)), None)

    # Revert data beside a code of 3 settles it whatever the words: they are the contract's own there.
    if code == 3:
        kind = FaultKind.REVERTED

    return NodeFault(kind or CODES.get(code or 0, FaultKind.NODE), clean(message), code, returned)


def classify_status(status: int, retry_after_s: float | None) -> NodeFault:
    """Sort an HTTP status other than 200; the body is never read as an answer."""
    if status == 429:
        # Turned away at the door: the request was not looked at.
        message = "HTTP 429, too many requests"
        return NodeFault(FaultKind.RATE_LIMITED, message, status, retry_after_s=retry_after_s, unsent=True)

    if status == 413:
        return NodeFault(FaultKind.TOO_WIDE, "HTTP 413, request too large", status, unsent=True)

    hint = " (is the key in the URL right?)" if status in (401, 403) else ""
    return NodeFault(FaultKind.TRANSPORT, f"HTTP {status}{hint}", status, unsent=status in (401, 403, 404))


def is_known_transaction(message: str) -> bool:
    """Tell whether a pool refused a transaction only because it already holds it."""
    return any(phrase in message.lower() for phrase in KNOWN)


def classify_refusal(fault: NodeFault) -> Refusal:
    """Sort what answered a signed transaction; anything but a node's own word leaves its fate unknown."""
    if fault.unsent:
        return Refusal.UNREACHED

    # A proxy's limit and a node's fault are both plain errors with an id: only a missing answer is ambiguous.
    if fault.kind in (FaultKind.TRANSPORT, FaultKind.TIMEOUT, FaultKind.MALFORMED, FaultKind.OVERSIZED):
        return Refusal.AMBIGUOUS

    if fault.kind is FaultKind.RATE_LIMITED:
        return Refusal.UNREACHED

    said = fault.message.lower()
    return next((r for r, phrases in REFUSALS if any(phrase in said for phrase in phrases)), Refusal.REJECTED)


def _revert_data(data: object) -> bytes:
    """Find revert data: plain hex, `Reverted 0x...`, or nested under `data` or `result`."""
    if isinstance(data, dict):
        return next((found for key in ("data", "result") if (found := _revert_data(data.get(key)))), b"")

    match = re.search(r"0x((?:[0-9a-fA-F]{2})+)\Z", data) if isinstance(data, str) else None
    return bytes.fromhex(match[1]) if match else b""
