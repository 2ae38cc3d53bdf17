"""Rows that share a transaction, and transactions that never were."""

import pytest
from referee.manifest import Floor, Manifest
from referee.parts.base import Liquidation
from referee.probe import Subject
from referee.receipts import check_transaction
from referee.report import Row

BORROWERS = ("0x" + "b1" * 20, "0x" + "b2" * 20)
DEBT, COLLATERAL, TREASURY, EXECUTOR = ("0x" + digits * 20 for digits in ("d0", "c0", "aa", "ee"))
HASH = "0x" + "12" * 32
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


@pytest.fixture
def manifest():
    return Manifest(
        deployments=(),
        venues=(),
        native_usd=DEBT,
        floor=Floor(5, "USD"),
        executor=EXECUTOR,
        treasury=TREASURY,
        wrapped_native=None,
        feeds={},
        run_block=None,
        operators=(),
        trusted=None,
        gas_allowance=0,
        tip_wei=0,
        chain_id=None,
    )


def row(borrower, profit, gas, **changes):
    values = {
        "where": borrower,
        "subject": Subject("aave", borrower),
        "status": "landed",
        "debt": DEBT,
        "collateral": COLLATERAL,
        "repaid": 100,
        "seized": 10,
        "settled": profit,
        "realised": profit,
        "profit_token": DEBT,
        "gas_used": gas,
        "tx_hash": HASH,
        "block": 7,
        "reason": None,
    }
    return Row(**values | changes)


def transfer(token, sender, recipient, amount):
    topics = [TRANSFER, "0x" + "00" * 12 + sender[2:], "0x" + "00" * 12 + recipient[2:]]
    return {"address": token, "topics": topics, "data": f"0x{amount:064x}"}


def receipt(*transfers, status="0x1"):
    return {"status": status, "blockNumber": "0x7", "gasUsed": hex(900), "logs": transfers}


def liquidations():
    return [
        Liquidation(HASH, 7, Subject("aave", borrower), COLLATERAL, DEBT, 100, 10, EXECUTOR) for borrower in BORROWERS
    ]


def kinds(*arguments):
    return [mismatch.kind for mismatch in check_transaction(*arguments)]


@pytest.mark.parametrize("gas", [(400, 500), (900, 900)], ids=["shared out", "booked whole"])
def test_batch_whose_rows_add_up_agrees(manifest, gas):
    rows = [row(BORROWERS[0], 30, gas[0]), row(BORROWERS[1], 12, gas[1])]

    assert kinds(receipt(transfer(DEBT, EXECUTOR, TREASURY, 42)), rows, liquidations(), manifest) == []


def test_batch_whose_profits_do_not_add_up_is_refused(manifest):
    rows = [row(BORROWERS[0], 30, 400), row(BORROWERS[1], 13, 500)]

    assert kinds(receipt(transfer(DEBT, EXECUTOR, TREASURY, 42)), rows, liquidations(), manifest) == ["realised_profit"]


def test_batch_of_which_one_liquidation_is_not_booked_is_refused(manifest):
    rows = [row(BORROWERS[0], 42, 900)]
    found = kinds(receipt(transfer(DEBT, EXECUTOR, TREASURY, 42)), rows, liquidations(), manifest)

    assert found == ["unbooked_liquidation"]


def test_item_that_was_left_out_of_a_batch_is_missed_and_one_that_was_not_is_no_such_thing(manifest):
    missed = row(BORROWERS[1], None, 900, status="missed", repaid=None, seized=None)
    logs = receipt(transfer(DEBT, EXECUTOR, TREASURY, 42))

    assert kinds(logs, [row(BORROWERS[0], 42, 900), missed], liquidations()[:1], manifest) == []
    assert "status" in kinds(logs, [row(BORROWERS[0], 42, 900), missed], liquidations(), manifest)


def test_two_liquidations_of_one_position_are_one_row_that_adds_them_up(manifest):
    twice = liquidations()[:1] * 2
    logs = receipt(transfer(DEBT, EXECUTOR, TREASURY, 42))

    assert kinds(logs, [row(BORROWERS[0], 42, 900, repaid=200, seized=20)], twice, manifest) == []
    assert kinds(logs, [row(BORROWERS[0], 42, 900)], twice, manifest) == ["repaid", "seized"]


@pytest.mark.parametrize(("left", "found"), [(5, []), (6, ["realised_profit"])])
def test_collateral_left_over_is_no_profit_while_it_is_next_to_nothing(manifest, left, found):
    """A ten-thousandth of the 50,000 seized is 5."""
    seized = [Liquidation(HASH, 7, Subject("aave", BORROWERS[0]), COLLATERAL, DEBT, 100, 50_000, EXECUTOR)]
    logs = [transfer(DEBT, EXECUTOR, TREASURY, 42), transfer(COLLATERAL, EXECUTOR, TREASURY, left)]

    assert kinds(receipt(*logs), [row(BORROWERS[0], 42, 900, seized=50_000)], seized, manifest) == found


def test_treasury_that_received_a_token_nobody_booked_is_refused(manifest):
    logs = [transfer(DEBT, EXECUTOR, TREASURY, 42), transfer(COLLATERAL, EXECUTOR, TREASURY, 1)]

    assert kinds(receipt(*logs), [row(BORROWERS[0], 42, 900)], liquidations()[:1], manifest) == ["realised_profit"]


def test_treasury_that_paid_back_earned_the_difference(manifest):
    logs = [transfer(DEBT, EXECUTOR, TREASURY, 50), transfer(DEBT, TREASURY, EXECUTOR, 8)]

    assert kinds(receipt(*logs), [row(BORROWERS[0], 42, 900)], liquidations()[:1], manifest) == []


def test_revert_booked_as_landed_is_refused(manifest):
    found = kinds(receipt(status="0x0"), [row(BORROWERS[0], 42, 900)], [], manifest)

    assert found == ["status", "liquidation", "realised_profit"]


def test_revert_booked_as_reverted_agrees(manifest):
    rows = [row(BORROWERS[0], None, 900, status="reverted", reason="HealthFactorNotBelowThreshold")]

    assert kinds(receipt(status="0x0"), rows, [], manifest) == []


def test_landing_booked_as_reverted_is_refused(manifest):
    rows = [row(BORROWERS[0], None, 900, status="reverted")]

    assert kinds(receipt(transfer(DEBT, EXECUTOR, TREASURY, 42)), rows, liquidations()[:1], manifest) == ["status"]


def test_expired_transaction_without_receipt_agrees(manifest):
    assert kinds(None, [row(BORROWERS[0], None, None, status="expired", block=None)], [], manifest) == []


def test_landed_row_without_its_amounts_is_refused(manifest):
    rows = [row(BORROWERS[0], None, None, repaid=None, seized=None, profit_token=None)]
    found = kinds(receipt(transfer(DEBT, EXECUTOR, TREASURY, 42)), rows, liquidations()[:1], manifest)

    assert found == ["gas_used", "repaid", "seized", "settled_profit", "realised_profit", "realised_profit"]
