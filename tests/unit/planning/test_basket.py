"""Several purchases behind one prelude: bought together under one loan where each adds to what the others leave."""

from dataclasses import replace

from keeper.oracles.numeraire import Numeraire
from keeper.planning.base import FundingKind
from keeper.planning.inputs import View
from keeper.planning.pipeline import plan_block
from keeper.protocols.calls import GuardedCall
from keeper.types import Call, Declined, Offer, OfferKind, Payment, PositionKey, Settlement, TokenAmount
from keeper.units import GWEI, USD
from tests.fakes.lending import FakeOffers
from tests.fakes.planning import DAI, DEEP, POLICY, USDC, WETH, inputs, market, position, usdc_debt, view
from tests.fakes.pools import address, deep_pool

SHOP, ABSORB = address(700), bytes.fromhex("c3cecfd2")
LINK = address(4)
PRELUDE = (Call(SHOP, ABSORB),)
DISCOUNT_BPS = 500
POOLS = (
    DEEP,
    deep_pool(12, LINK, 10_000_000 * 10**18, USDC, 100_000_000 * 10**6, 3_000),
    deep_pool(13, DAI, 100_000_000 * 10**18, USDC, 100_000_000 * 10**6, 100),
)
UNITS = {WETH: 10**18 // (2_000 * 10**6), LINK: 10**18 // (10 * 10**6), DAI: 10**12}
"""Units of each for one unit of USDC at 2,000, 10 and 1 dollar, before the discount."""


class Shop(FakeOffers):
    """A position whose absorption puts some of several tokens up for sale; `stock` is what that is, in USDC."""

    def __init__(self, stock, *, limit=10**30):
        self.stock, self.limit = stock, limit

    def offers(self, key, market):
        if key != position(1) or key not in market.positions:
            return [one for one in self.open_offers(market) if one.key == key]

        return [self._offer(key, token, most, PRELUDE) for token, most in self.stock.items()]

    def open_offers(self, market):
        """What is still there once the position is absorbed, while no more than the limit was paid."""
        if position(1) in market.positions:
            return []

        left = self._left(market)
        paid = sum(self.stock.values()) - sum(left.values())
        return [self._offer(PositionKey(t), t, most, ()) for t, most in left.items() if most and paid < self.limit]

    def settle(self, offer, size, market):
        del market
        got = size * UNITS[offer.receive_token] * (10_000 + DISCOUNT_BPS) // 10_000
        return Settlement((Payment(USDC, size, size, SHOP),), (TokenAmount(offer.receive_token, got),))

    def after(self, offer, size, market):
        left = self._left(market)
        left[offer.receive_token] -= size
        return replace(market, positions={position(9): tuple(left.items())})

    def _left(self, market):
        return dict(market.positions.get(position(9), self.stock.items()))

    def _offer(self, key, token, most, prelude):
        pair = (USDC, token, USDC)
        return Offer("market", OfferKind.SALE, key, *pair, ((1, most),), detail=token, prelude=prelude, gas=300_000)


def block(stock, *, limit=10**30, policy=POLICY, **changes):
    at = market(usdc_debt(1_000))
    shop, plain = Shop(stock, limit=limit), view(market(usdc_debt(1_000)))
    adapter = replace(plain.adapter, offers=shop, encoder=Buying())
    offers = tuple(one for one in shop.offers(position(1), at) if isinstance(one, Offer))
    prices = {**at.prices, LINK: replace(at.prices[WETH], price=10 * USD)}
    return inputs(
        at,
        pools=POOLS,
        views=(View(adapter, at, plain.healths, offers),),
        policies=(replace(policy, take_bad_debt=True),),
        numeraire=Numeraire.of(2_000 * USD, WETH, [prices], 0),
        trusted=frozenset({USDC}),
        **changes,
    )


class Buying:
    """Encodes a purchase as one call that says what it buys."""

    def calls(self, offer, size, settlement, market, inner):
        del size, settlement, market
        assert not inner
        return (GuardedCall(Call(SHOP, bytes(4) + offer.receive_token.rjust(32, b"\0"))),)


def dollars(whole):
    return whole * 10**6


def test_all_of_a_prelude_is_bought_under_one_loan():
    stock = {WETH: dollars(20_000), LINK: dollars(10_000), DAI: dollars(5_000)}
    (plan,) = plan_block(block(stock)).plans
    opportunity = plan.opportunity
    assert (opportunity.offer.key, len(opportunity.steps)) == (position(1), 3)
    assert [step.offer.prelude for step in opportunity.steps] == [PRELUDE, (), ()]
    assert {step.offer.receive_token: step.size for step in opportunity.steps} == stock
    assert opportunity.funding.amount == sum(stock.values())
    paid = sum(payment.amount for payment in opportunity.settlement.pays)
    assert paid == sum(stock.values())
    assert opportunity.profit.amount == opportunity.route.amount_out - paid - opportunity.funding.fee
    assert opportunity.profit.amount > dollars(35_000) * 4 // 100
    # The frame and the loan once, three purchases with a swap each.
    assert opportunity.gas == 100_000 + 100_000 + 3 * (300_000 + 100_000)
    assert plan.data.count(SHOP) >= 4


def test_what_does_not_pay_for_its_own_gas_is_left():
    """A purchase and its swap burn 400,000 gas, 80 cents: 5 % of 10 dollars are less."""
    (plan,) = plan_block(block({WETH: dollars(20_000), LINK: dollars(10)})).plans
    assert plan.opportunity.steps == ()
    assert plan.opportunity.offer.receive_token == WETH


def test_purchases_that_pay_only_together_are_made():
    """Two of 120 dollars bring 6 each; frame, loan, prelude and purchase of one alone burn 1.2 at a floor of 5."""
    policy = replace(POLICY, min_profit_usd=8 * USD)
    stock = {WETH: dollars(120), DAI: dollars(120)}
    (plan,) = plan_block(block(stock, policy=policy)).plans
    assert len(plan.opportunity.steps) == 2
    assert plan_block(block({WETH: dollars(120)}, policy=policy)).plans == ()


def test_sale_that_ends_with_the_first_purchase_is_not_counted_on():
    stock = {WETH: dollars(20_000), LINK: dollars(10_000)}
    (plan,) = plan_block(block(stock, limit=dollars(20_000))).plans
    assert plan.opportunity.steps == ()
    (both,) = plan_block(block(stock, limit=dollars(20_001))).plans
    assert len(both.opportunity.steps) == 2


def test_lender_that_has_not_enough_for_all_pays_for_what_it_can():
    stock = {WETH: dollars(20_000), LINK: dollars(10_000), DAI: dollars(5_000)}
    poor = replace(block(stock), gas_price_wei=GWEI)
    at = replace(poor.views[0].market, available={USDC: dollars(26_000)})
    poor = replace(poor, views=(replace(poor.views[0], market=at),))
    (plan,) = plan_block(poor).plans
    assert {step.offer.receive_token for step in plan.opportunity.steps} == {WETH, DAI}
    assert plan.opportunity.funding.amount == dollars(25_000)


def test_strategy_without_loans_buys_one_by_the_sale_itself():
    policy = replace(POLICY, funding=frozenset({FundingKind.SWAP}))
    (plan,) = plan_block(block({WETH: dollars(20_000), LINK: dollars(10_000)}, policy=policy)).plans
    assert plan.opportunity.steps == ()
    assert plan.opportunity.funding.lender.kind == "swap"


def test_nothing_is_bought_together_where_nothing_is_for_sale():
    result = plan_block(block({}))
    assert result.plans == ()
    assert all(isinstance(one, Declined) for one in result.declined)
