"""One endpoint over each of the three transports, in order and out of it."""

import asyncio
import gzip
import json

import pytest

from keeper.chain.envelope import Request
from keeper.chain.faults import CallError
from keeper.chain.phrases import FaultKind
from keeper.chain.rpc import Deadlines, Rpc, redact_url
from keeper.chain.transport import Limits
from keeper.config.urls import parse_rpc_url
from tests.fakes.node import Body, Cut, Drop, Error, FakeNode, Hang, Rewrite, Status

BRISK = Deadlines(heads_s=0.6, reads_s=0.6, logs_s=0.9, sends_s=0.6, patient_s=0.9)


@pytest.fixture
async def node(tmp_path):
    async with FakeNode().serve(tmp_path) as running:
        yield running


@pytest.fixture(params=["http", "ws", "ipc"])
async def rpc(node, request):
    endpoint = Rpc(getattr(node, f"{request.param}_url"), BRISK)
    yield endpoint
    await endpoint.close()


@pytest.fixture(params=["ws", "ipc"])
async def duplex(node, request):
    endpoint = Rpc(getattr(node, f"{request.param}_url"), BRISK)
    yield endpoint
    await endpoint.close()


@pytest.fixture
async def http(node):
    endpoint = Rpc(node.http_url, BRISK)
    yield endpoint
    await endpoint.close()


async def kind_of(awaitable) -> FaultKind:
    with pytest.raises(CallError) as caught:
        await awaitable

    assert "SECRETKEY" not in str(caught.value)
    # What the library said would print the URL.
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.fault.kind


async def test_call_answers_over_every_transport(rpc):
    assert await rpc.call("eth_chainId") == hex(31_337)


async def test_batch_keeps_the_order_and_each_its_own_fault(rpc):
    answers = await rpc.batch([Request("eth_chainId"), Request("eth_nope"), Request("eth_blockNumber")])

    assert answers[0].value(str) == "0x7a69"
    assert answers[1].fault.kind is FaultKind.UNSUPPORTED
    assert answers[2].value(str) == "0x0"


async def test_batch_longer_than_the_limit_is_cut(node):
    endpoint = Rpc(node.http_url, BRISK, Limits(max_batch=2))
    answers = await endpoint.batch([Request("eth_chainId")] * 5)
    await endpoint.close()

    assert [a.value(str) for a in answers] == ["0x7a69"] * 5


async def test_batch_of_nothing_asks_nothing(node, rpc):
    assert await rpc.batch([]) == []
    assert node.asked == []


async def test_calls_side_by_side_each_get_their_own_answer(node, rpc):
    node.mine()
    wanted = ["0x0", "0x1"] * 10
    found = await asyncio.gather(*(rpc.call("eth_getBlockByNumber", (number, False)) for number in wanted))

    assert [block["number"] for block in found] == wanted


async def test_call_hanging_node_times_out(node, rpc):
    node.fail("eth_chainId", Hang())

    assert await kind_of(rpc.call("eth_chainId")) is FaultKind.TIMEOUT


async def test_call_after_a_timeout_works_again(node, rpc):
    node.fail("eth_chainId", Hang(), times=1)
    await kind_of(rpc.call("eth_chainId"))

    assert await rpc.call("eth_chainId") == "0x7a69"


async def test_call_dropped_connection_is_a_transport_fault_and_the_next_call_reconnects(node, rpc):
    await rpc.call("eth_chainId")
    node.fail("eth_chainId", Drop(), times=1)

    assert await kind_of(rpc.call("eth_chainId")) is FaultKind.TRANSPORT
    assert await rpc.call("eth_chainId") == "0x7a69"


async def test_call_reconnection_shows_in_the_generation(node, duplex):
    await duplex.call("eth_chainId")
    first = duplex.generation
    node.hang_up()
    await let_it_notice()

    assert await duplex.call("eth_chainId") == "0x7a69"
    assert duplex.generation == first + 1


async def let_it_notice():
    """Let the endpoint notice that its connection is gone."""
    for _ in range(50):
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_call_refused_connection_never_left(scheme):
    endpoint = Rpc(parse_rpc_url(f"{scheme}://127.0.0.1:1/SECRETKEY"), BRISK)
    with pytest.raises(CallError) as caught:
        await endpoint.call("eth_chainId")

    await endpoint.close()
    assert (caught.value.fault.kind, caught.value.fault.unsent) == (FaultKind.TRANSPORT, True)
    assert "SECRETKEY" not in str(caught.value)


async def test_call_missing_socket_never_left(tmp_path):
    endpoint = Rpc(parse_rpc_url(f"ipc://{tmp_path}/none.ipc"), BRISK)
    with pytest.raises(CallError) as caught:
        await endpoint.call("eth_chainId")

    assert caught.value.fault.unsent


async def test_call_answer_under_another_id_is_refused(node, http):
    node.fail("eth_chainId", Rewrite(lambda frame: {**frame, "id": frame["id"] + 1}))

    assert await kind_of(http.call("eth_chainId")) is FaultKind.MALFORMED


async def test_call_answer_under_another_id_never_arrives_on_a_stream(node, duplex):
    node.fail("eth_chainId", Rewrite(lambda frame: {**frame, "id": frame["id"] + 1}))

    assert await kind_of(duplex.call("eth_chainId")) is FaultKind.TIMEOUT


async def test_call_answer_under_a_text_id_is_refused(node, http):
    node.fail("eth_chainId", Rewrite(lambda frame: {**frame, "id": str(frame["id"])}))

    assert await kind_of(http.call("eth_chainId")) is FaultKind.MALFORMED


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>busy</html>", b'{"jsonrpc":"2.0","id":1,"result":', b"[]", b"7", b"\xff\xfe", b"[" * 100_000],
)
async def test_call_answer_that_is_no_json_rpc_is_malformed(node, http, body):
    node.fail("eth_chainId", Body(body))

    assert await kind_of(http.call("eth_chainId")) is FaultKind.MALFORMED


async def test_call_answer_with_neither_result_nor_error_is_malformed(node, http):
    node.fail("eth_chainId", Rewrite(lambda frame: {"jsonrpc": "2.0", "id": frame["id"]}))

    assert await kind_of(http.call("eth_chainId")) is FaultKind.MALFORMED


async def test_call_result_beside_a_null_error_is_a_result(node, rpc):
    node.fail("eth_chainId", Rewrite(lambda frame: {**frame, "error": None}))

    assert await rpc.call("eth_chainId") == "0x7a69"


async def test_call_null_result_is_null(rpc):
    assert await rpc.call("eth_getTransactionReceipt", ("0x00",)) is None


@pytest.mark.parametrize("status", [500, 502, 503, 504, 401, 302])
async def test_call_gateway_page_is_a_transport_fault(node, http, status):
    node.fail("eth_chainId", Status(status, headers=(("Location", "http://127.0.0.1:1/"),)))

    assert await kind_of(http.call("eth_chainId")) is FaultKind.TRANSPORT


async def test_call_answer_cut_off_on_the_way_is_a_transport_fault(node, http):
    node.fail("eth_chainId", Cut(), times=1)

    assert await kind_of(http.call("eth_chainId")) is FaultKind.TRANSPORT
    assert await http.call("eth_chainId") == "0x7a69"


async def test_call_429_keeps_the_wait_the_server_asked_for(node, http):
    node.fail("eth_chainId", Status(429, headers=(("Retry-After", "3"),)))
    with pytest.raises(CallError) as caught:
        await http.call("eth_chainId")

    assert (caught.value.fault.kind, caught.value.fault.retry_after_s) == (FaultKind.RATE_LIMITED, 3.0)


async def test_batch_refused_as_a_whole_fails_every_request(node, http):
    refusal = json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": -32005, "message": "limit exceeded"}})
    node.fail("eth_chainId", Body(refusal.encode()))
    answers = await http.batch([Request("eth_chainId")] * 2)

    assert [a.fault.kind for a in answers] == [FaultKind.RATE_LIMITED] * 2


async def test_batch_with_an_answer_missing_is_malformed(node, http):
    node.fail("eth_chainId", Body(b'[{"jsonrpc":"2.0","id":1,"result":"0x1"}]'))

    assert await kind_of(http.batch([Request("eth_chainId")] * 2)) is FaultKind.MALFORMED


async def test_batch_with_an_answer_given_twice_is_malformed(node, http):
    frame = b'{"jsonrpc":"2.0","id":1,"result":"0x1"}'
    node.fail("eth_chainId", Body(b"[" + frame + b"," + frame + b"]"))

    assert await kind_of(http.batch([Request("eth_chainId")] * 2)) is FaultKind.MALFORMED


async def test_call_error_text_with_a_url_is_not_repeated(node, rpc):
    node.fail("eth_chainId", Error(-32000, "upstream https://x.example/SECRETKEY failed"))

    assert await kind_of(rpc.call("eth_chainId")) is FaultKind.NODE


@pytest.mark.parametrize("scheme", ["http", "ws", "ipc"])
async def test_call_answer_beyond_the_limit_is_cut_off(node, scheme):
    endpoint = Rpc(getattr(node, f"{scheme}_url"), BRISK, Limits(max_body_bytes=10_000))
    node.fail("eth_chainId", Rewrite(lambda frame: {**frame, "result": "0x" + "00" * 20_000}), times=1)
    kind = await kind_of(endpoint.call("eth_chainId"))
    again = await endpoint.call("eth_chainId")
    await endpoint.close()

    # A stream cannot tell whose answer it was, so it ends.
    assert kind is (FaultKind.OVERSIZED if scheme == "http" else FaultKind.TRANSPORT)
    assert again == "0x7a69"


async def test_call_zip_bomb_is_counted_after_decompression(node):
    bomb = gzip.compress(b'{"jsonrpc":"2.0","id":1,"result":"0x' + b"0" * 1_000_000 + b'"}')
    node.fail("eth_chainId", Status(200, headers=()))
    endpoint = Rpc(node.http_url, BRISK, Limits(max_body_bytes=100_000))

    async def compressed(_request, _fault):
        from aiohttp import web

        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    node._misbehave = compressed
    kind = await kind_of(endpoint.call("eth_chainId"))
    await endpoint.close()

    assert len(bomb) < 100_000
    assert kind is FaultKind.OVERSIZED


async def test_subscribe_delivers_heads_in_order(node, duplex):
    subscription = await duplex.subscribe("newHeads")
    mined = [node.mine() for _ in range(3)]
    found = [json.loads(await subscription.next()) for _ in mined]

    assert [head["hash"] for head in found] == ["0x" + head.hash.hex() for head in mined]


async def test_subscribe_notification_before_the_answer_is_kept(node, duplex):
    """Both travel on one connection, and nothing says which is routed first."""
    await duplex.call("eth_chainId")

    def overtake(frame):
        params = {"subscription": "0x9", "result": {"early": True}}
        notice = {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}
        duplex._transport._board.deliver(json.dumps(notice).encode())
        return {"jsonrpc": "2.0", "id": frame["id"], "result": "0x9"}

    node.fail("eth_subscribe", Rewrite(overtake), times=1)
    subscription = await duplex.subscribe("newHeads")

    assert json.loads(await subscription.next()) == {"early": True}


async def test_subscription_lost_connection_raises_after_what_arrived(node, duplex):
    subscription = await duplex.subscribe("newHeads")
    head = node.mine()
    await let_it_notice()
    node.hang_up()

    assert json.loads(await subscription.next())["number"] == hex(head.number)
    assert await kind_of(subscription.next()) is FaultKind.TRANSPORT


async def test_subscription_slow_reader_keeps_the_newest_and_counts_the_rest(duplex):
    subscription = await duplex.subscribe("newHeads")
    for i in range(300):
        subscription.put(b"%d" % i)

    assert subscription.dropped == 44  # 300 - 256
    assert await subscription.next() == b"44"


async def test_subscribe_over_http_is_declined(http):
    assert await kind_of(http.subscribe("newHeads")) is FaultKind.UNSUPPORTED


async def test_call_half_open_connection_is_replaced(node, duplex):
    """No close frame ever comes: only the silence tells, and only a new connection helps."""
    await duplex.call("eth_chainId")
    node.mute = True
    await kind_of(duplex.call("eth_chainId"))
    node.mute = False

    assert await duplex.call("eth_chainId") == "0x7a69"
    assert node.connections == 2


async def test_call_slow_answer_on_a_live_connection_keeps_it(node, duplex):
    await duplex.call("eth_chainId")
    node.fail("eth_getLogs", Hang())
    slow = asyncio.ensure_future(kind_of(duplex.call("eth_getLogs", ({},))))
    await asyncio.sleep(0.05)
    await duplex.call("eth_chainId")

    assert await slow is FaultKind.TIMEOUT
    assert await duplex.call("eth_chainId") == "0x7a69"
    assert node.connections == 1


async def test_call_garbage_on_a_stream_ends_the_connection(node, duplex):
    node.fail("eth_chainId", Body(b"<html>"), times=1)

    assert await kind_of(duplex.call("eth_chainId")) is FaultKind.TRANSPORT
    assert await duplex.call("eth_chainId") == "0x7a69"


async def test_close_while_another_call_reconnects_waits_for_neither(duplex):
    await duplex.call("eth_chainId")
    _, answer = await asyncio.wait_for(asyncio.gather(duplex.close(), duplex.call("eth_chainId")), 2)

    assert answer == "0x7a69"


async def test_close_twice_is_quiet(rpc):
    await rpc.call("eth_chainId")
    await rpc.close()
    await rpc.close()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@node.example:8545/v2/KEY?a=KEY", "https://node.example:8545/***"),
        ("wss://node.example", "wss://node.example"),
        ("ipc:///var/run/node.ipc", "ipc:///var/run/node.ipc"),
    ],
)
def test_redact_url_hides_what_may_be_a_credential(url, shown):
    assert redact_url(url) == shown
