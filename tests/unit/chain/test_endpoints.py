"""Which endpoint is asked, when the next one is, and which is never believed."""

import asyncio

import pytest

from keeper.chain.endpoints import Endpoints
from keeper.chain.envelope import Request
from keeper.chain.faults import CallError
from keeper.chain.phrases import FaultKind
from keeper.chain.rpc import Deadlines, Rpc
from keeper.config.urls import parse_rpc_url
from keeper.errors import ConfigError, RpcError
from tests.fakes.node import Drop, Error, FakeNode, Hang, Result, Rewrite, Slow, Status

DOWN = parse_rpc_url("http://127.0.0.1:1/SECRETKEY")
NUMBER = [Request("eth_blockNumber")]
UNHURRIED = Deadlines(heads_s=20)


async def test_ask_first_endpoint_is_preferred(node, other, connect):
    endpoints = connect(node.http_url, other.http_url)
    await endpoints.ask(NUMBER)

    assert (node.count("eth_blockNumber"), other.count("eth_blockNumber")) == (1, 0)


@pytest.mark.parametrize(
    "fault",
    [
        Drop(),
        Hang(),
        Status(503),
        Status(429),
        Error(-32005, "limit exceeded"),
        Error(-32000, "header not found"),
        Error(-32000, "missing trie node"),
        Error(-32601, "Method not found"),
        Error(-32000, "something nobody has seen"),
        Rewrite(lambda frame: {**frame, "id": 77}),
    ],
)
async def test_ask_fault_of_the_node_asks_the_next_one(node, other, connect, fault):
    node.fail("eth_blockNumber", fault)
    other.mine()
    answers = await connect(node.http_url, other.http_url).ask(NUMBER)

    assert answers[0].value(str) == "0x1"


@pytest.mark.parametrize(
    "fault", [Error(3, "execution reverted", "0x1234"), Error(-32000, "out of gas"), Error(-32005, "too many results")]
)
async def test_ask_fault_of_the_question_is_the_answer(node, other, connect, fault):
    node.fail("eth_blockNumber", fault)
    answers = await connect(node.http_url, other.http_url).ask(NUMBER)

    assert answers[0].fault.message == fault.message
    assert other.count("eth_blockNumber") == 0


async def test_ask_where_nobody_knows_the_fault_is_returned(node, other, connect):
    for one in (node, other):
        one.fail("eth_blockNumber", Error(-32000, "header not found"))

    answers = await connect(node.http_url, other.http_url).ask(NUMBER)

    assert answers[0].fault.kind is FaultKind.UNKNOWN_BLOCK


async def test_ask_where_nobody_answers_the_first_failure_is_raised(connect):
    with pytest.raises(CallError) as caught:
        await connect(DOWN, DOWN).ask(NUMBER)

    assert caught.value.fault.kind is FaultKind.TRANSPORT
    assert "SECRETKEY" not in str(caught.value)


async def test_ask_judge_sends_the_question_on_and_keeps_the_last_answer(node, other, connect):
    endpoints = connect(node.http_url, other.http_url)
    other.mine()
    found = await endpoints.ask(NUMBER, lambda answers: answers[0].raw == b'"0x1"')
    nothing = await endpoints.ask(NUMBER, lambda _: False)

    assert found[0].value(str) == "0x1"
    assert nothing[0].value(str) == "0x1"


async def test_ask_failed_endpoint_rests_and_comes_back(node, other, connect, clock):
    endpoints = connect(node.http_url, other.http_url)
    node.fail("eth_blockNumber", Drop(), times=1)
    await endpoints.ask(NUMBER)
    await endpoints.ask(NUMBER)
    asked_at_rest = node.count("eth_blockNumber")
    clock.advance(0.6)
    await endpoints.ask(NUMBER)

    assert asked_at_rest == 1
    assert node.count("eth_blockNumber") == 2
    assert other.count("eth_blockNumber") == 2


async def test_ask_rate_limited_endpoint_rests_as_long_as_it_asked_for(node, other, connect, clock):
    endpoints = connect(node.http_url, other.http_url)
    node.fail("eth_blockNumber", Status(429, headers=(("Retry-After", "20"),)), times=1)
    await endpoints.ask(NUMBER)
    clock.advance(19)
    await endpoints.ask(NUMBER)
    before = node.count("eth_blockNumber")
    clock.advance(2)
    await endpoints.ask(NUMBER)

    assert (before, node.count("eth_blockNumber")) == (1, 2)


async def test_ask_resting_endpoint_is_asked_when_it_is_the_only_one(node, connect):
    endpoints = connect(node.http_url)
    node.fail("eth_blockNumber", Drop(), times=1)
    with pytest.raises(CallError):
        await endpoints.ask(NUMBER)

    assert (await endpoints.ask(NUMBER))[0].value(str) == "0x0"


async def warmed(endpoints):
    """Let endpoints learn how long the first of them usually takes."""
    for _ in range(16):
        await endpoints.ask(NUMBER)


async def test_ask_second_endpoint_is_asked_once_the_first_takes_longer_than_usual(node, other, connect):
    """Nobody waits for the first one's deadline: it would rest then."""
    endpoints = connect(node.http_url, other.http_url, deadlines=UNHURRIED)
    await warmed(endpoints)
    asked_before = other.count("eth_blockNumber")
    other.mine()
    node.fail("eth_blockNumber", Hang())
    found = await endpoints.ask(NUMBER)

    assert (asked_before, found[0].value(str)) == (0, "0x1")
    assert [standing.failures for standing in endpoints.standings()] == [0, 0]


async def test_ask_endpoint_that_is_outrun_three_times_rests(node, other, connect):
    endpoints = connect(node.http_url, other.http_url, deadlines=UNHURRIED)
    await warmed(endpoints)
    node.fail("eth_blockNumber", Hang())
    resting = []
    for _ in range(3):
        await endpoints.ask(NUMBER)
        resting.append(endpoints.standings()[0].resting)

    assert resting == [False, False, True]


async def test_ask_slow_first_endpoint_still_answers_where_the_second_fails(node, other, connect):
    endpoints = connect(node.http_url, other.http_url, deadlines=UNHURRIED)
    await warmed(endpoints)
    other.fail("*", Status(503))
    node.fail("eth_blockNumber", Slow(0.12), times=1)

    assert (await endpoints.ask(NUMBER))[0].value(str) == "0x0"
    assert [standing.failures for standing in endpoints.standings()] == [0, 1]


@pytest.mark.parametrize("judge", [None, lambda answers: answers[0].raw == b'"0x1"'])
async def test_ask_slow_first_endpoint_is_waited_for_where_the_second_lags(node, other, connect, judge):
    endpoints = connect(node.http_url, other.http_url, deadlines=UNHURRIED)
    await warmed(endpoints)
    node.mine()
    node.fail("eth_blockNumber", Slow(0.2), times=1)
    if judge is None:
        other.fail("eth_blockNumber", Error(-32000, "header not found"))

    found = await endpoints.ask(NUMBER, judge)

    assert found[0].value(str) == "0x1"
    assert (node.count("eth_blockNumber"), other.count("eth_blockNumber")) == (17, 1)


async def test_ask_where_both_hang_the_fault_is_a_timeout(node, other, connect):
    endpoints = connect(node.http_url, other.http_url)
    await warmed(endpoints)
    for one in (node, other):
        one.fail("*", Hang())

    with pytest.raises(CallError) as caught:
        await endpoints.ask(NUMBER)

    assert caught.value.fault.kind is FaultKind.TIMEOUT


async def test_connect_wrong_chain_id_names_both(node, connect):
    with pytest.raises(ConfigError, match="serves chain 31337, the configuration says 1"):
        await connect(node.http_url, chain_id=1).connect()


async def test_connect_one_endpoint_down_is_enough(node, connect):
    await connect(DOWN, node.http_url).connect()


async def test_connect_all_down_says_so_without_credentials(connect):
    with pytest.raises(RpcError, match=r"no endpoint of .chain. rpc answers") as caught:
        await connect(DOWN).connect()

    assert "SECRETKEY" not in str(caught.value)


async def test_connect_null_chain_id_is_unknown_not_zero(node, connect):
    node.fail("eth_chainId", Result(None))
    with pytest.raises(RpcError):
        await connect(node.http_url, chain_id=0).connect()


async def test_connect_another_chain_under_the_same_id_is_refused(node, connect):
    async with FakeNode(salt="copy").serve() as copy:
        with pytest.raises(ConfigError, match="first block differs"):
            await connect(node.http_url, copy.http_url).connect()


async def test_connect_another_first_block_than_the_one_configured_is_refused(node):
    """One endpoint alone can be of a copy: only what was written down before tells."""
    ours = node.blocks[0].head.hash
    fine, copy = (Endpoints([Rpc(node.http_url)], 31_337, genesis=each) for each in (ours, bytes(32)))
    try:
        await fine.connect()
        with pytest.raises(
            ConfigError, match=rf"first block differs from the one that \[chain\] genesis .* names: 0x{ours.hex()}"
        ):
            await copy.connect()
    finally:
        await fine.close()
        await copy.close()


async def test_connect_node_without_its_first_block_is_taken(node, connect):
    node.fail("eth_getBlockByNumber", Result(None))
    await connect(node.http_url).connect()


async def test_ask_endpoint_that_changes_chain_while_running_is_passed_over(node, other, connect, clock):
    endpoints = connect(node.http_url, other.http_url)
    await endpoints.connect()
    node.chain_id = 1
    other.mine()
    clock.advance(61)

    assert (await endpoints.ask(NUMBER))[0].value(str) == "0x1"


async def test_ask_connection_that_leads_elsewhere_after_a_reconnect_is_not_believed(node, connect):
    """The answer arrives before anyone could check the new connection: it is checked before it is handed out."""
    endpoints = connect(node.ws_url)
    await endpoints.connect()
    node.chain_id = 1
    node.hang_up()
    await asyncio.sleep(0.05)
    with pytest.raises(CallError, match="serves chain 1"):
        await endpoints.ask(NUMBER)


async def test_ask_checks_the_chain_once_while_nothing_changes(node, endpoints):
    for _ in range(5):
        await endpoints.ask(NUMBER)

    assert node.count("eth_chainId") == 1


async def test_send_is_never_tried_again(node, other, connect):
    endpoints = connect(node.http_url, other.http_url)
    await endpoints.connect()
    node.fail("eth_sendRawTransaction", Drop())
    with pytest.raises(CallError):
        await endpoints.send("eth_sendRawTransaction", "0x01")

    assert (node.count("eth_sendRawTransaction"), other.sent) == (1, [])


async def test_header_by_number_hash_and_tag_are_the_same(node, endpoints):
    head = node.mine()

    assert (await endpoints.header(1)).head == head
    assert (await endpoints.header(head.hash)).head == head
    assert (await endpoints.header("latest")).head == head


async def test_header_unknown_is_none(endpoints):
    assert await endpoints.header(99) is None
    assert await endpoints.header(b"\x01" * 32) is None


async def test_header_lagging_endpoint_is_passed_over(node, other, connect):
    head = other.mine()

    assert (await connect(node.http_url, other.http_url).header(head.hash)).head == head


async def test_header_of_another_block_is_malformed(node, endpoints):
    head = node.mine()
    node.fail("eth_getBlockByHash", Result(node._header_json(node.blocks[0])))
    with pytest.raises(CallError, match="another block than asked for"):
        await endpoints.header(head.hash)


@pytest.mark.parametrize(
    "change",
    [
        {"number": None},
        {"hash": "0x1234"},
        {"timestamp": "12"},
        {"baseFeePerGas": "-0x1"},
        {"gasLimit": hex(2**64)},
        {"logsBloom": "0x00"},
    ],
)
async def test_header_of_another_shape_is_malformed(node, endpoints, change):
    node.fail("eth_getBlockByNumber", Rewrite(lambda frame: {**frame, "result": {**frame["result"], **change}}))
    with pytest.raises(CallError) as caught:
        await endpoints.header("latest")

    assert caught.value.fault.kind is FaultKind.MALFORMED


async def test_header_without_a_base_fee_is_of_a_chain_without_one(node, endpoints):
    await endpoints.connect()

    def without(frame):
        return {**frame, "result": {k: v for k, v in frame["result"].items() if k != "baseFeePerGas"}}

    node.fail("eth_getBlockByNumber", Rewrite(without))

    assert (await endpoints.header("latest")).head.base_fee_wei == 0


async def test_header_with_fields_of_a_later_fork_is_read(node, endpoints):
    later = {"requestsHash": "0x" + "11" * 32, "blockAccessListHash": None, "transactions": [{"type": "0x7e"}]}
    node.fail("eth_getBlockByNumber", Rewrite(lambda frame: {**frame, "result": {**frame["result"], **later}}))

    assert (await endpoints.header("latest")).head == node.head


async def test_ancestors_stop_where_the_chain_leads_elsewhere(node, endpoints):
    for _ in range(6):
        node.mine()

    orphan = node.head
    node.reorg(2)  # 5 and 6 go
    for _ in range(3):
        node.mine()

    assert [head.number for head in await endpoints.ancestors(node.head, 4)] == [6, 5, 4, 3]
    assert [head.number for head in await endpoints.ancestors(node.head, 99)] == [6, 5, 4, 3, 2, 1, 0]
    assert await endpoints.ancestors(orphan, 4) == []
    assert await endpoints.ancestors(node.blocks[0].head, 4) == []
