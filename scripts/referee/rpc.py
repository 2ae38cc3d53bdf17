"""One keep-alive HTTP connection to the node, one request in flight.

A single connection keeps the referee to one core of the node: the keeper being judged works on the same one.
"""

import http.client
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from referee.errors import RefereeError, RpcError

TIMEOUT_S = 60
# What a node answers has every shape; each caller knows its own.
Json = Any
HEADERS = {"content-type": "application/json"}


class Rpc:
    """JSON-RPC over HTTP; every answer of a batch is returned in the order asked."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)

        if parts.scheme not in ("http", "https") or not parts.hostname:
            # The URL itself may carry a credential: only its scheme is repeated.
            message = f"the RPC URL must begin with http:// or https://, not {parts.scheme or 'nothing'}://"
            raise RefereeError(message)

        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.requests = 0

    def close(self) -> None:
        self._connection.close()

    def call(self, method: str, *params: object) -> Json:
        """Return the result of one request; raises RpcError."""
        return self.batch([(method, params)])[0]

    def batch(self, wanted: Sequence[tuple[str, Sequence[object]]]) -> list[Any]:
        """Return the results of several requests; raises RpcError at the first that failed."""
        return [_result(method, answer) for (method, _), answer in zip(wanted, self._answers(wanted), strict=True)]

    def _answers(self, wanted: Sequence[tuple[str, Sequence[object]]]) -> list[dict[str, Any]]:
        if not wanted:
            return []

        body = msgspec.json.encode(
            [
                {"jsonrpc": "2.0", "id": i, "method": method, "params": params}
                for i, (method, params) in enumerate(wanted)
            ]
        )
        self.requests += len(wanted)
        answers = msgspec.json.decode(self._post(body, wanted[0][0]))

        if not isinstance(answers, list) or len(answers) != len(wanted):
            raise RpcError(wanted[0][0], "the node did not answer the batch in full")

        return sorted(answers, key=lambda answer: answer["id"])

    def _post(self, body: bytes, method: str) -> bytes:
        for last_try in (False, True):
            try:
                self._connection.request("POST", self._path, body, HEADERS)
                return self._connection.getresponse().read()
            except (http.client.HTTPException, OSError) as error:
                # An idle keep-alive connection may have been closed by the node; a fresh one is opened once.
                self._connection.close()

                if last_try:
                    raise RpcError(method, f"no answer from the node ({type(error).__name__})") from error

        raise RpcError(method, "no answer from the node")


def _result(method: str, answer: dict[str, Any]) -> Json:
    if "error" in answer:
        raise RpcError(method, str(answer["error"].get("message", answer["error"])))

    return answer["result"]
