"""Plans under way: sent and in no block yet. What they will do to markets and pools is done before any newer plan is.

A plan is made again on a state it was not made for, call by call and swap by swap; the settler asks the same of those
that have landed.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from keeper.planning.base import Funding, Opportunity
from keeper.planning.deal import merged
from keeper.planning.funding import SWAP
from keeper.protocols.base import Market, OfferModel
from keeper.routing.base import Pool
from keeper.types import Address, Offer, OfferKind, PositionKey, Settlement, TokenAmount


class PlannedSwap(NamedTuple):
    """One swap of a plan's route, and what was to go into it."""

    pool: Address
    token_in: Address
    token_out: Address
    amount_in: int


class Taking(NamedTuple):
    """One call of a plan: whose offer it takes, what that gives, and at which size."""

    key: PositionKey | None
    receive_token: Address
    size: int


@dataclass(frozen=True, slots=True)
class Underway:
    """What a plan does, apart from any market or pool: its calls, the swaps in order, and its loan.

    `key` and `receive_token` are those it goes by; its calls mostly have the same.
    """

    deployment: str
    key: PositionKey | None
    kind: OfferKind
    pay_token: Address
    receive_token: Address
    size_token: Address
    takings: tuple[Taking, ...]
    swaps: tuple[PlannedSwap, ...]
    funding: Funding

    @classmethod
    def of(cls, opportunity: Opportunity) -> Self:
        """What a plan of this opportunity does."""
        offer = opportunity.offer
        return cls(
            deployment=offer.deployment,
            key=offer.key,
            kind=offer.kind,
            pay_token=offer.pay_token,
            receive_token=offer.receive_token,
            size_token=offer.size_token,
            takings=tuple(Taking(step.offer.key, step.offer.receive_token, step.size) for step in opportunity.calls),
            swaps=tuple(
                PlannedSwap(swap.hop.pool.address, swap.hop.token_in, swap.hop.token_out, swap.amount_in)
                for swap in opportunity.route.swaps
            ),
            funding=opportunity.funding,
        )

    @property
    def pools(self) -> frozenset[Address]:
        """Where it swaps."""
        return frozenset(swap.pool for swap in self.swaps)

    @property
    def touched(self) -> frozenset[object]:
        """What it leaves otherwise than it found it: a deployment's two tokens, pools, and who lends."""
        lender = self.funding.lender
        received = {self.receive_token, *(taking.receive_token for taking in self.takings)}
        tokens = {(self.deployment, token) for token in (self.pay_token, *received)}
        return frozenset({*tokens, *self.pools, (lender.lender, lender.token)})


class Taken(NamedTuple):
    """What all calls of a plan move on some market, the offers they take, and the market after them."""

    settlement: Settlement
    offers: tuple[Offer, ...]
    market: Market


class Sold(NamedTuple):
    """What a plan's swaps leave of what it received, by token, and the pools as they leave them."""

    held: Mapping[Address, int]
    pools: tuple[Pool, ...]


def taken_again(plan: Underway, model: OfferModel[Any], market: Market, *, legal_only: bool) -> Taken | None:
    """Make a plan's calls on a market, each on what the one before it left; None where they are not on offer there.

    `legal_only` counts a size that is not legal there as not on offer; what landed was taken at whatever it was.
    """
    offers: list[Offer] = []
    moved: list[Settlement] = []
    for taking in plan.takings:
        offer, size = _offer_of(plan, taking, model, market), taking.size
        if offer is None or (legal_only and not any(low <= size <= high for low, high in offer.sizes)):
            return None

        offers.append(offer)
        moved.append(model.settle(offer, size, market))
        market = model.after(offer, size, market)

    return Taken(merged(moved), tuple(offers), market)


def _offer_of(plan: Underway, taking: Taking, model: OfferModel[Any], market: Market) -> Offer | None:
    """The offer a call takes, as it stands on a market: same kind, same position, same pair, sized in the same."""
    found = model.open_offers(market) if taking.key is None else model.offers(taking.key, market)
    wanted = (plan.kind, plan.pay_token, taking.receive_token, plan.size_token)
    for offer in found:
        if isinstance(offer, Offer) and (offer.kind, offer.pay_token, offer.receive_token, offer.size_token) == wanted:
            return offer

    return None


def sold_again(plan: Underway, receives: tuple[TokenAmount, ...], pools: Mapping[Address, Pool]) -> Sold | None:
    """Make a plan's swaps with what its calls received, as its program does; None if a pool cannot take its part.

    Planned parts, and the last swap of a token sells what is left of it.
    """
    held: Counter[Address] = Counter()
    for token, amount in receives:
        held[token] += amount

    last = {swap.token_in: place for place, swap in enumerate(plan.swaps)}
    if plan.funding.lender.kind == SWAP:
        # What is sold before it is there is sold as planned; what is seized beyond that stays.
        last.pop(plan.receive_token, None)

    moved: dict[Address, Pool] = {}
    for place, (address, token_in, token_out, planned) in enumerate(plan.swaps):
        amount = held[token_in] if last.get(token_in) == place else planned
        pool = moved.get(address) or pools.get(address)
        quoted = None if pool is None else pool.quote_in(token_in, amount)
        if quoted is None:
            return None

        held[token_in] -= amount
        held[token_out] += quoted.amount_out
        moved[address] = quoted.after

    return Sold(held, tuple(moved.values()))
