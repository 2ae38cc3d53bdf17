"""Two calls on one position: one that just does not heal it, then half of what is left."""

from dataclasses import replace

from keeper.oracles.numeraire import Numeraire
from keeper.planning.base import ALL_FUNDING
from keeper.planning.inputs import View
from keeper.planning.pipeline import plan_block
from keeper.protocols import aave_v3
from keeper.types import Health, Offer, OfferKind, Payment, Settlement, TokenAmount
from keeper.units import GWEI, USD, WAD
from tests.fakes import aave_v3_market as aave
from tests.fakes.lending import MARKET, FakeHealth, FakeOffers
from tests.fakes.planning import POLICY, USDC, WETH, inputs, market, position, usdc_debt, view
from tests.fakes.pools import address, deep_pool


class HalvingOffers(FakeOffers):
    """A position that a call may repay half of, and that is healthy once it owes less than `healthy_below`."""

    def __init__(self, healthy_below):
        self._healthy_below = healthy_below

    def offers(self, key, market):
        if key not in market.positions:
            return []

        (pair,) = market.positions[key]
        ((_, half),) = pair.sizes
        tokens = (pair.debt_token, pair.collateral_token, pair.debt_token)
        return [Offer(market.name, OfferKind.SEIZE, key, *tokens, ((1, half),), detail=0)]

    def after(self, offer, size, market):
        (pair,) = market.positions[offer.key]
        debt = 2 * pair.sizes[0][1]
        others = {key: pairs for key, pairs in market.positions.items() if key != offer.key}
        if debt - size < self._healthy_below:
            return replace(market, positions=others)

        left = replace(pair, sizes=((1, (debt - size) // 2),))
        return replace(market, positions={**others, offer.key: (left,)})


class HalvingHealth(FakeHealth):
    """Just healthy without an offer, just not with one."""

    def health(self, key, market):
        if key not in market.positions:
            return Health(key, WAD, False, 110, 100, 10**8)

        return Health(key, WAD - 1, True, 110, 100, 10**8)


def block(dollars, **changes):
    """A debt of twice as much, healthy once a tenth of it is repaid."""
    at = market(usdc_debt(dollars))
    plain = view(at)
    model = HalvingOffers(2 * dollars * 10**6 * 9 // 10)
    adapter = replace(plain.adapter, offers=model, health=HalvingHealth())
    return replace(
        inputs(at, **changes), views=(View(adapter, at, plain.healths, tuple(model.offers(position(), at))),)
    )


def test_position_is_called_upon_twice_where_that_pays_more():
    (plan,) = plan_block(block(50_000)).plans
    first, second = plan.opportunity.calls

    # A debt of 100,000: 10,000 just do not heal it, less what a search for a sudden end leaves; then half of the rest.
    assert 9_950 * 10**6 <= first.size <= 10_000 * 10**6 * 4_095 // 4_096
    assert second.size == (100_000 * 10**6 - first.size) // 2
    assert plan.opportunity.size == second.size
    total = first.size + second.size
    seized = sum(step.settlement.receives[0].amount for step in (first, second))
    assert plan.opportunity.settlement == Settlement(
        (Payment(USDC, total, total, MARKET),), (TokenAmount(WETH, seized),)
    )
    assert plan.opportunity.funding.amount == total
    # 4 pieces and the second call.
    assert plan.opportunity.gas == 500_000 + 130_000


def test_small_position_is_called_upon_once():
    """A second call gains 5 % of half of 800 dollars, and costs 130,000 gas at 100 gwei: 20 dollars for 26."""
    (plan,) = plan_block(block(4_000, gas_price_wei=100 * GWEI)).plans

    assert (len(plan.opportunity.calls), plan.opportunity.size) == (1, 4_000 * 10**6)


def test_worked_example_on_the_first_release_of_aave_v3():
    """10 WETH at 1,900 dollars owe 16,000 USDC: threshold 83 %, bonus 5 %, half a debt at a time above 0.95.

    1,789.88 just heal it; half of what is left then is 7,105.05: 8,894.94 instead of 8,000.
    """
    reserves = (
        aave.reserve(0, 1_900 * aave.DOLLAR, aave.word(fee=0)),
        aave.reserve(1, aave.DOLLAR, aave.word(threshold=8_000, decimals=6)),
    )
    lent = aave.market(reserves, {aave.KEY: aave.account({0: 10 * 10**18}, {1: 16_000 * 10**6})}, version="3.0")
    adapter = aave_v3.build("aave", address(1))
    (offer,) = adapter.offers.offers(aave.KEY, lent)
    weth, usdc = aave.asset(0), aave.asset(1)
    found = View(adapter, lent, {aave.KEY: adapter.health.health(aave.KEY, lent)}, (offer,))
    dear = deep_pool(11, weth, 10**6 * 10**18, usdc, 1_900 * 10**6 * 10**6, 100)
    policy = replace(POLICY, deployments=("aave",), funding=ALL_FUNDING)
    numeraire = Numeraire.of(1_900 * USD, weth, [lent.token_prices()], 0)
    plain = inputs(market(usdc_debt(1)), pools=(dear,), policies=(policy,))

    (plan,) = plan_block(
        replace(plain, views=(found,), numeraire=numeraire, trusted=frozenset({usdc}), target=lent.target)
    ).plans

    first, second = (step.size for step in plan.opportunity.calls)
    assert 1_789_883_268 * 4_094 // 4_096 <= first <= 1_789_883_268
    assert second == (16_000 * 10**6 - first + 1) // 2
    assert 8_894_500_000 <= first + second <= 8_894_941_634
