from dataclasses import replace

from keeper.execution.bidding import bid
from keeper.journal.plans import PricedPlan
from keeper.journal.underway import read_underway, underway_text
from keeper.planning.pipeline import plan_block
from keeper.planning.underway import PlannedSwap, Taking, Underway
from keeper.types import PositionKey
from tests.fakes.heads import head
from tests.fakes.planning import POLICY, USDC, WETH, inputs, market, usdc_debt
from tests.fakes.plans import NATIVE_USD, POLICIES, make_plan


def test_plan_under_way_is_read_back_as_it_was_written():
    key = PositionKey(b"\x07" * 20)
    plan = replace(
        Underway.of(make_plan().opportunity),
        takings=(Taking(None, WETH, 1), Taking(key, USDC, 2**256 - 1)),
        swaps=(PlannedSwap(WETH, USDC, WETH, 2**127), PlannedSwap(USDC, WETH, USDC, 1)),
    )
    assert read_underway(underway_text(plan)) == plan
    assert read_underway(underway_text(replace(plan, key=None))).key is None


def test_row_of_a_plan_tells_what_is_under_way(journal):
    (plan,) = plan_block(inputs(market(usdc_debt(10_000)))).plans
    journal.record_plans([PricedPlan(plan, bid(plan, POLICIES[POLICY.name], NATIVE_USD), head())])
    assert journal.plan(plan.id).underway == Underway.of(plan.opportunity)
