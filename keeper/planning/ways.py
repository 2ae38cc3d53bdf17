"""Every way to do a deal: which route sells what is received, and whose money pays for it."""

from collections.abc import Sequence
from typing import Final

from keeper.planning.base import FundingKind, Policy
from keeper.planning.board import Asked, Board, Exit
from keeper.planning.deal import Way
from keeper.planning.funding import CALLBACK, SWAP, VAULT, self_funded, worthwhile
from keeper.planning.inputs import PlanningInput
from keeper.planning.profit import gas_in_token
from keeper.planning.swaps import LENDING_VENUES
from keeper.protocols.base import Lender
from keeper.types import ZERO_ADDRESS, Address, Offer

_NOTHING_BARRED: Final = frozenset[Address]()


def ways_to(offer: Offer, policy: Policy, board: Board, inputs: PlanningInput, *, calls: int = 1) -> tuple[Way, ...]:
    """Every usable pair of a route and a source of money; never one that borrows from a pool it swaps through.

    `calls` is how often the position is called upon, which is a matter of gas.
    """
    adapter = board.views[offer.deployment].adapter.adapter
    barred = inputs.barred.get(policy.name, _NOTHING_BARRED)
    asked = Asked(offer.receive_token, offer.pay_token, policy.max_hops, barred)
    alike = (asked, adapter, offer.free, offer.calls_back, offer.gas, policy.funding, calls)
    return board.remembered(alike, lambda: _ways(offer, policy, board, inputs, asked, calls))


def _ways(  # noqa: PLR0913  # what ways depend on, all of it
    offer: Offer, policy: Policy, board: Board, inputs: PlanningInput, asked: Asked, calls: int
) -> tuple[Way, ...]:
    adapter = board.views[offer.deployment].adapter.adapter
    lenders = _lenders(offer, policy, board)
    ways: list[Way] = []
    for way_out in board.exits(asked):
        hops = way_out.route.hops
        for source in _sources(offer, policy, way_out, lenders):
            gas = inputs.gas.expected(adapter, source.kind, hops, calls=calls, take=offer.gas)
            wei = gas * inputs.gas_price_wei + inputs.data_fee_wei(len(hops), calls)
            cost = gas_in_token(offer.pay_token, wei, inputs.numeraire) or 0
            ways.append(Way(way_out.route, source, gas, cost, way_out.spot))

    return tuple(ways)


def available_to(offer: Offer, policy: Policy, board: Board) -> int:
    """The most that any source of money but the sale itself has for an offer."""
    return max((lender.available for lender in _lenders(offer, policy, board)), default=0)


def _lenders(offer: Offer, policy: Policy, board: Board) -> tuple[Lender, ...]:
    """Loans of the paid token that the strategy allows, cheapest first."""
    allowed = policy.funding
    return worthwhile(
        [
            lender
            for lender in board.lenders(offer.pay_token)
            if (FundingKind.INVENTORY if lender.kind == VAULT else FundingKind.FLASH_LOAN) in allowed
        ],
        offer.pay_token,
    )


def _sources(offer: Offer, policy: Policy, way_out: Exit, lenders: Sequence[Lender]) -> Sequence[Lender]:
    """Whose money may pay along one route: nobody's, where what is received can be sold before it is paid for."""
    if offer.free:
        return (self_funded(CALLBACK, ZERO_ADDRESS, offer.pay_token),)

    if not way_out.pools:
        return lenders

    if FundingKind.CALLBACK in policy.funding and offer.calls_back:
        return (self_funded(CALLBACK, ZERO_ADDRESS, offer.pay_token),)

    if FundingKind.SWAP in policy.funding and _pays_first(offer, way_out):
        first = way_out.route.hops[0].pool.address
        return (self_funded(SWAP, first, offer.pay_token),)

    return [lender for lender in lenders if lender.lender not in way_out.pools]


def _pays_first(offer: Offer, way_out: Exit) -> bool:
    """Whether every pool that buys what is received hands over what it gives before it is paid."""
    buyers = [hop.pool.kind for hop in way_out.route.hops if hop.token_in == offer.receive_token]
    return all(kind in LENDING_VENUES for kind in buyers)
