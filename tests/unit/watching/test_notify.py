"""systemd hears that the keeper is ready, and its watchdog eats finished passes only."""

import socket

import pytest

from keeper.chain.port import HeadEvent
from keeper.errors import RpcError
from keeper.watching.notify import Notifier
from tests.fakes.counting import head
from tests.unit.watching.passes import seen


@pytest.fixture
def manager(tmp_path):
    """A service manager's socket: (its path, what was said to it so far)."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        listening.setblocking(False)

        def heard():
            found = []
            while True:
                try:
                    found.append(listening.recv(4_096).decode())
                except BlockingIOError:
                    return found

        yield path, heard


def test_ready_is_said_once_and_every_pass_feeds_the_watchdog(manager):
    path, heard = manager
    notifier = Notifier({"NOTIFY_SOCKET": str(path)})
    notifier.on_pass(seen(7))
    notifier.on_pass(seen(8, held=("max_drawdown",)))
    assert heard() == [
        "READY=1\nWATCHDOG=1\nSTATUS=block 7: 0 plans",
        "WATCHDOG=1\nSTATUS=block 8: max_drawdown",
    ]


def test_a_dropped_pass_feeds_nothing(manager):
    path, heard = manager
    notifier = Notifier({"NOTIFY_SOCKET": str(path)})
    notifier.on_dropped(HeadEvent(head(9), 9, None, 0), RpcError("gone"))
    notifier.stopping()
    assert heard() == ["STATUS=block 9 dropped: gone", "STOPPING=1"]


def test_without_a_manager_nothing_happens_and_one_that_left_is_no_fault(tmp_path):
    Notifier({}).on_pass(seen())
    gone = Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    gone.on_pass(seen())
    gone.stopping()
