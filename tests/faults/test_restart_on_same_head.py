"""The keeper dies and is back before the next block: the plans it makes are the ones the journal already knows."""

import signal
import subprocess
import sys

import pytest

from keeper.execution.base import Outcome, Status
from keeper.journal.store import Journal
from keeper.types import Reason, Returned
from tests.fakes.desk import RUN, Office
from tests.fakes.plans import make_plan, position

DIES_AFTER_WRITING = """
import os
import signal
import sys
from pathlib import Path
from keeper.execution.bidding import bid
from keeper.journal.plans import PricedPlan
from keeper.journal.store import Journal
from tests.fakes.desk import RUN
from tests.fakes.heads import head
from tests.fakes.plans import NATIVE_USD, POLICIES, make_plan

journal = Journal(Path(sys.argv[1]), live=True, chain_id=1, run=RUN)
plan = make_plan()
journal.record_plans([PricedPlan(plan, bid(plan, POLICIES["flash"], NATIVE_USD), head())])
os.kill(os.getpid(), signal.SIGKILL)
"""


class Killed(BaseException):
    """The process is gone: nothing may catch it."""


@pytest.fixture
async def office(tmp_path):
    office = Office(tmp_path)
    await office.desk.arm()
    yield office
    office.close()


def die_in(office, owner, name):
    """Make a method the last thing this life of the keeper begins."""

    async def die(*_, **__):
        raise Killed

    setattr(owner, name, die)
    return office


async def test_killed_after_planning_it_sends_the_same_plan_once(office):
    die_in(office, office.desk._simulator, "run")
    with pytest.raises(Killed):
        await office.execute(make_plan())

    await office.reopen()
    assert office.statuses() == ["expired"]  # what a report says in between
    assert office.desk.in_flight(office.chain.head) == frozenset()
    (sent,) = await office.execute(make_plan())

    assert sent.status is Status.SENT
    assert office.statuses() == ["sent"]
    assert len(office.rows("plans")) == len(office.chain.sends) == 1

    office.chain.mine_all()
    await office.track()
    assert office.statuses() == ["landed"]


async def test_killed_after_signing_it_honours_what_it_signed(office):
    """The bytes may have left or not: the position counts as in flight, and exactly those bytes are offered again."""
    die_in(office, office.outbox._channel, "submit")
    with pytest.raises(Killed):
        await office.execute(make_plan())

    await office.reopen()
    assert office.desk.in_flight(office.chain.head) == {("market", position(1))}
    (answer,) = await office.execute(make_plan())
    assert answer.reason is Reason.IN_FLIGHT
    assert office.chain.sends == []

    await office.track()
    (row,) = office.rows("transactions")
    assert office.chain.sends == [row["raw"]]
    office.chain.mine_all()
    await office.track()
    assert office.statuses() == ["landed"]
    assert len(office.rows("transactions")) == 1


async def test_killed_after_sending_it_does_not_send_again(office):
    await office.execute(make_plan())
    await office.reopen()
    (answer,) = await office.execute(make_plan())

    assert answer.reason is Reason.IN_FLIGHT
    assert len(office.chain.sends) == len(office.rows("transactions")) == 1
    assert office.statuses() == ["sent"]


async def test_plan_that_failed_simulation_before_the_restart_is_sent_when_it_works_now(office):
    plan = make_plan()
    office.chain.simulated[plan.data] = Returned(ok=False, data=b"")
    (failed,) = await office.execute(plan)
    assert failed.status is Status.SIMULATION_FAILED

    await office.reopen()
    del office.chain.simulated[plan.data]
    (sent,) = await office.execute(plan)

    assert isinstance(sent, Outcome)
    assert (sent.status, office.statuses()) == (Status.SENT, ["sent"])


@pytest.fixture
def killed(tmp_path):
    """Exit code of a process that wrote a plan and was killed."""
    return subprocess.run([sys.executable, "-c", DIES_AFTER_WRITING, tmp_path / "keeper.db"], check=False).returncode


async def test_journal_of_a_process_killed_by_the_system_takes_the_same_plan_again(tmp_path, killed):
    assert killed == -signal.SIGKILL
    with Journal(tmp_path / "keeper.db", live=True, chain_id=1, run=RUN) as journal:
        first = journal.plan("plan-1")

    office = Office(tmp_path)
    try:
        await office.desk.arm()
        (sent,) = await office.execute(make_plan())
        assert (sent.status, office.statuses()) == (Status.SENT, ["sent"])
        assert office.journal.plan("plan-1") == first
    finally:
        office.close()
