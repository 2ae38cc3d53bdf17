"""An opportunity as a program for the executor: borrow, take the offer, sell along the route, and the loan pulls back.

One line per kind of lender; a kind without a line is never planned with. Those per kind of venue are in `swaps.py`.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from keeper.errors import ExecutorError
from keeper.execution.operations import Op, Watch, exact, gain_of
from keeper.execution.recipes import (
    Loan,
    ensured,
    flash_aave_v2,
    flash_aave_v3,
    flash_morpho,
    guarded,
)
from keeper.planning.base import Funding, Opportunity
from keeper.planning.swaps import spell_swap
from keeper.protocols.base import GuardedCall
from keeper.routing.base import RouteQuote
from keeper.types import ZERO_ADDRESS, Address, Payment, TokenAmount

LENDER_KINDS: Final = frozenset({"aave_v2", "aave_v3", "morpho"})


def program(opportunity: Opportunity, calls: Sequence[GuardedCall], executor: Address) -> tuple[Op, ...]:
    """Spell an opportunity out; `calls` are its adapter's.

    Everything sold or filled in is watched, since only that can be spent.
    """
    route, pay_token = opportunity.route, opportunity.offer.pay_token
    pays, lender = opportunity.settlement.pays, opportunity.funding.lender.lender
    spends = tuple(payment for payment in pays if payment.spender not in (lender, ZERO_ADDRESS))
    inner = (*_taken(calls, spends, executor), *_sold(route, executor))
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


def _sold(route: RouteQuote, executor: Address) -> Iterator[Op]:
    """Every swap in turn: the last one of a token sells all that was gained of it, those before what was planned."""
    for swap, sells_rest in zip(route.swaps, route.sells_rest, strict=True):
        amount = gain_of(swap.hop.token_in) if sells_rest else exact(swap.amount_in)
        yield spell_swap(swap, amount, executor)
