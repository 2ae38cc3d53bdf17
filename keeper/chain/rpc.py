"""One endpoint: calls, batches and subscriptions, each with a deadline; what it never does is try again.

Trying elsewhere is `Endpoints`, and only for reads: a signed transaction leaves once per decision to send it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from keeper.chain.envelope import Answer, Request, fault_of
from keeper.chain.faults import CallError, NodeFault
from keeper.chain.phrases import FaultKind
from keeper.chain.subscription import Subscription
from keeper.chain.transport import Duplex, Limits, Transport, named
from keeper.chain.transport_http import HttpTransport
from keeper.chain.transport_ipc import IpcTransport
from keeper.chain.transport_ws import WsTransport
from keeper.chain.wire import Json
from keeper.config.urls import RpcUrl, parse_rpc_url


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long to wait for an answer, in seconds.

    `heads_s`, `reads_s`, `sends_s` are what a block leaves time for; `logs_s` is a wide page; `patient_s` is for
    the last endpoint left to ask, where giving up early gains nothing; `opinions_s` is how long a decision waits to
    hear whether the others agree.
    """

    heads_s: float = 1.0
    reads_s: float = 2.0
    logs_s: float = 20.0
    sends_s: float = 3.0
    patient_s: float = 10.0
    opinions_s: float = 0.5

    def of(self, method: str) -> float:
        """The deadline of a method."""
        if method == "eth_getLogs":
            return self.logs_s

        if method.startswith("eth_send"):
            return self.sends_s

        return self.heads_s if method.startswith(("eth_getBlockBy", "eth_blockNumber")) else self.reads_s


class Rpc:
    """A connection to one node."""

    def __init__(self, url: RpcUrl, deadlines: Deadlines | None = None, limits: Limits | None = None) -> None:
        """Connect when first asked; `label` is the URL without anything that may be a credential, `place` its host."""
        self.label = str(url)
        self.place = url.place
        self.deadlines = deadlines or Deadlines()
        self._limits = limits or Limits()
        self._duplex: Duplex | None = None
        self._transport = self._choose(url)
        self._next_id = 1

    @property
    def can_subscribe(self) -> bool:
        """Whether the node can speak unasked: WebSocket and IPC."""
        return self._duplex is not None

    @property
    def generation(self) -> int:
        """See `Transport.generation`."""
        return self._transport.generation

    async def call(self, method: str, params: Sequence[Json] = (), *, timeout_s: float | None = None) -> Any:  # noqa: ANN401 - JSON is what it is
        """Ask one thing and decode whatever comes; `CallError` for every fault, a revert included."""
        answers = await self.batch([Request(method, params)], timeout_s=timeout_s)
        return answers[0].value(object)

    async def batch(self, requests: Sequence[Request], *, timeout_s: float | None = None) -> list[Answer]:
        """Ask several things of the same node; answers in order, each with its own fault.

        `CallError` where the exchange itself failed. The deadline is the longest of the methods'.
        """
        found: list[Answer] = []
        if not requests:
            return found

        heard = self._duplex.heard if self._duplex is not None else 0
        wait_s = max(self.deadlines.of(r.method) for r in requests) if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(wait_s):
                for start in range(0, len(requests), self._limits.max_batch):
                    found += await self._exchange(requests[start : start + self._limits.max_batch])
        except TimeoutError:
            if self._duplex is not None and self._duplex.heard == heard:
                # Nothing at all came: the socket may be half open, and only a new one can tell.
                await self._duplex.close()

            fault = NodeFault(FaultKind.TIMEOUT, f"no answer within {wait_s:g} s")
            raise CallError(fault, endpoint=self.label, method=named(requests)) from None

        return found

    async def subscribe(self, *topic: Json) -> Subscription:
        """Subscribe to `newHeads` and the like; `CallError` on HTTP or where the node declines."""
        if self._duplex is None:
            fault = NodeFault(FaultKind.UNSUPPORTED, "HTTP carries no subscriptions")
            raise CallError(fault, endpoint=self.label, method="eth_subscribe")

        answers = await self.batch([Request("eth_subscribe", topic)])
        return self._duplex.listen(answers[0].value(str))

    async def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; `CallError` where the node does not answer, which closes a dead connection."""
        if self._duplex is not None:
            self._duplex.drop(subscription.id)
            await self.batch([Request("eth_unsubscribe", (subscription.id,))], timeout_s=self.deadlines.heads_s)

    async def close(self) -> None:
        """Close the connection; safe to call twice."""
        await self._transport.close()

    async def _exchange(self, requests: Sequence[Request]) -> list[Answer]:
        first_id = self._next_id
        self._next_id += len(requests)
        frames = await self._transport.exchange(first_id, requests)
        return [
            Answer(self.label, request.method, bytes(frame.result), fault_of(frame))
            for request, frame in zip(requests, frames, strict=True)
        ]

    def _choose(self, url: RpcUrl) -> Transport:
        text = url.reveal()
        parts = urlsplit(text)
        if parts.scheme in ("http", "https"):
            return HttpTransport(text, self.label, self._limits)

        if parts.scheme in ("ws", "wss"):
            self._duplex = WsTransport(text, self.label, self._limits)
        else:
            self._duplex = IpcTransport(unquote(parts.path), self.label, self._limits)

        return self._duplex


def redact_url(url: str) -> str:
    """Render an endpoint without anything that may be a credential; `ValueError` where it is no endpoint."""
    return str(parse_rpc_url(url))
