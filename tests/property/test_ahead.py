"""Plans under way: what is planned behind them is what would have been planned behind them in one block."""

import random
from dataclasses import replace

from keeper.planning.board import Board
from keeper.planning.pipeline import plan_block
from keeper.planning.underway import Underway
from tests.fakes.planning import POLICY, USDC, WETH, inputs, market, usdc_debt
from tests.fakes.pools import deep_pool

BLOCKS = 20


def test_rest_of_a_block_is_planned_alike_behind_those_that_are_under_way(random_seed):
    """Best first, each on what those before it leave: so nobody can tell whether the first were planned just now."""
    behind = 0
    for number in range(BLOCKS):
        rng = random.Random(f"{random_seed}/{number}")
        block = _block(rng)
        plans = plan_block(block).plans
        for first in range(1, len(plans)):
            ahead = tuple(Underway.of(plan.opportunity) for plan in plans[:first])
            busy = frozenset((each.deployment, each.key) for each in ahead)

            rest = plan_block(replace(block, ahead=ahead, busy=busy)).plans

            assert [plan.opportunity for plan in rest] == [plan.opportunity for plan in plans[first:]]
            assert [plan.data for plan in rest] == [plan.data for plan in plans[first:]]
            behind += len(rest)

    assert behind > BLOCKS


def test_plan_under_way_moves_the_board_as_a_new_one_does(random_seed):
    for number in range(BLOCKS):
        block = _block(random.Random(f"{random_seed}/{number}"))
        board = Board.of(block)
        for plan in plan_block(block).plans:
            after, behind = board.after(plan.opportunity), board.behind(Underway.of(plan.opportunity))
            assert after == behind
            board = after


def test_plan_whose_position_is_gone_moves_nothing():
    block = inputs(market(usdc_debt(10_000), usdc_debt(8_000)))
    gone, other = plan_block(block).plans
    left = inputs(market(None, usdc_debt(8_000)))

    board = Board.of(replace(left, ahead=(Underway.of(gone.opportunity),)))
    (plan,) = plan_block(replace(left, ahead=(Underway.of(gone.opportunity),))).plans

    assert board == Board.of(left)
    assert plan.opportunity.profit.amount > other.opportunity.profit.amount


def test_plan_of_a_size_that_is_not_legal_any_more_moves_nothing():
    """10,000 were to be repaid; by now 9,000 is the most."""
    (plan,) = plan_block(inputs(market(usdc_debt(10_000)))).plans
    less = inputs(market(usdc_debt(9_000)))

    assert Board.of(replace(less, ahead=(Underway.of(plan.opportunity),))) == Board.of(less)


def test_plan_of_a_deployment_that_is_not_there_moves_nothing():
    block = inputs(market(usdc_debt(10_000)))
    (plan,) = plan_block(block).plans
    stranger = replace(Underway.of(plan.opportunity), deployment="another")

    assert Board.of(replace(block, ahead=(stranger,))) == Board.of(block)


def _block(rng):
    pools = [
        deep_pool(20 + n, WETH, depth * 10**18, USDC, 2_000 * depth * 10**6, fee)
        for n, (depth, fee) in enumerate(zip((rng.randint(50, 200), rng.randint(50, 400)), (500, 3_000), strict=True))
    ]
    positions = [usdc_debt(rng.randint(500, 8_000)) for _ in range(rng.randint(2, 5))]
    policy = replace(POLICY, max_plans_per_block=len(positions))
    return inputs(market(*positions, fee_bps=0), pools=tuple(pools), policies=(policy,), search_budget=0)
