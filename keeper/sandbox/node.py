"""A JSON-RPC client for a node on the loopback.

Synchronous on purpose: it sets scenes, and the keeper under test must share neither its loop nor its client.
"""

import http.client
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from keeper.sandbox.packages import SandboxError
from keeper.types import Address

BATCH: Final = 200
"""Requests sent in one HTTP call."""
TIMEOUT_S: Final = 120.0


class NodeError(SandboxError):
    """The node refused a request; `revert` is the revert data, empty when there is none."""

    def __init__(self, method: str, error: Mapping[str, Any]) -> None:
        """Keep the node's error."""
        data = error.get("data")
        self.revert = bytes.fromhex(data[2:]) if isinstance(data, str) and data.startswith("0x") else b""
        super().__init__(f"{method}: {error.get('message')} {self.revert.hex()}".strip(), method=method)


class Node:
    """One kept-alive connection; a refusal raises `NodeError`."""

    def __init__(self, url: str) -> None:
        """Prepare to connect to `http://host:port`."""
        self.url = url
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)

    def close(self) -> None:
        self._connection.close()

    def rpc(self, method: str, *params: object) -> Any:  # noqa: ANN401  # JSON
        """Ask one thing."""
        return self.rpc_many([(method, params)])[0]

    def rpc_many(self, requests: Iterable[tuple[str, Sequence[object]]]) -> list[Any]:
        """Ask many things, in batches; the answers are in the order of the requests, the work need not be."""
        asked = list(requests)
        answers: list[Any] = []

        for start in range(0, len(asked), BATCH):
            answers += self._ask(asked[start : start + BATCH])

        return answers

    def _ask(self, requests: Sequence[tuple[str, Sequence[object]]]) -> list[Any]:
        body = [
            {"jsonrpc": "2.0", "id": place, "method": method, "params": params}
            for place, (method, params) in enumerate(requests)
        ]
        self._connection.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        by_id = {answer["id"]: answer for answer in json.loads(self._connection.getresponse().read())}

        for place, (method, _) in enumerate(requests):
            if "error" in by_id[place]:
                raise NodeError(method, by_id[place]["error"])

        return [by_id[place]["result"] for place in range(len(requests))]


def to_hex(data: bytes) -> str:
    """Spell bytes as JSON-RPC wants them."""
    return f"0x{data.hex()}"


def to_address(text: str) -> Address:
    """Read an address a node wrote."""
    return Address(bytes.fromhex(text[2:]))
