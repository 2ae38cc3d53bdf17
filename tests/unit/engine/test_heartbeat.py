"""When a run ends by itself: told to, or deaf."""

import asyncio
import os
import signal

from keeper.execution.switch import Order, Switch
from keeper.heartbeat import heads_until, pause_signal, stop_signals


class Following:
    """Hands out the heads it has, then none for ever."""

    def __init__(self, *heads):
        self._heads = list(heads)

    async def next(self):
        if self._heads:
            return self._heads.pop(0)

        return await asyncio.Event().wait()


async def test_heads_end_when_told_to_after_the_head_at_hand():
    stop = asyncio.Event()
    taken = []
    async for head in heads_until(Following(1, 2, 3), stop):
        taken.append(head)
        if head == 2:
            stop.set()

    assert taken == [1, 2]


async def test_heads_end_when_none_comes_for_long_enough():
    taken = [head async for head in heads_until(Following(1), asyncio.Event(), deaf_after_s=0.01)]
    assert taken == [1]


async def test_a_signal_stops_the_heads():
    with stop_signals() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert [head async for head in heads_until(Following(), stop)] == []


async def test_signals_are_left_as_they_were():
    before = signal.getsignal(signal.SIGTERM)
    with stop_signals():
        pass

    assert signal.getsignal(signal.SIGTERM) == before


async def test_a_signal_writes_the_operators_pause_and_stops_nothing(tmp_path):
    switch = Switch(tmp_path / "keeper.db.switch")
    with stop_signals() as stop, pause_signal(switch):
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.sleep(0.05)
        assert not stop.is_set()

    assert (switch.read().order, switch.read().reason) == (Order.PAUSE, "by signal")
