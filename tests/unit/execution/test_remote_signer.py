"""Keys held elsewhere: by web3signer's protocol over HTTP, and by `keeper signer` over a socket."""

import asyncio
import json
import os
import stat
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from keeper.errors import SigningKeyError
from keeper.execution.base import Fees
from keeper.execution.meter import Caps, SigningMeter
from keeper.execution.remote import RemoteSigner, fields_of
from keeper.execution.signer import LocalSigner
from keeper.execution.signer_service import Rules, SignerService
from keeper.execution.switch import Order, Switch
from keeper.execution.wires import HttpWire, SocketWire
from keeper.types import Address, to_checksum
from keeper.units import GWEI, WAD
from tests.fakes.web3signer import Web3Signer
from tests.unit.execution.test_signer import ACCOUNT, CANCEL, OPERATOR, POLICY, TX

LOCAL = LocalSigner(ACCOUNT, POLICY)
# What it would ask for anyway: these tests are about what the service says, so the client's own policy lets all pass.
LENIENT = replace(POLICY, max_fee_wei=2**60, selectors=frozenset({TX.data[:4], b"\x09\x5e\xa7\xb3", b""}))


# web3signer ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def server():
    server = Web3Signer(ACCOUNT)
    server.url = await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def by_http(server):
    signer = RemoteSigner(HttpWire(server.url), OPERATOR, POLICY)
    yield signer
    await signer.close()


async def test_web3signer_signs_what_a_local_key_would(server, by_http):
    await by_http.check()
    assert await by_http.sign(TX) == await LOCAL.sign(TX)
    (fields,) = server.asked[-1]["params"]
    assert fields == {
        "from": to_checksum(OPERATOR),
        "to": to_checksum(TX.to),
        "gas": "0xaae60",  # 700,000
        "maxFeePerGas": "0x174876e800",  # 100 gwei
        "maxPriorityFeePerGas": "0x77359400",  # 2 gwei
        "nonce": "0x3",
        "value": "0x0",
        "data": "0x" + TX.data.hex(),
    }


@pytest.mark.parametrize("changes", [{"nonce": 4}, {"value": 1}, {"chainId": 5}, {"to": "0x" + "99" * 20}])
async def test_web3signer_signing_something_else_is_not_believed(server, by_http, changes):
    server.changes = changes
    with pytest.raises(SigningKeyError, match="not of the transaction"):
        await by_http.sign(TX)


@pytest.mark.parametrize("answer", [{"result": "0x"}, {"result": "raw"}, {"result": None}, {"result": {"raw": "0x02"}}])
async def test_an_answer_that_is_no_transaction_is_refused(server, by_http, answer):
    server.answer = answer
    with pytest.raises(SigningKeyError):
        await by_http.sign(TX)


async def test_a_signers_own_words_are_passed_on(server, by_http):
    server.answer = {"error": {"code": -32_000, "message": "key is locked"}}
    with pytest.raises(SigningKeyError, match="refused: key is locked"):
        await by_http.sign(TX)


async def test_an_answer_to_another_question_is_refused(server, by_http):
    server.answer = {"id": 99, "result": "0x"}
    with pytest.raises(SigningKeyError, match="not asked"):
        await by_http.sign(TX)


async def test_what_speaks_no_json_is_no_signer(server, by_http):
    server.body = "<html>"
    with pytest.raises(SigningKeyError, match="no JSON"):
        await by_http.sign(TX)


async def test_an_account_the_signer_does_not_hold_is_found_at_the_start(server):
    signer = RemoteSigner(HttpWire(server.url), Address(b"\x01" * 20), POLICY)
    with pytest.raises(SigningKeyError, match="does not hold 0x0101"):
        await signer.check()

    await signer.close()


async def test_a_signer_that_is_not_there_is_named_without_its_secrets(server):
    await server.stop()
    signer = RemoteSigner(HttpWire(server.url + "/v3/canary-token"), OPERATOR, POLICY)
    with pytest.raises(SigningKeyError) as caught:
        await signer.sign(TX)

    assert "no signer answers at http://127.0.0.1" in caught.value.message
    assert "canary" not in caught.value.message
    assert caught.value.__cause__ is None
    await signer.close()


async def test_what_our_own_policy_forbids_is_not_even_asked(server, by_http):
    with pytest.raises(SigningKeyError, match="not the executor"):
        await by_http.sign(replace(TX, to=Address(b"\x99" * 20)))

    assert server.asked == []


# A signer of our own --------------------------------------------------------------------------------------------


class Booth:
    """A service on a socket, and clients of it."""

    def __init__(self, folder):
        self.path = folder / "signer.sock"
        self.count = folder / "signer.count"
        self.switch = Switch(folder / "keeper.switch")
        self.caps = Caps(10 * WAD, 100)
        self.now = 1_700_000_000
        self.uids = frozenset()

    @asynccontextmanager
    async def open(self, epoch=lambda: None):
        meter = SigningMeter(self.count, self.caps, lambda: self.now)
        service = SignerService(ACCOUNT, Rules(POLICY, meter, self.switch, client_uids=self.uids))
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(service.serve(self.path, stop))
            await asyncio.sleep(0)  # it listens before it first waits
            signer = RemoteSigner(SocketWire(str(self.path)), OPERATOR, LENIENT, epoch)
            yield signer
            await signer.close()
            stop.set()


@pytest.fixture
def booth(tmp_path):
    return Booth(tmp_path)


async def test_a_service_signs_what_a_local_key_would(booth):
    async with booth.open() as signer:
        await signer.check()
        assert await signer.sign(TX) == await LOCAL.sign(TX)
        assert await signer.sign(CANCEL) == await LOCAL.sign(CANCEL)


@pytest.mark.parametrize(
    ("tx", "message"),
    [
        (replace(TX, fees=Fees(100 * GWEI + 1, 0)), "the cap is 100000000000"),
        (replace(TX, data=b"\x09\x5e\xa7\xb3" + bytes(64)), "not one that runs programs"),
        (replace(CANCEL, fees=Fees(400 * GWEI + 1, 0)), "the cap is 400000000000"),
    ],
)
async def test_a_service_has_a_policy_of_its_own(booth, tx, message):
    async with booth.open() as signer:
        with pytest.raises(SigningKeyError, match=f"the signer refused: .*{message}"):
            await signer.sign(tx)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"value": "0x1"}, "carries value"),
        ({"type": "0x4"}, "not of type 2"),
        ({"chainId": "0x5"}, "for chain 5"),
        ({"accessList": []}, "with accessList"),
        ({"authorizationList": []}, "with authorizationList"),
        ({"from": "0x" + "22" * 20}, "does not hold"),
        ({"to": "0x" + "22" * 20}, "not the executor"),
        ({"nonce": "3e"}, None),
        ({"nonce": "zebra"}, "not a request"),
        ({"to": None}, "not a request"),
    ],
)
def test_a_service_reads_every_field(tmp_path, more, message):
    booth = Booth(tmp_path)
    service = SignerService(ACCOUNT, Rules(POLICY, SigningMeter(None, booth.caps), booth.switch))
    fields = {**fields_of(TX, OPERATOR), **more}
    request = {"id": 1, "method": "eth_signTransaction", "params": [fields]}
    answer = json.loads(service.answer(json.dumps(request).encode()))
    assert ("result" in answer) is (message is None)
    assert message is None or message in answer["error"]["message"]


@pytest.mark.parametrize(
    "line", [b"", b"\xff\xfe", b"[]", b"{}", b'{"id":1,"method":"eth_sign","params":[]}', b"[" * 9_999, b'{"id":1}']
)
def test_anything_else_is_refused_and_harms_nobody(tmp_path, line):
    booth = Booth(tmp_path)
    service = SignerService(ACCOUNT, Rules(POLICY, SigningMeter(None, booth.caps), booth.switch))
    assert "error" in json.loads(service.answer(line))


async def test_a_day_has_a_budget_that_a_restart_does_not_refill(booth):
    # Each costs 700,000 gas at 100 gwei at the worst: 0.07. Two are 0.14, three 0.21.
    booth.caps = Caps(15 * WAD // 100, 100)
    async with booth.open() as signer:
        await signer.sign(TX)
        await signer.sign(replace(TX, nonce=4))
        with pytest.raises(SigningKeyError, match="within a day"):
            await signer.sign(replace(TX, nonce=5))

    async with booth.open() as signer:
        await signer.sign(TX)  # an alternative at a nonce that counts already
        with pytest.raises(SigningKeyError, match="within a day"):
            await signer.sign(replace(TX, nonce=5))

        booth.now += 86_400
        await signer.sign(replace(TX, nonce=5))


async def test_a_minute_has_its_cap(booth):
    booth.caps = Caps(10 * WAD, 2)
    async with booth.open() as signer:
        await signer.sign(TX)
        await signer.sign(TX)
        with pytest.raises(SigningKeyError, match="within a minute"):
            await signer.sign(TX)

        booth.now += 60
        await signer.sign(TX)


async def test_a_kill_reaches_the_service_and_a_pause_does_not(booth):
    async with booth.open() as signer:
        booth.switch.write(Order.PAUSE, "odd prices", at=1)
        await signer.sign(CANCEL)
        booth.switch.write(Order.KILL, "stolen laptop", at=2)
        with pytest.raises(SigningKeyError, match="stolen laptop"):
            await signer.sign(CANCEL)


async def test_a_lease_that_was_taken_over_signs_no_more_even_after_a_restart(booth):
    async with booth.open(epoch=lambda: 7) as new:
        await new.sign(TX)

    for old in (lambda: 6, lambda: None):
        async with booth.open(epoch=old) as signer:
            with pytest.raises(SigningKeyError, match="taken over"):
                await signer.sign(TX)


async def test_a_second_service_at_the_same_socket_refuses_to_start(booth):
    async with booth.open():
        other = SignerService(ACCOUNT, Rules(POLICY, SigningMeter(None, booth.caps), booth.switch))
        with pytest.raises(SigningKeyError, match="another signer listens"):
            await other.serve(booth.path, asyncio.Event())


async def test_a_socket_left_by_a_killed_service_is_no_obstacle(booth):
    async with booth.open():
        pass

    assert booth.path.exists()
    async with booth.open() as signer:
        await signer.sign(TX)


async def test_a_socket_is_its_users_alone(booth):
    async with booth.open():
        assert stat.S_IMODE(booth.path.stat().st_mode) == 0o600


async def test_another_user_is_refused_by_the_kernels_word(booth, monkeypatch):
    async with booth.open() as signer:
        monkeypatch.setattr(os, "geteuid", lambda: 54_321)
        with pytest.raises(SigningKeyError, match="no signer answers"):
            await signer.sign(TX)


async def test_another_user_that_is_listed_may_ask(booth, monkeypatch):
    booth.uids = frozenset({os.geteuid()})
    async with booth.open() as signer:
        assert stat.S_IMODE(booth.path.stat().st_mode) == 0o666
        monkeypatch.setattr(os, "geteuid", lambda: 54_321)
        await signer.sign(TX)


async def test_a_client_goes_on_after_the_service_was_restarted(booth):
    async with booth.open() as signer:
        await signer.sign(TX)

    with pytest.raises(SigningKeyError, match="no signer answers"):
        await signer.sign(TX)

    async with booth.open():
        await signer.sign(TX)
        await signer.close()


async def test_a_signer_that_says_nothing_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("keeper.execution.remote.TIMEOUT_S", 0.05)
    gone = asyncio.Event()

    async def silent(reader, writer):
        await reader.read()
        writer.close()
        gone.set()

    async with await asyncio.start_unix_server(silent, tmp_path / "s"):
        signer = RemoteSigner(SocketWire(str(tmp_path / "s")), OPERATOR, POLICY)
        with pytest.raises(SigningKeyError, match="did not answer eth_signTransaction"):
            await signer.sign(TX)

        await signer.close()
        await gone.wait()


def test_a_damaged_count_is_not_taken_for_an_empty_one(tmp_path):
    (tmp_path / "count").write_text("1700000000 19e7\n")
    with pytest.raises(SigningKeyError, match="damaged"):
        SigningMeter(tmp_path / "count", Caps(1, 1))


def test_a_count_that_cannot_be_written_signs_nothing(tmp_path):
    meter = SigningMeter(tmp_path / "count", Caps(WAD, 9))
    (tmp_path / "count").unlink()
    (tmp_path / "count").mkdir()
    with pytest.raises(SigningKeyError, match="nothing is signed"):
        LocalSigner(ACCOUNT, POLICY, meter).sign_at_once(TX)
