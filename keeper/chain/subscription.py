"""Who waits for what on a connection that answers out of order: pending requests by id, subscriptions by theirs."""

import asyncio
from collections import deque
from collections.abc import Sequence

import msgspec

from keeper.chain.envelope import Frame, read_frames
from keeper.chain.faults import CallError

_QUEUE = 256
_STRAYS = 16


class Subscription:
    """Notifications of one subscription, newest kept.

    Invariant: at most 256 wait; a slow reader loses the oldest and `dropped` counts them. After the connection's
    end what arrived is still handed out, then `CallError` is raised.
    """

    def __init__(self, subscription_id: str) -> None:
        """Start empty."""
        self.id = subscription_id
        self.dropped = 0
        self._waiting: deque[bytes] = deque()
        self._ended: CallError | None = None
        self._wake = asyncio.Event()

    async def next(self) -> bytes:
        """Wait for the next notification's raw JSON."""
        while not self._waiting:
            if self._ended is not None:
                raise self._ended

            self._wake.clear()
            await self._wake.wait()

        return self._waiting.popleft()

    def put(self, raw: bytes) -> None:
        """Hand in a notification."""
        if len(self._waiting) == _QUEUE:
            self._waiting.popleft()
            self.dropped += 1

        self._waiting.append(raw)
        self._wake.set()

    def end(self, error: CallError) -> None:
        """Let the reader know that nothing more will come."""
        self._ended = self._ended or error
        self._wake.set()


class _Notice(msgspec.Struct):
    subscription: str
    result: msgspec.Raw


_notice = msgspec.json.Decoder(_Notice)


class Switchboard:
    """Routes one connection's messages.

    Invariant: whoever waits is answered or failed. An answer nobody waits for is late or foreign and is dropped.
    """

    def __init__(self) -> None:
        """Start with nobody waiting."""
        self.heard = 0
        self._pending: dict[int, asyncio.Future[Frame]] = {}
        self._subscriptions: dict[str, Subscription] = {}
        # Notifications may overtake the answer that names their subscription.
        self._strays: deque[_Notice] = deque(maxlen=_STRAYS)

    def expect(self, first_id: int, count: int) -> list[asyncio.Future[Frame]]:
        """Promise the answers to consecutive ids."""
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(count)]
        self._pending.update(zip(range(first_id, first_id + count), futures, strict=True))
        return futures

    def forget(self, first_id: int, count: int) -> None:
        """Stop waiting for ids."""
        for i in range(first_id, first_id + count):
            future = self._pending.pop(i, None)
            if future is not None:
                future.cancel()

    async def gather(self, futures: Sequence[asyncio.Future[Frame]]) -> list[Frame]:
        """Wait for all; the first failure is raised."""
        return [await future for future in futures]

    def listen(self, subscription_id: str) -> Subscription:
        """Collect a subscription's notifications, those that came early included."""
        subscription = Subscription(subscription_id)
        self._subscriptions[subscription_id] = subscription
        for notice in self._strays:
            if notice.subscription == subscription_id:
                subscription.put(bytes(notice.result))

        return subscription

    def drop(self, subscription_id: str) -> None:
        """Stop collecting a subscription's notifications."""
        self._subscriptions.pop(subscription_id, None)

    def deliver(self, message: bytes) -> None:
        """Route one message; `ValueError` where it is no JSON-RPC."""
        self.heard += 1
        for frame in read_frames(message):
            if frame.method is not None:
                self._notify(frame)
                continue

            future = self._pending.get(frame.id) if isinstance(frame.id, int) else None
            if future is not None and not future.done():
                future.set_result(frame)

    def fail(self, error: CallError) -> None:
        """Fail everyone: the connection is gone."""
        for future in self._pending.values():
            if not future.done():
                future.set_exception(error)
                # Retrieved here: a caller that timed out meanwhile never will.
                future.exception()

        self._pending.clear()
        for subscription in self._subscriptions.values():
            subscription.end(error)

        self._subscriptions.clear()

    def _notify(self, frame: Frame) -> None:
        try:
            notice = _notice.decode(frame.params)
        except msgspec.DecodeError:
            return

        subscription = self._subscriptions.get(notice.subscription)
        if subscription is None:
            self._strays.append(notice)
        else:
            subscription.put(bytes(notice.result))
