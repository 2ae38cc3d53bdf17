"""When a run ends by itself: the heads it waits for, until told to stop, idle for long enough, or deaf."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from keeper.chain.heads import HeadFollower
from keeper.chain.port import HeadEvent
from keeper.execution.switch import Order, Switch

DEAF_AFTER_S: Final = 60.0
"""A run that may end by itself ends when no head came for this long."""

log = structlog.get_logger(__name__)


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """Turn SIGINT and SIGTERM into an event; a second one ends the process the hard way."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def on_signal(number: int) -> None:
        log.info("stop_requested", signal=signal.Signals(number).name)
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)

    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@contextmanager
def pause_signal(switch: Switch) -> Iterator[None]:
    """Turn SIGUSR1 into the operator's pause, which only `keeper resume` takes back."""
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        switch.write(Order.PAUSE, "by signal", at=time.time_ns())

    loop.add_signal_handler(signal.SIGUSR1, on_signal)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)


async def heads_until(
    follower: HeadFollower, stop: asyncio.Event, deaf_after_s: float | None = None
) -> AsyncGenerator[HeadEvent, None]:
    """Hand out heads until `stop` is set, or for `deaf_after_s` no head came; the block at hand is always finished.

    Whoever leaves before its end closes it. No task group: one may not be left in the middle of a generator.
    """
    stopped = asyncio.create_task(stop.wait(), name="stop")
    coming: asyncio.Task[HeadEvent] | None = None
    try:
        while not stop.is_set():
            coming = asyncio.create_task(follower.next(), name="next head")
            done, _ = await asyncio.wait({coming, stopped}, timeout=deaf_after_s, return_when=asyncio.FIRST_COMPLETED)
            if coming not in done:
                if not done:
                    log.info("heads_ended", silent_s=deaf_after_s)

                return

            yield coming.result()
    finally:
        for task in (stopped, coming):
            if task is not None:
                task.cancel()
