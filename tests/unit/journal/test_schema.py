import sqlite3

import pytest

from keeper.errors import JournalError
from keeper.journal.schema import APPLICATION_ID, MIGRATIONS, prepare, version_of


@pytest.fixture
def fresh(tmp_path):
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    yield connection
    connection.close()


def test_an_empty_file_becomes_a_journal_of_the_newest_version(fresh):
    prepare(fresh)
    assert version_of(fresh) == len(MIGRATIONS)
    assert fresh.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_preparing_again_changes_nothing(fresh):
    prepare(fresh)
    before = fresh.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    prepare(fresh)
    assert fresh.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == before


def test_an_older_journal_is_migrated_with_its_rows(fresh):
    prepare(fresh)
    fresh.execute("INSERT INTO meta VALUES ('mode', 'live')")
    prepare(fresh, [*MIGRATIONS, ["ALTER TABLE meta ADD COLUMN note TEXT"]])
    assert fresh.execute("SELECT key, value, note FROM meta").fetchall() == [("mode", "live", None)]
    assert version_of(fresh) == len(MIGRATIONS) + 1


def test_a_migration_that_fails_leaves_the_old_version(fresh):
    prepare(fresh)
    with pytest.raises(sqlite3.OperationalError):
        prepare(fresh, [*MIGRATIONS, ["CREATE TABLE added (x)", "not sql"]])

    fresh.execute("ROLLBACK")
    assert version_of(fresh) == len(MIGRATIONS)
    assert fresh.execute("SELECT count(*) FROM sqlite_master WHERE name = 'added'").fetchone() == (0,)


def test_a_newer_journal_is_refused(fresh):
    prepare(fresh, [*MIGRATIONS, ["CREATE TABLE added (x)"]])
    with pytest.raises(JournalError, match=f"schema version {len(MIGRATIONS) + 1}, this keeper knows"):
        prepare(fresh)


def test_another_programs_database_is_refused_untouched(fresh):
    fresh.execute("CREATE TABLE theirs (x)")
    with pytest.raises(JournalError, match="not a keeper's journal"):
        prepare(fresh)

    assert fresh.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
