"""The journal in a real PostgreSQL: the same front door, and a lease that fences."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from keeper.app.journal import keep, open_when_free
from keeper.app.journal import open_journal as open_kept
from keeper.errors import JournalError
from keeper.execution.base import Status
from keeper.execution.bidding import bid
from keeper.execution.fenced import FencedSigner
from keeper.execution.signer import LocalSigner, SigningPolicy
from keeper.journal import postgres as module
from keeper.journal.database import LeaseHeldError
from keeper.journal.place import open_reader, schema_name
from keeper.journal.plans import PricedPlan
from keeper.journal.postgres import PostgresDatabase
from keeper.journal.queries import report_rows
from keeper.journal.records import BlockRef
from keeper.journal.schema import MIGRATIONS
from keeper.journal.store import Journal
from keeper.protocols.base import Row
from keeper.types import Declined, Reason
from keeper.units import GWEI
from tests.fakes.desk import ACCOUNT, RUN, Office
from tests.fakes.heads import head
from tests.fakes.plans import EXECUTOR, NATIVE_USD, POLICIES, SELECTOR, make_plan, position
from tests.unit.config.sample import changed, load

ID = ("id", int)
WRITER = """
import sys, time
from keeper.journal.place import PostgresPlace
from keeper.journal.store import Journal
from tests.fakes.desk import RUN
from tests.unit.journal.test_postgres import priced

journal = Journal(PostgresPlace(sys.argv[1], "test", lease_s=2.0), live=True, chain_id=1, run=RUN)
journal.record_plans([priced(1)])
print("holding", flush=True)
for line in sys.stdin:
    try:
        journal.fence()
        print("fence open", flush=True)
    except Exception as error:
        print("fenced", flush=True)
    try:
        journal.record_plans([priced(2)])
        print("wrote", flush=True)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
"""


def priced(index):
    plan = make_plan(index)
    return PricedPlan(plan, bid(plan, POLICIES["flash"], NATIVE_USD), head())


def open_journal(place, **changes):
    return Journal(place, **{"live": True, "chain_id": 1, "run": RUN, **changes})


@pytest.fixture
def journal(postgres):
    with open_journal(postgres) as journal:
        yield journal


def rows(place, table):
    with open_reader(place, 1, live=True) as reader:
        return [dict(row) for row in reader.read(f"SELECT * FROM {table}")]  # noqa: S608 - the test's own text


# The same journal ---------------------------------------------------------------------------------------------


class PostgresOffice(Office):
    """The office of a keeper whose journal is in PostgreSQL."""

    def __init__(self, folder, place):
        self.place = place
        super().__init__(folder)

    def _open(self):
        self.path, path = self.place, self.path
        super()._open()
        self.path = path

    def rows(self, table):
        return rows(self.place, table)


async def test_a_life_of_a_plan_reads_back_as_from_a_file(tmp_path, postgres):
    """Planned, signed, sent, landed, reorganised away, mined again, final: by both stores, row by row."""
    kept = []
    for office in (Office(tmp_path), PostgresOffice(tmp_path, postgres)):
        await office.desk.arm()
        await office.execute(make_plan(1), make_plan(2))
        office.chain.mine_all()
        await office.track()
        office.chain.orphan(1)
        office.chain.mine(fork=1)
        await office.track()
        await office.reopen()
        for _ in range(6):
            office.chain.mine_all()
            await office.track()

        office.journal.record_pass(head(107), {"block": 107}, [Declined("market", position(), Reason.NO_ROUTE)])
        office.journal.state.save("market", BlockRef(107, b"\x01" * 32), [Row(b"\x00", b"\xff"), Row(b"\x01", b"\x02")])
        state = office.journal.state.load("market")
        tables = ("plans", "transactions", "transitions", "outcomes", "intents", "declines", "blocks", "runs")
        found = {table: sorted(map(told, office.rows(table)), key=str) for table in tables}
        kept.append((found, state))
        office.close()

    assert kept[0] == kept[1]
    assert kept[0][0]["outcomes"], "nothing happened: nothing was compared"


def told(row):
    """What a row says, without the numbers its store gave it."""
    return {name: value for name, value in row.items() if name not in ("epoch", "seq") and (name, type(value)) != ID}


def test_the_report_is_read_beside_the_writer(postgres, journal):
    journal.record_plans([priced(1)])
    journal.record_verdict("plan-1", Status.DRY_RUN, 100)
    with open_reader(postgres, 1, live=True) as reader:
        assert [row["status"] for row in report_rows(reader)] == ["dry_run"]
        with pytest.raises(module.psycopg.errors.ReadOnlySqlTransaction):
            reader.execute("DELETE FROM verdicts")


@pytest.mark.parametrize(
    "statement",
    ["UPDATE plans SET profit = '1'", "DELETE FROM plans", "INSERT INTO plans SELECT * FROM plans"],
)
def test_expected_values_are_kept_by_the_database_itself(journal, statement):
    journal.record_plans([priced(1)])
    with pytest.raises(JournalError, match=r"never rewritten|never removed|unique"), journal._database.write() as there:
        there.execute(statement)

    assert journal.plan("plan-1").profit.amount == 80


def test_a_failing_write_leaves_nothing(journal):
    def write_half():
        with journal._database.write() as there:
            there.execute("INSERT INTO meta (key, value) VALUES (?, ?)", ("half", "done"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()

    assert journal._database.read("SELECT * FROM meta WHERE key = 'half'") == []


def test_dry_and_live_chains_and_modes_share_a_database_and_no_row(postgres):
    with (
        open_journal(postgres) as live,
        open_journal(postgres, live=False) as dry,
        open_journal(postgres, chain_id=10) as other,
    ):
        live.record_plans([priced(1)])
        for journal in (dry, other):
            with pytest.raises(JournalError, match="no plan"):
                journal.plan("plan-1")


def test_a_newer_schema_is_refused(postgres, monkeypatch):
    open_journal(postgres).close()
    monkeypatch.setattr(module, "MIGRATIONS", MIGRATIONS[:-1])
    with pytest.raises(JournalError, match=f"schema version {len(MIGRATIONS)}, this keeper knows"):
        open_journal(postgres)


def test_an_older_schema_is_brought_up_with_its_rows(postgres, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr(module, "MIGRATIONS", MIGRATIONS[:1])
        with PostgresDatabase(postgres, schema_name(1, live=True)) as database, database.write() as there:
            there.execute("INSERT INTO meta (key, value) VALUES (?, ?)", ("mode", "live"))

    with open_journal(postgres) as journal:
        journal.record_plans([priced(1)])
        assert len(journal._database.read("SELECT * FROM meta WHERE key = 'mode'")) == 1


def test_a_server_that_is_not_there_is_named_without_its_password(postgres):
    nowhere = replace(postgres, url="postgresql://me:canary-password@127.0.0.1:1/db", shown="postgresql://127.0.0.1:1")
    with pytest.raises(JournalError, match="no PostgreSQL answers at postgresql://127") as caught:
        open_journal(nowhere)

    assert "canary" not in f"{caught.value} {nowhere!r}"
    assert caught.value.__cause__ is None


# The lease ------------------------------------------------------------------------------------------------------


def test_a_second_writer_is_refused_by_name(postgres, journal):
    with pytest.raises(LeaseHeldError, match=f"process {os.getpid()} on"):
        open_journal(postgres)

    journal.record_plans([priced(1)])


def test_a_lease_given_back_is_taken_at_once_under_the_next_epoch(postgres):
    with open_journal(postgres) as first:
        first.record_plans([priced(1)])

    with open_journal(postgres) as second:
        assert second.epoch == first.epoch + 1
        second.record_plans([priced(2)])

    assert [(row["id"], row["epoch"]) for row in rows(postgres, "plans")] == [("plan-1", 1), ("plan-2", 2)]


def test_every_table_carries_the_epoch(postgres, journal):
    found = journal._database.read(
        "SELECT t.table_name AS name FROM information_schema.tables AS t WHERE t.table_schema = current_schema() "
        "AND t.table_name <> 'lease' AND NOT EXISTS (SELECT 1 FROM information_schema.columns AS c "
        "WHERE c.table_schema = t.table_schema AND c.table_name = t.table_name AND c.column_name = 'epoch')"
    )
    assert list(found) == []
    assert {row["epoch"] for row in rows(postgres, "runs")} == {1}


async def test_whoever_lost_the_lease_neither_writes_nor_signs(postgres):
    hasty = replace(postgres, lease_s=0.05)
    old = open_journal(hasty)
    signer = FencedSigner(
        LocalSigner(ACCOUNT, SigningPolicy(1, frozenset({EXECUTOR}), frozenset({SELECTOR}), 500 * GWEI)), old
    )
    await asyncio.sleep(0.1)
    with open_journal(postgres) as new:
        with pytest.raises(JournalError, match="the lease went to"):
            old.record_plans([priced(1)])

        with pytest.raises(JournalError, match="nothing is sent"):
            await signer.sign(None)

        with pytest.raises(JournalError, match="the lease went to"):
            old.renew()

        old.close()
        new.record_plans([priced(1)])
        new.renew()
        new.fence()


def test_the_database_itself_refuses_an_old_epoch(postgres):
    hasty = replace(postgres, lease_s=0.01)
    old = open_journal(hasty)
    with open_journal(postgres), pytest.raises(module.psycopg.errors.RaiseException, match="went to another keeper"):
        # Past every check of ours, as a defect would.
        old._database._connection.execute("INSERT INTO meta (key, value, epoch) VALUES ('x', 'y', 99)")

    old.close()


def test_a_lease_that_is_renewed_is_not_taken(postgres):
    with open_journal(replace(postgres, lease_s=0.6)) as journal:
        for _ in range(4):
            journal.renew()
            with pytest.raises(LeaseHeldError):
                open_journal(postgres)


def test_a_paused_process_that_wakes_up_with_an_old_lease_writes_and_sends_nothing(postgres):
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, postgres.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as paused:
        try:
            assert paused.stdout.readline() == "holding\n"
            os.kill(paused.pid, signal.SIGSTOP)
            standby = take_over(postgres)
            standby.record_plans([priced(3)])
            os.kill(paused.pid, signal.SIGCONT)
            paused.stdin.write("go\n")
            paused.stdin.close()
            assert paused.stdout.readline() == "fenced\n"
            assert paused.stdout.readline().startswith("JournalError the lease went to")
            standby.close()
        finally:
            paused.kill()

    assert [row["id"] for row in rows(postgres, "plans")] == ["plan-1", "plan-3"]


# A standby --------------------------------------------------------------------------------------------------------


def config_of(folder, place, lease_s=3):
    text = changed("live = true\n", f'live = true\npostgres = "{place.url}"\nlease_s = {lease_s}\n')
    return load(folder, text).config


async def test_a_standby_takes_over_when_the_writer_is_gone(tmp_path, postgres):
    config = config_of(tmp_path, postgres)
    writer = open_kept(config, live=True)
    async with asyncio.TaskGroup() as group:
        standby = group.create_task(open_when_free(config, asyncio.Event()))
        await asyncio.sleep(0.2)
        assert not standby.done()
        writer.close()

    with standby.result() as taken:
        assert taken.epoch == writer.epoch + 1


async def test_a_standby_that_is_told_to_stop_takes_nothing(tmp_path, postgres):
    config = config_of(tmp_path, postgres)
    stop = asyncio.Event()
    with open_kept(config, live=True) as writer:
        async with asyncio.TaskGroup() as group:
            standby = group.create_task(open_when_free(config, stop))
            await asyncio.sleep(0.1)
            stop.set()

        assert standby.result() is None
        writer.renew()


async def test_a_run_ends_when_its_lease_is_lost(postgres):
    old = open_journal(replace(postgres, lease_s=0.05))
    await asyncio.sleep(0.1)
    with open_journal(postgres), pytest.raises(JournalError, match="the lease went to"):
        await keep(old, 0.01)

    old.close()


def take_over(place):
    """Wait, as a standby does, until the lease has run out."""
    while True:
        try:
            return open_journal(place)
        except LeaseHeldError:
            continue
