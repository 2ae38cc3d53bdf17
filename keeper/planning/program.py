"""An opportunity as a program for the executor: take the offer, sell along the route, pay whose money it was.

One line per kind of lender; a kind without a line is never planned with. Those per kind of venue are in `swaps.py`.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from keeper.errors import ExecutorError
from keeper.execution.calldata import encode_program
from keeper.execution.operations import Op, Watch, exact, gain_of
from keeper.execution.recipes import (
    Loan,
    ensured,
    flash_aave_v2,
    flash_aave_v3,
    flash_balancer_v2,
    flash_erc3156,
    flash_morpho,
    guarded,
    lend_from_vault,
    placed,
    rights,
)
from keeper.planning.base import Funding, Opportunity
from keeper.planning.funding import CALLBACK, SWAP, VAULT
from keeper.planning.swaps import spell_swap
from keeper.protocols.calls import GuardedCall
from keeper.routing.base import RouteQuote
from keeper.types import ZERO_ADDRESS, Address, Payment, TokenAmount

LENDER_KINDS: Final = frozenset({"aave_v2", "aave_v3", "morpho", "balancer_v2", "erc3156", VAULT})


def program(opportunity: Opportunity, calls: Sequence[GuardedCall], executor: Address) -> tuple[Op, ...]:
    """Spell an opportunity out; `calls` are its adapter's, made with `callback_program` where they call back.

    Everything sold or filled in is watched, since only that can be spent.
    """
    route, pay_token, funding = opportunity.route, opportunity.offer.pay_token, opportunity.funding
    pays, lender = opportunity.settlement.pays, funding.lender.lender
    pulls_both = funding.lender.kind not in (SWAP, CALLBACK)
    spends = tuple(p for p in pays if p.spender != ZERO_ADDRESS and not (pulls_both and p.spender == lender))
    taken = _taken(calls, spends, executor)
    gained = [gain.token for step in calls for gain in step.gains if gain.token != ZERO_ADDRESS]
    sold = [hop.token_in for hop in route.hops]
    watched = dict.fromkeys(token for token in (*gained, *sold) if token != pay_token)
    prelude = [guarded(placed(GuardedCall(call), executor)) for call in opportunity.calls[0].offer.prelude]
    if funding.lender.kind == CALLBACK:
        core = taken
    elif funding.lender.kind == SWAP:
        core = _bought_first(route, opportunity.offer.receive_token, taken, executor)
    else:
        pulled = sum(payment.at_most for payment in pays if payment.spender == lender)
        core = (_loan(funding, (*taken, *_sold(route, executor)), executor, pulled),)

    return (*map(Watch, watched), *prelude, *core)


def callback_program(opportunity: Opportunity, executor: Address) -> bytes:
    """What runs in the protocol's callback: the sale, where that pays for what was handed over; else nothing."""
    if opportunity.funding.lender.kind != CALLBACK:
        return b""

    return encode_program(_sold(opportunity.route, executor))


def _bought_first(route: RouteQuote, seized: Address, taken: Sequence[Op], executor: Address) -> tuple[Op, ...]:
    """Sell what is not there yet: the pools that buy it hand over theirs first, and wait until it was seized.

    They are paid the very amounts planned; interest only makes what is seized grow, and the rest stays ours.
    """
    later = [
        spell_swap(swap, gain_of(swap.hop.token_in) if rest else exact(swap.amount_in), executor)
        for swap, rest in zip(route.swaps, route.sells_rest, strict=True)
        if swap.hop.token_in != seized
    ]
    core: tuple[Op, ...] = (*later, *taken)
    for swap in reversed([swap for swap in route.swaps if swap.hop.token_in == seized]):
        core = (spell_swap(swap, exact(swap.amount_in), executor, core),)

    return core


def _taken(calls: Sequence[GuardedCall], spends: Sequence[Payment], executor: Address) -> tuple[Op, ...]:
    """The adapter's calls; what an offer costs is pulled by the first one to the payee, or by the last one of all."""
    pulls: dict[int, list[TokenAmount]] = {}
    for payment in spends:
        to_payee = (i for i, step in enumerate(calls) if step.call.to == payment.spender)
        place = next(to_payee, len(calls) - 1)
        pulls.setdefault(place, []).append(TokenAmount(payment.token, payment.at_most))

    ops: list[Op] = []
    for i, step in enumerate(calls):
        ops += (*rights(step), guarded(placed(step, executor), pulls.get(i, ())), *ensured(step, executor))

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
        case "balancer_v2":
            return flash_balancer_v2(executor, loan, inner)
        case "erc3156":
            return flash_erc3156(executor, loan, inner)
        case "vault":
            return lend_from_vault(loan, inner)
        case _:
            raise ExecutorError(f"no way to borrow from a lender of kind {lender.kind!r}", lender=lender.lender)


def _sold(route: RouteQuote, executor: Address) -> Iterator[Op]:
    """Every swap in turn: the last one of a token sells all that was gained of it, those before what was planned."""
    for swap, sells_rest in zip(route.swaps, route.sells_rest, strict=True):
        amount = gain_of(swap.hop.token_in) if sells_rest else exact(swap.amount_in)
        yield spell_swap(swap, amount, executor)
