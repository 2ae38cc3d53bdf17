"""The main job, end to end: what `scripts/run` does, with a keeper in a process of its own and a referee beside it."""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from keeper.sandbox.market.draw import draw
from keeper.sandbox.market.path import BLANK, UNBLANK
from keeper.sandbox.scenes import aave_v3
from keeper.sandbox.stage.results import account_of_row
from keeper.units import WAD

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(400)]

SEED = 1
KEEPER = Path(sys.executable).with_name("keeper")
ROW_KEYS = {
    "deployment",
    "adapter",
    "position",
    "kind",
    "debt_token",
    "collateral_token",
    "repaid",
    "seized",
    "expected_profit",
    "settled_profit",
    "realised_profit",
    "profit_token",
    "gas_used",
    "tx_hash",
    "block",
    "status",
    "reason",
}


@pytest.fixture(scope="module")
def kinds():
    """What kind of account each is, by account."""
    return {borrower.account: borrower.kind for borrower in aave_v3.plan(draw(SEED, aave_v3.NAME))}


@pytest.fixture(scope="module")
def run():
    """One whole run: exit code, the document on standard output, the text on standard error."""
    command = [KEEPER, "sandbox", "demo", "--seed", str(SEED), "--json"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.stdout, finished.stderr
    return finished.returncode, json.loads(finished.stdout), finished.stderr


@pytest.fixture(scope="module")
def landed(run):
    return [row for row in run[1]["outcomes"] if row["status"] == "landed"]


def reasons_by_kind(run, kinds):
    found = defaultdict(set)

    for row in run[1]["declined"]:
        account = account_of_row(row)

        if account is not None:
            found[kinds[account]].add(row["reason"])

    return found


def test_run_ends_with_zero_because_books_and_referee_agree(run):
    code, document, _ = run

    assert document["faults"] == []
    assert document["referee"]["verdict"] == "agree"
    assert code == 0


def test_referee_saw_everything_and_found_nothing_missed(run):
    checked = run[1]["referee"]["checked"]

    assert checked["borrowers"] >= 60
    assert checked["liquidatable"] >= 60
    assert checked["profitable"] >= 40
    assert run[1]["referee"]["missed"] == run[1]["referee"]["mismatches"] == []


def test_document_has_the_promised_keys_and_rows(run):
    document = run[1]

    assert {"protocols", "outcomes", "declined", "referee", "seconds"} <= set(document)
    assert all(set(row) >= ROW_KEYS for row in document["outcomes"] + document["declined"])


def test_protocol_is_summed_up(run, landed):
    (protocol,) = run[1]["protocols"]

    assert (protocol["name"], protocol["landed"]) == ("aave_v3", len(landed))
    assert protocol["settled_equals_realised"] == len(landed)
    assert protocol["expected_equals_realised"] + protocol["difference_explained"] == len(landed)
    assert protocol["referee"]["verdict"] == "agree"


def test_every_landed_liquidation_earned_what_was_settled(landed):
    assert len(landed) >= 60
    assert all(row["settled_profit"] == row["realised_profit"] for row in landed)


def test_what_was_expected_was_earned_or_the_difference_has_a_cause(landed):
    met = [row for row in landed if row["expected_profit"] == row["realised_profit"]]

    assert len(met) >= len(landed) // 2
    assert all(row["reason"] for row in landed if row not in met)


def test_liquidations_applied_both_close_factors_and_left_accounts_healthier_or_closed(landed):
    factors = Counter(row["close_factor_bps"] for row in landed)

    assert factors[5_000] >= 10
    assert factors[10_000] >= 10
    assert any(int(row["health_after"]) > 10 * WAD for row in landed)


def test_gapped_accounts_were_closed_at_a_loss_to_the_pool(landed, kinds):
    gapped = [row for row in landed if kinds[account_of_row(row)] == "gapped"]

    assert len({row["position"] for row in gapped}) == 3
    # The pool wrote the rest off: no debt, so no health to speak of.
    assert all(int(row["health_after"]) > 10**36 for row in gapped)


def test_tokens_of_six_eight_and_eighteen_decimals_were_repaid_and_seized(landed):
    assert len({row["debt_token"] for row in landed}) >= 4
    assert len({row["collateral_token"] for row in landed}) >= 5


def test_nothing_was_sent_for_an_account_with_a_price_of_zero(run, landed, kinds):
    """Blocks of the blank feed are told on standard error, with the names of the steps."""
    first, back = (
        next(int(line.split()[1].rstrip(":")) for line in run[2].splitlines() if name in line)
        for name in (BLANK, UNBLANK)
    )
    blind = [row for row in landed if kinds[account_of_row(row)] == "blind"]

    assert blind
    assert all(row["block"] > back for row in blind)
    assert not [
        row for row in run[1]["outcomes"] if account_of_row(row) in _accounts(kinds, "blind") and row["block"] <= back
    ]
    assert back - first == 4
    assert "unknown_price" in reasons_by_kind(run, kinds)["blind"]


def test_dust_and_stranded_accounts_were_declined_with_the_reason(run, landed, kinds):
    reasons = reasons_by_kind(run, kinds)
    paid = {kinds[account_of_row(row)] for row in landed}

    assert "below_min_profit" in reasons["dust"]
    assert "below_min_profit" in reasons["speck"]
    assert "unprofitable" in reasons["stranded"]
    assert not paid & {"dust", "speck", "stranded", "healthy", "healthy-mixed", "lender"}


def test_healthy_accounts_are_mentioned_by_nobody(run, kinds):
    mentioned = {kinds[account_of_row(row)] for row in run[1]["outcomes"] + run[1]["declined"] if row["position"]}
    assert not mentioned & {"healthy", "healthy-mixed", "lender"}


def test_whales_were_taken_in_parts_as_far_as_the_pools_went(landed, kinds):
    parts = Counter(kinds[account_of_row(row)] for row in landed)

    assert parts["whale-bitcoin"] >= 3
    assert parts["whale-staker"] >= 3


def test_tables_and_progress_go_to_standard_error(run):
    assert "Liquidations" in run[2]
    assert "Declined" in run[2]
    assert "referee: agrees" in run[2]


def _accounts(kinds, kind):
    return {account for account, found in kinds.items() if found == kind}
