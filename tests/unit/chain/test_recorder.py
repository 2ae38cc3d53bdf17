"""What a pass was told can be told again, bit for bit; anything else is refused."""

import gzip
import os

import pytest
from eth_hash.auto import keccak

from keeper.chain.flight import FlightFileError, PassRecord, RunStart, read_flight
from keeper.chain.live import ChainSettings, LiveChain
from keeper.chain.phrases import Refusal
from keeper.chain.port import HeadEvent, Hypothesis
from keeper.chain.recorder import FlightRecorder, RecordingChain
from keeper.chain.replay import ReplayedChain, ReplayMismatchError
from keeper.errors import KeeperError, ReorgError, RpcError, SubmissionError
from keeper.protocols.base import Row
from keeper.protocols.reads import ask
from keeper.types import Address, BalanceAt, BlockTarget, Call, CodeAt, LogQuery, StorageAt
from tests.fakes.multicall import call
from tests.fakes.node import Drop, Error, Result, event

ACCOUNT = Address(b"\x42" * 20)
RAW = bytes.fromhex("02f8aabbccdd")
HYPOTHESIS = Hypothesis(BlockTarget(2, 1_700_000_999, 10**9, 1_700_001_999), Address(b"\xcb" * 20))
QUERY = LogQuery((ACCOUNT,), ((), (b"\x01" * 32,)))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "flight"


@pytest.fixture
def recorder(path):
    with FlightRecorder(path, keeper="0.1.0", chain_id=31_337, config="abc") as opened:
        yield opened


@pytest.fixture
def live(node, endpoints):
    def answers(sent, overrides):
        if "to" in sent:
            return bytes.fromhex(sent["to"][2:])

        words = (int(overrides["number"], 16), int(overrides["time"], 16), int(overrides["feeRecipient"], 16))
        return b"".join(n.to_bytes(32, "big") for n in words)

    node.answers_calls = answers
    return LiveChain(endpoints, ChainSettings(31_337, []))


@pytest.fixture
def recording(live, recorder):
    return RecordingChain(live, recorder)


def two_rounds():
    (first,) = yield from ask(call(1))
    wide = Call(ACCOUNT, first.data, value_wei=2**200, sender=ACCOUNT, gas=10**9)
    second = yield from ask(wide, StorageAt(ACCOUNT, 2**255), CodeAt(ACCOUNT), BalanceAt(ACCOUNT))
    return first, second


async def everything(chain, head):
    """One of each question a pass may ask; refusals are part of the answers."""
    return [
        await chain.reads(two_rounds(), head),
        await chain.logs([QUERY], head.number, head),
        await chain.logs([QUERY], 0, head),
        await chain.header(head.number),
        await chain.header(head.hash),
        await chain.header(99),
        await chain.simulate(call(3), head, HYPOTHESIS),
        await chain.nonce(ACCOUNT),
        await chain.nonce(ACCOUNT, pending=True),
        await chain.balance(ACCOUNT),
        await chain.code(ACCOUNT),
        await chain.receipt(keccak(RAW)),
        await chain.send_raw(RAW),
        chain.chain_id,
    ]


def passes(path):
    return [record for record in read_flight(path) if isinstance(record, PassRecord)]


async def recorded(recording, node, ask_chain):
    """Record one pass and what it was told."""
    recording.begin(HeadEvent(node.head, node.head.number, None, 0))
    told = await ask_chain(recording)
    recording.end([{"plan": "1", "profit": str(10**30)}])
    return told


async def test_replay_tells_the_same_without_a_node(node, recording, path):
    head = node.mine(event(ACCOUNT, b"\x02" * 32, b"\x01" * 32, data=b"\x05" * 40))
    told = await recorded(recording, node, lambda chain: everything(chain, head))
    asked = len(node.asked)
    (record,) = passes(path)
    replayed = ReplayedChain(31_337)
    replayed.load(record)

    assert await everything(replayed, head) == told
    replayed.finish()
    assert record.event == HeadEvent(head, 1, None, 0)
    assert record.decisions == [{"plan": "1", "profit": "1000000000000000000000000000000"}]
    assert len(node.asked) == asked
    assert told[1][0].topics == (b"\x02" * 32, b"\x01" * 32)


async def test_replay_order_between_different_questions_does_not_matter(node, recording, path):
    await recorded(recording, node, lambda chain: everything(chain, node.head))
    replayed = ReplayedChain(31_337)
    replayed.load(passes(path)[0])

    assert await replayed.code(ACCOUNT) == b""
    assert await replayed.header(99) is None


async def test_replay_equal_questions_are_answered_in_their_order(node, recording, path):
    async def twice(chain):
        first = await chain.header(1)
        node.mine()
        return first, await chain.header(1)

    told = await recorded(recording, node, twice)
    replayed = ReplayedChain(31_337)
    replayed.load(passes(path)[0])

    assert (await replayed.header(1), await replayed.header(1)) == told
    assert told[0] is None


async def test_replay_other_question_is_refused_and_named(node, recording, path):
    await recorded(recording, node, lambda chain: chain.reads(two_rounds(), node.head))
    replayed = ReplayedChain(31_337)
    replayed.load(passes(path)[0])

    def other():
        return (yield from ask(call(9)))

    with pytest.raises(ReplayMismatchError, match=r"reads\(.*0x0{38}09.*still unasked of that kind: reads\("):
        await replayed.reads(other(), node.head)

    with pytest.raises(ReplayMismatchError, match="nothing of that kind is left"):
        await replayed.balance(ACCOUNT)


async def test_replay_question_asked_more_often_than_recorded_is_refused(node, recording, path):
    await recorded(recording, node, lambda chain: chain.header(0))
    replayed = ReplayedChain(31_337)
    replayed.load(passes(path)[0])
    await replayed.header(0)

    with pytest.raises(ReplayMismatchError):
        await replayed.header(0)


async def test_replay_question_left_unasked_is_noticed(node, recording, path):
    await recorded(recording, node, lambda chain: chain.header(0))
    replayed = ReplayedChain(31_337)
    replayed.load(passes(path)[0])

    with pytest.raises(ReplayMismatchError, match=r"did not ask 1 of the questions.*header\(0\)"):
        replayed.finish()


@pytest.mark.parametrize(
    ("method", "fault", "ask_chain", "error"),
    [
        ("eth_getCode", Drop(), lambda chain, _: chain.code(ACCOUNT), RpcError),
        ("eth_getLogs", Error(-32000, "unknown block"), lambda chain, head: chain.logs([QUERY], 0, head), ReorgError),
        ("eth_call", Drop(), lambda chain, head: chain.reads(two_rounds(), head), RpcError),
    ],
)
async def test_replay_failures_fail_again(node, recording, path, method, fault, ask_chain, error):
    node.fail(method, fault)
    recording.begin(None)
    with pytest.raises(error) as live_error:
        await ask_chain(recording, node.head)

    recording.end([])
    replayed = ReplayedChain(31_337)
    replayed.load(passes(path)[0])
    with pytest.raises(error) as replayed_error:
        await ask_chain(replayed, node.head)

    assert replayed_error.value.message == live_error.value.message
    replayed.finish()


async def test_replay_refused_transaction_is_refused_again(node, recording, path):
    node.fail("eth_sendRawTransaction", Error(-32003, "nonce too low"))
    recording.begin(None)
    with pytest.raises(SubmissionError):
        await recording.send_raw(RAW)

    recording.end([])
    replayed = ReplayedChain(31_337)
    replayed.load(passes(path)[0])
    with pytest.raises(SubmissionError) as caught:
        await replayed.send_raw(RAW)

    assert caught.value.data["refusal"] is Refusal.NONCE_TOO_LOW


async def test_record_holds_no_signed_transaction(node, recording, path):
    await recorded(recording, node, lambda chain: chain.send_raw(RAW))
    (record,) = passes(path)

    assert all(RAW not in exchange.question + exchange.answer for exchange in record.exchanges)


async def test_record_keeps_the_state_a_run_starts_from(recording, path):
    recording.begin(None, {"aave-core": [Row(b"k", b"v" * 100)], "venue": []})
    recording.end([])

    assert passes(path)[0].state == {"aave-core": [(b"k", b"v" * 100)], "venue": []}


async def test_record_outside_a_pass_is_passed_through(node, recording, path):
    assert await recording.header(0) == node.head
    recording.end([])

    assert passes(path) == []


async def test_record_balance_beyond_64_bits_survives(node, recording, path):
    node.fail("eth_getBalance", Result(hex(2**200)))
    told = await recorded(recording, node, lambda chain: chain.balance(ACCOUNT))
    replayed = ReplayedChain(31_337)
    replayed.load(passes(path)[0])

    assert await replayed.balance(ACCOUNT) == told == 2**200


# The file -----------------------------------------------------------------------------------------------------------


async def test_read_flight_two_runs_in_one_file_follow_each_other(node, recording, path):
    await recorded(recording, node, lambda chain: chain.header(0))
    with FlightRecorder(path, keeper="0.1.0", chain_id=31_337, config="def"):
        pass

    records = list(read_flight(path))

    assert [type(record) for record in records] == [RunStart, PassRecord, RunStart]
    assert [record.config for record in records if isinstance(record, RunStart)] == ["abc", "def"]


async def test_read_flight_gzipped_is_the_same(node, recording, path, tmp_path):
    await recorded(recording, node, lambda chain: chain.header(0))
    zipped = tmp_path / "flight.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))

    assert list(read_flight(zipped)) == list(read_flight(path))


@pytest.mark.parametrize("lost", [1, 5, 20])
async def test_read_flight_last_frame_cut_by_a_kill_is_left_out(node, recording, path, lost):
    for _ in range(2):
        await recorded(recording, node, lambda chain: chain.header(0))

    whole = list(read_flight(path))
    path.write_bytes(path.read_bytes()[:-lost])

    assert list(read_flight(path)) == whole[:-1]


async def test_read_flight_flipped_bit_is_noticed(node, recording, path):
    await recorded(recording, node, lambda chain: chain.header(0))
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)

    with pytest.raises(FlightFileError, match="checksum is wrong"):
        list(read_flight(path))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "holds no run"),
        (b"short", "holds no run"),
        (b"[chain]\nid = 1\nrpc = []\n" * 100, "not a flight record"),
        (b"\x1f\x8bnot gzip at all", "cannot be read"),
        (b"\0" * 64, "cannot be read"),
    ],
)
def test_read_flight_of_something_else_says_so(path, content, why):
    path.write_bytes(content)
    with pytest.raises(FlightFileError, match=why):
        list(read_flight(path))


def test_read_flight_missing_file_says_so(path):
    with pytest.raises(KeeperError, match="cannot be read as a flight record"):
        list(read_flight(path))


def test_read_flight_of_a_later_format_says_so(path, monkeypatch):
    monkeypatch.setattr("keeper.chain.recorder.FORMAT", 2)
    FlightRecorder(path, keeper="9", chain_id=1, config="").close()

    with pytest.raises(FlightFileError, match="written in format 2, this keeper reads format 1"):
        list(read_flight(path))


@pytest.mark.parametrize("earlier", [None, 0o644])
def test_flight_record_is_the_owners_alone(tmp_path, earlier):
    path = tmp_path / "passes.rec"
    if earlier is not None:
        path.touch(mode=earlier)

    before = os.umask(0)
    try:
        FlightRecorder(path, keeper="0.1.0", chain_id=1, config="{}").close()
    finally:
        os.umask(before)

    assert path.stat().st_mode & 0o777 == 0o600
