"""State that drifted from the chain is found, named and healed; state that did not is left alone."""

import pytest

from keeper.book.columns import PositionBook
from keeper.chain.port import HeadEvent
from keeper.deployment import Deployment
from keeper.mind import Mind, Pace
from keeper.pools import PoolBook
from keeper.protocols.base import HealthRow
from keeper.self_audit import SAMPLE, Auditor, sample
from tests.fakes.counting import CountingChain, CountingSync, counting_adapter, head, key, log, node_failure
from tests.unit.engine.test_deployment import NoPlans

EVERY = 10


class Audited:
    """Two deployments that owe what logs of block 1 said, audited at every tenth block."""

    def __init__(self):
        self.chain = CountingChain()
        self.syncs = [CountingSync(truth={key(n): n for n in (1, 2, 3)}) for _ in range(2)]
        self.deployments = [Deployment(counting_adapter(sync)) for sync in self.syncs]
        self.mind = Mind(self.chain, self.deployments, PoolBook(()), NoPlans(), Pace(12), Auditor(EVERY))

    async def at(self, number, *logs):
        """Advance to a block with these logs, and audit where it is time."""
        block = self.chain.add(head(number), *logs)
        await self.mind.advance(HeadEvent(block, number, None, 0))
        await self.mind.audit(block)


@pytest.fixture
async def audited():
    audited = Audited()
    await audited.at(1, *(log(head(1), index, n, n) for index, n in enumerate((1, 2, 3))))
    return audited


async def test_state_that_is_the_chains_passes(audited):
    await audited.at(EVERY)
    assert [sync.rereads for sync in audited.syncs] == [[(frozenset({key(1), key(2), key(3)}), EVERY)]] * 2
    assert [each.stopped for each in audited.deployments] == [None, None]


async def test_between_the_tenth_blocks_nothing_is_read(audited):
    await audited.at(EVERY - 1)
    assert [sync.rereads for sync in audited.syncs] == [[], []]


async def test_drift_stops_its_deployment_alone_says_what_differs_and_heals(audited):
    audited.syncs[0].truth[key(2)] = 7  # a log never came
    await audited.at(EVERY)
    first, second = audited.deployments
    assert first.stopped == (
        f"self-audit at block {EVERY}: 1 of 3 positions differ from the chain; "
        f"0x{key(2).hex()} was 0 against 2 in slot 0, is 0 against 7 in slot 0"
    )
    assert second.stopped is None
    await audited.at(EVERY + 1)
    assert (first.stopped, first.market.owed) == (None, {key(1): 1, key(2): 7, key(3): 3})


async def test_a_position_that_is_gone_from_the_chain_is_drift(audited):
    del audited.syncs[0].truth[key(3)]
    await audited.at(EVERY)
    assert audited.deployments[0].stopped.endswith("was 0 against 3 in slot 0, is 0 against 0 in slot 0")


async def test_a_node_that_fails_puts_the_audit_off_and_stops_nothing(audited):
    block = audited.chain.add(head(EVERY))
    await audited.mind.advance(HeadEvent(block, EVERY, None, 0))
    audited.chain.errors = [node_failure()]
    await audited.mind.audit(block)
    assert [each.stopped for each in audited.deployments] == [None, None]


def book_of(numbers):
    book = PositionBook()
    for number in numbers:
        entries = ((number % 3, 1),) * (number % 3)
        book.upsert(HealthRow(number.to_bytes(20), (), entries))

    return book


def test_the_sample_hangs_on_the_block_and_not_on_the_order_of_the_book():
    one, other = book_of(range(40_000)), book_of(reversed(range(40_000)))
    chosen = [sample(book, seed, SAMPLE) for book in (one, other) for seed in (b"\x01" * 32, b"\x02" * 32)]
    assert chosen[0] == chosen[2]
    assert chosen[1] == chosen[3]
    assert len(set(chosen[0])) == SAMPLE
    assert len({*chosen[0], *chosen[1]}) > SAMPLE


def test_every_position_comes_up_sooner_or_later():
    book = book_of(range(60))
    seen = {key for number in range(60) for key in sample(book, number.to_bytes(32) * 1, SAMPLE)}
    assert len(seen) == 60


def test_a_small_book_is_audited_whole():
    assert len(sample(book_of(range(5)), bytes(32), SAMPLE)) == 5
    assert sample(PositionBook(), bytes(32), SAMPLE) == []
