"""JSON-RPC over HTTP: one keep-alive pool per endpoint, no redirects, no library retries."""

from collections.abc import Mapping, Sequence

import aiohttp

from keeper.chain.envelope import Frame, Request, match, read_frames, write_frames
from keeper.chain.faults import CallError, NodeFault, classify_status
from keeper.chain.phrases import FaultKind
from keeper.chain.transport import Limits, named, transport_error

_CHUNK = 64 * 2**10


class HttpTransport:
    """Posts frames to one URL."""

    def __init__(self, url: str, label: str, limits: Limits) -> None:
        """Keep the URL for the connection alone; `label` is what errors show."""
        self._url = url
        self._label = label
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None
        self.generation = 0

    async def exchange(self, first_id: int, requests: Sequence[Request]) -> list[Frame]:
        """Post once; see `Transport`."""
        body = write_frames(first_id, requests, batch=len(requests) > 1)
        answer = await self._post(body, named(requests))
        try:
            matched = match(first_id, len(requests), read_frames(answer))
        except ValueError as error:
            fault = NodeFault(FaultKind.MALFORMED, str(error))
            raise CallError(fault, endpoint=self._label, method=named(requests)) from None

        return [matched[first_id + i] for i in range(len(requests))]

    async def close(self) -> None:
        """Close the pool; see `Transport`."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(self, body: bytes, method: str) -> bytes:
        session = self._open()
        try:
            async with session.post(self._url, data=body, allow_redirects=False) as response:
                if response.status != 200:
                    fault = classify_status(response.status, _retry_after_s(response.headers))
                    raise CallError(fault, endpoint=self._label, method=method)

                return await self._read(response, method)
        except aiohttp.ClientConnectorError as error:
            # Includes DNS; its own text names the host only, but its siblings print the URL: all are reworded.
            reason = error.os_error.strerror or type(error.os_error).__name__
            raise transport_error(self._label, method, f"cannot connect: {reason}", unsent=True) from None
        except (aiohttp.ClientError, OSError) as error:
            raise transport_error(self._label, method, f"connection lost ({type(error).__name__})") from None

    async def _read(self, response: aiohttp.ClientResponse, method: str) -> bytes:
        """Read a body piece by piece: its length is counted after decompression."""
        found = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            found += chunk
            if len(found) > self._limits.max_body_bytes:
                response.close()
                fault = NodeFault(FaultKind.OVERSIZED, f"the answer exceeds {self._limits.max_body_bytes} bytes")
                raise CallError(fault, endpoint=self._label, method=method)

        return bytes(found)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Deadlines belong to the request's intent and are set above.
                timeout=aiohttp.ClientTimeout(total=None),
                connector=aiohttp.TCPConnector(limit=16, keepalive_timeout=60),
                headers={"Content-Type": "application/json"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            self.generation += 1

        return self._session


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After in seconds; the date form is rare and left out."""
    text = headers.get("Retry-After", "")
    return min(float(text), 3_600.0) if text.isascii() and text.isdigit() else None
