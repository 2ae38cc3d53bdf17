"""A journal in PostgreSQL is audited like a file, and its fence is held to its word."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from auditor.database import AuditError, connect
from auditor.ledger import read

from tests.fakes.desk import Office
from tests.fakes.plans import make_plan

SCRIPTS = Path(__file__).parents[3] / "scripts"


async def a_few_blocks(office):
    """One plan lands, one climbs, comes too late, and is cancelled twice: five transactions."""
    await office.desk.arm()
    await office.execute(make_plan(1), make_plan(2))
    (first, _) = office.chain.pool
    office.chain.mine(first)
    for _ in range(6):
        await office.track()
        office.chain.mine()

    office.close()


@pytest.fixture
async def url(tmp_path, postgres):
    await a_few_blocks(Office(tmp_path, place=postgres))
    return postgres.url


async def test_a_journal_reads_alike_in_a_file_and_in_a_database(tmp_path, url):
    await a_few_blocks(Office(tmp_path))
    with connect(str(tmp_path / "keeper.db")) as file, connect(url) as database:
        assert read(database) == read(file)
        assert len(read(file).transactions) == 5
        assert read(file).damage == ()


def test_a_row_written_under_a_lease_that_was_over_is_found(url):
    with psycopg.connect(url, options="-c search_path=keeper_1_live -c keeper.epoch=1") as tamperer:
        tamperer.execute("UPDATE lease SET epoch = 3")
        tamperer.execute("ALTER TABLE intents DISABLE TRIGGER ALL")
        tamperer.execute("UPDATE intents SET epoch = 3 WHERE id = (SELECT min(id) FROM intents)")

    with connect(url) as database:
        assert list(database.damage()) == ["a row of intents was written under a lease that had been taken over"]


def test_nothing_can_be_written_while_auditing(url):
    with pytest.raises(AuditError, match="ReadOnly"), connect(url) as database:
        list(database.rows("DELETE FROM plans RETURNING id"))


def test_a_schema_that_is_not_there_is_answered_with_those_that_are(url):
    with pytest.raises(AuditError, match="there are keeper_1_live"), connect(url, "keeper_2_live"):
        pass


def test_the_program_takes_a_url_and_never_shows_it():
    command = [
        sys.executable,
        "-m",
        "auditor",
        "postgresql://u:hunter2@127.0.0.1:1/d",
        "--rpc-url",
        "http://127.0.0.1:1",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=SCRIPTS)
    assert (done.returncode, "hunter2" in done.stderr) == (2, False)
    assert "cannot be read" in done.stderr
