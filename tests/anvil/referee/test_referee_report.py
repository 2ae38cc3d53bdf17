"""Reports that are right, and reports that are wrong by the least there is."""

import pytest

from tests.anvil.referee.scene import EXECUTOR, HEALTHY, LEFT, SMALL, declined, kinds, text

pytestmark = pytest.mark.anvil


def test_verdict_correct_report_agrees(judge, played, verdict):
    document = verdict(judge, played.rows)

    assert (document["verdict"], document["missed"], document["mismatches"]) == ("agree", [], [])


def test_report_that_misses_a_standing_profit_is_refused(played, judged, verdict):
    judge = judged(played.end)
    document = verdict(judge, played.rows)

    assert document["verdict"] == "disagree"
    assert [missed["borrower"] for missed in document["missed"]] == [text(LEFT)]
    assert document["missed"][0]["keeper_said"] == ["never mentioned"]
    assert kinds(document) == ["unaccounted_position"]


def test_report_that_declines_a_standing_profit_is_refused_with_its_reason(played, judged, verdict):
    judge = judged(played.end)
    document = verdict(judge, [*played.rows, declined(LEFT, "below_min_profit")])

    assert kinds(document) == []
    assert document["missed"][0]["keeper_said"] == ["declined: below_min_profit"]
    # 1,840 dollars of debt at a bonus of 5 %, of which 10 % goes to the protocol: 82.80. The pool pays 2,707.50 for a
    # WETH that the oracle has at 2,700: 5.35 more. Its fee and the loan's are 0.05 % each: 1.90 less.
    assert 85 * 10**8 < int(document["missed"][0]["profit_base"]) < 86.25 * 10**8


def one_more(field):
    return lambda row: row | {field: str(int(row[field]) + 1)}


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        pytest.param(one_more("repaid"), ["repaid"], id="repaid"),
        pytest.param(one_more("seized"), ["seized"], id="seized"),
        pytest.param(one_more("gas_used"), ["gas_used"], id="gas"),
        pytest.param(one_more("settled_profit"), ["settled_profit"], id="settled"),
        pytest.param(one_more("realised_profit"), ["settled_profit", "realised_profit"], id="realised"),
        pytest.param(
            lambda row: one_more("settled_profit")(one_more("realised_profit")(row)), ["realised_profit"], id="both"
        ),
        pytest.param(lambda row: row | {"block": row["block"] + 1}, ["block"], id="block"),
        pytest.param(lambda row: row | {"status": "expired"}, ["status"], id="expired"),
        pytest.param(lambda row: row | {"tx_hash": None}, ["no_transaction", "unbooked_transaction"], id="no hash"),
        pytest.param(
            lambda row: row | {"tx_hash": "0x" + "12" * 32}, ["not_on_chain", "unbooked_transaction"], id="other hash"
        ),
        pytest.param(
            lambda row: row | {"position": text(HEALTHY)},
            ["liquidation", "unbooked_liquidation", "unaccounted_position"],
            id="other borrower",
        ),
    ],
)
def test_report_wrong_by_the_least_is_refused(judge, played, spoil, expected, verdict):
    document = verdict(judge, [spoil(played.rows[0]), *played.rows[1:]])

    assert document["verdict"] == "disagree"
    assert kinds(document) == expected


def test_report_that_books_one_landing_twice_is_refused(judge, played, verdict):
    assert kinds(verdict(judge, [played.rows[0], *played.rows])) == ["liquidation", "realised_profit"]


def test_report_without_a_declined_position_is_refused(judge, played, verdict):
    assert kinds(verdict(judge, played.rows[:1])) == ["unaccounted_position"]


def test_money_left_in_the_executor_is_refused(played, judged, verdict):
    usdc = played.world.assets["USDC"]
    snapshot = played.chain.node.rpc("evm_snapshot")

    try:
        played.chain.send(usdc.token, "mint(address,uint256)", EXECUTOR, 1)
        judge = judged(played.end + 1, run_block=played.end + 1)
        document = verdict(judge, [declined(SMALL, "-"), declined(LEFT, "-")])
    finally:
        played.chain.revert(snapshot)

    assert [item["where"] for item in document["mismatches"]] == [f"block {played.end + 1}, {text(usdc.token)}"]
