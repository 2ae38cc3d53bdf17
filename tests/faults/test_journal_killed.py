"""A process that writes the journal is killed by the system at any moment: what it was told is written, is."""

import random
import shutil
import subprocess
import sys
import time
from contextlib import closing

import pytest

from keeper.execution.bidding import bid
from keeper.journal.plans import PricedPlan
from keeper.journal.queries import report_rows
from keeper.journal.sqlite import connect_read_only
from keeper.journal.store import Journal
from tests.fakes.desk import RUN
from tests.fakes.heads import head
from tests.fakes.plans import NATIVE_USD, POLICIES, make_plan

PLANS = 10
CUTS = 15

WRITER = """
import sys
from pathlib import Path
from keeper.execution.bidding import bid
from keeper.journal.plans import PricedPlan
from keeper.journal.records import BlockRef
from keeper.journal.store import Journal
from keeper.protocols.base import Row
from tests.fakes.desk import RUN
from tests.fakes.heads import head
from tests.fakes.plans import NATIVE_USD, POLICIES, make_plan

journal = Journal(Path(sys.argv[1]), live=True, chain_id=1, run=RUN)
for n in range(1_000_000):
    plan = make_plan(n)
    journal.record_plans([PricedPlan(plan, bid(plan, POLICIES["flash"], NATIVE_USD), head())])
    print(n, flush=True)
    rows = [Row(i.to_bytes(2, "big"), n.to_bytes(4, "big")) for i in range(200)]
    journal.state.save("market", BlockRef(n, n.to_bytes(32, "big")), rows)
"""


@pytest.mark.parametrize("round_", range(5))
def test_a_killed_writer_leaves_everything_it_was_told_is_written(tmp_path, random_seed, round_):
    path = tmp_path / "keeper.db"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    writer.stdout.readline()  # it is at work
    time.sleep(random.Random(random_seed + round_).uniform(0, 0.2))
    writer.kill()
    told = [0, *map(int, writer.communicate()[0].split())]

    with Journal(path, live=True, chain_id=1, run=RUN) as journal:
        # The dead one's lock is gone, the file is sound, and the rows of a page are all of one page.
        for n in told:
            assert journal.plan(f"plan-{n}").profit.amount == 80

        state = journal.state.load("market")
        if state is not None:
            assert {row.value for row in state.rows} == {state.cursor.number.to_bytes(4, "big")}
            assert state.cursor.number >= told[-1] - 1

    with closing(connect_read_only(path)) as reader:
        # What it did not get to is closed by the next start, not left standing.
        assert {row["status"] for row in report_rows(reader)} == {"expired"}


def test_power_lost_in_the_middle_of_a_write_leaves_whole_commits_and_all_that_were_told(tmp_path, random_seed):
    """The log's tail that had not reached the disk is cut off anywhere: every commit before the cut is there."""
    path = tmp_path / "keeper.db"
    wal = path.with_name("keeper.db-wal")
    with Journal(path, live=True, chain_id=1, run=RUN) as journal:
        ends = []
        for n in range(PLANS):
            plan = make_plan(n)
            journal.record_plans([PricedPlan(plan, bid(plan, POLICIES["flash"], NATIVE_USD), head())])
            ends.append(wal.stat().st_size)

        base, log = path.read_bytes(), wal.read_bytes()

    assert len(log) == ends[-1], "the log was folded into the file: nothing is shown"
    rng = random.Random(random_seed)
    first = ends[0]
    for cut in [first, ends[-1], *(rng.randrange(first, ends[-1]) for _ in range(CUTS))]:
        folder = tmp_path / str(cut)
        folder.mkdir(exist_ok=True)
        (folder / "keeper.db").write_bytes(base)
        (folder / "keeper.db-wal").write_bytes(log[:cut])
        with Journal(folder / "keeper.db", live=True, chain_id=1, run=RUN) as journal:
            found = [row["id"] for row in journal._database.read("SELECT id FROM plans ORDER BY rowid")]

        assert found == [f"plan-{n}" for n in range(PLANS) if ends[n] <= cut]
        shutil.rmtree(folder)
