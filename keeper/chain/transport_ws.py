"""JSON-RPC over WebSocket: requests and notifications share one connection, opened again when lost."""

import asyncio
import socket
from collections.abc import Sequence

import aiohttp

from keeper.chain.envelope import Frame, Request, write_frames
from keeper.chain.subscription import Subscription, Switchboard
from keeper.chain.transport import Limits, named, transport_error

_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)

# A half-open socket never answers the closing handshake.
_CLOSE = aiohttp.ClientWSTimeout(ws_close=0.5)


class WsTransport:
    """One WebSocket; a reader task routes what arrives."""

    def __init__(self, url: str, label: str, limits: Limits) -> None:
        """Keep the URL for the connection alone; `label` is what errors show."""
        self._url = url
        self._label = label
        self._limits = limits
        self._opening = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._board = Switchboard()
        self._reader: asyncio.Task[None] | None = None
        self.generation = 0

    async def exchange(self, first_id: int, requests: Sequence[Request]) -> list[Frame]:
        """Send each request in a frame of its own; see `Transport`."""
        ws = await self._open(named(requests))
        board = self._board
        futures = board.expect(first_id, len(requests))
        try:
            for i, request in enumerate(requests):
                await ws.send_str(write_frames(first_id + i, [request], batch=False).decode())

            return await board.gather(futures)
        except (aiohttp.ClientError, OSError) as error:
            raise transport_error(self._label, named(requests), f"connection lost ({type(error).__name__})") from None
        finally:
            board.forget(first_id, len(requests))

    @property
    def heard(self) -> int:
        """See `Duplex`."""
        return self._board.heard

    def listen(self, subscription_id: str) -> Subscription:
        """See `Duplex`."""
        return self._board.listen(subscription_id)

    def drop(self, subscription_id: str) -> None:
        """See `Duplex`."""
        self._board.drop(subscription_id)

    async def close(self) -> None:
        """Close the socket and wait for its reader; see `Transport`."""
        # Taken first: a request that comes meanwhile opens a connection of its own.
        ws, reader, session = self._socket, self._reader, self._session
        self._socket = self._reader = self._session = None
        if ws is not None:
            await ws.close()

        if reader is not None:
            await asyncio.wait([reader])

        if session is not None:
            await session.close()

    async def _open(self, method: str) -> aiohttp.ClientWebSocketResponse:
        async with self._opening:
            if self._socket is not None and not self._socket.closed:
                return self._socket

            self._session = self._session or aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
            try:
                ws = await self._session.ws_connect(self._url, max_msg_size=self._limits.max_body_bytes, timeout=_CLOSE)
            except (aiohttp.ClientError, OSError) as error:
                message = f"cannot connect ({type(error).__name__})"
                raise transport_error(self._label, method, message, unsent=True) from None

            self._socket = ws
            self._board = Switchboard()
            self.generation += 1
            # Not in a TaskGroup: the connection outlives the request that opened it, and its end is delivered to
            # everyone who waits on it instead of being raised.
            self._reader = asyncio.create_task(self._read(ws, self._board), name=f"read {self._label}")
            return ws

    async def _read(self, ws: aiohttp.ClientWebSocketResponse, board: Switchboard) -> None:
        reason = "closed by the node"
        try:
            while True:
                _acknowledge_at_once(ws)
                message = await ws.receive()
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    if isinstance(message.data, aiohttp.WebSocketError):
                        reason = f"broken WebSocket frame ({message.data.code})"

                    return

                data = message.data
                board.deliver(data.encode() if isinstance(data, str) else data)
        except ValueError as error:
            reason = str(error)
        finally:
            board.fail(transport_error(self._label, "connection", reason))
            # A half-read stream cannot be resumed: the next request opens another.
            await ws.close()


def _acknowledge_at_once(ws: aiohttp.ClientWebSocketResponse) -> None:
    """Ask the kernel not to delay acknowledgements: with the node's Nagle they cost 40 ms now and then.

    The kernel forgets the wish, so it is repeated before each receive.
    """
    connection = ws.get_extra_info("socket")
    if _QUICKACK is not None and connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
