from keeper.journal.records import BlockRef
from keeper.journal.state import SavedState
from keeper.journal.store import Journal
from keeper.protocols.base import Row
from tests.fakes.desk import RUN

ONE, TWO = BlockRef(1, b"\x01" * 32), BlockRef(2, b"\x02" * 32)


def test_a_source_never_saved_is_none(journal):
    assert journal.state.load("market") is None


def test_rows_come_back_in_key_order_with_their_block(journal):
    journal.state.save("market", ONE, [Row(b"b", b"2"), Row(b"a", b"1")])
    assert journal.state.load("market") == SavedState(ONE, (Row(b"a", b"1"), Row(b"b", b"2")))


def test_a_later_page_adds_replaces_and_moves_the_cursor(journal):
    journal.state.save("market", ONE, [Row(b"a", b"1"), Row(b"b", b"2")])
    journal.state.save("market", TWO, [Row(b"b", b"3"), Row(b"c", b"4")])
    assert journal.state.load("market") == SavedState(TWO, (Row(b"a", b"1"), Row(b"b", b"3"), Row(b"c", b"4")))


def test_an_empty_value_removes_its_row(journal):
    journal.state.save("market", ONE, [Row(b"a", b"1"), Row(b"b", b"2")])
    journal.state.save("market", TWO, [Row(b"a", b"")])
    assert journal.state.load("market") == SavedState(TWO, (Row(b"b", b"2"),))


def test_sources_do_not_see_each_other(journal):
    journal.state.save("one", ONE, [Row(b"a", b"1")])
    journal.state.save("two", TWO, [Row(b"a", b"2")])
    journal.state.clear("one")
    assert journal.state.load("one") is None
    assert journal.state.load("two") == SavedState(TWO, (Row(b"a", b"2"),))


def test_state_survives_a_restart(tmp_path):
    for _ in range(2):
        with Journal(tmp_path / "keeper.db", live=True, chain_id=1, run=RUN) as journal:
            journal.state.save("market", ONE, [Row(b"a", b"1")])

    with Journal(tmp_path / "keeper.db", live=True, chain_id=1, run=RUN) as journal:
        assert journal.state.load("market") == SavedState(ONE, (Row(b"a", b"1"),))
