"""Heads in order, with gaps filled and reorgs named, however they arrive."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from keeper.chain.headers import HeaderCache
from keeper.chain.heads import HeadFollower, HeadTiming, Waiting
from keeper.chain.lineage import Lineage, link
from keeper.errors import ReorgError
from tests.fakes.ancestry import InMemory
from tests.fakes.node import Drop, Error, FakeNode, Result

TIMING = HeadTiming(poll_s=1.0, mute_after_s=30.0, retry_s=0.5, max_walk=8)


@pytest.fixture
def follower(connect, clock):
    def over(url, since=None):
        waiting = Waiting(clock.clock, clock.sleep, lambda: 0.5)
        return HeadFollower(connect(url), HeaderCache(), since, TIMING, waiting)

    return over


@asynccontextmanager
async def running(follower):
    task = asyncio.ensure_future(follower.run())
    try:
        yield follower
    finally:
        task.cancel()
        await asyncio.wait([task])


async def subscribed(node, times=1):
    for _ in range(500):
        if node.count("eth_subscribe") >= times:
            await asyncio.sleep(0.01)
            return

        await asyncio.sleep(0.005)

    raise AssertionError("nobody subscribed")


async def soon(awaitable):
    return await asyncio.wait_for(awaitable, 3)


@pytest.mark.parametrize("scheme", ["ws", "ipc"])
async def test_next_by_subscription_hands_out_each_head_once(node, follower, scheme):
    async with running(follower(getattr(node, f"{scheme}_url"), node.head)) as heads:
        await subscribed(node)
        for _ in range(3):
            mined = node.mine()
            event = await soon(heads.next())

            assert (event.head, event.first_new, event.reorged_to, event.skipped) == (mined, mined.number, None, 0)


async def test_next_by_polling_finds_the_same_heads(node, follower, clock):
    async with running(follower(node.http_url, node.head)) as heads:
        for _ in range(3):
            mined = node.mine()
            waiting = asyncio.ensure_future(heads.next())
            await asyncio.sleep(0.02)
            clock.advance(1)

            assert (await soon(waiting)).head == mined


async def test_next_without_a_beginning_starts_at_the_latest(node, follower):
    node.mine()
    mined = node.mine()
    async with running(follower(node.http_url)) as heads:
        event = await soon(heads.next())

    assert (event.head, event.first_new, event.reorged_to, event.skipped) == (mined, 2, None, 0)


async def test_next_newest_wins_and_the_skipped_are_counted(node, follower):
    async with running(follower(node.ws_url, node.head)) as heads:
        await subscribed(node)
        mined = [node.mine() for _ in range(4)]
        await asyncio.sleep(0.05)
        event = await soon(heads.next())

    assert (event.head, event.first_new, event.reorged_to, event.skipped) == (mined[3], 1, None, 3)


async def test_next_gap_beyond_the_walk_is_crossed_by_number(node, follower):
    start = node.head
    mined = [node.mine() for _ in range(20)]
    async with running(follower(node.http_url, start)) as heads:
        event = await soon(heads.next())

    assert (event.head, event.first_new, event.reorged_to, event.skipped) == (mined[-1], 1, None, 19)
    assert node.count("eth_getBlockByHash") == 0


async def test_next_reorg_names_the_last_shared_block(node, follower):
    for _ in range(5):
        node.mine()

    async with running(follower(node.ws_url, node.blocks[2].head)) as heads:
        await subscribed(node)
        heads.offer(await heads._endpoints.header("latest"))
        assert (await soon(heads.next())).head.number == 5
        node.reorg(2)  # 4 and 5 go
        for _ in range(3):
            mined = node.mine()

        await asyncio.sleep(0.05)
        event = await soon(heads.next())

    # 4', 5' and 6' are new, on 3.
    assert (event.head, event.first_new, event.reorged_to, event.skipped) == (mined, 4, 3, 2)


async def test_next_reorg_to_the_same_height_is_seen(node, follower):
    node.mine()
    mined = node.mine()
    async with running(follower(node.ws_url, mined)) as heads:
        await subscribed(node)
        node.reorg(1)
        replaced = node.mine()
        event = await soon(heads.next())

    assert (event.head, event.first_new, event.reorged_to, event.skipped) == (replaced, 2, 1, 0)


async def test_next_deep_reorg_right_after_the_start_is_walked(node, follower):
    for _ in range(6):
        start = node.mine()

    heads = follower(node.http_url, start)
    heads.offer(await heads._endpoints.header("latest"))
    waiting = asyncio.ensure_future(heads.next())
    await asyncio.sleep(0.05)
    node.mine()
    heads.offer(await heads._endpoints.header("latest"))
    await soon(waiting)
    node.reorg(5)  # 3 to 7 go
    for _ in range(6):
        mined = node.mine()

    heads.offer(await heads._endpoints.header("latest"))
    event = await soon(heads.next())

    assert (event.head, event.first_new, event.reorged_to) == (mined, 3, 2)


async def test_next_ancestor_told_by_a_lagging_node_is_ignored(node, follower):
    async with running(follower(node.ws_url, node.head)) as heads:
        await subscribed(node)
        first, second = node.mine(), node.mine()
        await asyncio.sleep(0.05)
        assert (await soon(heads.next())).head == second
        heads.offer(await heads._endpoints.header(first.hash))
        third = node.mine()
        await asyncio.sleep(0.05)

        assert (await soon(heads.next())).head == third


async def test_offer_head_of_replicas_that_lag_by_turns_never_goes_back(node, follower, clock):
    """Behind a load balancer one poll answers block 3, the next block 2: neither hides the newer nor counts as news."""
    heads = follower(node.http_url, node.head)
    mined = [node.mine() for _ in range(3)]
    told = [await heads._endpoints.header(head.hash) for head in mined]
    for header in told:
        heads.offer(header)

    clock.advance(7)
    heads.offer(told[1])

    assert (heads.newest_number, heads.age_s) == (3, 7)
    assert (await soon(heads.next())).head == mined[2]
    heads.offer(told[0])
    assert (heads.newest_number, heads.age_s) == (3, 7)


async def test_offer_lower_head_of_another_fork_is_taken(node, follower):
    heads = follower(node.http_url, node.head)
    for _ in range(3):
        heads.offer(await heads._endpoints.header(node.mine().hash))

    node.reorg(2)
    lower = node.mine()
    heads.offer(await heads._endpoints.header(lower.hash))

    assert heads.newest_number == 2
    assert (await soon(heads.next())).head == lower


async def test_next_mute_socket_is_given_up_for_polling_and_then_replaced(node, follower, clock):
    """Half-open: no close frame, no error, nothing. web3.py waits for ever here."""
    async with running(follower(node.ws_url, node.head)) as heads:
        await subscribed(node)
        node.mine()
        assert (await soon(heads.next())).head.number == 1
        node.mute = True
        missed = node.mine()
        node.mute = False
        for _ in range(31):
            clock.advance(1)
            await asyncio.sleep(0.002)

        assert (await soon(heads.next())).head == missed
        for _ in range(20):
            clock.advance(1)
            await asyncio.sleep(0.01)

        await subscribed(node, times=2)
        following = node.mine()

        assert (await soon(heads.next())).head == following


async def test_next_lost_connection_is_polled_over_and_resubscribed(node, follower, clock):
    async with running(follower(node.ws_url, node.head)) as heads:
        await subscribed(node)
        node.hang_up()
        missed = node.mine()
        for _ in range(20):
            clock.advance(0.5)
            await asyncio.sleep(0.01)

        assert (await soon(heads.next())).head == missed
        await subscribed(node, times=2)
        following = node.mine()

        assert (await soon(heads.next())).head == following


async def test_run_refused_subscription_backs_off_and_polls(node, follower, clock):
    node.fail("eth_subscribe", Error(-32601, "Method not found"))
    async with running(follower(node.ws_url, node.head)) as heads:
        mined = node.mine()
        for _ in range(60):
            clock.advance(0.5)
            await asyncio.sleep(0.002)

        assert (await soon(heads.next())).head == mined

    # 30 s at 0.5, 1, 2, 4, 8, 16 s: half a dozen tries, not sixty.
    assert node.count("eth_subscribe") in (5, 6)


async def test_next_parent_that_cannot_be_had_now_is_asked_for_again(node, follower, clock):
    clock.rushes = True
    heads = follower(node.http_url, node.head)
    await heads._endpoints.connect()
    node.mine()
    node.mine()
    node.fail("eth_getBlockByHash", Drop(), times=2)
    heads.offer(await heads._endpoints.header("latest"))

    assert (await soon(heads.next())).skipped == 1


async def test_next_head_orphaned_while_linking_waits_for_a_newer_one(node, follower):
    heads = follower(node.http_url, node.head)
    node.mine()
    node.mine()
    orphan = await heads._endpoints.header("latest")
    node.reorg(2)
    heads.offer(orphan)
    waiting = asyncio.ensure_future(heads.next())
    await asyncio.sleep(0.05)
    mined = node.mine()
    heads.offer(await heads._endpoints.header("latest"))

    assert (await soon(waiting)).head == mined


async def test_age_grows_until_a_new_head_comes(node, follower, clock):
    heads = follower(node.http_url, node.head)
    clock.advance(7)
    before = heads.age_s
    node.mine()
    heads.offer(await heads._endpoints.header("latest"))

    assert (before, heads.age_s) == (7, 0)


async def test_run_endpoint_of_another_chain_is_not_followed(connect, node, clock):
    node.chain_id = 1
    heads = HeadFollower(connect(node.ws_url), HeaderCache(), None, TIMING, Waiting(clock.clock, clock.sleep))
    async with running(heads):
        await asyncio.sleep(0.1)

    assert node.count("eth_subscribe") == 0


async def test_link_everything_known_orphaned_is_a_reorg_error():
    ours, theirs = FakeNode(), FakeNode(salt="theirs")
    lineage = Lineage()
    for _ in range(5):
        lineage.extend(ours.mine())

    for _ in range(6):
        theirs.mine()

    with pytest.raises(ReorgError, match="shares no block"):
        await link(theirs.head, lineage, InMemory(theirs), 8)


async def test_link_long_gap_with_everything_known_orphaned_is_a_reorg_error():
    ours, theirs = FakeNode(), FakeNode(salt="theirs")
    lineage = Lineage()
    lineage.extend(ours.mine())
    for _ in range(30):
        theirs.mine()

    with pytest.raises(ReorgError, match="on the chain any more"):
        await link(theirs.head, lineage, InMemory(theirs), 8)


async def test_link_long_gap_after_a_reorg_finds_the_shared_block_by_number():
    chain = FakeNode()
    lineage = Lineage()
    for _ in range(5):
        lineage.extend(chain.mine())

    chain.reorg(2)
    for _ in range(30):
        chain.mine()

    event = await link(chain.head, lineage, InMemory(chain), 8)

    # 5 were known, 4 and 5 orphaned; 3 + 30 = 33.
    assert (event.head.number, event.first_new, event.reorged_to, event.skipped) == (33, 4, 3, 29)
    assert [lineage.hash_at(n) for n in range(1, 34)] == [block.head.hash for block in chain.blocks[1:]]


async def test_link_gap_longer_than_is_remembered_keeps_the_newest():
    chain = FakeNode()
    lineage = Lineage(depth=10)
    lineage.extend(chain.mine())
    for _ in range(50):
        chain.mine()

    event = await link(chain.head, lineage, InMemory(chain), 8)

    assert (event.first_new, event.reorged_to, event.skipped) == (2, None, 49)
    assert (lineage.oldest(), lineage.hash_at(42)) == (42, chain.blocks[42].head.hash)


async def test_link_depth_is_bounded():
    chain = FakeNode()
    lineage = Lineage(depth=10)
    for _ in range(25):
        lineage.extend(chain.mine())

    assert (lineage.oldest(), lineage.hash_at(15), lineage.hash_at(25)) == (16, None, chain.head.hash)


async def test_next_notified_garbage_ends_the_subscription_only(node, follower, clock):
    async with running(follower(node.ws_url, node.head)) as heads:
        await subscribed(node)
        heads._subscription.put(b'{"number":null}')
        for _ in range(10):
            clock.advance(0.5)
            await asyncio.sleep(0.01)

        await subscribed(node, times=2)
        mined = node.mine()

        assert (await soon(heads.next())).head == mined


async def test_poll_null_latest_is_unknown(node, follower, clock):
    heads = follower(node.http_url, node.head)
    await heads._endpoints.connect()
    node.fail("eth_getBlockByNumber", Result(None))
    async with running(heads):
        await asyncio.sleep(0.05)
        clock.advance(1)
        await asyncio.sleep(0.05)

    assert heads._newest is None
