"""Before a key signs: nobody else is at work with it, on this machine or another."""

import subprocess
import sys

import pytest

from keeper.errors import SigningKeyError
from keeper.journal.lock import KeyLock
from keeper.types import Reason
from tests.fakes.desk import OPERATOR, Office
from tests.fakes.plans import make_plan

HOLDER = """
import sys
from keeper.journal.lock import KeyLock
from tests.fakes.desk import OPERATOR
lock = KeyLock(7, OPERATOR)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
async def office(tmp_path):
    """A desk whose key is watched for two heads."""
    office = Office(tmp_path)
    office.lane._watch_heads = 2
    yield office
    office.close()


async def nonce_with_one_waiting(_account, *, pending=False):
    return int(pending)


async def test_a_key_is_watched_before_it_signs(office):
    await office.desk.arm()
    for _ in range(2):
        assert "2 more blocks" in office.desk.disarmed or "1 more blocks" in office.desk.disarmed
        (answer,) = await office.execute(make_plan())
        assert answer.reason is Reason.DISARMED
        office.chain.mine()
        await office.track()

    assert office.desk.disarmed is None
    await office.execute(make_plan())
    assert len(office.chain.sends) == 1


async def test_somebody_else_at_work_during_the_watch_disarms(office):
    await office.desk.arm()
    office.chain.foreign = 1
    for _ in range(3):
        office.chain.mine()
        await office.track()

    assert "not ours" in office.desk.disarmed
    await office.execute(make_plan())
    assert office.chain.sends == []


async def test_somebody_elses_waiting_transaction_refuses_the_start(office, monkeypatch):
    monkeypatch.setattr(office.chain, "nonce", nonce_with_one_waiting)
    with pytest.raises(SigningKeyError, match=r"nonce 0 of 0x.* does not know"):
        await office.desk.arm()


async def test_our_own_waiting_transaction_does_not(tmp_path):
    office = Office(tmp_path)
    await office.desk.arm()
    await office.execute(make_plan())

    office.chain.nonce = nonce_with_one_waiting
    await office.reopen()
    assert office.desk.disarmed is None
    office.close()


# One machine ------------------------------------------------------------------------------------------------------


def test_a_second_keeper_with_the_key_is_refused_whatever_its_journal():
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(SigningKeyError, match=rf"another keeper \(process {holder.pid}\) is at work with 0x"):
            KeyLock(7, OPERATOR)

        KeyLock(8, OPERATOR).release()  # another chain has nonces of its own
        holder.kill()

    KeyLock(7, OPERATOR).release()
