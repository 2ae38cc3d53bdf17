"""What a standby reads of another keeper's state, and what it writes down once the journal is its own."""

from pathlib import Path

import pytest

from keeper.journal.borrowed import BorrowedState
from keeper.journal.records import BlockRef
from keeper.journal.store import Journal
from keeper.journal.view import SavedStateView
from keeper.protocols.base import Row
from tests.fakes.desk import RUN

FIRST, LATER, LAST = (BlockRef(number, bytes([number]) * 32) for number in (10, 20, 30))
BOOK = (Row(b"a", b"1"), Row(b"b", b"1"), Row(b"c", b"1"))


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "keeper.db", live=True, chain_id=1, run=RUN) as journal:
        journal.state.save("market", FIRST, BOOK)
        yield journal


@pytest.fixture
def borrowed(journal):
    return BorrowedState(SavedStateView(Path(journal.name), 1))


def test_nothing_is_written_before_it_is_handed_over(journal, borrowed):
    assert borrowed.load("market").rows == BOOK
    borrowed.save("market", LATER, [Row(b"a", b"2")])
    borrowed.clear("market")
    assert journal.state.load("market").cursor == FIRST
    assert journal.state.load("market").rows == BOOK


def test_everything_that_changed_since_is_handed_over_also_what_went_away(journal, borrowed):
    borrowed.save("market", LATER, [Row(b"a", b"2"), Row(b"b", b"")])
    borrowed.hand_over(journal.state, "market", LAST, [Row(b"d", b"3")])
    found = journal.state.load("market")
    assert (found.cursor, found.rows) == (LAST, (Row(b"a", b"2"), Row(b"c", b"1"), Row(b"d", b"3")))


def test_what_was_worthless_is_replaced_whole(journal, borrowed):
    borrowed.clear("market")
    borrowed.hand_over(journal.state, "market", LAST, [Row(b"d", b"3")])
    assert journal.state.load("market").rows == (Row(b"d", b"3"),)


def test_a_dry_runs_state_is_not_borrowed(tmp_path, borrowed):
    """What is handed over goes on from what the live run saved, and from nothing else."""
    with Journal(tmp_path / "keeper.db", live=False, chain_id=1, run=RUN) as dry:
        dry.state.save("market", LATER, [Row(b"z", b"9")])

    assert borrowed.load("market").cursor == FIRST
    assert borrowed.load("venue") is None
