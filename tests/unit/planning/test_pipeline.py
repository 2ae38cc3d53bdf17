from dataclasses import replace

import pytest

from keeper.planning.funding import loan_fee
from keeper.planning.pipeline import plan_block
from keeper.protocols.base import Lender
from keeper.routing.base import Liquidity
from keeper.types import Reason, TokenAmount, TokenPrice, to_checksum
from keeper.units import GWEI, USD
from tests.fakes.lending import MARKET, Rate
from tests.fakes.planning import (
    DAI,
    DEEP,
    EXECUTOR,
    POLICY,
    PRICES,
    USDC,
    WETH,
    inputs,
    market,
    position,
    usdc_debt,
)
from tests.fakes.pools import ConstantProductPool, address, deep_pool

SHALLOW = deep_pool(12, WETH, 50 * 10**18, USDC, 100_000 * 10**6, 500)
"""100,000 dollars a side: selling 20,000 dollars into it costs about a sixth."""


def only(result):
    """The one plan of a result without refusals."""
    assert result.declined == ()
    (plan,) = result.plans
    return plan


def refusal(result):
    """The one refusal of a result without plans."""
    assert result.plans == ()
    (declined,) = result.declined
    return declined


# One position -------------------------------------------------------------------------------------------------------


def test_position_is_closed_in_full_where_the_pool_is_deep():
    plan = only(plan_block(inputs(market(usdc_debt(10_000)))))

    opportunity = plan.opportunity
    assert opportunity.size == 10_000 * 10**6
    # 10,000 / 2,000 * 1.05 = 5.25 WETH, sold on the deep pool; the loan costs 5 bps of 10,000 USDC.
    sold = DEEP.quote_in(WETH, 5_250_000_000_000_000_000).amount_out
    assert opportunity.profit == TokenAmount(USDC, sold - 10_000_000_000 - 5_000_000)
    assert opportunity.profit_usd == opportunity.profit.amount * 10**12
    # Four pieces of gas at 1 gwei: 0.0005 native, 2,000 dollars each.
    assert (opportunity.gas, opportunity.gas_cost_wei) == (500_000, 500_000 * GWEI)
    assert opportunity.net_usd == opportunity.profit_usd - USD


def test_plan_says_where_until_when_and_for_how_much():
    block = inputs(market(usdc_debt(10_000)))
    plan = only(plan_block(block))

    assert (plan.executor, plan.target, plan.max_block) == (EXECUTOR, block.target, block.target.number + 2)
    assert plan.min_profit == plan.opportunity.profit.amount * 9_000 // 10_000
    assert plan.gas_limit == 750_000


def test_same_input_gives_the_same_result_to_the_bit():
    first = plan_block(inputs(market(usdc_debt(10_000), usdc_debt(5_000)), pools=(SHALLOW, DEEP)))
    second = plan_block(inputs(market(usdc_debt(10_000), usdc_debt(5_000)), pools=(DEEP, SHALLOW)))

    assert first == second


def test_plan_is_named_by_its_head_too():
    """The same plan on another fork of the chain is another plan."""
    here = market(usdc_debt(10_000))
    there = replace(here, head=replace(here.head, hash=bytes(32)))

    assert only(plan_block(inputs(here))).id != only(plan_block(inputs(there))).id


def test_position_is_closed_in_part_where_the_pool_is_shallow():
    plan = only(plan_block(inputs(market(usdc_debt(100_000)), pools=(SHALLOW,))))

    # With x = received / reserve, sale 100,000 * x / (1 + x) at a price of 1.05 per dollar repaid: the best is near
    # x = sqrt(1.05) - 1 = 0.0247, some 2,350 dollars repaid; a full close would lose half of its value.
    assert 2_000 * 10**6 < plan.opportunity.size < 2_500 * 10**6


def test_loan_is_padded_for_what_the_debt_may_grow_and_its_fee_paid_on_all_of_it():
    plan = only(plan_block(inputs(market(usdc_debt(10_000, grows=2_000_000)))))

    funding = plan.opportunity.funding
    assert (funding.amount, funding.fee) == (10_002_000_000, 5_001_000)


def test_collateral_that_is_the_debt_token_needs_no_swap():
    same = usdc_debt(10_000, collateral_token=USDC, rate=Rate(1, 1))
    plan = only(plan_block(inputs(market(same), pools=())))

    # 10,000 * 1.05 - 10,000 - 5
    assert plan.opportunity.profit == TokenAmount(USDC, 495_000_000)
    assert plan.opportunity.route.hops == ()


def test_route_goes_through_a_third_token_where_that_pays_more():
    through_dai = (
        deep_pool(21, WETH, 50_000 * 10**18, DAI, 100_000_000 * 10**18, 500),
        deep_pool(22, DAI, 100_000_000 * 10**18, USDC, 100_000_000 * 10**6, 100),
    )
    plan = only(plan_block(inputs(market(usdc_debt(10_000)), pools=(SHALLOW, *through_dai))))

    assert [hop.token_out for hop in plan.opportunity.route.hops] == [DAI, USDC]


def test_longer_route_is_not_worth_its_gas_for_a_small_position():
    """Two swaps of 1 bp beat one of 5 bps by 3 bps, until the second one's gas costs more than that."""
    through_dai = (
        deep_pool(21, WETH, 50_000 * 10**18, DAI, 100_000_000 * 10**18, 100),
        deep_pool(22, DAI, 100_000_000 * 10**18, USDC, 100_000_000 * 10**6, 100),
    )
    pools = (DEEP, *through_dai)

    # 3 bps of 10,500 dollars is 3 dollars; 100,000 gas more are 20 cents at 1 gwei and 10 dollars at 50.
    assert len(only(plan_block(inputs(market(usdc_debt(10_000)), pools=pools))).opportunity.route.hops) == 2
    dear = inputs(market(usdc_debt(10_000)), pools=pools, gas_price_wei=50 * GWEI)
    assert len(only(plan_block(dear)).opportunity.route.hops) == 1


def test_best_of_a_positions_pairs_is_taken():
    poor, rich = usdc_debt(10_000), usdc_debt(10_000, rate=replace(usdc_debt(1).rate, bonus_bps=10_800))
    plan = only(plan_block(inputs(market((poor, rich)))))

    assert plan.opportunity.offer.detail == 1


def test_cheaper_loan_is_taken_while_it_reaches():
    cheap = market(name="cheap", fee_bps=0, available={USDC: 6_000 * 10**6})
    result = plan_block(inputs(market(usdc_debt(5_000)), cheap))
    assert only(result).opportunity.funding.fee == 0

    # 10,000 do not fit the free loan: closing it all at 5 bps pays more than 6,000 for nothing.
    more = only(plan_block(inputs(market(usdc_debt(10_000)), cheap))).opportunity
    assert more.size == 10_000 * 10**6
    assert more.funding.fee == loan_fee(Lender("aave_v3", MARKET, USDC, 0, 5, fee_rounds_up=True), more.funding.amount)


# No -----------------------------------------------------------------------------------------------------------------


def test_profit_below_the_minimum_after_gas_is_declined_with_its_numbers():
    # 200 dollars repaid: 10 dollars of bonus less fees and swap is about 9.80; gas is a dollar at 1 gwei, 5 at 5.
    declined = refusal(plan_block(inputs(market(usdc_debt(200)), gas_price_wei=5 * GWEI)))

    assert declined.reason is Reason.BELOW_MIN_PROFIT
    assert declined.numbers["net_usd"] == declined.numbers["profit_usd"] - 5 * USD
    assert 4 * USD < declined.numbers["net_usd"] < 5 * USD == declined.numbers["min_profit_usd"]
    assert (declined.numbers["size"], declined.numbers["gas"]) == (200 * 10**6, 500_000)
    assert declined.numbers["strategy"] == "flash"


def test_position_that_cannot_be_sold_at_a_profit_is_declined_as_such():
    worthless = usdc_debt(10_000, rate=replace(usdc_debt(1).rate, bonus_bps=9_000))

    declined = refusal(plan_block(inputs(market(worthless))))

    assert declined.reason is Reason.UNPROFITABLE
    assert declined.numbers["expected_profit"] <= 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trusted": frozenset({WETH})}, Reason.UNTRUSTED_PROFIT_TOKEN),
        ({"liquidity": Liquidity.of(())}, Reason.NO_ROUTE),
        ({"barred": {"flash": frozenset({DEEP.address})}}, Reason.NO_ROUTE),
        ({"busy": frozenset({("market", position(1))})}, Reason.IN_FLIGHT),
        ({"policies": ()}, Reason.NO_STRATEGY),
        ({"policies": (replace(POLICY, deployments=("elsewhere",)),)}, Reason.NO_STRATEGY),
    ],
)
def test_what_stands_in_the_way_is_named(changes, reason):
    assert refusal(plan_block(inputs(market(usdc_debt(10_000)), **changes))).reason is reason


@pytest.mark.parametrize("available", [{}, {WETH: 10**24}, {USDC: 10}])
def test_debt_that_nobody_lends_is_declined(available):
    least = usdc_debt(10_000, sizes=((5_000 * 10**6, 10_000 * 10**6),))
    assert refusal(plan_block(inputs(market(least, available=available)))).reason is Reason.NO_FUNDING


def test_loan_smaller_than_the_position_limits_its_size():
    plan = only(plan_block(inputs(market(usdc_debt(10_000), available={USDC: 4_000 * 10**6}))))
    assert plan.opportunity.size == 4_000 * 10**6


def test_debt_token_of_unknown_price_is_declined():
    without = market(usdc_debt(10_000))
    block = inputs(replace(without, prices={WETH: PRICES[WETH]}))
    assert refusal(plan_block(block)).reason is Reason.UNKNOWN_PRICE


def test_price_of_zero_is_an_unknown_one():
    block = inputs(replace(market(usdc_debt(10_000)), prices={**PRICES, USDC: TokenPrice(0, 6)}))
    assert refusal(plan_block(block)).reason is Reason.UNKNOWN_PRICE


def test_bad_debt_is_left_alone_unless_the_strategy_takes_it():
    bad = market(usdc_debt(10_000, bad_debt=True))

    declined = refusal(plan_block(inputs(bad)))
    assert (declined.reason, declined.numbers["collateral_base"], declined.numbers["debt_base"]) == (
        Reason.BAD_DEBT,
        90,
        100,
    )
    only(plan_block(inputs(bad, policies=(replace(POLICY, take_bad_debt=True),))))


def test_pool_of_a_kind_without_a_recipe_is_no_way_out():
    strange = ConstantProductPool(address(30), (WETH, USDC), (50_000 * 10**18, 100_000_000 * 10**6))
    assert refusal(plan_block(inputs(market(usdc_debt(10_000)), pools=(strange,)))).reason is Reason.NO_ROUTE


def test_refusal_that_was_closest_to_a_yes_is_the_one_kept():
    small, smaller = usdc_debt(80), usdc_debt(40)
    declined = refusal(plan_block(inputs(market((smaller, small)))))

    assert declined.numbers["size"] == 80 * 10**6


# Strategies -----------------------------------------------------------------------------------------------------------


def test_first_strategy_that_takes_an_opportunity_gets_it():
    greedy = replace(POLICY, name="greedy", min_profit_usd=10**6 * USD)
    plan = only(plan_block(inputs(market(usdc_debt(10_000)), policies=(greedy, POLICY))))
    assert plan.opportunity.strategy == "flash"

    both = (replace(POLICY, name="first"), POLICY)
    assert only(plan_block(inputs(market(usdc_debt(10_000)), policies=both))).opportunity.strategy == "first"


def test_strategy_with_fewer_hops_does_not_see_longer_routes():
    through_dai = (
        deep_pool(21, WETH, 50_000 * 10**18, DAI, 100_000_000 * 10**18, 500),
        deep_pool(22, DAI, 100_000_000 * 10**18, USDC, 100_000_000 * 10**6, 100),
    )
    block = inputs(market(usdc_debt(10_000)), pools=through_dai, policies=(replace(POLICY, max_hops=1),))
    assert refusal(plan_block(block)).reason is Reason.NO_ROUTE


# A whole block --------------------------------------------------------------------------------------------------------


def test_plans_come_best_first_and_each_on_what_the_one_before_leaves():
    middling = deep_pool(13, WETH, 500 * 10**18, USDC, 1_000_000 * 10**6, 500)
    result = plan_block(inputs(market(usdc_debt(1_000), usdc_debt(2_000)), pools=(middling,)))

    first, second = result.plans
    assert [plan.opportunity.offer.key for plan in result.plans] == [position(2), position(1)]
    (pool_left,) = first.opportunity.route.after
    assert second.opportunity.route.hops[0].pool == pool_left
    alone = only(plan_block(inputs(market(usdc_debt(1_000)), pools=(middling,))))
    assert second.opportunity.profit.amount < alone.opportunity.profit.amount


def test_position_that_only_paid_before_the_others_is_a_conflict():
    # Two full closes of 2,300 do not both fit what the shallow pool pays well.
    result = plan_block(
        inputs(market(usdc_debt(2_300), usdc_debt(2_200, sizes=((2_200 * 10**6,) * 2,))), pools=(SHALLOW,))
    )

    assert [plan.opportunity.offer.key for plan in result.plans] == [position(1)]
    (declined,) = result.declined
    assert (declined.key, declined.reason) == (position(2), Reason.CONFLICT)
    assert declined.numbers["now"] in {Reason.UNPROFITABLE.value, Reason.BELOW_MIN_PROFIT.value}
    assert declined.numbers["net_usd_alone"] > 5 * USD > declined.numbers["net_usd"]
    assert declined.numbers["rival"] == to_checksum(position(1))


def test_no_more_plans_than_the_strategy_wants_and_the_rest_is_told_why():
    policies = (replace(POLICY, max_plans_per_block=2),)
    result = plan_block(inputs(market(*map(usdc_debt, (1_000, 3_000, 2_000))), policies=policies))

    assert [plan.opportunity.offer.key for plan in result.plans] == [position(2), position(3)]
    (declined,) = result.declined
    assert (declined.key, declined.reason, declined.numbers["max_plans_per_block"]) == (
        position(1),
        Reason.CONFLICT,
        2,
    )


def test_equal_opportunities_go_in_the_order_of_the_input():
    result = plan_block(inputs(market(usdc_debt(1_000), usdc_debt(1_000))))
    assert [plan.opportunity.offer.key for plan in result.plans] == [position(1), position(2)]


def test_position_takes_part_once_however_many_pairs_it_has():
    result = plan_block(inputs(market((usdc_debt(10_000), usdc_debt(9_000)))))
    assert len(result.plans) == 1


def test_every_position_gets_an_answer():
    block = inputs(market(usdc_debt(10_000), usdc_debt(3), usdc_debt(2_000, bad_debt=True)))
    result = plan_block(block)

    answered = {plan.opportunity.offer.key for plan in result.plans} | {no.key for no in result.declined}
    assert answered == {position(n) for n in (1, 2, 3)}
