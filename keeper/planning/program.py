"""An opportunity as a program for the executor: borrow, take the offer, sell along the route, and the loan pulls back.

One line per kind of lender and one per kind of venue; a kind without a line is never planned with.
"""

from collections.abc import Sequence
from typing import Final

from keeper.errors import ExecutorError
from keeper.execution.operations import Op, PoolId, Watch, gain_of
from keeper.execution.recipes import (
    Loan,
    V3Swap,
    ensured,
    flash_aave_v2,
    flash_aave_v3,
    flash_morpho,
    guarded,
    v3_swap,
)
from keeper.planning.base import Funding, Opportunity
from keeper.protocols.base import GuardedCall
from keeper.routing.base import Hop
from keeper.routing.uniswap_v3 import UniswapV3Pool
from keeper.types import ZERO_ADDRESS, Address, Payment, TokenAmount
from keeper.units import bps_up

LENDER_KINDS: Final = frozenset({"aave_v2", "aave_v3", "morpho"})
VENUE_KINDS: Final = frozenset({"uniswap_v3"})
MAY_PAY_BPS: Final = 11_000
"""What a pool may ask of us over what was planned: prices move what is seized until we land, a tenth is plenty."""


def program(opportunity: Opportunity, calls: Sequence[GuardedCall], executor: Address) -> tuple[Op, ...]:
    """Spell an opportunity out; `calls` are its adapter's.

    Everything sold or filled in is watched, since only that can be spent.
    """
    route, pay_token = opportunity.route, opportunity.offer.pay_token
    pays, lender = opportunity.settlement.pays, opportunity.funding.lender.lender
    spends = tuple(payment for payment in pays if payment.spender not in (lender, ZERO_ADDRESS))
    inner = (*_taken(calls, spends, executor), *map(_swap, route.hops, route.amounts, [executor] * len(route.hops)))
    pulled = sum(payment.at_most for payment in pays if payment.spender == lender)
    gained = [gain.token for step in calls for gain in step.gains if gain.token != ZERO_ADDRESS]
    sold = [hop.token_in for hop in route.hops]
    watched = dict.fromkeys(token for token in (*gained, *sold) if token != pay_token)
    prelude = [guarded(GuardedCall(call)) for call in opportunity.offer.prelude]
    return (*map(Watch, watched), *prelude, _loan(opportunity.funding, inner, executor, pulled))


def _taken(calls: Sequence[GuardedCall], spends: Sequence[Payment], executor: Address) -> tuple[Op, ...]:
    """The adapter's calls; what an offer costs is pulled by the first one to the payee, or by the last one of all."""
    pulls: dict[int, list[TokenAmount]] = {}
    for payment in spends:
        to_payee = (i for i, step in enumerate(calls) if step.call.to == payment.spender)
        place = next(to_payee, len(calls) - 1)
        pulls.setdefault(place, []).append(TokenAmount(payment.token, payment.at_most))

    ops: list[Op] = []
    for i, step in enumerate(calls):
        ops += (guarded(step, pulls.get(i, ())), *ensured(step, executor))

    return tuple(ops)


def _loan(funding: Funding, inner: Sequence[Op], executor: Address, pulled: int) -> Op:
    """Borrow around the rest; `pulled` is what the lender itself takes as the payee of the offer."""
    lender = funding.lender
    loan = Loan(lender.lender, lender.token, funding.amount, funding.fee)
    match lender.kind:
        case "aave_v2":
            return flash_aave_v2(executor, loan, inner, spends=pulled)
        case "aave_v3":
            return flash_aave_v3(executor, loan, inner, spends=pulled)
        case "morpho":
            return flash_morpho(loan, inner, spends=pulled)
        case _:
            raise ExecutorError(f"no way to borrow from a lender of kind {lender.kind!r}", lender=lender.lender)


def _swap(hop: Hop, amount: int, executor: Address) -> Op:
    """Sell all that was gained of the hop's token; `amount` is what that is expected to be."""
    pool = hop.pool
    if not isinstance(pool, UniswapV3Pool):
        raise ExecutorError(f"no way to swap on a pool of kind {pool.kind!r}", pool=pool.address)

    return v3_swap(
        executor,
        V3Swap(
            pool=PoolId(pool.factory, *pool.tokens, pool.fee),
            token_in=hop.token_in,
            zero_for_one=hop.token_in == pool.tokens[0],
            amount=gain_of(hop.token_in),
            may_pay=bps_up(amount, MAY_PAY_BPS),
        ),
    )
