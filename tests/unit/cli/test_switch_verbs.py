"""`keeper pause`, `resume` and `status`, over a journal that a keeper has written."""

import json

import pytest

from keeper.execution.governor import Governor
from keeper.execution.switch import Order, Switch
from tests.fakes.desk import Office
from tests.fakes.plans import make_plan
from tests.unit.cli.terminal import keeper
from tests.unit.config.sample import GOOD
from tests.unit.execution.test_governor import THRESHOLDS


@pytest.fixture
async def folder(tmp_path):
    """A folder with a configuration, and the journal of a live run that lost gas on one revert."""
    (tmp_path / "keeper.toml").write_text(GOOD)
    office = Office(tmp_path)
    await office.desk.arm()
    await office.execute(make_plan())
    office.chain.mine_all(status=0)
    await office.track()
    switch = Switch(tmp_path / "keeper.db.switch")
    switch.write(Order.PAUSE, "odd prices", at=1)
    Governor(office.journal, THRESHOLDS, switch, started_at=office.chain.head.timestamp)
    office.close()
    return tmp_path


def test_status_shows_what_holds_and_what_was_lost(folder):
    done = keeper("status", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert [(hold["cause"], hold["reason"], hold["until"]) for hold in facts["holds"]] == [
        ("operator_pause", "odd prices", None)
    ]
    assert facts["switch"]["order"] == "pause"
    assert facts["gas_budget_wei"] == str(10**18)
    shown = keeper("status", cwd=folder).stdout
    assert "HELD  operator_pause: odd prices, until lifted" in shown


def test_a_pause_for_minutes_says_until_when_and_where(folder):
    done = keeper("pause", "--minutes", "5", "--because", "release", "--json", cwd=folder)
    word = Switch(folder / "keeper.db.switch").read()
    assert (word.order, word.reason) == (Order.PAUSE, "release")
    assert json.loads(done.stdout)["until"] == word.until
    assert keeper("resume", cwd=folder).stdout.startswith("resume: written to ")


async def test_status_shows_a_dry_runs_journal_where_asked_or_where_there_is_no_other(folder):
    dry = Office(folder, live=False)
    dry.close()
    facts = json.loads(keeper("status", "--dry-run", "--json", cwd=folder).stdout)
    assert (facts["journal"].endswith("keeper.dry.db"), facts["holds"]) == (True, [])
    (folder / "keeper.db").unlink()
    done = keeper("status", cwd=folder)
    assert "nothing holds it back" in done.stdout
    assert "this is the dry run's journal" in done.stderr


def test_status_without_a_journal_says_so(tmp_path):
    (tmp_path / "keeper.toml").write_text(GOOD)
    done = keeper("status", cwd=tmp_path)
    assert (done.returncode, "no journal" in done.stderr) == (7, True)
