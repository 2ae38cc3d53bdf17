"""Books that are right pass; each thing that can be wrong with them is noticed, and named."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from auditor.chain import Chain, Mined
from auditor.checks import audit
from auditor.ledger import Booking, Ledger, Plan, Transaction

from keeper.journal.store import Journal
from tests.fakes.desk import RUN

SCRIPTS = Path(__file__).parents[3] / "scripts"
KEY = "0x" + "11" * 20
BLOCK = "0x" + "b1" * 32


def transaction(seq, nonce, **changes):
    """A plan's transaction that was signed, sent, mined and is final."""
    values = {
        "seq": seq,
        "hash": f"0x{seq:064x}",
        "kind": "plan",
        "plan": f"plan-{nonce}",
        "replaces": None,
        "sender": KEY,
        "nonce": nonce,
        "raw": b"",
        "max_fee": 800,
        "tip": 80,
        "max_block": 103,
        "status": "final",
        "steps": ("signed", "sent", "included", "final"),
    }
    return Transaction(**{**values, **changes})


FIRST, SECOND = transaction(1, 0), transaction(2, 1)
OLD = transaction(3, 2, status="replaced", steps=("signed", "sent", "replaced"))
RUNG = transaction(4, 2, replaces=OLD.hash, max_fee=900, tip=90)
ALL = (FIRST, SECOND, OLD, RUNG)
MINED = (FIRST, SECOND, RUNG)


def plan(nonce, **changes):
    values = {"id": f"plan-{nonce}", "subject": ("market", f"0x{nonce:040x}"), "head_number": 100}
    return Plan(**{**values, "ceiling": 900, "verdict": None, **changes})


def booking(tx, **changes):
    values = {"tx": tx.hash, "block_hash": BLOCK, "block_number": 101, "status": "landed"}
    return Booking(**{**values, "gas_used": 21, "gas_price": 7, "canonical": True, "profit": 80, **changes})


def mined(tx, **changes):
    values = {"hash": tx.hash, "sender": KEY, "nonce": tx.nonce, "block_hash": BLOCK, "block_number": 101, "status": 1}
    return Mined(**{**values, "gas_used": 21, "gas_price": 7, "data": "0x", **changes})


LEDGER = Ledger(
    transactions=ALL,
    plans={f"plan-{nonce}": plan(nonce) for nonce in range(3)},
    bookings=tuple(map(booking, MINED)),
    intents=tuple((KEY, nonce, f"plan-{nonce}", "signed") for nonce in range(3)),
    first_nonces={KEY: 0},
    damage=(),
)
CHAIN = Chain(110, tuple(map(mined, MINED)), {KEY: 3}, {KEY: 0})


def faults(ledger=LEDGER, chain=CHAIN, *, at_rest=True):
    return list(audit(ledger, chain, at_rest=at_rest))


def with_tx(place, **changes):
    """The ledger with one of its transactions changed."""
    found = list(ALL)
    found[place] = replace(found[place], **changes)
    return replace(LEDGER, transactions=tuple(found))


def test_right_books_have_no_faults():
    assert faults() == []


CASES = {
    "transaction without a row": (
        replace(LEDGER, transactions=(FIRST, OLD, RUNG), bookings=LEDGER.bookings[::2]),
        CHAIN,
        "lost row",
    ),
    "mined and not booked": (replace(LEDGER, bookings=LEDGER.bookings[1:]), CHAIN, "is not booked"),
    "booked and in no block": (
        LEDGER,
        replace(CHAIN, mined=CHAIN.mined[:2], nonces={KEY: 2}),
        "is booked and is in no block",
    ),
    "booked in the block of before": (
        replace(LEDGER, bookings=(booking(FIRST, block_hash="0x00"), *LEDGER.bookings[1:])),
        CHAIN,
        "wrong booking",
    ),
    "booked in two blocks": (
        replace(LEDGER, bookings=(*LEDGER.bookings, booking(FIRST, block_hash="0x00"))),
        CHAIN,
        "in two blocks at once",
    ),
    "revert booked as landed": (
        LEDGER,
        replace(CHAIN, mined=(mined(FIRST, status=0), *CHAIN.mined[1:])),
        "wrong booking",
    ),
    "gas booked wrong": (
        replace(LEDGER, bookings=(booking(FIRST, gas_used=22), *LEDGER.bookings[1:])),
        CHAIN,
        "wrong booking",
    ),
    "profit of a revert": (
        replace(LEDGER, bookings=(booking(FIRST, status="reverted"), *LEDGER.bookings[1:])),
        replace(CHAIN, mined=(mined(FIRST, status=0), *CHAIN.mined[1:])),
        "has a profit",
    ),
    "nonce left out": (LEDGER, replace(CHAIN, nonces={KEY: 4}), "nonce gap"),
    "something pending": (LEDGER, replace(CHAIN, pending={KEY: 1}), "still pending"),
    "two plans on a nonce": (with_tx(3, plan="plan-1"), CHAIN, "double intent"),
    "two live intents": (
        replace(LEDGER, intents=(*LEDGER.intents, (KEY, 0, "plan-1", "signed"))),
        CHAIN,
        "is intended twice",
    ),
    "signed without intent": (replace(LEDGER, intents=LEDGER.intents[1:]), CHAIN, "nothing was intended"),
    "position taken on twice": (
        replace(LEDGER, plans={**LEDGER.plans, "plan-1": plan(1, subject=("market", f"0x{0:040x}"))}),
        CHAIN,
        "may land",
    ),
    "landed twice": (with_tx(1, plan="plan-0"), CHAIN, "landed 2 times"),
    "bid past the ceiling": (with_tx(3, max_fee=901), CHAIN, "bad bid"),
    "bid that does not outbid": (with_tx(3, tip=89), CHAIN, "does not outbid"),
    "replaces something else": (with_tx(3, replaces=FIRST.hash), CHAIN, "not at its nonce"),
    "step left out": (with_tx(0, steps=("signed", "sent")), CHAIN, "its steps are"),
    "transaction without an end": (with_tx(0, status="sent", steps=("signed", "sent")), CHAIN, "still sent"),
    "plan without an end": (
        replace(LEDGER, plans={**LEDGER.plans, "plan-9": plan(9)}),
        CHAIN,
        "plan-9 was planned and has no end",
    ),
    "damaged file": (replace(LEDGER, damage=("the file is damaged: page 3",)), CHAIN, "damaged"),
}


@pytest.mark.parametrize("case", CASES)
def test_fault_is_noticed_and_named(case):
    ledger, chain, words = CASES[case]
    assert any(words in fault for fault in faults(ledger, chain))


def test_position_may_be_taken_on_again_once_its_nonce_was_used_or_its_last_block_has_passed():
    again = plan(1, subject=("market", f"0x{0:040x}"), head_number=101)
    assert faults(replace(LEDGER, plans={**LEDGER.plans, "plan-1": again})) == []


def test_keeper_at_work_may_have_something_under_way():
    open_tx = with_tx(0, status="sent", steps=("signed", "sent"))
    ledger = replace(open_tx, bookings=LEDGER.bookings[1:], first_nonces={KEY: 1})
    chain = replace(CHAIN, mined=CHAIN.mined[1:], pending={KEY: 1})
    assert faults(ledger, chain, at_rest=False) == []


def test_program_says_when_it_cannot_audit(tmp_path):
    Journal(tmp_path / "keeper.db", live=True, chain_id=1, run=RUN).close()
    for journal in (tmp_path / "keeper.db", tmp_path / "none.db"):
        command = [sys.executable, "-m", "auditor", journal, "--rpc-url", "http://127.0.0.1:1"]
        found = subprocess.run(command, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(SCRIPTS)})
        assert (found.returncode, found.stdout) == (2, "")
        assert "cannot be audited" in found.stderr
