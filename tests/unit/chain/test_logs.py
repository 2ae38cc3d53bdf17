"""Logs are complete or an error: paged, cut, checked, in order."""

import json

import pytest

from keeper.chain.faults import CallError
from keeper.chain.headers import HeaderCache
from keeper.chain.log_filter import halves, in_order, matches, may_hold
from keeper.chain.logs import LogReader, Paging
from keeper.chain.phrases import FaultKind
from keeper.errors import ReorgError
from keeper.types import Address, LogQuery
from tests.fakes.node import Body, Drop, Error, Hang, Result, Rewrite, Status, bloom_of, event

A, B, C = (Address(bytes([n]) * 20) for n in (1, 2, 3))
T1, T2, T3 = (bytes([n]) * 32 for n in (1, 2, 3))
ANY_A = LogQuery((A,), ())


def logs_of(node, *addresses):
    return [log for block in node.blocks for log in block.logs if log.address in addresses]


@pytest.fixture
def reader(endpoints, clock):
    clock.rushes = True
    return LogReader(endpoints, HeaderCache(), Paging(first_width=4), sleep=clock.sleep)


async def pages_of(reader, queries, start, head):
    return [page async for page in reader.pages(lambda: queries, start, head)]


# One block ------------------------------------------------------------------------------------------------------------


async def test_at_block_finds_what_matches_and_nothing_else(node, reader):
    head = node.mine(event(A, T1), event(B, T1), event(A, T2))

    assert await reader.at_block([LogQuery((A,), ((T1,),))], head) == [node.blocks[1].logs[0]]


async def test_at_block_overlapping_queries_give_each_log_once_in_order(node, reader):
    head = node.mine(event(B, T1), event(A, T1), event(A, T2))
    queries = [LogQuery((A,), ()), LogQuery((A, B), ((T1,),)), LogQuery((A,), ())]

    assert await reader.at_block(queries, head) == list(node.blocks[1].logs)
    assert node.count("eth_getLogs") == 2  # the repeated one is asked once


async def test_at_block_without_queries_asks_nothing(node, reader):
    assert await reader.at_block([], node.mine()) == []
    assert node.asked == []


async def test_at_block_orphaned_is_a_reorg(node, reader):
    head = node.mine(event(A))
    node.reorg(1)
    node.mine()

    with pytest.raises(ReorgError):
        await reader.at_block([ANY_A], head)


async def test_at_block_emptiness_the_bloom_denies_asks_the_next_node(node, other, connect):
    head = node.mine(event(A))
    other.mine(event(A))
    node.hides_logs = True
    reader = LogReader(connect(node.http_url, other.http_url), HeaderCache(), Paging(attempts=1))

    assert await reader.at_block([ANY_A], head) == list(other.blocks[1].logs)


async def test_at_block_emptiness_the_bloom_confirms_is_believed(node, other, connect):
    head = node.mine(event(B))
    other.mine(event(B))
    reader = LogReader(connect(node.http_url, other.http_url), HeaderCache(), Paging(attempts=1))

    assert await reader.at_block([ANY_A], head) == []
    assert other.asked == []


async def test_at_block_header_at_hand_is_not_asked_for(node, endpoints):
    headers = HeaderCache()
    head = node.mine(event(A))
    headers.add(await endpoints.header(head.hash))
    before = node.count("eth_getBlockByHash")
    await LogReader(endpoints, headers).at_block([ANY_A], head)

    assert node.count("eth_getBlockByHash") == before


@pytest.mark.parametrize(
    "change",
    [
        {"address": "0x" + "09" * 20},
        {"topics": ["0x" + "09" * 32]},
        {"topics": []},
        {"blockHash": "0x" + "09" * 32},
        {"removed": True},
        {"blockNumber": None},
        {"topics": ["0x01"]},
        {"data": "0xabc"},
    ],
)
async def test_at_block_logs_nobody_asked_for_are_refused(node, reader, change):
    head = node.mine(event(A, T1))
    node.fail(
        "eth_getLogs", Rewrite(lambda frame: {**frame, "result": [{**entry, **change} for entry in frame["result"]]})
    )
    with pytest.raises(CallError) as caught:
        await reader.at_block([LogQuery((A,), ((T1,),))], head)

    assert caught.value.fault.kind is FaultKind.MALFORMED


async def test_at_block_null_is_no_answer(node, reader):
    head = node.mine(event(A))
    node.fail("eth_getLogs", Result(None))
    with pytest.raises(CallError):
        await reader.at_block([ANY_A], head)


async def test_at_block_too_many_for_the_node_is_cut_by_what_is_asked(node, reader):
    head = node.mine(event(A), event(B), event(C), event(A))
    node.page_limit = 2

    assert await reader.at_block([LogQuery((A, B, C), ())], head) == list(node.blocks[1].logs)


async def test_at_block_too_many_for_one_address_is_an_error(node, reader):
    head = node.mine(event(A), event(A), event(A))
    node.page_limit = 2
    with pytest.raises(CallError) as caught:
        await reader.at_block([ANY_A], head)

    assert caught.value.fault.kind is FaultKind.TOO_WIDE


async def test_at_block_rate_limit_on_the_path_of_a_block_is_not_waited_out(node, endpoints, clock):
    head = node.mine(event(A))
    node.fail("eth_getLogs", Error(-32005, "limit exceeded"))
    reader = LogReader(endpoints, HeaderCache(), Paging(attempts=1), sleep=clock.sleep)
    with pytest.raises(CallError):
        await reader.at_block([ANY_A], head)

    assert clock.slept == []


# A range --------------------------------------------------------------------------------------------------------------


async def test_between_one_block_asks_by_hash(node, reader):
    head = node.mine(event(A))
    await reader.between([ANY_A], head.number, head)

    assert "blockHash" in next(params[0] for method, params in node.asked if method == "eth_getLogs")


async def test_between_reads_every_block_of_the_range(node, reader):
    for i in range(1, 12):
        head = node.mine(event(A, bytes([i]) * 32), event(B))

    assert await reader.between([ANY_A], 3, head) == logs_of(node, A)[2:]


async def test_between_beyond_the_head_is_empty(node, reader):
    assert await reader.between([ANY_A], node.head.number + 1, node.head) == []


async def test_pages_cover_the_range_once_and_name_their_end(node, reader):
    for _ in range(30):
        node.mine(event(A))

    pages = await pages_of(reader, [ANY_A], 1, node.head)

    # 4, then doubling: 1-4, 5-12, 13-28, 29-30.
    assert [(p.from_block, p.upto_block) for p in pages] == [(1, 4), (5, 12), (13, 28), (29, 30)]
    assert all(page.upto_hash == node.blocks[page.upto_block].head.hash for page in pages)
    assert [log for page in pages for log in page.logs] == logs_of(node, A)


@pytest.mark.parametrize(
    "refusal",
    [
        Error(-32005, "query returned more than 10000 results"),
        Error(-32602, "block range is too wide"),
        Error(-32000, "query timeout exceeded"),
        Error(-32600, "Log response size exceeded"),
        Status(413),
    ],
)
async def test_pages_refusal_for_size_halves_the_range(node, reader, refusal):
    for _ in range(8):
        node.mine(event(A))

    node.fail("eth_getLogs", refusal, times=2)
    pages = await pages_of(reader, [ANY_A], 1, node.head)

    assert [log for page in pages for log in page.logs] == logs_of(node, A)
    assert pages[1].upto_block - pages[1].from_block + 1 == 2  # 4 halved


async def test_pages_narrow_down_to_single_blocks(node, reader):
    for _ in range(9):
        node.mine(event(A), event(A))

    node.page_limit = 2

    assert [log for page in await pages_of(reader, [ANY_A], 1, node.head) for log in page.logs] == logs_of(node, A)


async def test_pages_suspiciously_round_count_is_asked_again_in_halves(node, reader):
    """A cap that cuts without saying so leaves exactly the cap."""
    node.mine(*[event(A)] * 700)
    node.mine(*[event(A)] * 700)

    def cut(frame):
        return {**frame, "result": frame["result"][:1_000]}

    node.fail("eth_getLogs", Rewrite(cut))
    found = [log for page in await pages_of(reader, [ANY_A], 1, node.head) for log in page.logs]

    assert len(found) == 1_400


async def test_pages_single_block_with_a_round_count_is_believed(node, reader):
    head = node.mine(*[event(A)] * 1_000)

    assert len(await reader.between([ANY_A], 1, head)) == 1_000


async def test_pages_lagging_node_is_passed_over(node, other, connect):
    """A replica that has not seen the range yet answers it with fewer logs, not with an error."""
    for i in range(6):
        other.mine(event(A))
        if i < 3:
            node.mine(event(A))

    reader = LogReader(connect(node.http_url, other.http_url), HeaderCache(), Paging(first_width=100))

    assert await reader.between([ANY_A], 1, other.head) == logs_of(other, A)


async def test_pages_only_a_lagging_node_is_an_error(node, other, connect):
    for _ in range(3):
        other.mine(event(A))

    reader = LogReader(connect(node.http_url), HeaderCache(), Paging(first_width=100))
    with pytest.raises(CallError, match="has no block 3 yet"):
        await reader.between([ANY_A], 1, other.head)


async def test_pages_orphaned_head_is_a_reorg(node, reader):
    for _ in range(4):
        node.mine(event(A))

    orphan = node.head
    node.reorg(2)
    for _ in range(4):
        node.mine()

    with pytest.raises(ReorgError):
        await reader.between([ANY_A], 1, orphan)


async def test_pages_reorg_while_reading_is_seen(node, reader):
    for _ in range(4):
        node.mine(event(A))

    head = node.head

    def meanwhile(frame):
        node.reorg(2)
        for _ in range(3):
            node.mine(event(A))

        return frame

    node.fail("eth_getLogs", Rewrite(meanwhile), times=1)
    with pytest.raises(ReorgError):
        await reader.between([ANY_A], 1, head)


async def test_pages_logs_of_another_fork_are_a_reorg(node, reader):
    for _ in range(3):
        node.mine(event(A))

    head = node.head

    def foreign(frame):
        return {**frame, "result": [{**entry, "blockHash": "0x" + "07" * 32} for entry in frame["result"]]}

    node.fail("eth_getLogs", Rewrite(foreign))
    with pytest.raises(ReorgError):
        await reader.between([ANY_A], 1, head)


async def test_pages_queries_are_asked_for_anew_on_each_page(node, reader):
    for _ in range(8):
        node.mine(event(A), event(B))

    queries = [ANY_A]
    counts = []
    async for page in reader.pages(queries.copy, 1, node.head):
        counts.append(len(page.logs))
        queries[:] = [LogQuery((A, B), ())]

    assert counts == [4, 8]


async def test_pages_rate_limit_is_waited_out_as_long_as_the_node_says(node, reader, clock):
    head = node.mine(event(A))
    node.mine()
    node.fail("eth_getLogs", Status(429, headers=(("Retry-After", "9"),)), times=1)
    node.fail("eth_getLogs", Error(-32005, "limit exceeded"), times=2)

    assert len(await reader.between([ANY_A], head.number, node.head)) == 1
    assert clock.slept == [9.0, 1.0, 2.0]  # then our own, doubling from 0.5


async def test_pages_endless_rate_limit_is_an_error(node, endpoints, clock):
    clock.rushes = True
    node.mine()
    node.mine()
    node.fail("eth_getLogs", Error(-32005, "limit exceeded"))
    reader = LogReader(endpoints, HeaderCache(), Paging(attempts=3), sleep=clock.sleep)
    with pytest.raises(CallError) as caught:
        await reader.between([ANY_A], 1, node.head)

    assert caught.value.fault.kind is FaultKind.RATE_LIMITED
    assert len(clock.slept) == 2


async def test_pages_budget_is_taken_once_per_request(node, endpoints):
    class Budget:
        taken = 0

        async def __aenter__(self):
            Budget.taken += 1

        async def __aexit__(self, *_):
            pass

    node.mine(event(A))
    node.mine(event(A))
    reader = LogReader(endpoints, HeaderCache(), budget=Budget())
    await reader.between([ANY_A, LogQuery((B,), ())], 1, node.head)

    assert Budget.taken == 3  # two queries and the header of the last block


async def test_pages_node_that_is_down_fails_at_once(node, reader):
    for _ in range(6):
        node.mine()

    node.fail("eth_getLogs", Drop())
    with pytest.raises(CallError):
        await reader.between([ANY_A], 1, node.head)

    assert node.count("eth_getLogs") == 1


async def test_pages_timeout_of_a_living_node_halves_the_range(node, reader):
    for _ in range(6):
        node.mine(event(A))

    node.fail("eth_getLogs", Hang(), times=1)

    assert await reader.between([ANY_A], 1, node.head) == logs_of(node, A)


async def test_pages_answer_beyond_the_limit_is_asked_in_halves(node, reader):
    for _ in range(3):
        node.mine(event(A), event(B))

    big = json.dumps({"jsonrpc": "2.0", "id": 1, "result": "0x" + "0" * 65 * 2**20}).encode()
    node.fail("eth_getLogs", Body(big), times=1)

    assert await reader.between([LogQuery((A, B), ())], 1, node.head) == logs_of(node, A, B)


# The pure parts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (LogQuery((), ()), True),
        (LogQuery((A, B), ()), True),
        (LogQuery((B,), ()), False),
        (LogQuery((A,), ((T1,),)), True),
        (LogQuery((A,), ((T2, T1),)), True),
        (LogQuery((A,), ((T2,),)), False),
        (LogQuery((A,), ((), (T2,))), True),
        (LogQuery((A,), ((T1,), (T1,))), False),
        (LogQuery((A,), ((T1,), (), ())), False),  # three places, the log has two
    ],
)
def test_matches_follows_the_filter(query, found):
    assert matches(query, event(A, T1, T2)) is found


@pytest.mark.parametrize(
    ("query", "possible"),
    [
        (LogQuery((), ()), True),
        (LogQuery((A,), ()), True),
        (LogQuery((B,), ()), False),
        (LogQuery((B, A), ((), (T2,))), True),
        (LogQuery((A,), ((T3,),)), False),
    ],
)
def test_may_hold_is_certain_about_absence(query, possible):
    assert may_hold(bloom_of([event(A, T1, T2)]), query) is possible


def test_may_hold_real_bloom_of_a_known_address():
    """The bloom a chain computed for one log of 0x...01 with no topics, bit by bit.

    keccak256(0x00..01) = 1468288056310c82aa4c01a7e12a10f8111a0560e72b700555479031b86c357d, whose first three
    pairs are 0x1468, 0x2880, 0x5631; modulo 2048: 1128, 128, 1585.
    """
    address = Address(bytes(19) + b"\x01")
    bloom = (1 << 1128 | 1 << 128 | 1 << 1585).to_bytes(256, "big")

    assert may_hold(bloom, LogQuery((address,), ()))
    assert not may_hold((1 << 1128 | 1 << 128).to_bytes(256, "big"), LogQuery((address,), ()))


def test_halves_together_ask_the_same():
    assert halves(LogQuery((A, B, C), ((T1,),))) == (LogQuery((A,), ((T1,),)), LogQuery((B, C), ((T1,),)))
    assert halves(LogQuery((A,), ((T1,), (T1, T2)))) == (LogQuery((A,), ((T1,), (T1,))), LogQuery((A,), ((T1,), (T2,))))
    assert halves(LogQuery((A,), ((T1,), ()))) is None


def test_in_order_sorts_by_block_and_index(node):
    node.mine(event(A), event(B))
    node.mine(event(C))
    logs = [log for block in node.blocks for log in block.logs]

    assert in_order([logs[2], logs[1], logs[0], logs[1]]) == logs
