"""The journal is read from the command line while nothing else runs, or beside a running keeper."""

import json

import pytest

from keeper.journal.queries import REPORT_KEYS
from keeper.types import Declined, Reason, to_checksum
from tests.fakes.desk import Office
from tests.fakes.heads import head
from tests.fakes.plans import COLLATERAL, DEBT, make_plan, position
from tests.unit.cli.terminal import keeper
from tests.unit.config.sample import GOOD


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "keeper.toml").write_text(GOOD)
    return tmp_path


async def written(folder, *, live):
    """A journal with one plan sent (or answered by the dry run) and one decline; still open, as in a running keeper."""
    office = Office(folder, live=live)
    if live:
        await office.desk.arm()

    await office.execute(make_plan(1))
    no = Declined("market", position(2), Reason.NO_ROUTE, {"why": "\x1b[31mno pool"})
    office.journal.record_pass(head(), {"block": 100}, [no])
    return office


async def test_report_in_json_is_one_object_per_line_beside_a_running_keeper(folder):
    office = await written(folder, live=True)
    done = keeper("report", "--json", cwd=folder)
    office.close()
    plan, no = map(json.loads, done.stdout.splitlines())
    assert tuple(plan) == tuple(no) == REPORT_KEYS
    assert (plan["status"], plan["repaid"], plan["seized"], plan["expected_profit"]) == ("sent", "1000", "1100", "80")
    assert (plan["debt_token"], plan["collateral_token"]) == (to_checksum(DEBT), to_checksum(COLLATERAL))
    assert (no["status"], no["reason"], no["position"]) == ("declined", "no_route", to_checksum(position(2)))


async def test_report_for_people_shows_both_tables_and_the_counts(folder):
    (await written(folder, live=True)).close()
    done = keeper("report", cwd=folder)
    assert done.returncode == 0
    assert [
        word for word in ("Outcomes", "Declined", "no_route", "1 sent, 1 declined") if word not in done.stdout
    ] == []
    assert "\x1b" not in done.stdout


async def test_report_reads_the_dry_runs_journal_only_where_asked_or_alone(folder):
    (await written(folder, live=False)).close()
    alone = keeper("report", "--json", cwd=folder)
    assert "this is the dry run's journal" in alone.stderr
    assert json.loads(alone.stdout.splitlines()[0])["status"] == "dry_run"
    (await written(folder, live=True)).close()
    beside = keeper("report", "--json", cwd=folder)
    assert "dry run" not in beside.stderr
    assert json.loads(beside.stdout.splitlines()[0])["status"] == "sent"
    asked = keeper("report", "--json", "--dry-run", cwd=folder)
    assert json.loads(asked.stdout.splitlines()[0])["status"] == "dry_run"


def test_report_without_a_journal_ends_with_code_7(folder):
    done = keeper("report", cwd=folder)
    assert (done.returncode, done.stdout) == (7, "")
    assert done.stderr.endswith("nothing has run with this configuration yet\n")


def test_report_of_a_file_that_is_no_journal_ends_with_code_7(folder):
    (folder / "keeper.db").write_text("not a database, but long enough to be looked at" * 40)
    done = keeper("report", cwd=folder)
    assert done.returncode == 7
    assert "Traceback" not in done.stderr
