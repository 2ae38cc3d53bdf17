"""Reads at one block: together where possible, and never one for the fault of another."""

import pytest

from keeper.chain.faults import CallError
from keeper.chain.phrases import FaultKind
from keeper.chain.reads import FAILED, MULTICALL3, PinnedReads, ReadLimits
from keeper.chain.rpc import Deadlines
from keeper.chain.transport import Limits
from keeper.errors import ReorgError
from keeper.protocols.reads import ask
from keeper.types import Address, BalanceAt, Call, CodeAt, Returned, StorageAt
from tests.fakes.multicall import GAUGE_ANSWER, call, calls_of, results
from tests.fakes.node import Body, Drop, Error, Hang, Result

pytestmark = pytest.mark.usefixtures("contracts")

STORED = Address(b"\x77" * 20)


class Contracts:
    """Multicall3 and what it calls, priced: a burner eats all the gas of whatever it shares a call with."""

    def __init__(self, node):
        self.answers = {}
        self.burners = set()
        self.starved = Returned(ok=False, data=b"")
        self.asked = []
        node.answers_calls = self._eth_call
        node.codes[MULTICALL3] = b"\x60"

    def _eth_call(self, sent, _overrides):
        target, data = bytes.fromhex(sent["to"][2:]), bytes.fromhex(sent["data"][2:])
        if target != MULTICALL3:
            self.asked.append(1)
            if target in self.burners:
                return Error(-32000, "out of gas")

            found = self._one(target)
            return found.data if found.ok else Error(3, "execution reverted", "0x" + found.data.hex())

        calls = calls_of(data)[:-1]
        self.asked.append(len(calls))
        if not self.burners & {to for to, _ in calls}:
            return results([*[self._one(to) for to, _ in calls], GAUGE_ANSWER])

        found, starving = [], False
        for to, _ in calls:
            starving = starving or to in self.burners
            found.append(self.starved if starving else self._one(to))

        return results([*found, (False, b"")])

    def _one(self, target):
        return self.answers.get(target, Returned(ok=True, data=target))


@pytest.fixture
def contracts(node):
    return Contracts(node)


@pytest.fixture
def reads(endpoints):
    return PinnedReads(endpoints)


async def found_multicall(reads, node):
    """Past the first round, in which Multicall3 is looked for."""
    await reads.answer([call(250), call(251)], node.head.hash)
    node.asked.clear()


def good(n: int) -> Returned:
    return Returned(ok=True, data=n.to_bytes(20, "big"))


async def test_run_drives_a_read_round_by_round(node, reads):
    def read():
        (first,) = yield from ask(call(1))
        (second,) = yield from ask(Call(Address(first.data), b"\x02"))
        return first, second

    assert await reads.run(read(), node.head.hash) == (good(1), good(1))


async def test_run_read_that_asks_nothing_touches_no_node(node, reads):
    def read():
        return 7
        yield ()

    assert await reads.run(read(), node.head.hash) == 7
    assert node.asked == []


async def test_run_closes_the_read_where_the_node_fails(node, reads):
    closed = []

    def read():
        try:
            yield (call(1),)
        finally:
            closed.append(True)

    node.fail("eth_call", Drop())
    with pytest.raises(CallError):
        await reads.run(read(), node.head.hash)

    assert closed == [True]


async def test_answer_plain_calls_share_one_request(node, reads):
    await found_multicall(reads, node)

    assert await reads.answer([call(n) for n in range(1, 46)], node.head.hash) == tuple(good(n) for n in range(1, 46))
    assert node.count("eth_call") == 1


async def test_answer_every_request_names_the_block_by_hash(node, reads):
    await found_multicall(reads, node)
    head = node.mine()
    await reads.answer([call(1), call(2), StorageAt(STORED, 3), CodeAt(STORED), BalanceAt(STORED)], head.hash)
    places = [params[2 if method == "eth_getStorageAt" else 1] for method, params in node.asked]

    assert places == [{"blockHash": "0x" + head.hash.hex(), "requireCanonical": True}] * 4


async def test_answer_storage_code_and_balance_come_as_bytes(node, reads):
    node.codes[STORED] = b"\x60\x01"
    found = await reads.answer([StorageAt(STORED, 2**255), CodeAt(STORED), BalanceAt(STORED)], node.head.hash)

    # The fake's storage holds slot + 1, its balances are 100 ether.
    assert found == (
        Returned(ok=True, data=(2**255 + 1).to_bytes(32, "big")),
        Returned(ok=True, data=b"\x60\x01"),
        Returned(ok=True, data=(10**20).to_bytes(32, "big")),
    )


async def test_answer_call_with_a_sender_gas_or_value_goes_alone(node, reads):
    await found_multicall(reads, node)
    alone = [
        Call(call(1).to, b"", sender=STORED),
        Call(call(1).to, b"", gas=50_000),
        Call(call(1).to, b"", value_wei=5),
    ]
    await reads.answer([call(2), call(3), *alone], node.head.hash)
    sent = [params[0] for method, params in node.asked if method == "eth_call"]

    assert [{k: v for k, v in one.items() if k in ("from", "gas", "value")} for one in sent] == [
        {},
        {"from": "0x" + STORED.hex()},
        {"gas": "0xc350"},
        {"value": "0x5"},
    ]


async def test_answer_same_question_twice_is_asked_once(node, reads, contracts):
    await found_multicall(reads, node)
    contracts.asked.clear()

    assert await reads.answer([call(1), call(2), call(1)], node.head.hash) == (good(1), good(2), good(1))
    assert contracts.asked == [2]


async def test_answer_without_multicall_uses_a_batch_of_calls(node, reads):
    del node.codes[MULTICALL3]
    for _ in range(2):
        assert await reads.answer([call(1), call(2)], node.head.hash) == (good(1), good(2))

    assert node.count("eth_call") == 4


async def test_answer_multicall_of_a_later_block_is_done_without(node, reads):
    await found_multicall(reads, node)
    before = node.answers_calls
    node.answers_calls = lambda sent, more: b"" if sent["to"] == "0x" + MULTICALL3.hex() else before(sent, more)

    assert await reads.answer([call(1), call(2)], node.head.hash) == (good(1), good(2))


async def test_answer_something_else_at_the_address_is_not_believed(node, reads):
    await found_multicall(reads, node)
    before = node.answers_calls
    node.answers_calls = lambda sent, more: b"\1" * 96 if sent["to"] == "0x" + MULTICALL3.hex() else before(sent, more)

    assert await reads.answer([call(1), call(2), call(3)], node.head.hash) == (good(1), good(2), good(3))


async def test_answer_chunks_stay_below_the_limits(node, endpoints, contracts):
    reads = PinnedReads(endpoints, limits=ReadLimits(max_calls=10, max_calldata_bytes=1_000))
    await found_multicall(reads, node)
    contracts.asked.clear()
    wanted = [call(n) for n in range(1, 26)] + [call(n, 400) for n in range(100, 105)]
    await reads.answer(wanted, node.head.hash)

    # 25 small ones by tens; five small and two large make 820 bytes, then two large, and one left alone.
    assert contracts.asked == [10, 10, 7, 2, 1]


async def test_answer_revert_with_data_is_an_answer(node, reads, contracts):
    await found_multicall(reads, node)
    contracts.answers[call(2).to] = Returned(ok=False, data=b"\xde\xad\xbe\xef")

    assert await reads.answer([call(1), call(2), call(3)], node.head.hash) == (
        good(1),
        Returned(ok=False, data=b"\xde\xad\xbe\xef"),
        good(3),
    )
    assert node.count("eth_call") == 1


async def test_answer_silent_failure_is_asked_again_alone(node, reads, contracts):
    """It may have wanted more gas than a shared call leaves it."""
    await found_multicall(reads, node)
    contracts.answers[call(2).to] = FAILED
    contracts.asked.clear()

    assert await reads.answer([call(1), call(2), call(3)], node.head.hash) == (good(1), FAILED, good(3))
    assert contracts.asked == [3, 1]


async def test_answer_burner_costs_nobody_else_an_answer(node, reads, contracts):
    await found_multicall(reads, node)
    contracts.burners.add(call(13).to)
    found = await reads.answer([call(n) for n in range(1, 41)], node.head.hash)

    assert found == tuple(FAILED if n == 13 else good(n) for n in range(1, 41))


async def test_answer_starved_neighbour_that_lies_is_not_believed(node, reads, contracts):
    """A contract that catches its own failures answers "successfully", but wrong, when it is starved."""
    await found_multicall(reads, node)
    contracts.burners.add(call(2).to)
    contracts.starved = Returned(ok=True, data=b"wrong")
    found = await reads.answer([call(n) for n in range(1, 6)], node.head.hash)

    assert found == (good(1), FAILED, good(3), good(4), good(5))


async def test_answer_beyond_the_cap_is_a_failed_read(node, endpoints, contracts):
    reads = PinnedReads(endpoints, limits=ReadLimits(max_answer_bytes=2_000))
    await found_multicall(reads, node)
    contracts.answers[call(2).to] = Returned(ok=True, data=bytes(2_001))
    contracts.answers[call(4).to] = Returned(ok=True, data=bytes(2_000))

    together = await reads.answer([call(n) for n in range(1, 5)], node.head.hash)
    alone = await reads.answer([call(2)], node.head.hash)

    assert together == (good(1), FAILED, good(3), Returned(ok=True, data=bytes(2_000)))
    assert alone == (FAILED,)


async def test_answer_batch_beyond_the_body_limit_is_sent_in_halves(node, connect):
    reads = PinnedReads(connect(node.http_url, limits=Limits(max_body_bytes=100_000)))
    await found_multicall(reads, node)
    node.fail("eth_call", Body(b"0" * 200_000), times=1)
    wanted = [call(1), call(2), StorageAt(STORED, 1), StorageAt(STORED, 2)]
    found = await reads.answer(wanted, node.head.hash)

    assert found[:2] == (good(1), good(2))
    assert [one.data[-1] for one in found[2:]] == [2, 3]


async def test_answer_giant_costs_nobody_else_an_answer(node, connect, contracts):
    endpoints = connect(node.http_url, limits=Limits(max_body_bytes=100_000), deadlines=Deadlines())
    reads = PinnedReads(endpoints)
    await found_multicall(reads, node)
    contracts.answers[call(5).to] = Returned(ok=True, data=bytes(100_000))
    found = await reads.answer([call(n) for n in range(1, 9)], node.head.hash)

    assert found == tuple(FAILED if n == 5 else good(n) for n in range(1, 9))


@pytest.mark.parametrize(
    "fault", [Error(-32603, "EVM error OutOfGas"), Error(-32000, "execution aborted (timeout = 5s)")]
)
async def test_answer_call_that_halts_is_a_failed_read(node, reads, fault):
    node.fail("eth_call", fault)

    assert await reads.answer([call(1)], node.head.hash) == (FAILED,)


@pytest.mark.parametrize("code", [-32001, -32000])
async def test_answer_orphaned_block_is_a_reorg(node, reads, code):
    await found_multicall(reads, node)
    orphan = node.mine()
    node.reorg(1)
    if code == -32000:
        node.fail("*", Error(-32000, "header not found"))

    for wanted in ([call(1), call(2)], [StorageAt(STORED, 1)], [BalanceAt(STORED), CodeAt(STORED)]):
        with pytest.raises(ReorgError):
            await reads.answer(wanted, orphan.hash)


async def test_answer_block_another_node_knows_is_read_there(node, other, connect):
    head = other.mine()

    assert await PinnedReads(connect(node.http_url, other.http_url)).answer([BalanceAt(STORED)], head.hash)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Drop(), FaultKind.TRANSPORT),
        (Hang(), FaultKind.TIMEOUT),
        (Error(-32005, "limit exceeded"), FaultKind.RATE_LIMITED),
        (Error(-32000, "missing trie node"), FaultKind.PRUNED),
        (Error(-32000, "something nobody has seen"), FaultKind.NODE),
        (Result(None), FaultKind.MALFORMED),
        (Result("0xzz"), FaultKind.MALFORMED),
        (Result(7), FaultKind.MALFORMED),
    ],
)
async def test_answer_nodes_own_fault_is_never_an_answer(node, reads, fault, kind):
    node.fail("eth_call", fault)
    with pytest.raises(CallError) as caught:
        await reads.answer([call(1)], node.head.hash)

    assert caught.value.fault.kind is kind


async def test_answer_null_balance_is_unknown_not_zero(node, reads):
    node.fail("eth_getBalance", Result(None))
    with pytest.raises(CallError):
        await reads.answer([BalanceAt(STORED)], node.head.hash)
