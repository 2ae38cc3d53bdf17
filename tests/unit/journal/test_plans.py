import sqlite3
from dataclasses import replace

import pytest
from eth_utils.address import to_checksum_address

from keeper.errors import JournalError
from keeper.execution.base import Status
from keeper.execution.bidding import bid
from keeper.journal.plans import PricedPlan
from keeper.journal.queries import report_rows
from keeper.journal.store import Journal
from tests.fakes.desk import RUN
from tests.fakes.heads import head
from tests.fakes.plans import COLLATERAL, DEBT, EXECUTOR, NATIVE_USD, POLICIES, make_plan, position


def priced(index=1, **changes):
    plan = make_plan(index, **changes)
    return PricedPlan(plan, bid(plan, POLICIES["flash"], NATIVE_USD), head())


def test_a_plan_comes_back_as_it_was_written(journal):
    written = priced()
    journal.record_plans([written])
    found = journal.plan("plan-1")
    opportunity = written.plan.opportunity
    assert found.expected == opportunity.settlement
    assert found.profit == opportunity.profit
    assert (found.target, found.max_block) == (written.plan.target, written.plan.max_block)
    assert (found.position, found.size, found.data) == (position(1), 1_000, written.plan.data)
    assert (found.executor, found.min_profit, found.ceiling_wei) == (EXECUTOR, 72, written.bid.ceiling_wei)
    assert (found.head_number, found.head_hash) == (100, head().hash)
    assert found.details["funding"]["amount"] == "1001"
    assert found.details["route"] == {"amounts": ["1100"], "hops": []}


def test_amounts_beyond_sixty_four_bits_come_back_exactly(journal):
    journal.record_plans([priced(min_profit=2**256 - 1)])
    assert journal.plan("plan-1").min_profit == 2**256 - 1


def test_a_plan_nobody_wrote_is_an_error(journal):
    with pytest.raises(JournalError, match="no plan plan-9"):
        journal.plan("plan-9")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE plans SET profit = '0'",
        "UPDATE plans SET calldata = x'00' WHERE id = 'plan-1'",
        "DELETE FROM plans",
        "INSERT OR REPLACE INTO plans SELECT * FROM plans",
        "REPLACE INTO plans SELECT * FROM plans",
        "INSERT INTO plans SELECT * FROM plans WHERE true ON CONFLICT (id) DO UPDATE SET profit = '0'",
    ],
)
def test_what_was_expected_cannot_be_rewritten_or_removed(journal, connection, statement):
    journal.record_plans([priced()])
    with pytest.raises(sqlite3.IntegrityError, match=r"expected values are never|written once"):
        connection.execute(statement)

    assert journal.plan("plan-1").profit.amount == 80


def test_what_was_expected_cannot_be_rewritten_by_another_connection(journal):
    journal.record_plans([priced()])
    other = sqlite3.connect(journal.name)  # without our pragmas
    for statement in ("REPLACE INTO plans SELECT * FROM plans", "UPDATE plans SET profit = '0'", "DELETE FROM plans"):
        with pytest.raises(sqlite3.IntegrityError):
            other.execute(statement)

    other.close()


def test_another_plan_of_the_same_name_is_refused_with_all_beside_it(journal):
    journal.record_plans([priced()])
    with pytest.raises(JournalError, match="plan-1 is written already, with another min_profit: a plan is written on"):
        journal.record_plans([priced(2), priced(min_profit=73)])

    with pytest.raises(JournalError, match="no plan plan-2"):
        journal.plan("plan-2")

    assert journal.plan("plan-1").min_profit == 72


def test_same_plan_at_another_price_is_refused(journal):
    journal.record_plans([priced()])
    dearer = replace(priced(), bid=replace(priced().bid, ceiling_wei=1))
    with pytest.raises(JournalError, match="another ceiling_wei:"):
        journal.record_plans([dearer])


def test_the_very_same_plan_again_keeps_its_first_row(journal, connection):
    journal.record_plans([priced()])
    before = connection.execute("SELECT * FROM plans").fetchall()
    journal.record_plans([priced(), priced(2)])
    assert connection.execute("SELECT * FROM plans").fetchall()[:1] == before
    assert [row["status"] for row in report_rows(connection)] == ["planned", "planned"]


def test_the_very_same_plan_again_takes_back_how_it_had_ended(journal, connection):
    journal.record_plans([priced()])
    journal.record_verdict("plan-1", Status.SIMULATION_FAILED, 100, "the pool was paused")
    journal.record_plans([priced()])
    row = next(report_rows(connection))
    assert (row["status"], row["reason"], row["block"]) == ("planned", None, None)

    journal.record_verdict("plan-1", Status.DRY_RUN, 100)
    assert next(report_rows(connection))["status"] == "dry_run"


def test_a_plan_a_dead_run_had_made_again_is_closed_by_the_next_run(tmp_path):
    for _ in range(3):
        with Journal(tmp_path / "keeper.db", live=True, chain_id=1, run=RUN) as journal:
            journal.record_plans([priced()])

    with Journal(tmp_path / "keeper.db", live=True, chain_id=1, run=RUN) as journal:
        (row,) = report_rows(journal._database._connection)
        assert (row["status"], row["reason"]) == ("expired", "the keeper stopped before it was sent")


def test_a_plan_of_an_unknown_deployment_is_refused(journal, connection):
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("DELETE FROM deployments")
    connection.execute("PRAGMA foreign_keys = ON")
    with pytest.raises(JournalError, match="FOREIGN KEY"):
        journal.record_plans([priced()])


def test_the_last_verdict_counts(journal, connection):
    journal.record_plans([priced()])
    assert [row["status"] for row in report_rows(connection)] == ["planned"]
    journal.record_verdict("plan-1", Status.REFUSED, 100, "first")
    journal.record_verdict("plan-1", Status.EXPIRED, 103, "second")
    row = next(report_rows(connection))
    assert (row["status"], row["reason"], row["block"]) == ("expired", "second", 103)


def test_a_report_row_of_a_plan_has_exactly_the_promised_keys(journal, connection):
    journal.record_plans([priced()])
    assert next(report_rows(connection)) == {
        "deployment": "market",
        "adapter": "aave_v3",
        "position": "0x0000000000000000000000000000000000000001",
        "kind": "seize",
        "debt_token": to_checksum_address(DEBT),
        "collateral_token": to_checksum_address(COLLATERAL),
        "repaid": "1000",
        "seized": "1100",
        "expected_profit": "80",
        "settled_profit": None,
        "realised_profit": None,
        "profit_token": to_checksum_address(COLLATERAL),
        "gas_used": None,
        "tx_hash": None,
        "block": None,
        "status": "planned",
        "reason": None,
    }
