"""A simulation is believed where no second endpoint contradicts it."""

import pytest

from keeper.chain.faults import CallError
from keeper.chain.live import ChainSettings, LiveChain
from keeper.errors import RpcError
from keeper.types import Returned
from tests.fakes.node import Error, Hang, Result, Status
from tests.unit.chain.test_live import CALL, HYPOTHESIS, Evm

FORTY_TWO = Returned(ok=True, data=b"\x2a")


@pytest.fixture
async def chain(node, other, connect):
    chain = LiveChain(connect(node.http_url, other.http_url), ChainSettings(31_337, []))
    await chain.endpoints.connect()
    return chain


def simulated(data="0x2a", status="0x1", **changes):
    """What eth_simulateV1 answers for one call in the block of HYPOTHESIS."""
    block = {
        "number": "0xb",
        "timestamp": hex(1_700_000_999),
        "miner": "0x" + "cb" * 20,
        "calls": [{"status": status, "returnData": data}],
    }
    return Result([{**block, **changes}])


async def test_simulate_asks_both_and_hands_out_what_both_say(node, other, chain):
    evms = [Evm(node, "feeRecipient"), Evm(other, "feeRecipient")]

    assert await chain.simulate(CALL, node.head, HYPOTHESIS) == FORTY_TWO
    assert [len(evm.seen) for evm in evms] == [1, 1]


@pytest.mark.parametrize("liar", [0, 1])
@pytest.mark.parametrize("lie", [b"\x2b", Error(3, "execution reverted", "0xdeadbeef"), Error(-32000, "out of gas")])
async def test_simulate_one_lying_node_is_not_believed_whichever_it_is(node, other, chain, liar, lie):
    evms = [Evm(node, "feeRecipient"), Evm(other, "feeRecipient")]
    evms[liar].answer = lie
    with pytest.raises(CallError, match="answers otherwise to call 1 of 1"):
        await chain.simulate(CALL, node.head, HYPOTHESIS)


async def test_simulate_nodes_of_different_dialects_are_compared(node, other, chain):
    Evm(node, "feeRecipient")
    Evm(other, "coinbase").answer = b"\x2b"
    with pytest.raises(CallError, match="answers otherwise"):
        await chain.simulate(CALL, node.head, HYPOTHESIS)


async def test_simulate_reverts_told_with_and_without_their_data_agree(node, other, chain):
    Evm(node, "feeRecipient").answer = Error(3, "execution reverted", "0xdeadbeef")
    Evm(other, "feeRecipient").answer = Error(3, "execution reverted")

    assert await chain.simulate(CALL, node.head, HYPOTHESIS) == Returned(ok=False, data=b"\xde\xad\xbe\xef")


@pytest.mark.parametrize(
    "fault", [Hang(), Status(503), Error(-32000, "header not found"), Error(-32601, "Method not found")]
)
async def test_simulate_second_node_that_cannot_say_is_no_contradiction(node, other, chain, fault):
    Evm(node, "feeRecipient")
    other.fail("eth_call", fault)

    assert await chain.simulate(CALL, node.head, HYPOTHESIS) == FORTY_TWO


async def test_simulate_in_turn_two_nodes_that_agree_are_believed(node, other, chain):
    for one in (node, other):
        one.fail("eth_simulateV1", simulated())

    assert await chain.simulate_in_turn([CALL], node.head, HYPOTHESIS) == (FORTY_TWO,)


@pytest.mark.parametrize("lie", [simulated("0x2b"), simulated("0x", "0x0")])
async def test_simulate_in_turn_one_lying_node_is_not_believed(node, other, chain, lie):
    node.fail("eth_simulateV1", lie)
    other.fail("eth_simulateV1", simulated())
    with pytest.raises(CallError, match="answers otherwise"):
        await chain.simulate_in_turn([CALL], node.head, HYPOTHESIS)


@pytest.mark.parametrize(
    "fault", [Error(-32601, "Method not found"), simulated(number="0xa"), simulated(status="?"), Result(None)]
)
async def test_simulate_in_turn_node_that_cannot_is_passed_over(node, other, chain, fault):
    node.fail("eth_simulateV1", fault)
    other.fail("eth_simulateV1", simulated())

    assert await chain.simulate_in_turn([CALL], node.head, HYPOTHESIS) == (FORTY_TWO,)


@pytest.mark.parametrize("fault", [simulated(number="0xa"), simulated(status="?"), simulated("nonsense"), Result(None)])
async def test_simulate_in_turn_that_nobody_answers_sensibly_is_an_error(node, other, chain, fault):
    for one in (node, other):
        one.fail("eth_simulateV1", fault)

    with pytest.raises(RpcError):
        await chain.simulate_in_turn([CALL], node.head, HYPOTHESIS)
