"""JSON-RPC over a Unix socket: newline-framed as nodes write it, the fastest way to a node on the same host."""

import asyncio
from collections.abc import Sequence

from keeper.chain.envelope import Frame, Request, write_frames
from keeper.chain.subscription import Subscription, Switchboard
from keeper.chain.transport import Limits, named, transport_error


class IpcTransport:
    """One socket; callbacks route what arrives, no task reads."""

    def __init__(self, path: str, label: str, limits: Limits) -> None:
        """Take the socket's path."""
        self._path = path
        self._label = label
        self._limits = limits
        self._opening = asyncio.Lock()
        self._lines: _Lines | None = None
        self._board = Switchboard()
        self.generation = 0

    @property
    def heard(self) -> int:
        """See `Duplex`."""
        return self._board.heard

    async def exchange(self, first_id: int, requests: Sequence[Request]) -> list[Frame]:
        """Send each request as a line of its own; see `Transport`."""
        lines = await self._open(named(requests))
        board = self._board
        futures = board.expect(first_id, len(requests))
        try:
            lines.send(b"".join(write_frames(first_id + i, [r], batch=False) + b"\n" for i, r in enumerate(requests)))
            return await board.gather(futures)
        finally:
            board.forget(first_id, len(requests))

    def listen(self, subscription_id: str) -> Subscription:
        """See `Duplex`."""
        return self._board.listen(subscription_id)

    def drop(self, subscription_id: str) -> None:
        """See `Duplex`."""
        self._board.drop(subscription_id)

    async def close(self) -> None:
        """Drop the socket; see `Transport`."""
        if self._lines is not None:
            self._lines.abort("closed")
            self._lines = None

    async def _open(self, method: str) -> "_Lines":
        async with self._opening:
            if self._lines is not None and self._lines.is_open:
                return self._lines

            loop = asyncio.get_running_loop()
            board = Switchboard()
            try:
                _, lines = await loop.create_unix_connection(
                    lambda: _Lines(board, self._label, self._limits.max_body_bytes), self._path
                )
            except OSError as error:
                reason = f"cannot connect: {error.strerror or type(error).__name__}"
                raise transport_error(self._label, method, reason, unsent=True) from None

            self._lines = lines
            self._board = board
            self.generation += 1
            return lines


class _Lines(asyncio.Protocol):
    """Cuts the stream at newlines; a line beyond the limit ends the connection."""

    def __init__(self, board: Switchboard, label: str, max_line_bytes: int) -> None:
        self._board = board
        self.is_open = True
        self._label = label
        self._max_line_bytes = max_line_bytes
        self._parts: list[bytes] = []
        self._waiting_bytes = 0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the stream to write to."""
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport

    def send(self, data: bytes) -> None:
        """Write; a lost connection fails whoever waits."""
        if self._transport is not None:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Route every complete line."""
        head, newline, rest = data.rpartition(b"\n")
        if newline:
            lines = b"".join([*self._parts, head]).split(b"\n")
            self._parts, self._waiting_bytes = [rest], len(rest)
            self._deliver(lines)
        else:
            self._parts.append(data)
            self._waiting_bytes += len(data)
            self._deliver([])

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whoever waits."""
        self._end("closed by the node" if exc is None else f"connection lost ({type(exc).__name__})")

    def abort(self, reason: str) -> None:
        """Drop the connection."""
        self._end(reason)
        if self._transport is not None:
            self._transport.abort()

    def _deliver(self, lines: list[bytes]) -> None:
        longest = max(self._waiting_bytes, *map(len, lines), 0)
        if longest > self._max_line_bytes:
            self.abort(f"an answer exceeds {self._max_line_bytes} bytes")
            return

        try:
            for line in lines:
                if line.strip():
                    self._board.deliver(line)
        except ValueError as error:
            self.abort(str(error))

    def _end(self, reason: str) -> None:
        self.is_open = False
        self._board.fail(transport_error(self._label, "connection", reason))
