"""What holds of every block's plans: dearer sales never pay less, nothing is spent twice, nothing unknown is used."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from keeper.oracles.numeraire import Numeraire
from keeper.planning.base import FundingKind
from keeper.planning.funding import VAULT
from keeper.planning.pipeline import plan_block
from keeper.protocols.base import Lender
from keeper.types import Reason, TokenPrice
from keeper.units import USD
from tests.fakes.planning import DAI, POLICY, PRICES, USDC, WETH, inputs, market, usdc_debt
from tests.fakes.pools import address, deep_pool

BLOCKS = 12
PURSE = address(700)


def test_profit_never_falls_as_the_sale_price_rises(random_seed):
    """The same position against the same depth, WETH dearer and dearer in the pool."""
    for number in range(BLOCKS):
        chance = random.Random(f"{random_seed}/{number}")
        owing, depth = usdc_debt(chance.randint(500, 200_000)), chance.randint(50, 5_000)
        fee = chance.choice((100, 500, 3_000))
        profits = []
        for dollars in range(1_700, 2_200, 50):
            pool = deep_pool(11, WETH, depth * 10**18, USDC, depth * dollars * 10**6, fee)
            result = plan_block(inputs(market(owing), pools=(pool,)))
            profits.append(sum(plan.opportunity.profit.amount for plan in result.plans))

        assert profits == sorted(profits)
        assert profits[-1] > 0


def test_nothing_is_spent_twice(random_seed):
    """Played one after the other from the pools as they were, the plans get the very amounts they count on."""
    shared = 0
    for number in range(BLOCKS):
        block = _block(random.Random(f"{random_seed}/{number}"))
        result = plan_block(block)
        pools = dict(block.liquidity.by_address)
        lent: Counter = Counter()
        used: Counter = Counter()
        for plan in result.plans:
            for swap in plan.opportunity.route.swaps:
                hop = swap.hop
                played = pools[hop.pool.address].quote_in(hop.token_in, swap.amount_in)
                assert played.amount_out == swap.amount_out
                pools[hop.pool.address] = played.after
                used[hop.pool.address] += 1

            if plan.opportunity.funding.lender.kind == VAULT:
                lent[plan.opportunity.funding.lender.token] += plan.opportunity.funding.amount

        subjects = [plan.opportunity.offer.key for plan in result.plans]
        assert len(set(subjects)) == len(subjects)
        assert all(lent[lender.token] <= lender.available for lender in block.lenders)
        shared += any(times > 1 for times in used.values()) + (lent.total() > 0)

    assert shared >= BLOCKS // 2


def test_what_a_sale_takes_is_never_more_than_what_was_seized(random_seed):
    for number in range(BLOCKS):
        for plan in plan_block(_block(random.Random(f"{random_seed}/{number}"))).plans:
            held: Counter = Counter()
            for token, amount in plan.opportunity.settlement.receives:
                held[token] += amount

            for swap in plan.opportunity.route.swaps:
                held[swap.hop.token_in] -= swap.amount_in
                held[swap.hop.token_out] += swap.amount_out
                assert held[swap.hop.token_in] >= 0

            paid = sum(payment.amount for payment in plan.opportunity.settlement.pays)
            assert held[USDC] - paid - plan.opportunity.funding.fee == plan.opportunity.profit.amount


@pytest.mark.parametrize(
    "bad", [None, TokenPrice(0, 6), TokenPrice(-USD, 6), TokenPrice(USD, 6, updated_at=99)], ids=str
)
def test_nothing_is_planned_with_an_unknown_zero_or_stale_price(bad, random_seed):
    prices = {token: price for token, price in {**PRICES, USDC: bad}.items() if price is not None}
    for number in range(3):
        block = _block(random.Random(f"{random_seed}/{number}"))
        numeraire = Numeraire.of(2_000 * USD, WETH, [prices], 100)
        result = plan_block(replace(block, numeraire=numeraire))

        assert result.plans == ()
        assert {declined.reason for declined in result.declined} == {Reason.UNKNOWN_PRICE}


def _block(chance):
    """Up to eight debts in USDC sold over up to four pools, some through DAI, paid by any source there is."""
    depth = chance.randint(50, 2_000)
    pools = [
        deep_pool(11, WETH, depth * 10**18, USDC, depth * 2_000 * 10**6, 500),
        deep_pool(12, WETH, depth * 10**18, USDC, depth * 2_010 * 10**6, 3_000),
        deep_pool(21, WETH, depth * 10**18, DAI, depth * 2_000 * 10**18, 500),
        deep_pool(22, DAI, 10**7 * 10**18, USDC, 10**7 * 10**6, 100),
    ][: chance.randint(1, 4)]
    owing = [
        usdc_debt(chance.randint(300, 30_000), grows=chance.choice((0, 10**5))) for _ in range(chance.randint(2, 8))
    ]
    funding = chance.choice(([FundingKind.SWAP], [FundingKind.INVENTORY], list(FundingKind)))
    policy = replace(POLICY, max_plans_per_block=chance.randint(2, 8), funding=frozenset(funding))
    vault = Lender(VAULT, PURSE, USDC, chance.randint(5_000, 40_000) * 10**6, 0, fee_rounds_up=True)
    return inputs(market(*owing), pools=pools, policies=(policy,), lenders=(vault,))
