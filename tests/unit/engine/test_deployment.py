"""A deployment at work: every log once, faults alone, reorgs reread."""

import pytest

from keeper.chain.port import HeadEvent
from keeper.deployment import Deployment
from keeper.errors import DecodeError, ReorgError, RpcError
from keeper.mind import Mind, Pace
from keeper.pools import PoolBook
from keeper.types import Reason
from tests.fakes.counting import (
    UNREADABLE,
    CountingChain,
    CountingSync,
    counting_adapter,
    head,
    key,
    log,
    node_failure,
    orphaned,
)


class NoPlans:
    async def plan(self, chain, situation):
        del chain, situation
        return [], [], 0


def at_work(chain):
    sync = CountingSync()
    deployment = Deployment(counting_adapter(sync))
    mind = Mind(chain, [deployment], PoolBook(()), NoPlans(), Pace(12))
    return sync, deployment, mind


def event(block, first=None, reorged_to=None):
    return HeadEvent(block, block.number if first is None else first, reorged_to, 0)


async def test_advance_folds_every_block_between_in():
    chain = CountingChain()
    sync, deployment, mind = at_work(chain)
    for number in (1, 2, 3):
        block = chain.add(head(number), log(head(number), 0, 7, number))

    await mind.advance(event(block, first=1))
    assert sync.owed == {key(7): 6}
    assert deployment.market.head == block


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("failure", [node_failure, orphaned])
async def test_a_pass_dropped_anywhere_and_taken_again_counts_every_log_once(place, failure):
    chain = CountingChain()
    sync, deployment, mind = at_work(chain)
    chain.add(head(1), log(head(1), 0, 7, 3))
    second = chain.add(head(2), log(head(2), 0, 7, 4), log(head(2), 1, 8, 1))
    chain.errors = [None] * place + [failure()]
    try:
        await mind.advance(event(second, first=1))
    except (RpcError, ReorgError):
        await mind.advance(event(second, first=1))

    assert sync.owed == {key(7): 7, key(8): 1}
    assert deployment.market.owed == sync.owed


@pytest.mark.parametrize("place", range(8))
async def test_a_pass_dropped_for_anothers_sake_counts_every_log_once(place):
    chain = CountingChain()
    both = [Deployment(counting_adapter(CountingSync())) for _ in range(2)]
    mind = Mind(chain, both, PoolBook(()), NoPlans(), Pace(12))
    chain.add(head(1), log(head(1), 0, 7, 3))
    second = chain.add(head(2), log(head(2), 0, 7, 4))
    chain.errors = [None] * place + [node_failure()]
    try:
        await mind.advance(event(second, first=1))
    except RpcError:
        await mind.advance(event(second, first=1))

    assert [each.market.owed for each in both] == [{key(7): 7}] * 2


async def test_findings_confirm_exactly_what_is_liquidatable():
    chain = CountingChain()
    _, deployment, mind = at_work(chain)
    block = chain.add(head(1), log(head(1), 0, 7, 10), log(head(1), 1, 8, 9))
    await mind.advance(event(block))
    found = deployment.findings()
    assert (found.screened, found.suspects) == (2, 2)  # the screen may over-select, the integers decide
    assert list(found.liquidatable) == [key(7)]


async def test_a_log_that_cannot_be_decoded_stops_the_deployment_and_is_not_lost():
    chain = CountingChain()
    sync, deployment, mind = at_work(chain)
    await mind.advance(event(chain.add(head(1), log(head(1), 0, 7, 3))))
    strange = chain.add(head(2), log(head(2), 0, 7, UNREADABLE), log(head(2), 1, 8, 5))
    await mind.advance(event(strange))
    assert deployment.market is None
    (no,) = deployment.findings().declined
    assert (no.reason, no.numbers) == (Reason.QUARANTINED, {"why": "an event of another shape"})
    assert sync.owed == {key(7): 3}


async def test_a_fault_of_one_deployment_leaves_the_others_alone():
    chain = CountingChain()
    broken, sound = (Deployment(counting_adapter(CountingSync())) for _ in range(2))
    broken.adapter.sync.observe = lambda *_: _refusing()
    mind = Mind(chain, [broken, sound], PoolBook(()), NoPlans(), Pace(12))
    await mind.advance(event(chain.add(head(1), log(head(1), 0, 7, 3))))
    assert broken.stopped == "no prices"
    assert sound.stopped is None
    assert sound.market.owed == {key(7): 3}


def _refusing():
    raise DecodeError("no prices")
    yield


async def test_a_stopped_deployment_heals_by_rereading_everything_it_knows():
    chain = CountingChain()
    sync, deployment, mind = at_work(chain)
    await mind.advance(event(chain.add(head(1), log(head(1), 0, 7, 3))))
    chain.refusing = True
    await mind.advance(event(chain.add(head(2), log(head(2), 0, 8, 2))))
    assert deployment.stopped == "no prices"

    chain.refusing = False
    sync.truth = {key(7): 30, key(8): 20}
    await mind.advance(event(chain.add(head(3))))
    assert deployment.stopped is None
    assert deployment.market.owed == {key(7): 30, key(8): 20}


async def test_a_reorg_rereads_what_orphaned_blocks_touched_at_the_last_common_block():
    chain = CountingChain()
    sync, deployment, mind = at_work(chain)
    for number in (1, 2, 3):
        await mind.advance(event(chain.add(head(number), log(head(number), 0, number, 5))))

    sync.truth = {key(2): 0, key(3): 0}
    other = chain.add(head(2, fork=1), log(head(2, fork=1), 0, 9, 4))
    await mind.advance(event(other, reorged_to=1))
    assert sync.rereads == [(frozenset({key(2), key(3)}), 1)]
    assert deployment.market.owed == {key(1): 5, key(2): 0, key(3): 0, key(9): 4}


@pytest.mark.parametrize("place", range(8))
async def test_a_reorg_whose_pass_is_dropped_and_taken_again_ends_in_the_same_state(place):
    chain = CountingChain()
    syncs = [CountingSync(), CountingSync()]
    mind = Mind(chain, [Deployment(counting_adapter(sync)) for sync in syncs], PoolBook(()), NoPlans(), Pace(12))
    for number in (1, 2):
        await mind.advance(event(chain.add(head(number), log(head(number), 0, number, 5))))

    for sync in syncs:
        sync.truth = {key(1): 5}

    other = chain.add(head(2, fork=1), log(head(2, fork=1), 0, 9, 4))
    chain.errors = [None] * place + [node_failure()]
    try:
        await mind.advance(event(other, reorged_to=1))
    except RpcError:
        await mind.advance(event(other, reorged_to=1))

    for deployment in mind.deployments:
        assert {name: owed for name, owed in deployment.market.owed.items() if owed} == {key(1): 5, key(9): 4}


async def test_a_market_of_a_recent_block_stays_to_be_asked_for():
    chain = CountingChain()
    _, deployment, mind = at_work(chain)
    first = chain.add(head(1), log(head(1), 0, 7, 3))
    await mind.advance(event(first))
    await mind.advance(event(chain.add(head(2), log(head(2), 0, 7, 4))))
    assert deployment.market_of(first.hash).owed == {key(7): 3}
