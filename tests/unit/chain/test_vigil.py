"""What speaks against acting on a head: its age, and what the other endpoints have in its place."""

import pytest

from keeper.chain.vigil import ChainVigil
from keeper.config.urls import parse_rpc_url
from tests.fakes.node import Error, FakeNode, Hang, Result, Status

DOWN = parse_rpc_url("http://127.0.0.1:1/SECRETKEY")


def keeps(endpoints, head, *, age_s=0, block_time_s=12):
    return ChainVigil(endpoints, block_time_s, lambda: head.timestamp + age_s)


@pytest.mark.parametrize(
    ("age_s", "block_time_s", "doubted"),
    [
        (30, 12, ""),  # 2.5 slots of 12 s
        (31, 12, "31 s ago"),
        (10, 1, ""),  # 2.5 blocks of 1 s would be no more than a slow pass
        (11, 1, "11 s ago"),
        (-5, 12, ""),
        (-6, 12, "6 s in the future"),
    ],
)
async def test_doubts_head_older_than_two_slots_and_a_half_or_ahead_of_our_clock(
    node, endpoints, age_s, block_time_s, doubted
):
    found = await keeps(endpoints, node.head, age_s=age_s, block_time_s=block_time_s).doubts(node.head)

    assert doubted in "".join(found)
    assert len(found) == (doubted != "")


async def test_doubts_where_the_chain_keeps_its_own_time_no_age_is_wrong(node, endpoints):
    assert await ChainVigil(endpoints, 12, None).doubts(node.head) == ()


async def test_doubts_one_endpoint_is_not_asked_about_itself(node, endpoints):
    await keeps(endpoints, node.head).doubts(node.head)

    assert node.asked == []


async def test_doubts_two_ways_to_one_node_are_one_opinion(node, connect):
    await keeps(connect(node.http_url, node.ws_url), node.head).doubts(node.head)

    assert node.asked == []


async def test_doubts_two_endpoints_with_the_same_block_are_none(node, other, connect):
    node.mine()
    other.mine()
    vigil = keeps(connect(node.http_url, other.http_url), node.head)

    assert await vigil.doubts(node.head) == ()
    assert other.count("eth_getBlockByNumber") == 3  # the head, its parent, and the check of the first block


async def test_doubts_another_hash_at_the_same_height_names_the_endpoint(node, other, connect):
    for one in (node, other):
        one.mine()

    other.reorg(1)
    other.mine()
    found = await keeps(connect(node.http_url, other.http_url), node.head).doubts(node.head)

    assert found == (f"another fork: {other.http_url} has another block 1",)


async def test_doubts_end_when_the_fork_does(node, other, connect):
    node.mine()
    other._forks = 1
    other.mine()
    vigil = keeps(connect(node.http_url, other.http_url), node.head)
    before = await vigil.doubts(node.head)
    other.reorg(1)
    other._forks = 0
    other.mine()

    assert len(before) == 1
    assert await vigil.doubts(node.head) == ()


async def test_doubts_copy_of_the_chain_that_went_its_own_way_is_noticed(node, connect):
    """Same id, same first block: only the other endpoint's recent blocks tell a fork kept for tests from the chain."""
    for _ in range(3):
        node.mine()

    async with FakeNode().serve() as copy:
        copy.mine()
        copy._forks = 7
        copy.mine()
        copy.mine()
        found = await keeps(connect(copy.http_url, node.http_url), copy.head).doubts(copy.head)

    assert found == (f"another fork: {node.http_url} has another block 3",)


async def test_doubts_endpoint_a_block_behind_is_judged_by_the_parent(node, other, connect):
    for _ in range(2):
        node.mine()

    other.mine()
    endpoints = connect(node.http_url, other.http_url)
    agreeing = await keeps(endpoints, node.head).doubts(node.head)
    other.reorg(1)
    other.mine()

    assert agreeing == ()
    assert len(await keeps(endpoints, node.head).doubts(node.head)) == 1


@pytest.mark.parametrize("fault", [Hang(), Status(503), Error(-32005, "limit exceeded"), Result(None), Result({})])
async def test_doubts_silence_is_no_objection(node, other, connect, fault):
    node.mine()
    endpoints = connect(node.http_url, other.http_url)
    await endpoints.connect()
    other.fail("eth_getBlockByNumber", fault)

    assert await keeps(endpoints, node.head).doubts(node.head) == ()


async def test_doubts_endpoint_that_is_down_is_left_alone_while_it_rests(node, other, connect):
    endpoints = connect(DOWN, node.http_url, other.http_url)
    other.mine()
    node.mine()
    vigil = keeps(endpoints, node.head)
    await vigil.doubts(node.head)

    assert await vigil.doubts(node.head) == ()
    assert [standing.failures for standing in endpoints.standings()] == [1, 0, 0]
