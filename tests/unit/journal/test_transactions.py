import sqlite3
from dataclasses import replace
from itertools import pairwise

import pytest

from keeper.errors import JournalError
from keeper.execution.base import Fees, Outcome, SignedTx, Status
from keeper.execution.bidding import bid
from keeper.journal.plans import PricedPlan
from keeper.journal.queries import gas_spent_wei, report_rows
from keeper.journal.records import NEXT, BlockRef, Intent, TxKind, TxRecord, TxState
from keeper.journal.transactions import Booking
from keeper.types import TokenAmount
from tests.fakes.desk import OPERATOR
from tests.fakes.heads import head
from tests.fakes.plans import COLLATERAL, NATIVE_USD, POLICIES, make_plan

ONE, TWO, THREE = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32
BLOCK, OTHER_BLOCK = b"\xb1" * 32, b"\xb2" * 32


def record(tx_hash=ONE, nonce=7, replaces=None, kind=TxKind.PLAN, plan_id="plan-1"):
    tx = SignedTx(plan_id, tx_hash, b"raw" + tx_hash, OPERATOR, nonce, Fees(2**70, 3), 700_000)
    return TxRecord(tx, kind, replaces, 103, 1_248, "public", TxState.SIGNED)


def booking(tx_hash=ONE, block_hash=BLOCK, number=101, status=Status.LANDED, profit=80):
    outcome = Outcome(
        plan_id="plan-1",
        status=status,
        tx_hash=tx_hash,
        block_number=number,
        block_hash=block_hash,
        gas_used=400_000,
        gas_price_wei=2**65,
        realised=None,
        settled_profit=TokenAmount(COLLATERAL, profit),
        realised_profit=TokenAmount(COLLATERAL, profit),
        cause=None,
        reason=None,
    )
    return Booking(outcome, 12 * number, 1_000, 1_100)


@pytest.fixture(autouse=True)
def _plan(journal):
    plan = make_plan()
    journal.record_plans([PricedPlan(plan, bid(plan, POLICIES["flash"], NATIVE_USD), head())])


def sign(journal, **changes):
    """Intend the nonce for the record, then write it as signed."""
    signed = record(**changes)
    plan_id = signed.tx.plan_id if signed.kind is TxKind.PLAN else None
    journal.intend(Intent(signed.tx.sender, signed.tx.nonce, plan_id))
    journal.record_signed(signed)


@pytest.fixture
def second_plan(journal):
    plan = make_plan(2)
    journal.record_plans([PricedPlan(plan, bid(plan, POLICIES["flash"], NATIVE_USD), head())])
    return plan.id


def states(journal):
    return [r.state.value for r in journal.transactions.at_nonce(OPERATOR, 7)]


def test_a_signed_transaction_comes_back_as_it_was_written(journal):
    sign(journal)
    assert journal.transactions.open(OPERATOR) == [record()]


def test_a_second_intent_for_a_nonce_is_refused(journal, second_plan):
    sign(journal)
    with pytest.raises(JournalError, match="nonce 7 is meant for plan-1"):
        journal.intend(Intent(OPERATOR, 7, second_plan))


def test_nothing_is_written_as_signed_for_a_nonce_without_an_intent(journal):
    with pytest.raises(JournalError, match="nonce 7 is meant for nothing"):
        journal.record_signed(record())


def test_another_plan_is_not_written_as_signed_for_an_intended_nonce(journal, second_plan):
    journal.intend(Intent(OPERATOR, 7, "plan-1"))
    with pytest.raises(JournalError, match="nonce 7 is meant for plan-1, not for plan-2"):
        journal.record_signed(record(plan_id=second_plan))


def test_an_alternative_that_does_not_say_what_it_replaces_is_refused(journal):
    sign(journal)
    with pytest.raises(JournalError, match="UNIQUE"):
        journal.record_signed(record(TWO))


def test_an_intent_nothing_was_signed_for_gives_way(journal, second_plan, connection):
    journal.intend(Intent(OPERATOR, 7, "plan-1"))
    journal.intend(Intent(OPERATOR, 7, second_plan))
    sign(journal, plan_id=second_plan)
    rows = connection.execute("SELECT plan_id, status FROM intents ORDER BY id")
    assert [tuple(row) for row in rows] == [("plan-1", "dropped"), ("plan-2", "dropped"), ("plan-2", "signed")]


def test_a_nonce_whose_transactions_were_all_refused_may_be_meant_for_something_else(journal, second_plan):
    sign(journal)
    journal.move(ONE, TxState.REFUSED)
    sign(journal, tx_hash=TWO, replaces=ONE, plan_id=second_plan)
    assert states(journal) == ["refused", "signed"]


def test_a_nonce_with_one_transaction_out_stays_what_it_was_meant_for(journal, second_plan):
    sign(journal)
    sign(journal, tx_hash=TWO, replaces=ONE)
    journal.move(TWO, TxState.REFUSED)
    with pytest.raises(JournalError, match="is meant for plan-1"):
        journal.intend(Intent(OPERATOR, 7, second_plan))


def test_a_cancel_gives_its_plan_up_in_the_same_commit(journal):
    sign(journal)
    journal.move(ONE, TxState.SENT)
    sign(journal, tx_hash=TWO, replaces=ONE, kind=TxKind.CANCEL)
    assert states(journal) == ["cancelled", "signed"]
    assert [r.tx.hash for r in journal.transactions.open(OPERATOR)] == [ONE, TWO]


def test_a_key_is_unknown_until_it_is_adopted(journal):
    assert journal.transactions.first_nonce(OPERATOR) is None
    journal.adopt(OPERATOR, 4)
    journal.adopt(OPERATOR, 9)
    assert journal.transactions.first_nonce(OPERATOR) == 9


def test_a_declared_replacement_shares_the_nonce(journal):
    sign(journal)
    sign(journal, tx_hash=TWO, replaces=ONE, kind=TxKind.CANCEL)
    assert [r.tx.hash for r in journal.transactions.open(OPERATOR)] == [ONE, TWO]


def test_a_transaction_of_an_unwritten_plan_is_refused(journal):
    with pytest.raises(JournalError, match="FOREIGN KEY"):
        sign(journal, plan_id="plan-9")


@pytest.mark.parametrize("column", ["raw = x'00'", "nonce = 8", "plan_id = NULL", "kind = 'cancel'", "sender = '0x'"])
def test_what_was_signed_cannot_be_rewritten(journal, connection, column):
    sign(journal)
    with pytest.raises(sqlite3.IntegrityError, match="never rewritten"):
        connection.execute(f"UPDATE transactions SET {column}")  # noqa: S608 - the test's own text


def test_what_was_signed_cannot_be_removed(journal, connection):
    sign(journal)
    with pytest.raises(sqlite3.IntegrityError, match="never removed"):
        connection.execute("DELETE FROM transactions")


def test_every_step_is_kept(journal, connection):
    sign(journal)
    journal.move(ONE, TxState.AMBIGUOUS, detail="timeout")
    journal.move(ONE, TxState.SENT)
    journal.move(ONE, TxState.SENT)  # staying is no step
    rows = connection.execute("SELECT status, detail FROM transitions ORDER BY id")
    assert [tuple(row) for row in rows] == [("signed", None), ("ambiguous", "timeout"), ("sent", None)]


@pytest.mark.parametrize(
    "path",
    [
        (TxState.SENT, TxState.REFUSED),
        (TxState.SENT, TxState.SIGNED),
        (TxState.REFUSED, TxState.SENT),
        (TxState.LOST, TxState.SENT),
        (TxState.CANCELLED, TxState.SENT),
        (TxState.INCLUDED, TxState.SENT),
        (TxState.INCLUDED, TxState.FINAL, TxState.INCLUDED),
        (TxState.INCLUDED, TxState.FINAL, TxState.SENT),
        (TxState.INCLUDED, TxState.LOST),
    ],
)
def test_an_impossible_step_is_refused(journal, path):
    sign(journal)
    for state in path[:-1]:
        journal.move(ONE, state)

    with pytest.raises(JournalError, match="cannot go from"):
        journal.move(ONE, path[-1])

    assert states(journal) == [path[-2].value]


def test_every_state_can_be_reached_and_only_final_is_a_dead_end():
    reached = set().union(*NEXT.values())
    assert reached == set(TxState) - {TxState.SIGNED}
    assert [state for state, following in NEXT.items() if not following] == [TxState.FINAL]


def test_a_move_of_an_unknown_transaction_is_an_error(journal):
    with pytest.raises(JournalError, match="no transaction"):
        journal.move(THREE, TxState.SENT)


def test_a_booking_makes_its_transaction_included(journal, connection):
    sign(journal)
    journal.book(booking())
    assert states(journal) == ["included"]
    assert journal.transactions.booked_block(ONE) == BlockRef(101, BLOCK)
    row = next(report_rows(connection))
    assert (row["status"], row["block"], row["gas_used"], row["tx_hash"]) == ("landed", 101, 400_000, "0x" + "01" * 32)
    assert (row["repaid"], row["seized"]) == ("1000", "1100")
    assert (row["expected_profit"], row["settled_profit"], row["realised_profit"]) == ("80", "80", "80")


def test_a_booking_in_another_block_takes_the_first_ones_place(journal, connection):
    sign(journal)
    journal.book(booking())
    journal.book(booking(block_hash=OTHER_BLOCK, number=102, status=Status.REVERTED))
    assert journal.transactions.booked_block(ONE) == BlockRef(102, OTHER_BLOCK)
    assert next(report_rows(connection))["status"] == "reverted"
    kept = connection.execute("SELECT block_number, canonical FROM outcomes ORDER BY block_number")
    assert [tuple(row) for row in kept] == [(101, 0), (102, 1)]


def test_a_booking_that_comes_back_is_the_one_first_concluded(journal, connection):
    sign(journal)
    journal.book(booking())
    journal.orphan(ONE, 102)
    journal.book(booking(profit=1))
    assert next(report_rows(connection))["realised_profit"] == "80"
    assert states(journal) == ["included"]


def test_an_orphaned_booking_is_in_flight_again(journal, connection):
    sign(journal)
    journal.move(ONE, TxState.SENT)
    journal.book(booking())
    journal.orphan(ONE, 102)
    assert journal.transactions.booked_block(ONE) is None
    row = next(report_rows(connection))
    assert (row["status"], row["realised_profit"], row["block"]) == ("sent", None, None)
    assert journal.transactions.gas_spent_wei(0) == 0


def test_the_plans_own_outcome_counts_over_its_cancels(journal, connection):
    sign(journal)
    sign(journal, tx_hash=TWO, replaces=ONE, kind=TxKind.CANCEL)
    journal.book(booking(TWO, status=Status.EXPIRED))
    assert next(report_rows(connection))["status"] == "expired"
    journal.orphan(TWO, 102)
    journal.book(booking(ONE, block_hash=OTHER_BLOCK, status=Status.REVERTED))
    assert next(report_rows(connection))["status"] == "reverted"


def test_gas_is_added_up_from_a_timestamp_on(journal, connection):
    sign(journal)
    sign(journal, tx_hash=TWO, nonce=8)
    journal.book(booking())
    journal.book(booking(TWO, number=201))
    assert journal.transactions.gas_spent_wei(0) == 2 * 400_000 * 2**65 == gas_spent_wei(connection)
    assert journal.transactions.gas_spent_wei(12 * 201) == 400_000 * 2**65
    assert journal.transactions.first_spending_timestamp() == 12 * 101


def test_the_first_open_nonce_is_above_everything_settled(journal):
    assert journal.transactions.first_open_nonce(OPERATOR) == 0
    sign(journal)
    sign(journal, tx_hash=TWO, nonce=8)
    journal.book(booking())
    journal.move(ONE, TxState.FINAL)
    assert journal.transactions.first_open_nonce(OPERATOR) == 8
    assert [r.tx.nonce for r in journal.transactions.open(OPERATOR)] == [8]


def test_siblings_of_an_open_transaction_are_read_with_it(journal):
    sign(journal)
    journal.move(ONE, TxState.REFUSED)
    sign(journal, tx_hash=TWO, replaces=ONE)
    found = journal.transactions.open(OPERATOR)
    assert [(r.tx.hash, r.state, r.replaces) for r in found] == [
        (ONE, TxState.REFUSED, None),
        (TWO, TxState.SIGNED, ONE),
    ]


def test_another_keys_transactions_are_not_ours(journal):
    other = record()
    other = replace(other, tx=replace(other.tx, sender=COLLATERAL))
    journal.intend(Intent(COLLATERAL, 7, "plan-1"))
    journal.record_signed(other)
    assert journal.transactions.open(OPERATOR) == []


def test_an_earlier_plan_of_the_pass_that_is_not_in_the_block_is_noticed(journal):
    second = make_plan(2)
    journal.record_plans([PricedPlan(second, bid(second, POLICIES["flash"], NATIVE_USD), head())])
    assert not journal.earlier_plan_missed("plan-1", BLOCK)
    assert journal.earlier_plan_missed("plan-2", BLOCK)
    sign(journal)
    journal.book(booking())
    assert not journal.earlier_plan_missed("plan-2", BLOCK)
    assert journal.earlier_plan_missed("plan-2", OTHER_BLOCK)


def test_alternatives_come_in_the_order_of_signing(journal):
    hashes = [bytes([i]) * 32 for i in (9, 3, 6)]
    previous = None
    for tx_hash in hashes:
        sign(journal, tx_hash=tx_hash, replaces=previous)
        previous = tx_hash

    found = journal.transactions.at_nonce(OPERATOR, 7)
    assert [r.tx.hash for r in found] == hashes
    assert all(later.replaces == earlier.tx.hash for earlier, later in pairwise(found))
