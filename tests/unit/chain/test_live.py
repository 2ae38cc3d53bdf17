"""The port over nodes: what is sent once, what is simulated where, and what null means."""

import time

import pytest
from eth_hash.auto import keccak

from keeper.chain.faults import CallError
from keeper.chain.live import ChainSettings, LiveChain, open_chain
from keeper.chain.phrases import FaultKind, Refusal
from keeper.chain.port import Hypothesis
from keeper.config.urls import parse_rpc_url
from keeper.errors import ConfigError, ReorgError, RpcError, SubmissionError
from keeper.types import Address, BlockTarget, Call, LogQuery, Returned
from tests.fakes.node import Drop, Error, Hang, Result, Status, event

RAW = bytes.fromhex("02f8aa")
ACCOUNT = Address(b"\x42" * 20)
CALL = Call(Address(b"\x07" * 20), b"\x01\x02\x03\x04", sender=ACCOUNT, gas=90_000)
HYPOTHESIS = Hypothesis(BlockTarget(11, 1_700_000_999, 7 * 10**9, 1_700_001_999), Address(b"\xcb" * 20))


@pytest.fixture
def chain(node, endpoints):
    return LiveChain(endpoints, ChainSettings(31_337, [node.http_url]))


# Sending --------------------------------------------------------------------------------------------------------


async def test_send_raw_returns_the_hash_of_what_was_signed(node, chain):
    assert await chain.send_raw(RAW) == keccak(RAW)
    assert node.sent == ["0x02f8aa"]


@pytest.mark.parametrize("message", ["already known", "transaction already imported"])
async def test_send_raw_known_to_the_pool_is_success(node, chain, message):
    node.fail("eth_sendRawTransaction", Error(-32000, message))

    assert await chain.send_raw(RAW) == keccak(RAW)


async def test_send_raw_hash_of_another_transaction_is_not_taken_over(node, chain):
    node.fail("eth_sendRawTransaction", Result("0x" + "99" * 32))

    assert await chain.send_raw(RAW) == keccak(RAW)


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [
        (Error(-32003, "nonce too low"), Refusal.NONCE_TOO_LOW),
        (Error(-32003, "replacement transaction underpriced"), Refusal.UNDERPRICED),
        (Error(-32003, "max fee per gas less than block base fee"), Refusal.FEE_TOO_LOW),
        (Error(-32003, "Insufficient funds for gas * price + value"), Refusal.INSUFFICIENT_FUNDS),
        (Error(-32602, "Failed to decode transaction"), Refusal.REJECTED),
        (Drop(), Refusal.AMBIGUOUS),
        (Hang(), Refusal.AMBIGUOUS),
        (Status(502), Refusal.AMBIGUOUS),
        (Status(429), Refusal.UNREACHED),
    ],
)
async def test_send_raw_refusal_says_whether_it_may_have_left(node, chain, fault, refusal):
    node.fail("eth_sendRawTransaction", fault)
    with pytest.raises(SubmissionError) as caught:
        await chain.send_raw(RAW)

    assert caught.value.data["refusal"] is refusal
    assert "02f8aa" not in str(caught.value)
    assert node.count("eth_sendRawTransaction") == 1


async def test_send_raw_without_a_connection_never_left(connect):
    url = parse_rpc_url("http://127.0.0.1:1")
    with pytest.raises(SubmissionError) as caught:
        await LiveChain(connect(url), ChainSettings(31_337, [url])).send_raw(RAW)

    assert caught.value.data["refusal"] is Refusal.UNREACHED


# Account ------------------------------------------------------------------------------------------------------------


async def test_account_questions_are_answered(node, chain):
    node.codes[ACCOUNT] = b"\xef\x01\x00"

    assert await chain.nonce(ACCOUNT) == 5
    assert await chain.nonce(ACCOUNT, pending=True) == 7
    assert await chain.balance(ACCOUNT) == 10**20
    assert await chain.code(ACCOUNT) == b"\xef\x01\x00"
    assert chain.chain_id == 31_337


@pytest.mark.parametrize("method", ["eth_getTransactionCount", "eth_getBalance", "eth_getCode"])
async def test_account_null_is_unknown_never_zero(node, chain, method):
    node.fail(method, Result(None))
    ask = {"eth_getTransactionCount": chain.nonce, "eth_getBalance": chain.balance, "eth_getCode": chain.code}[method]
    with pytest.raises(CallError):
        await ask(ACCOUNT)


def receipt_json(**changes):
    plain = {
        "transactionHash": "0x" + keccak(RAW).hex(),
        "blockHash": "0x" + "bb" * 32,
        "blockNumber": "0x10",
        "transactionIndex": "0x2",
        "status": "0x1",
        "gasUsed": "0x5208",
        "effectiveGasPrice": "0x3b9aca00",
        "logs": [],
        "type": "0x2",
    }
    return {**plain, **changes}


async def test_receipt_is_decoded(node, chain):
    node.fail("eth_getTransactionReceipt", Result(receipt_json()))
    receipt = await chain.receipt(keccak(RAW))

    assert (receipt.tx_hash, receipt.block_hash, receipt.block_number) == (keccak(RAW), b"\xbb" * 32, 16)
    assert (receipt.index, receipt.status, receipt.gas_used) == (2, 1, 21_000)
    assert (receipt.effective_gas_price_wei, receipt.logs) == (10**9, ())


async def test_receipt_of_a_type_and_with_fields_of_a_later_fork_is_read(node, chain):
    later = receipt_json(type="0x7e", blobGasUsed="0x20000", depositNonce=None, fieldOfALaterFork={"a": ["0x1"]})
    node.fail("eth_getTransactionReceipt", Result(later))

    assert (await chain.receipt(keccak(RAW))).status == 1


async def test_a_transaction_is_known_when_a_node_has_it(node, chain):
    node.fail("eth_getTransactionByHash", Result({"hash": "0x" + "07" * 32, "blockHash": None}))
    assert await chain.knows(b"\x07" * 32)


async def test_a_transaction_no_node_has_is_not_known(node, chain):
    node.fail("eth_getTransactionByHash", Result(None))
    assert not await chain.knows(b"\x07" * 32)
    assert node.asked[-1] == ("eth_getTransactionByHash", ["0x" + "07" * 32])


async def test_a_node_that_cannot_say_whether_it_has_a_transaction_is_an_error(node, chain):
    node.fail("eth_getTransactionByHash", Error(-32000, "internal error"))
    with pytest.raises(RpcError):
        await chain.knows(b"\x07" * 32)


async def test_receipt_null_is_not_mined_as_far_as_known(chain):
    assert await chain.receipt(keccak(RAW)) is None


@pytest.mark.parametrize(
    "changes", [{"status": None}, {"blockNumber": None}, {"status": "0x2"}, {"transactionHash": "0x" + "99" * 32}]
)
async def test_receipt_of_another_shape_is_refused(node, chain, changes):
    node.fail("eth_getTransactionReceipt", Result(receipt_json(**changes)))
    with pytest.raises(CallError) as caught:
        await chain.receipt(keccak(RAW))

    assert caught.value.fault.kind is FaultKind.MALFORMED


# Simulating ---------------------------------------------------------------------------------------------------------


class Evm:
    """A node that runs calls in the block its dialect of overrides names, or in the head's."""

    def __init__(self, node, dialect):
        self.dialect = dialect
        self.answer = b"\x2a"
        self.seen = []
        node.answers_calls = self._eth_call

    def _eth_call(self, sent, overrides):
        number, time, coinbase = 0, 0, 0
        if overrides is not None and self.dialect is not None:
            number, time = int(overrides["number"], 16), int(overrides["time"], 16)
            coinbase = int(overrides.get(self.dialect, "0x0"), 16)

        if "to" not in sent:
            return b"".join(n.to_bytes(32, "big") for n in (number, time, coinbase))

        self.seen.append((sent, overrides))
        return self.answer


@pytest.mark.parametrize("dialect", ["feeRecipient", "coinbase"])
async def test_simulate_runs_in_the_block_aimed_for_in_either_dialect(node, chain, dialect):
    evm = Evm(node, dialect)
    first = await chain.simulate(CALL, node.head, HYPOTHESIS)
    before = len(evm.seen)
    second = await chain.simulate(CALL, node.head, HYPOTHESIS)
    sent, overrides = evm.seen[-1]

    assert first == second == Returned(ok=True, data=b"\x2a")
    assert len(evm.seen) == before + 1  # the dialect is remembered
    assert (sent["from"], sent["gas"]) == ("0x" + ACCOUNT.hex(), "0x15f90")
    assert (overrides["number"], overrides["time"]) == ("0xb", hex(1_700_000_999))
    assert overrides[dialect] == "0x" + "cb" * 20


async def test_simulate_node_that_ignores_the_overrides_is_not_believed(node, chain):
    """It would answer, with debts and auctions as of the head's own timestamp."""
    Evm(node, None)
    with pytest.raises(CallError, match="the overrides are ignored"):
        await chain.simulate(CALL, node.head, HYPOTHESIS)


async def test_simulate_asks_a_node_that_honours_the_overrides(node, other, connect):
    Evm(node, None)
    Evm(other, "feeRecipient").answer = b"\x07"
    chain = LiveChain(connect(node.http_url, other.http_url), ChainSettings(31_337, []))

    assert (await chain.simulate(CALL, node.head, HYPOTHESIS)).data == b"\x07"


async def test_simulate_revert_is_an_answer(node, chain):
    Evm(node, "feeRecipient").answer = Error(3, "execution reverted", "0xdeadbeef")

    assert await chain.simulate(CALL, node.head, HYPOTHESIS) == Returned(ok=False, data=b"\xde\xad\xbe\xef")


async def test_simulate_on_an_orphaned_head_is_a_reorg(node, chain):
    Evm(node, "feeRecipient")
    orphan = node.mine()
    node.reorg(1)
    with pytest.raises(ReorgError):
        await chain.simulate(CALL, orphan, HYPOTHESIS)


# The rest -----------------------------------------------------------------------------------------------------------


async def test_port_heads_logs_and_headers_agree(node, chain):
    head = node.mine(event(ACCOUNT))

    assert await chain.latest() == head
    assert await chain.header(head.hash) == await chain.header(1) == head
    assert await chain.logs([LogQuery((ACCOUNT,), ())], 1, head) == list(node.blocks[1].logs)


async def test_backfill_reader_keeps_to_its_rate(node, chain):
    for _ in range(3):
        node.mine(event(ACCOUNT))

    started = time.monotonic()
    reader = chain.backfill_reader(requests_per_s=2)
    found = await reader.between([LogQuery((ACCOUNT,), ()), LogQuery((), ())], 1, node.head)

    # Two queries and a header: the third has to wait for the second second.
    assert time.monotonic() - started >= 0.9
    assert found == [log for block in node.blocks for log in block.logs]


async def test_open_chain_wrong_id_is_a_configuration_error(node):
    with pytest.raises(ConfigError, match="serves chain 31337"):
        await open_chain(ChainSettings(5, [node.http_url]))


async def test_open_chain_nothing_answers_is_one_clear_error():
    with pytest.raises(RpcError, match=r"no endpoint of \[chain\] rpc answers: http://127.0.0.1:1: .*cannot connect"):
        await open_chain(ChainSettings(5, [parse_rpc_url("http://127.0.0.1:1")]))


async def test_open_chain_answers_and_closes_twice(node):
    chain = await open_chain(ChainSettings(31_337, [node.http_url, node.ws_url]))

    assert await chain.latest() == node.head
    await chain.close()
    await chain.close()
