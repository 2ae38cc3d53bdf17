"""A signer that goes away while the keeper runs: nothing is signed, what is in flight is followed, and it comes back.

The signer is the real process, `keeper signer`, behind its socket: killed, stopped, started again, with another key.
"""

import asyncio
import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
import structlog
from eth_account import Account

from keeper.app import signer as signer_process
from keeper.app.keys import check_signers
from keeper.config.signer import load_signer_config
from keeper.errors import SigningKeyError
from keeper.execution.base import Status
from keeper.execution.calldata import EXECUTE_SELECTOR
from keeper.execution.keys import import_keystore
from keeper.execution.remote import RemoteSigner
from keeper.execution.signer import SigningPolicy
from keeper.execution.wires import SocketWire
from keeper.types import Reason, to_checksum
from keeper.units import GWEI
from tests.canary import KEY, PASSPHRASE, plant
from tests.fakes.desk import OPERATOR, Office
from tests.fakes.heads import target
from tests.fakes.ledger_chain import decode
from tests.fakes.plans import EXECUTOR, make_plan

OTHER_KEY = b"\x22" * 32
POLICY = """\
keystore = "{key}.json"
passphrase_file = "passphrase"
socket = "signer.sock"
chain_id = 1
executors = ["{executor}"]
count_file = "{key}.count"
switch_file = "keeper.db.switch"
"""


# A server that has imported everything, and forks: a process of `keeper signer` in a moment.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["pytest", "keeper.app.signer", "keeper.config.signer", "eth_account", "structlog"])


def serve(policy, ready):
    """What `keeper signer` does, but that it tells us when it listens."""

    def tell(_logger, _name, line):
        if line["event"] == "signer_ready":
            ready.send_bytes(b"ready")

        raise structlog.DropEvent

    structlog.configure(processors=[tell])
    signer_process.run(load_signer_config(policy))


class Booth:
    """The signer's process and its socket."""

    def __init__(self, folder):
        self.folder = folder
        self.socket = folder / "signer.sock"
        self._process = None
        (folder / "passphrase").touch(mode=0o600)
        plant(folder / "passphrase").write_text(f"{PASSPHRASE}\n")
        for name, key in (("operator", KEY), ("other", OTHER_KEY)):
            import_keystore(folder / f"{name}.json", key.hex(), PASSPHRASE, scrypt_n=2**4)
            policy = POLICY.format(key=name, executor=to_checksum(EXECUTOR))
            (folder / f"{name}.toml").write_text(policy)

    def start(self, key="operator"):
        here, there = PROCESSES.Pipe(duplex=False)
        self._process = PROCESSES.Process(target=serve, args=(self.folder / f"{key}.toml", there))
        self._process.start()
        there.close()
        with here:
            assert here.recv_bytes() == b"ready"

    def signal(self, which):
        os.kill(self._process.pid, which)
        status = Path(f"/proc/{self._process.pid}/stat")
        while which is signal.SIGSTOP and status.read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.01)  # until then it may still answer

    def end(self):
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._process = None

    def open(self, account, policy):
        """Make a lane's signer, as the office wants it."""
        assert account.key == KEY
        policy = SigningPolicy(1, policy.executors, frozenset({EXECUTE_SELECTOR}), policy.max_fee_wei)
        return RemoteSigner(SocketWire(str(self.socket)), OPERATOR, policy)


def wait_for(monkeypatch, seconds):
    for name in ("TIMEOUT_S", "CHECK_TIMEOUT_S"):
        monkeypatch.setattr(f"keeper.execution.remote.{name}", seconds)


@pytest.fixture
def booth(tmp_path, monkeypatch):
    wait_for(monkeypatch, 60.0)  # on a machine with much to do
    booth = Booth(tmp_path)
    yield booth
    booth.end()


@pytest.fixture
async def office(tmp_path, booth):
    """A desk whose key the booth's signer holds; not armed yet."""
    office = Office(tmp_path, signer=booth.open)
    yield office
    await office.outbox._signer.close()
    office.close()


def plan(index, number=101):
    return make_plan(index, target(number), data=EXECUTE_SELECTOR + index.to_bytes(32))


async def until_noticed():
    """Let the loop see that the other side closed a connection."""
    for _ in range(3):
        await asyncio.sleep(0)


async def one_more_block(office, *, with_ours=False):
    await until_noticed()
    office.chain.mine_all() if with_ours else office.chain.mine()
    return await office.track()


async def test_signer_killed_while_plans_are_in_flight_disarms_until_it_is_back(office, booth):
    booth.start()
    await office.desk.arm()
    (first,) = await office.execute(plan(1))
    assert first.status is Status.SENT

    booth.end()
    (refused,) = await office.execute(plan(2))
    assert refused.status is Status.REFUSED
    assert "no signer answers" in refused.reason
    assert "no signer answers" in office.desk.disarmed
    assert office.desk.held == (f"{to_checksum(OPERATOR)}: {office.desk.disarmed}",)
    (declined,) = await office.execute(plan(3))
    assert (declined.reason, declined.numbers["why"]) == (Reason.DISARMED, office.desk.disarmed)

    (landed,) = await one_more_block(office, with_ours=True)
    assert (landed.status, landed.plan_id) == (Status.LANDED, "plan-1")
    assert office.desk.disarmed is not None

    booth.start()
    await one_more_block(office)
    assert office.desk.disarmed is None
    (sent,) = await office.execute(plan(4, number=103))
    assert sent.status is Status.SENT
    assert [decode(raw).nonce for raw in office.chain.sends] == [0, 1]


async def test_plan_that_comes_too_late_while_the_signer_is_away_is_cancelled_once_it_is_back(
    office, booth, monkeypatch
):
    booth.start()
    await office.desk.arm()
    await office.execute(plan(1))  # may land up to block 103
    booth.signal(signal.SIGSTOP)
    wait_for(monkeypatch, 0.1)
    with structlog.testing.capture_logs() as logs:
        for _ in range(5):
            await one_more_block(office)

    assert "did not answer" in office.desk.disarmed
    assert [line["event"] for line in logs].count("signer_lost") == 1
    assert "plan_cancelled" not in {line["event"] for line in logs}
    assert office.states() == ["sent"]
    assert office.outbox.ledger.in_flight == (0,)

    booth.signal(signal.SIGCONT)
    wait_for(monkeypatch, 60.0)
    await one_more_block(office)
    assert office.desk.disarmed is None
    assert office.states() == ["cancelled", "sent"]
    await one_more_block(office, with_ours=True)
    assert office.desk.is_idle()


async def test_start_without_a_signer_waits_for_it_and_follows_what_the_last_run_left(office, booth):
    booth.start()
    await office.desk.arm()
    await office.execute(plan(1))
    booth.end()
    with structlog.testing.capture_logs() as logs:
        await check_signers((office.outbox._signer,))

    assert [line["event"] for line in logs] == ["signer_awaited"]
    await office.reopen()
    assert "no signer answers" in office.desk.disarmed
    (landed,) = await one_more_block(office, with_ours=True)
    assert landed.status is Status.LANDED

    booth.start()
    await one_more_block(office)
    assert office.desk.disarmed is None


async def test_signer_that_comes_back_with_another_key_signs_nothing_until_it_has_ours(office, booth):
    booth.start()
    await office.desk.arm()
    booth.end()
    booth.start("other")
    await until_noticed()
    (refused,) = await office.execute(plan(1))
    assert "does not hold" in refused.reason
    assert "does not hold" in office.desk.disarmed
    with pytest.raises(SigningKeyError, match="does not hold"):
        await check_signers((office.outbox._signer,))  # what a start would say: this is no outage

    await one_more_block(office)
    assert "does not hold" in office.desk.disarmed
    booth.end()
    booth.start()
    await one_more_block(office)
    assert office.desk.disarmed is None


@pytest.mark.parametrize("answer", [b"}{\n", b"[]\n", b'{"id":1}\n', b"\xff" * 2_000_000, b""])
async def test_signer_that_answers_garbage_disarms_and_is_asked_again(office, booth, answer):
    async def babble(reader, writer):
        await reader.readline()
        writer.write(answer)
        writer.close()

    async with await asyncio.start_unix_server(babble, booth.socket):
        await office.desk.arm()
        assert office.desk.disarmed is not None
        await one_more_block(office)
        assert office.desk.disarmed is not None

    assert office.chain.sends == []


async def test_signature_of_something_else_is_a_no_and_leaves_the_nonce_free(office, booth):
    """It holds the account, and signs a transaction that nobody asked for."""
    stranger = Account.from_key(OTHER_KEY)

    async def cheat(reader, writer):
        while line := await reader.readline():
            asked = json.loads(line)
            answer = [to_checksum(OPERATOR)] if asked["method"] == "eth_accounts" else _signed(stranger)
            writer.write(json.dumps({"id": asked["id"], "result": answer}).encode() + b"\n")

        writer.close()

    async with await asyncio.start_unix_server(cheat, booth.socket):
        await office.desk.arm()
        assert office.desk.disarmed is None
        (refused,) = await office.execute(plan(1))
        assert "not of the transaction" in refused.reason
        assert "not of the transaction" in office.desk.disarmed
        await office.outbox._signer.close()

    assert office.outbox.ledger.in_flight == ()
    assert office.chain.sends == []


async def test_signer_that_says_no_to_one_plan_is_asked_for_the_next(office, booth):
    booth.start()
    await office.desk.arm()
    (booth.folder / "keeper.db.switch").write_text(
        json.dumps({"order": "kill", "reason": "stolen laptop", "until": None, "at": 1})
    )
    (refused,) = await office.execute(plan(1))
    assert (refused.status, "stolen laptop" in refused.reason) == (Status.REFUSED, True)
    assert office.desk.disarmed is None
    (booth.folder / "keeper.db.switch").unlink()
    (sent,) = await office.execute(plan(2))
    assert sent.status is Status.SENT


def _signed(account):
    fields = {"to": to_checksum(EXECUTOR), "gas": 700_000, "nonce": 0, "value": 0, "chainId": 1}
    fees = {"maxFeePerGas": GWEI, "maxPriorityFeePerGas": GWEI}
    return "0x" + bytes(account.sign_transaction({"type": 2, **fields, **fees}).raw_transaction).hex()
