from dataclasses import replace

import pytest

from keeper.execution.causes import Cause, Landing, Result, name_cause
from keeper.types import Payment, Settlement, TokenAmount
from tests.fakes.heads import target
from tests.fakes.plans import COLLATERAL, DEBT, EXECUTOR, POOL

AIMED = target(101)
WHERE_AIMED = Landing(101, AIMED.timestamp, touched_before=False, own_plan_missing=False)


def result(repaid=1_000, profit=80):
    settlement = Settlement((Payment(DEBT, repaid, repaid, POOL),), (TokenAmount(COLLATERAL, 1_100),))
    return Result(settlement, TokenAmount(COLLATERAL, profit))


NOTHING = Result(None, None)


def test_cause_of_what_went_as_expected_is_none():
    assert name_cause(result(), result(), result(), AIMED, WHERE_AIMED) is None


def test_cause_ignores_how_much_might_have_been_paid_and_through_whom():
    expected = Result(
        Settlement((Payment(DEBT, 1_000, 1_050, EXECUTOR),), result().settlement.receives), result().profit
    )
    assert name_cause(expected, result(), result(), AIMED, WHERE_AIMED) is None


@pytest.mark.parametrize(
    ("landing", "cause"),
    [
        (replace(WHERE_AIMED, block_number=102), Cause.OTHER_BLOCK),
        (replace(WHERE_AIMED, block_timestamp=AIMED.timestamp + 1), Cause.OTHER_TIMESTAMP),
        (replace(WHERE_AIMED, own_plan_missing=True), Cause.OWN_PLAN_MISSING),
        (replace(WHERE_AIMED, touched_before=True), Cause.TOUCHED_BEFORE),
        (WHERE_AIMED, Cause.UNEXPLAINED),
        # the first that holds is named
        (Landing(102, 0, touched_before=True, own_plan_missing=True), Cause.OTHER_BLOCK),
        (replace(WHERE_AIMED, touched_before=True, own_plan_missing=True), Cause.OWN_PLAN_MISSING),
    ],
)
def test_cause_of_a_difference_the_model_saw_too_is_what_happened_on_chain(landing, cause):
    assert name_cause(result(), result(repaid=1_001), result(repaid=1_001), AIMED, landing) is cause


@pytest.mark.parametrize("realised", [result(repaid=999), result(profit=81), NOTHING])
def test_cause_of_a_model_that_disagrees_with_the_chain_is_the_model(realised):
    late = replace(WHERE_AIMED, block_number=102)
    assert name_cause(result(), result(), realised, AIMED, late) is Cause.MODEL_DIFFERS


def test_cause_of_a_model_that_disagrees_is_the_model_even_where_expected_came_true():
    assert name_cause(result(), result(repaid=999), result(), AIMED, WHERE_AIMED) is Cause.MODEL_DIFFERS


def test_cause_without_a_settlement_to_compare_says_so():
    assert name_cause(result(), NOTHING, result(profit=79), AIMED, WHERE_AIMED) is Cause.NOT_SETTLED
