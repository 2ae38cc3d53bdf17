import json

import pytest

from keeper.errors import JournalError
from keeper.journal import passes
from keeper.journal.queries import report_rows
from keeper.journal.store import Journal
from keeper.types import Declined, Reason
from tests.fakes.desk import RUN
from tests.fakes.heads import head
from tests.fakes.plans import position

DEBT = "0xa"


def declined(index=1, reason=Reason.BELOW_MIN_PROFIT, **numbers):
    return Declined("market", position(index), reason, numbers)


def ranges(connection):
    rows = connection.execute("SELECT reason, first_block, last_block FROM declines ORDER BY id")
    return [tuple(row) for row in rows]


def test_a_decline_that_goes_on_is_one_row_with_its_last_numbers(journal, connection):
    for number in range(100, 150):
        journal.record_pass(head(number), {}, [declined(net_usd=number)])

    assert ranges(connection) == [("below_min_profit", 100, 149)]
    assert json.loads(connection.execute("SELECT numbers FROM declines").fetchone()[0]) == {"net_usd": "149"}


def test_a_decline_that_stops_and_comes_back_is_two_rows(journal, connection):
    for number, found in ((100, [declined()]), (101, []), (102, [declined()])):
        journal.record_pass(head(number), {}, found)

    assert ranges(connection) == [("below_min_profit", 100, 100), ("below_min_profit", 102, 102)]


def test_another_reason_is_another_row(journal, connection):
    journal.record_pass(head(100), {}, [declined()])
    journal.record_pass(head(101), {}, [declined(reason=Reason.NO_ROUTE)])
    assert ranges(connection) == [("below_min_profit", 100, 100), ("no_route", 101, 101)]


def test_pairs_told_apart_by_their_tokens_are_rows_of_their_own(journal, connection):
    pairs = [declined(collateral_token=c, debt_token=DEBT) for c in ("0xb", "0xc")]
    journal.record_pass(head(100), {}, [*pairs, pairs[0]])
    rows = connection.execute("SELECT debt_token, collateral_token FROM declines ORDER BY id")
    assert [tuple(row) for row in rows] == [(DEBT, "0xb"), (DEBT, "0xc")]


def test_skipped_blocks_do_not_end_a_decline(journal, connection):
    journal.record_pass(head(100), {}, [declined()])
    journal.record_pass(head(104), {}, [declined()])
    assert ranges(connection) == [("below_min_profit", 100, 104)]


def test_a_reorg_to_a_lower_block_keeps_the_range(journal, connection):
    journal.record_pass(head(105), {}, [declined()])
    journal.record_pass(head(104, hash=b"\x09" * 32), {}, [declined()])
    assert ranges(connection) == [("below_min_profit", 105, 105)]


def test_a_restart_starts_its_own_rows(tmp_path):
    for number in (100, 101):
        with Journal(tmp_path / "keeper.db", live=True, chain_id=1, run=RUN) as journal:
            journal.record_pass(head(number), {}, [declined()])
            found = ranges(journal._database._connection)

    assert found == [("below_min_profit", 100, 100), ("below_min_profit", 101, 101)]


def test_a_pass_that_cannot_be_written_leaves_no_half_and_is_written_whole_next_time(journal, connection, monkeypatch):
    journal.record_pass(head(100), {}, [declined()])
    monkeypatch.setattr(passes, "to_json", lambda _: object())
    with pytest.raises(JournalError):
        journal.record_pass(head(101), {}, [declined()])

    monkeypatch.undo()
    journal.record_pass(head(101), {}, [declined()])
    assert ranges(connection) == [("below_min_profit", 100, 101)]
    assert [row[0] for row in connection.execute("SELECT number FROM blocks")] == [100, 101]


def test_the_canonical_line_is_kept_per_block_and_both_sides_of_a_reorg(journal, connection):
    journal.record_pass(head(100), {"block": 100, "suspects": 3, "worst_wad": 10**20}, [])
    journal.record_pass(head(100, hash=b"\x09" * 32), {"block": 100}, [])
    lines = [json.loads(row[0]) for row in connection.execute("SELECT line FROM blocks")]
    assert lines == [{"block": 100, "suspects": 3, "worst_wad": 10**20}, {"block": 100}]


def test_old_lines_are_dropped_and_declines_are_not(journal, connection, monkeypatch):
    monkeypatch.setattr(passes, "KEPT_BLOCKS", 500)
    for number in (1_400, 1_600, 2_000):
        journal.record_pass(head(number), {}, [declined(number)])

    assert [row[0] for row in connection.execute("SELECT number FROM blocks")] == [1_600, 2_000]
    assert len(ranges(connection)) == 3


def test_a_declined_row_of_the_report_carries_what_is_known(journal, connection):
    numbers = {"debt_token": "0xa", "collateral_token": "0xb", "expected_profit": 10**30, "net_usd": 4}
    journal.record_pass(head(100), {}, [declined(**numbers), Declined("market", None, Reason.PAUSED)])
    one, other = report_rows(connection)
    assert one["position"] == "0x0000000000000000000000000000000000000001"
    assert (one["status"], one["reason"], one["block"]) == ("declined", "below_min_profit", 100)
    assert (one["debt_token"], one["collateral_token"], one["expected_profit"]) == ("0xa", "0xb", str(10**30))
    assert (one["adapter"], one["tx_hash"], one["realised_profit"]) == ("aave_v3", None, None)
    assert (other["position"], other["reason"]) == (None, "paused")
    assert list(one) == list(other)


def test_a_declined_row_says_what_decided_where_that_is_asked_for(journal, connection):
    """People read it in the report's table; `--json` keeps to its promised keys."""
    journal.record_pass(head(100), {}, [declined(net_usd=4, why="gas")])
    (plain,), (row,) = report_rows(connection), report_rows(connection, with_numbers=True)
    assert row == {**plain, "numbers": {"net_usd": "4", "why": "gas"}}
