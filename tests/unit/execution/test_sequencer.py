"""What the desk hears of a rollup's sequencer."""

import pytest

from keeper.errors import ReorgError, RpcError
from keeper.execution.sequencer import SequencerVigil
from keeper.types import Address
from tests.fakes.heads import head
from tests.unit.oracles.test_sequencer import DOWN, UP, told

FEED = Address(b"\x09" * 20)


class Chain:
    """Reads the feed as it stands, at the head asked for."""

    def __init__(self, answer):
        self.answer = answer
        self.heads = []

    async def reads(self, read, at):
        self.heads.append(at)
        if isinstance(self.answer, Exception):
            raise self.answer

        next(read)
        try:
            read.send((self.answer,))
        except StopIteration as stop:
            return stop.value


async def test_a_sequencer_that_has_been_up_gives_no_doubt():
    chain = Chain(told(UP, head(1_000).timestamp - 3_600))

    assert await SequencerVigil(chain, FEED, 3_600).doubts(head(1_000)) == ()
    assert chain.heads == [head(1_000)]


async def test_a_sequencer_that_is_down_is_a_doubt():
    assert await SequencerVigil(Chain(told(DOWN, 1)), FEED, 3_600).doubts(head(1_000)) == ("sequencer: it is down",)


async def test_the_grace_ends_by_the_blocks_own_time():
    chain = Chain(told(UP, head(1_000).timestamp - 3_599))
    (doubt,) = await SequencerVigil(chain, FEED, 3_600).doubts(head(1_000))

    assert f"left alone until {head(1_000).timestamp + 1}" in doubt
    assert await SequencerVigil(chain, FEED, 3_600).doubts(head(1_001)) == ()


@pytest.mark.parametrize("error", [RpcError("no endpoint is left"), ReorgError("orphaned")])
async def test_a_feed_that_cannot_be_read_is_a_doubt(error):
    (doubt,) = await SequencerVigil(Chain(error), FEED, 3_600).doubts(head(1_000))

    assert doubt == f"sequencer: its uptime feed cannot be read: {error.message}"
