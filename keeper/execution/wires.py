"""The two ways to a signer: lines on a Unix socket, and HTTP; neither repeats a URL or an answer in an error."""

import asyncio
import json
from collections.abc import Sequence
from typing import Final

import aiohttp

from keeper.errors import SignerAwayError
from keeper.execution.remote import result_of
from keeper.telemetry.redact import shown_url

LARGEST: Final = 1_000_000
"""Bytes of one message: far more than any transaction, so that a broken signer cannot fill the memory."""


class SocketWire:
    """One connection, one question at a time; opened anew after it broke."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._turn = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._last_id = 0

    async def call(self, method: str, params: Sequence[object]) -> object:
        """See `Wire`."""
        async with self._turn:
            self._last_id += 1
            done = False
            try:
                answer = await self._exchange(self._last_id, method, params)
                done = True
            except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
                raise SignerAwayError(
                    f"no signer answers at {self._path}: start one with `keeper signer`, or correct [keys] signer"
                ) from None
            finally:
                # Also when cancelled: the answer that is still to come belongs to nobody.
                if not done:
                    self._drop()

        return result_of(answer, self._last_id)

    async def close(self) -> None:
        """See `Wire`."""
        self._drop()

    async def _exchange(self, request_id: int, method: str, params: Sequence[object]) -> object:
        if self._streams is not None and self._streams[0].at_eof():
            self._drop()  # closed by the other side since: it was started anew, or is gone

        if self._streams is None:
            self._streams = await asyncio.open_unix_connection(self._path, limit=LARGEST)

        reader, writer = self._streams
        request = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        writer.write(json.dumps(request).encode() + b"\n")
        await writer.drain()
        return json.loads(await reader.readuntil(b"\n"))

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class HttpWire:
    """A signer behind an HTTP endpoint, as web3signer has it; redirects are not followed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None
        self._last_id = 0

    async def call(self, method: str, params: Sequence[object]) -> object:
        """See `Wire`."""
        if self._session is None:
            self._session = aiohttp.ClientSession()

        self._last_id += 1
        request_id = self._last_id
        request = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        try:
            async with self._session.post(self._url, json=request, allow_redirects=False) as response:
                body = await response.content.read(LARGEST)
                status = response.status
        except aiohttp.ClientError:
            raise SignerAwayError(f"no signer answers at {shown_url(self._url)}") from None

        try:
            answer = json.loads(body)
        except ValueError:
            raise SignerAwayError(f"{shown_url(self._url)} answered {status} and no JSON: is it a signer?") from None

        return result_of(answer, request_id)

    async def close(self) -> None:
        """See `Wire`."""
        if self._session is not None:
            await self._session.close()
            self._session = None
