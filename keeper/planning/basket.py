"""Several purchases in one transaction: what one prelude puts up for sale is bought together.

Absorbing a position offers all of its collateral, and to anybody: what is left for a second transaction is somebody
else's to buy. One loan pays for all; each purchase is exact after the ones before it, and none is made that does not
pay for its own gas.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from keeper.planning.base import FundingKind, Opportunity, Policy
from keeper.planning.board import Board
from keeper.planning.deal import merged
from keeper.planning.funding import fund
from keeper.planning.inputs import PlanningInput
from keeper.planning.profit import net_of_gas
from keeper.protocols.base import Lender
from keeper.routing.base import RouteQuote
from keeper.types import Declined, Offer, OfferKind, TokenAmount

Verdict: TypeAlias = Callable[[Offer, Policy, Board], Opportunity | Declined]

LENT: Final = frozenset({FundingKind.FLASH_LOAN, FundingKind.INVENTORY})
"""A sale that pays for its own purchase pays for no other."""
_ANYTHING: Final = -(2**256)
"""A floor below any net profit: what one purchase leaves alone decides nothing."""


def bought_together(
    offers: Sequence[Offer], policy: Policy, board: Board, inputs: PlanningInput, verdict: Verdict
) -> Opportunity | None:
    """The best purchase of offers that share a prelude, with every other that adds to it; None where none does."""
    sales = [offer for offer in offers if offer.kind is OfferKind.SALE and offer.prelude]
    if len(sales) < 2 or len({(offer.pay_token, offer.prelude) for offer in sales}) > 1:
        return None

    lent = replace(policy, funding=policy.funding & LENT, min_profit_usd=_ANYTHING)
    alone = [found for offer in sales if isinstance(found := verdict(offer, lent, board), Opportunity)]
    if not alone:
        return None

    parts = [max(alone, key=lambda one: one.net_usd)]
    whole = parts[0]
    board = board.after(whole)
    for offer in sales:
        again = None if offer.receive_token == parts[0].offer.receive_token else _left(offer, board)
        if again is None:
            continue

        found = verdict(again, lent, board)
        if isinstance(found, Declined):
            continue

        joined = _joined([*parts, found], inputs)
        if joined is not None and joined.net_usd > whole.net_usd:
            parts, whole, board = [*parts, found], joined, board.after(found)

    return whole if whole.steps and whole.net_usd >= policy.min_profit_usd else None


def _left(offer: Offer, board: Board) -> Offer | None:
    """What stands for sale of the same token once the prelude is done; None where nothing does."""
    for found in board.offers(offer.deployment, None):
        if found.kind is OfferKind.SALE and (found.pay_token, found.receive_token) == (
            offer.pay_token,
            offer.receive_token,
        ):
            return found

    return None


def _joined(parts: Sequence[Opportunity], inputs: PlanningInput) -> Opportunity | None:
    """Several opportunities, each as it is after those before it, as one; None where no lender has enough for all."""
    first = parts[0]
    settlement = merged([part.settlement for part in parts])
    at_most = sum(payment.at_most for payment in settlement.pays)
    swaps = tuple(swap for part in parts for swap in part.route.swaps)
    barred = {swap.hop.pool.address for swap in swaps}
    lenders = [part.funding.lender for part in parts if part.funding.lender.lender not in barred]
    funding = next((found for lender in lenders if (found := fund(lender, at_most)) is not None), None)
    if funding is None:
        return None

    sold_for = sum(part.route.amount_out for part in parts)
    paid = sum(payment.amount for payment in settlement.pays)
    profit = TokenAmount(first.profit.token, sold_for - paid - funding.fee)
    gas = sum(part.gas - _frame(part.funding.lender, inputs) for part in parts) + _frame(funding.lender, inputs)
    cost_wei = gas * inputs.gas_price_wei + inputs.data_fee_wei(len(swaps), len(parts))
    net = net_of_gas(profit, cost_wei, inputs.numeraire)
    if net is None:
        return None

    return replace(
        first,
        settlement=settlement,
        route=RouteQuote(swaps, first.route.amount_in, sold_for),
        funding=funding,
        profit=profit,
        gas=gas,
        gas_cost_wei=net.gas_cost_wei,
        profit_usd=net.profit_usd,
        net_usd=net.net_usd,
        steps=tuple(step for part in parts for step in part.calls),
    )


def _frame(lender: Lender, inputs: PlanningInput) -> int:
    """Gas of a transaction that borrows and does nothing: several offers in one share it."""
    return inputs.gas.expected("", lender.kind, (), take=0)
