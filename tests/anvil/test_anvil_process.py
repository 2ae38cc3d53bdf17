"""A chain ends when it is told to, and when its owner dies without telling."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest

from keeper.sandbox.anvil import Anvil, AnvilOptions
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.packages import SandboxError

pytestmark = pytest.mark.anvil

OWNER = """
import sys, time
from keeper.sandbox.anvil import Anvil
from keeper.sandbox.packages import find_packages
anvil = Anvil(find_packages())
print(anvil.pid, anvil.scratch, flush=True)
time.sleep(60)
"""


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False

    return True


def wait_until(condition, timeout_s: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout_s

    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)

    return condition()


def test_stop_ends_the_process_and_removes_its_files(packages):
    with Anvil(packages) as anvil, closing(LocalChain(anvil.url)) as chain:
        assert chain.timestamp() > 0
        pid, scratch = anvil.pid, anvil.scratch

    anvil.stop()
    assert not is_running(pid)
    assert not scratch.exists()


def test_stop_ends_a_process_that_hangs(packages):
    anvil = Anvil(packages)
    anvil.signal(signal.SIGSTOP)
    anvil.stop()
    assert not is_running(anvil.pid)


def test_a_killed_owner_leaves_no_chain_and_the_next_start_no_files(packages):
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    pid, scratch = owner.stdout.readline().split()
    owner.kill()
    owner.communicate()

    assert wait_until(lambda: not is_running(int(pid)))

    with Anvil(packages):
        assert not os.path.exists(scratch)  # noqa: PTH110  # a line of text from elsewhere


def test_two_chains_get_two_ports(packages):
    with Anvil(packages) as one, Anvil(packages) as two:
        assert one.port != two.port


def test_a_refused_option_says_what_anvil_said(packages):
    with pytest.raises(SandboxError, match="unexpected argument"):
        Anvil(packages, AnvilOptions(extra=("--no-such-option",)))


def test_a_fork_has_the_world_of_its_source_and_leaves_it_alone(packages, saved):
    with saved.start(packages) as source, closing(LocalChain(source.url)) as here:
        number = int(here.head()["number"], 16)
        options = AnvilOptions(fork_url=source.url, fork_block=number)

        with Anvil(packages, options) as fork, closing(LocalChain(fork.url)) as there:
            usdc, supply = saved.world.assets["USDC"].token, "totalSupply()(uint256)"
            there.send(usdc, "mint(address,uint256)", there.account, 7)
            assert there.call(usdc, supply) == here.call(usdc, supply) + 7
