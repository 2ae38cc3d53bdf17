from dataclasses import replace

import pytest

from keeper.errors import ExecutorError
from keeper.execution.explain import decode_execute, decode_program
from keeper.execution.operations import Allow, Call, Flag, Patch, PoolId, Require, Watch, exact, gain_of
from keeper.planning.base import Step
from keeper.planning.pipeline import plan_block
from keeper.planning.program import LENDER_KINDS, program
from keeper.planning.swaps import VENUE_KINDS
from keeper.protocols.calls import EXECUTOR as UNKNOWN
from keeper.protocols.calls import Ensure, Gain, GuardedCall
from keeper.protocols.words import selector
from keeper.routing.base import Hop, Swap
from keeper.types import ZERO_ADDRESS
from keeper.types import Call as ChainCall
from tests.fakes.lending import MARKET, SEIZE
from tests.fakes.planning import DAI, DEEP, EXECUTOR, USDC, WETH, inputs, market, position, usdc_debt
from tests.fakes.pools import FACTORY, ConstantProductPool, address, deep_pool

THROUGH_DAI = (
    deep_pool(21, WETH, 50_000 * 10**18, DAI, 100_000_000 * 10**18, 500),
    deep_pool(22, DAI, 100_000_000 * 10**18, USDC, 100_000_000 * 10**6, 100),
)
ELSEWHERE, RECEIPT = address(501), address(502)


def planned(**changes):
    (plan,) = plan_block(inputs(market(usdc_debt(10_000, grows=1_000_000)), **changes)).plans
    return plan


def inner_of(loan: Call):
    """The program a flash loan's callback runs: the `bytes` argument of the loan's call."""
    (expect,) = loan.expects
    at = expect.data_offset
    length = int.from_bytes(loan.data[at : at + 32], "big")
    return decode_program(loan.data[at + 32 : at + 32 + length])


def test_plan_is_one_loan_around_the_offer_and_its_sale():
    plan = planned()
    header, ops = decode_execute(plan.data)

    assert (header.profit_token, header.min_profit) == (USDC, plan.min_profit)
    assert (header.deadline, header.max_block) == (plan.target.expires_at, plan.max_block)
    assert (header.tip_bps, header.min_tip, header.flags) == (0, 0, Flag.NONE)
    watch, loan = ops
    assert watch == Watch(WETH)
    assert (loan.target, loan.data[:4]) == (MARKET, selector("flashLoanSimple(address,address,uint256,bytes,uint16)"))
    # token, amount: the payment and what it may grow to.
    assert loan.data[36:100] == USDC.rjust(32, b"\0") + (10_001_000_000).to_bytes(32, "big")
    take, sale = inner_of(loan)
    assert (take.target, take.data) == (MARKET, SEIZE + position() + plan.opportunity.size.to_bytes(32, "big"))
    assert sale.target == PoolId(FACTORY, WETH, USDC, 500)


def test_lender_that_is_also_paid_gets_one_allowance_for_both():
    _, (_, loan) = decode_execute(planned().data)
    take, _ = inner_of(loan)

    # The loan of 10,001 with 5 bps on it, and the repayment of up to 10,001.
    assert loan.allows == (Allow(USDC, exact(10_001_000_000 + 5_000_500 + 10_001_000_000)),)
    assert take.allows == ()


def test_payee_that_is_not_the_lender_gets_its_own_allowance():
    opportunity = planned().opportunity
    lender = replace(opportunity.funding.lender, lender=ELSEWHERE, kind="morpho")
    elsewhere = replace(opportunity, funding=replace(opportunity.funding, lender=lender))

    _, loan = program(elsewhere, (GuardedCall(ChainCall(MARKET, b"take")),), EXECUTOR)

    take, _ = inner_of(loan)
    assert loan.allows == (Allow(USDC, exact(10_001_000_000 + 5_000_500)),)
    assert take.allows == (Allow(USDC, exact(10_001_000_000)),)


def test_the_call_to_the_payee_is_what_pulls_and_what_is_filled_in_is_watched():
    opportunity = planned().opportunity
    lender = replace(opportunity.funding.lender, lender=ELSEWHERE, kind="morpho")
    elsewhere = replace(opportunity, funding=replace(opportunity.funding, lender=lender))
    redeem = GuardedCall(ChainCall(RECEIPT, b"redeem"), gains=(Gain(RECEIPT, 4),))

    watch, _, loan = program(elsewhere, (GuardedCall(ChainCall(MARKET, b"take")), redeem), EXECUTOR)

    take, redeemed, _ = inner_of(loan)
    assert watch == Watch(RECEIPT)
    assert take.allows == (Allow(USDC, exact(10_001_000_000)),)
    assert (redeemed.allows, redeemed.patches) == ((), (Patch(4, gain_of(RECEIPT)),))


def test_what_a_call_must_leave_behind_is_required_right_after_it():
    take = GuardedCall(ChainCall(MARKET, b"take"), ensures=Ensure(ELSEWHERE, b"left" + UNKNOWN.rjust(32, b"\0"), 1))

    _, loan = program(planned().opportunity, (take, GuardedCall(ChainCall(MARKET, b"rest"))), EXECUTOR)

    first, required, second, _ = inner_of(loan)
    assert (first.data, second.data) == (b"take", b"rest")
    assert required == Require(ELSEWHERE, b"left" + EXECUTOR.rjust(32, b"\0"), 0, 1)


def test_what_nobody_pulls_is_allowed_to_nobody():
    opportunity = planned().opportunity
    lender = replace(opportunity.funding.lender, lender=ELSEWHERE, kind="morpho")
    sent = tuple(payment._replace(spender=ZERO_ADDRESS) for payment in opportunity.settlement.pays)
    settled = replace(opportunity.settlement, pays=sent)
    native = replace(opportunity, settlement=settled, funding=replace(opportunity.funding, lender=lender))

    _, loan = program(native, (GuardedCall(ChainCall(MARKET, b"take")),), EXECUTOR)

    take, _ = inner_of(loan)
    assert loan.allows == (Allow(USDC, exact(10_001_000_000 + 5_000_500)),)
    assert take.allows == ()


def test_every_sale_takes_all_that_was_gained_and_pays_little_more_than_planned():
    plan = planned(pools=THROUGH_DAI)
    _, (*watched, loan) = decode_execute(plan.data)
    _, first, second = inner_of(loan)

    assert watched == [Watch(WETH), Watch(DAI)]
    for sale, token, amount in zip((first, second), (WETH, DAI), plan.opportunity.route.amounts, strict=False):
        (patch,) = sale.patches
        assert patch.amount == gain_of(token)
        assert sale.expects[0].may_pay == -(-amount * 2)


def test_sale_goes_the_way_the_pools_tokens_lie():
    _, (*_, loan) = decode_execute(planned(pools=THROUGH_DAI).data)
    _, first, second = inner_of(loan)

    # swap(recipient, zeroForOne, ...): WETH (1) is token0 against DAI (3), which is token1 against USDC (2).
    assert [sale.data[67] for sale in (first, second)] == [1, 0]
    assert [sale.data[16:36] for sale in (first, second)] == [EXECUTOR, EXECUTOR]


def test_prelude_goes_before_the_loan():
    opportunity = planned().opportunity
    poke = ChainCall(ELSEWHERE, b"poke")
    poked = replace(opportunity, offer=replace(opportunity.offer, prelude=(poke,)))

    _, first, loan = program(poked, (GuardedCall(ChainCall(MARKET, b"take")),), EXECUTOR)

    assert first == Call(ELSEWHERE, b"poke")
    assert loan.target == MARKET


def test_prelude_of_several_calls_is_that_of_the_first():
    opportunity = planned().opportunity
    first = Step(replace(opportunity.offer, prelude=(ChainCall(ELSEWHERE, b"poke"),)), 1, opportunity.settlement)
    second = Step(opportunity.offer, 1, opportunity.settlement)

    _, poked, _ = program(
        replace(opportunity, steps=(first, second)), (GuardedCall(ChainCall(MARKET, b"take")),), EXECUTOR
    )

    assert poked == Call(ELSEWHERE, b"poke")


def test_kind_without_a_recipe_is_an_error_and_no_kind_planned_with():
    opportunity = planned().opportunity
    strange = Hop(ConstantProductPool(address(30), (WETH, USDC), (1, 1)), WETH, USDC)
    swaps = (Swap(strange, opportunity.route.swaps[0].quote),)
    by_route = replace(opportunity, route=replace(opportunity.route, swaps=swaps))
    lender = replace(opportunity.funding.lender, kind="pawnbroker")
    by_loan = replace(opportunity, funding=replace(opportunity.funding, lender=lender))

    with pytest.raises(ExecutorError, match="constant_product"):
        program(by_route, (), EXECUTOR)

    with pytest.raises(ExecutorError, match="pawnbroker"):
        program(by_loan, (), EXECUTOR)

    assert "constant_product" not in VENUE_KINDS
    assert DEEP.kind in VENUE_KINDS
    assert "pawnbroker" not in LENDER_KINDS
