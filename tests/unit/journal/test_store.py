import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from keeper.errors import JournalError
from keeper.journal.place import PostgresPlace, journal_path, open_database, open_reader
from keeper.journal.queries import report_rows
from keeper.journal.records import BlockRef
from keeper.journal.schema import MIGRATIONS, prepare
from keeper.journal.sqlite import connect_read_only
from keeper.journal.store import Journal, RunInfo
from keeper.protocols.base import Row
from tests.fakes.desk import RUN

SECOND = """
import sys
from pathlib import Path
from keeper.errors import JournalError
from keeper.journal.store import Journal, RunInfo
try:
    Journal(Path(sys.argv[1]), live=True, chain_id=1, run=RunInfo("0", "0", 0, {}))
except JournalError as error:
    print(error.exit_code, error.message)
"""


def open_journal(folder, *, live=True, chain_id=1):
    return Journal(folder / "keeper.db", live=live, chain_id=chain_id, run=RUN)


def test_commits_are_durable_against_a_power_cut(connection):
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL


def test_a_dry_run_has_its_own_file(tmp_path):
    with open_journal(tmp_path, live=False) as dry, open_journal(tmp_path) as live:
        assert dry.name == str(tmp_path / "keeper.dry.db")
        assert live.name == str(tmp_path / "keeper.db")


@pytest.mark.parametrize(
    ("name", "dry"), [("keeper.db", "keeper.dry.db"), ("a.b.sqlite", "a.b.dry.sqlite"), ("j", "j.dry.db")]
)
def test_the_dry_file_is_named_after_the_live_one(tmp_path, name, dry):
    assert journal_path(tmp_path / name, live=False) == tmp_path / dry
    assert journal_path(tmp_path / name, live=True) == tmp_path / name


def test_a_dry_journal_put_in_the_live_ones_place_is_refused(tmp_path):
    open_journal(tmp_path, live=False).close()
    os.rename(tmp_path / "keeper.dry.db", tmp_path / "keeper.db")  # noqa: PTH104 - what a person would do
    with pytest.raises(JournalError, match="belongs to mode dry, not live"):
        open_journal(tmp_path)


def test_a_journal_of_another_chain_is_refused(tmp_path):
    open_journal(tmp_path).close()
    with pytest.raises(JournalError, match="belongs to chain_id 1, not 10"):
        open_journal(tmp_path, chain_id=10)


def test_a_second_process_is_refused_and_told_who_has_it(tmp_path):
    command = [sys.executable, "-c", SECOND, str(tmp_path / "keeper.db")]
    with open_journal(tmp_path):
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert told.startswith(f"7 another keeper (process {os.getpid()}) is using")

    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


def test_a_refused_open_leaves_the_lock_to_its_holder(tmp_path):
    with open_journal(tmp_path):
        for _ in range(2):
            with pytest.raises(JournalError, match="another keeper"):
                open_journal(tmp_path)


def test_a_failed_open_gives_the_lock_back(tmp_path):
    (tmp_path / "keeper.db").write_bytes(b"not a database, but long enough to look like a file somebody cares about")
    for _ in range(2):
        with pytest.raises(JournalError, match=r"keeper\.db"):
            open_journal(tmp_path)


@pytest.mark.parametrize(("version", "said"), [(0, "is empty: no run"), (1, "an older keeper wrote it")])
def test_a_journal_no_run_has_brought_up_is_not_read(tmp_path, version, said):
    path = tmp_path / "keeper.db"
    path.touch()
    with closing(sqlite3.connect(path)) as connection:
        prepare(connection, MIGRATIONS[:version])

    with pytest.raises(JournalError, match=said):
        connect_read_only(path)


def test_a_damaged_journal_is_refused(tmp_path):
    with open_journal(tmp_path) as journal:
        rows = (Row(i.to_bytes(4, "big"), bytes(200)) for i in range(500))
        journal.state.save("market", BlockRef(1, b"\x01" * 32), rows)

    path = tmp_path / "keeper.db"
    content = bytearray(path.read_bytes())
    for page in range(8, len(content) // 4_096):  # the first pages hold the schema
        content[page * 4_096 : page * 4_096 + 64] = b"\xff" * 64

    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"damaged|malformed"):
        open_journal(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(JournalError, match="none"):
        Journal(tmp_path / "none" / "keeper.db", live=True, chain_id=1, run=RUN)


def test_each_start_is_a_run(tmp_path):
    open_journal(tmp_path).close()
    with Journal(tmp_path / "keeper.db", live=True, chain_id=1, run=RunInfo("0.2.0", "beef", 7, {})) as journal:
        assert journal.run == 2
        rows = journal._database.read("SELECT version, config_hash, mode, started_at FROM runs ORDER BY id")
        assert [tuple(row) for row in rows] == [
            ("0.1.0", "c0ffee", "live", 1_700_000_000),
            ("0.2.0", "beef", "live", 7),
        ]


def test_a_write_that_fails_is_undone_whole_and_says_so(journal):
    def rows():
        yield Row(b"a", b"1")
        yield Row(b"b", object())

    with pytest.raises(JournalError, match="refused a write"):
        journal.state.save("market", BlockRef(1, b"\x01" * 32), rows())

    assert journal.state.load("market") is None


def test_an_error_of_the_caller_undoes_the_write_and_passes_through(journal):
    def rows():
        yield Row(b"a", b"1")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        journal.state.save("market", BlockRef(1, b"\x01" * 32), rows())

    assert journal.state.load("market") is None


def test_a_report_reads_beside_a_running_keeper(tmp_path):
    with open_journal(tmp_path) as journal, closing(connect_read_only(Path(journal.name))) as reader:
        assert list(report_rows(reader)) == []
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM meta")


def test_a_report_reads_what_a_stopped_keeper_left(tmp_path):
    open_journal(tmp_path).close()
    with closing(connect_read_only(tmp_path / "keeper.db")) as reader:
        assert reader.execute("SELECT count(*) FROM runs").fetchone()[0] == 1


def test_a_report_without_a_journal_says_so(tmp_path):
    with pytest.raises(JournalError, match="no journal at"):
        connect_read_only(tmp_path / "keeper.db")


def test_a_report_on_another_file_is_refused(tmp_path):
    (tmp_path / "keeper.db").write_text("hello " * 100)
    with pytest.raises(JournalError, match="not a database"):
        connect_read_only(tmp_path / "keeper.db")


def modes(folder):
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def test_journal_files_are_the_owners_alone(tmp_path):
    """They hold signed transactions, and a signed transaction can be sent by whoever has it."""
    before = os.umask(0)
    try:
        with open_journal(tmp_path):
            found = modes(tmp_path)
    finally:
        os.umask(before)

    assert found == dict.fromkeys(["keeper.db", "keeper.db-wal", "keeper.db-shm", "keeper.db.lock"], 0o600)


def test_journal_files_that_others_could_read_are_closed_to_them(tmp_path):
    with open_journal(tmp_path) as first, closing(connect_read_only(Path(first.name))):
        copies = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    killed = tmp_path / "killed"
    killed.mkdir()
    for name, content in copies.items():
        (killed / name).write_bytes(content)
        (killed / name).chmod(0o644)

    with open_journal(killed):
        assert modes(killed) == dict.fromkeys(copies, 0o600)

    assert len(copies) == 4


def test_a_database_without_its_driver_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "keeper.journal.postgres", None)
    place = PostgresPlace("postgresql://me@127.0.0.1/db", "postgresql://127.0.0.1")
    for opened in (open_reader, open_database):
        with pytest.raises(JournalError, match=r"keeper\[postgres\]"):
            opened(place, 1, live=True)
