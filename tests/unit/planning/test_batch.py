"""Which plans share a transaction, and what that transaction is."""

from dataclasses import replace

import pytest

from keeper.execution.explain import decode_execute
from keeper.execution.operations import Flag, Try, Watch
from keeper.planning.batch import MOST_ITEMS, RESERVE_GAS, SAVED_GAS, at_risk_usd, together
from keeper.planning.pipeline import plan_block
from keeper.units import GWEI, USD
from tests.fakes.planning import POLICY, inputs, market, usdc_debt

BATCHING = replace(POLICY, batch=True, min_profit_usd=USD, max_plans_per_block=20)
DEAR = {"policies": (BATCHING,), "gas_price_wei": 9 * GWEI}
"""100,000 gas at 9 gwei and 2,000 dollars for one native are worth 1.80 dollars."""


def block(*dollars, **changes):
    return inputs(market(*map(usdc_debt, dollars), fee_bps=0), **{**DEAR, **changes})


def test_small_plans_share_a_transaction_that_does_all_of_them():
    alone = plan_block(block(1_000, 1_100, policies=(replace(BATCHING, batch=False),))).plans
    (plan,) = plan_block(block(1_000, 1_100)).plans

    assert plan.items == alone
    assert plan.opportunity.profit.amount == sum(item.opportunity.profit.amount for item in alone)
    assert plan.opportunity.gas == sum(item.opportunity.gas for item in alone) - SAVED_GAS
    assert plan.opportunity.gas_cost_wei == plan.opportunity.gas * 9 * GWEI
    limits = [item.gas_limit for item in alone]
    assert plan.gas_limit == sum(limits) + max(limits) // 63 + RESERVE_GAS
    assert plan.id not in {item.id for item in alone}


def test_items_are_isolated_and_what_is_watched_comes_first():
    (plan,) = plan_block(block(1_000, 1_100)).plans
    header, ops = decode_execute(plan.data)
    programs = [decode_execute(item.data)[1] for item in plan.items]

    assert header.flags is Flag.SKIP_FAILED
    watched = [op for op in ops if isinstance(op, Watch)]
    assert list(ops) == [
        *watched,
        *(
            Try(item.gas_limit, tuple(op for op in program if not isinstance(op, Watch)))
            for item, program in zip(plan.items, programs, strict=True)
        ),
    ]
    assert set(watched) == {op for program in programs for op in program if isinstance(op, Watch)}


def test_any_one_item_may_fail_and_the_floor_is_met():
    (plan,) = plan_block(block(1_000, 1_100, 1_200)).plans
    profits = [item.opportunity.profit.amount for item in plan.items]
    assert decode_execute(plan.data)[0].min_profit == plan.min_profit
    assert all(plan.min_profit <= sum(profits) - one for one in profits)


def test_floor_asks_for_no_more_than_the_others_leave_even_where_gas_is_dear():
    """Two of 1,000 dollars at 45 gwei earn 50 dollars and burn 40 and more each: alone, 46 would be asked of either."""
    dear = block(1_000, 1_000, gas_price_wei=45 * GWEI, policies=(replace(BATCHING, batch=False),))
    plans = plan_block(dear).plans
    first, second = (plan.opportunity.profit.amount for plan in plans)
    assert [plan.min_profit for plan in plans] == [46_000_000] * 2
    assert together(plans, dear).min_profit == min(first, second) * 9_000 // 10_000


def test_what_is_worth_much_travels_alone():
    """Two that net 480 dollars each risk 960 / 400 = 2.40 dollars together, and save 1.80."""
    small, great = plan_block(block(1_000, 1_100)), plan_block(block(10_000, 10_100))
    assert [len(plan.items) for plan in small.plans] == [2]
    assert [plan.items for plan in great.plans] == [(), ()]
    assert at_risk_usd(great.plans) > 18 * USD // 10 > at_risk_usd(small.plans[0].items)


def test_more_items_risk_more_pairs():
    """One in twenty fails: of two a four-hundredth of what is at stake, of three three times that."""
    plans = plan_block(block(10_000, 10_100, 10_200)).plans
    at_stake = sum(plan.opportunity.net_usd for plan in plans)
    assert at_risk_usd(plans[:1]) == 0
    assert at_risk_usd(plans) == -(-at_stake * 3 // 400)


def test_cheap_gas_is_not_worth_sharing_for():
    result = plan_block(block(1_000, 1_100, gas_price_wei=GWEI // 100))
    assert [plan.items for plan in result.plans] == [(), ()]


def test_strategy_that_does_not_want_it_gets_no_batch():
    result = plan_block(block(1_000, 1_100, policies=(replace(BATCHING, batch=False),)))
    assert [plan.items for plan in result.plans] == [(), ()]


@pytest.mark.parametrize("count", [MOST_ITEMS, MOST_ITEMS + 1])
def test_batch_has_so_many_items_at_most(count):
    result = plan_block(block(*[400] * count, gas_price_wei=11 * GWEI))
    sizes = [max(len(plan.items), 1) for plan in result.plans]
    assert sizes == [MOST_ITEMS, 1][: 1 + count - MOST_ITEMS]


def test_plans_of_two_strategies_or_tokens_do_not_mix():
    one, other = replace(BATCHING, deployments=("a",), name="one"), replace(BATCHING, deployments=("b",), name="other")
    markets = (market(usdc_debt(1_000), name="a", fee_bps=0), market(usdc_debt(1_000), name="b", fee_bps=0))
    result = plan_block(inputs(*markets, **{**DEAR, "policies": (one, other)}))
    assert [plan.items for plan in result.plans] == [(), ()]
