"""Nodes in memory, and endpoints that lead to them."""

from contextlib import AsyncExitStack

import pytest

from keeper.chain.endpoints import Endpoints
from keeper.chain.rpc import Deadlines, Rpc
from tests.fakes.clock import FakeClock
from tests.fakes.node import FakeNode

BRISK = Deadlines(heads_s=0.6, reads_s=0.6, logs_s=0.9, sends_s=0.6, patient_s=0.9)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def node(tmp_path):
    async with FakeNode().serve(tmp_path) as running:
        yield running


@pytest.fixture
async def other():
    """A second node of the same chain."""
    async with FakeNode().serve() as running:
        yield running


@pytest.fixture
async def connect(clock):
    """Endpoints over URLs, closed at the end."""
    async with AsyncExitStack() as stack:

        def over(*urls, chain_id=31_337, limits=None, deadlines=BRISK):
            endpoints = Endpoints([Rpc(url, deadlines, limits) for url in urls], chain_id, clock.clock)
            stack.push_async_callback(endpoints.close)
            return endpoints

        yield over


@pytest.fixture
def endpoints(connect, node):
    return connect(node.http_url)
