"""What every connection to a node has in common: the port `Rpc` speaks through, and the limits it keeps.

The members are `transport_http.py`, `transport_ws.py` and `transport_ipc.py`; the latter two carry notifications.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from keeper.chain.envelope import Frame, Request
from keeper.chain.faults import CallError, NodeFault
from keeper.chain.phrases import FaultKind
from keeper.chain.subscription import Subscription


@dataclass(frozen=True, slots=True)
class Limits:
    """What we are willing to take. 64 MiB of JSON is ten times the widest page of logs a provider serves."""

    max_body_bytes: int = 64 * 2**20
    max_batch: int = 100


class Transport(Protocol):
    """One endpoint's connection, opened when first needed and again when lost."""

    @property
    def generation(self) -> int:
        """How often the connection was opened: another number means it may lead to another node."""
        ...

    async def exchange(self, first_id: int, requests: Sequence[Request]) -> list[Frame]:
        """Send once and return the answers in order; `CallError` where any is missing. Sets no deadline."""
        ...

    async def close(self) -> None:
        """Drop the connection; a later request opens another. Safe to call twice."""
        ...


class Duplex(Transport, Protocol):
    """A connection the node can speak on unasked."""

    @property
    def heard(self) -> int:
        """How many messages arrived on the present connection: a socket that says nothing may be half open."""
        ...

    def listen(self, subscription_id: str) -> Subscription:
        """Collect the notifications of a subscription made on this connection."""
        ...

    def drop(self, subscription_id: str) -> None:
        """Stop collecting them."""
        ...


def transport_error(endpoint: str, method: str, message: str, *, unsent: bool = False) -> CallError:
    """Say that a connection failed; never with the library's own words, which repeat the URL and its key."""
    return CallError(NodeFault(FaultKind.TRANSPORT, message, unsent=unsent), endpoint=endpoint, method=method)


def named(requests: Sequence[Request]) -> str:
    """Name a batch by its first method."""
    return requests[0].method if len(requests) == 1 else f"{requests[0].method} and {len(requests) - 1} more"
