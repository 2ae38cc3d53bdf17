"""Whose money pays: the sale itself, the protocol's callback, a loan, or the operator's vault."""

from dataclasses import replace

import pytest

from keeper.execution.explain import decode_execute, decode_program
from keeper.execution.operations import Pay, Watch, argument, exact, gain_of
from keeper.planning.base import ALL_FUNDING, FundingKind
from keeper.planning.board import Board
from keeper.planning.funding import CALLBACK, SWAP, VAULT
from keeper.planning.pipeline import plan_block
from keeper.planning.swaps import MAY_PAY_BPS
from keeper.planning.ways import ways_to
from keeper.protocols.base import Lender
from keeper.types import ZERO_ADDRESS, Offer, OfferKind, Reason
from tests.fakes.lending import MARKET, Rate
from tests.fakes.planning import DAI, DEEP, POLICY, USDC, WETH, inputs, market, position, usdc_debt
from tests.fakes.pools import FACTORY, address, deep_pool

THROUGH_DAI = (
    deep_pool(21, WETH, 50_000 * 10**18, DAI, 100_000_000 * 10**18, 500),
    deep_pool(22, DAI, 100_000_000 * 10**18, USDC, 100_000_000 * 10**6, 100),
)
PURSE = address(700)
ANYTHING = (replace(POLICY, funding=ALL_FUNDING),)


def planned(*owing, policies=ANYTHING, **changes):
    result = plan_block(inputs(market(*(owing or (usdc_debt(10_000),))), policies=policies, **changes))
    assert result.declined == ()
    return result.plans[0]


def inside(call):
    """The program that runs in a call's callback."""
    at = call.expects[0].data_offset
    return decode_program(call.data[at + 32 : at + 32 + int.from_bytes(call.data[at : at + 32], "big")])


def vault(available):
    return (Lender(VAULT, PURSE, USDC, available, 0, fee_rounds_up=True),)


def test_sale_pays_for_what_it_sells_and_nothing_is_borrowed():
    plan = planned()
    _, (watch, swap) = decode_execute(plan.data)
    take, pay = inside(swap)

    assert (plan.opportunity.funding.lender.kind, plan.opportunity.funding.fee) == (SWAP, 0)
    assert watch == Watch(WETH)
    assert swap.target.factory == FACTORY
    assert take.target == MARKET
    assert pay == Pay(WETH, argument(0))
    # Exactly what was planned goes in, and no more may be asked for.
    assert (swap.patches, swap.expects[0].may_pay) == ((), plan.opportunity.route.amounts[0])


def test_sale_over_two_pools_is_begun_before_and_ended_after_the_offer_is_taken():
    plan = planned(pools=THROUGH_DAI)
    _, (*_, first) = decode_execute(plan.data)
    second, take, pay = inside(first)

    assert second.patches[0].amount == gain_of(DAI)
    assert second.expects[0].may_pay == plan.opportunity.route.amounts[1] * MAY_PAY_BPS // 10_000
    assert take.target == MARKET
    assert pay == Pay(WETH, argument(0))


def test_sale_that_needs_no_swap_is_paid_by_a_loan():
    same = usdc_debt(10_000, collateral_token=USDC, rate=Rate(1, 1))
    assert planned(same, pools=()).opportunity.funding.lender.kind == "aave_v3"


def test_sale_that_brings_less_than_the_debt_may_grow_to_is_no_way_to_pay():
    """The profit of 5 % does not cover a payment that may grow by a tenth; a loan does, and costs its fee."""
    growing = usdc_debt(10_000, grows=1_000_000_000)
    swap_only = (replace(POLICY, funding=frozenset({FundingKind.SWAP})),)

    (declined,) = plan_block(inputs(market(growing), policies=swap_only)).declined
    assert declined.reason is Reason.UNPROFITABLE
    assert planned(growing, policies=(POLICY,)).opportunity.funding.amount == 11_000 * 10**6


def test_protocol_that_calls_back_is_paid_out_of_its_own_callback():
    block = inputs(market(usdc_debt(10_000)), policies=ANYTHING)
    (view,) = block.views
    (offer,) = view.offers
    called = replace(block, views=(replace(view, offers=(replace(offer, calls_back=True),)),))
    verdict = plan_block_of(called)

    assert (verdict.funding.lender.kind, verdict.funding.fee) == (CALLBACK, 0)


def plan_block_of(block):
    """The opportunity alone: the fake protocol makes no callback to spell."""
    from keeper.planning.appraise import appraise  # only here
    from keeper.planning.board import Board

    (offer,) = block.views[0].offers
    opportunity, _ = appraise((offer.deployment, offer.key), [offer], Board.of(block), block)
    return opportunity


@pytest.mark.parametrize(
    ("funding", "kind"),
    [({FundingKind.INVENTORY}, VAULT), ({FundingKind.FLASH_LOAN}, "aave_v3"), (set(ALL_FUNDING), SWAP)],
)
def test_strategy_says_whose_money_may_be_used(funding, kind):
    policies = (replace(POLICY, funding=frozenset(funding)),)
    plan = planned(policies=policies, lenders=vault(20_000 * 10**6))
    assert plan.opportunity.funding.lender.kind == kind


def test_vault_is_asked_for_no_more_than_it_has_left_after_the_plans_before():
    policies = (replace(POLICY, funding=frozenset({FundingKind.INVENTORY})),)
    block = inputs(
        market(usdc_debt(8_000), usdc_debt(6_000)), policies=policies, lenders=vault(10_000 * 10**6), search_budget=0
    )
    result = plan_block(block)

    assert [plan.opportunity.funding.amount for plan in result.plans] == [8_000 * 10**6, 2_000 * 10**6]


def test_dearer_loan_is_taken_where_the_free_one_is_empty_and_declined_where_all_are():
    free = Lender("balancer_v2", PURSE, USDC, 20_000 * 10**6, 0, fee_rounds_up=True)
    same = usdc_debt(10_000, collateral_token=USDC, rate=Rate(1, 1))
    kinds = [planned(same, pools=(), lenders=lenders).opportunity.funding.lender.kind for lenders in ((free,), ())]
    assert kinds == ["balancer_v2", "aave_v3"]

    (declined,) = plan_block(inputs(market(same, available={}), pools=(), policies=ANYTHING)).declined
    assert declined.reason is Reason.NO_FUNDING


def test_fee_of_a_loan_puts_off_what_it_makes_dearer_to_the_next_block():
    """The fee is given to those who supply USDC, so that a supply of it can be seized of a little more than known."""
    borrows = usdc_debt(10_000)
    seized = usdc_debt(5_000, debt_token=WETH, collateral_token=USDC, sizes=((1, 10**18),), rate=Rate(2_000, 10**12))
    result = plan_block(inputs(market(borrows, seized), search_budget=0))

    assert [plan.opportunity.offer.pay_token for plan in result.plans] == [USDC]
    (declined,) = result.declined
    assert declined.reason is Reason.CONFLICT
    assert "fee" in declined.numbers["why"]


def test_payment_exact_to_the_loan_is_made_to_lenders_that_do_not_pull():
    policies = (replace(POLICY, funding=frozenset({FundingKind.INVENTORY})),)
    plan = planned(policies=policies, lenders=vault(20_000 * 10**6))
    _, (_, loan) = decode_execute(plan.data)
    *_, pay = inside(loan)

    assert (loan.target, pay) == (PURSE, Pay(USDC, exact(10_000 * 10**6)))
    assert DEEP.kind == "uniswap_v3"


@pytest.mark.parametrize("kind", [OfferKind.TRIGGER, OfferKind.ASSUME])
def test_a_call_that_pays_by_itself_needs_nobodys_money(kind):
    """Bark, redo, a position taken over on margin at hand: nothing is paid, so nothing is borrowed."""
    barred = replace(POLICY, funding=frozenset({FundingKind.INVENTORY}))
    reward = Offer("market", kind, position(), USDC, USDC, USDC, ((5, 5),), detail=0, free=True)
    given = inputs(market(usdc_debt(10_000)), policies=(barred,))

    (way,) = ways_to(reward, barred, Board.of(given), given)

    assert (way.lender.kind, way.lender.lender, way.route.hops) == (CALLBACK, ZERO_ADDRESS, ())
