"""One offer as a curve: what each size pays, receives, sells for along one route, and leaves after one loan.

`OfferModel.settle` is the only source of amounts; a deal asks it once per size. The search over sizes is `sizing.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from keeper.planning.base import Funding
from keeper.planning.funding import fund
from keeper.protocols.base import Lender
from keeper.routing.base import Hop, RouteQuote
from keeper.routing.best import quote
from keeper.types import Offer, Settlement

NOTHING: Final = -(2**300)
"""The profit of what cannot be done: below that of anything that can."""


class Terms(NamedTuple):
    """What taking an offer at one size moves, in the offer's two tokens."""

    settlement: Settlement
    paid: int
    at_most: int
    received: int


class Deal:
    """An offer with its settlements, each worked out once. Invariant: nothing else is ever taken for an amount."""

    __slots__ = ("_known", "_settle", "offer")

    def __init__(self, offer: Offer, settle: Callable[[int], Settlement]) -> None:
        self.offer = offer
        self._settle = settle
        self._known: dict[int, Terms] = {}

    def terms(self, size: int) -> Terms:
        """What one legal size moves. Payments in a token other than the offer's cannot be funded: see `fundable`."""
        if size not in self._known:
            settlement = self._settle(size)
            pays = [payment for payment in settlement.pays if payment.token == self.offer.pay_token]
            got = [part.amount for part in settlement.receives if part.token == self.offer.receive_token]
            self._known[size] = Terms(
                settlement, sum(one.amount for one in pays), sum(one.at_most for one in pays), sum(got)
            )

        return self._known[size]

    def fundable(self, size: int) -> bool:
        """Whether the offer's own token is all that one size asks for."""
        pays = self.terms(size).settlement.pays
        return bool(pays) and all(payment.token == self.offer.pay_token for payment in pays)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do a deal: sell along these hops, borrow from this lender.

    `gas_cost` is what its gas costs in base units of the paid token, so that ways can be compared.
    """

    hops: tuple[Hop, ...]
    lender: Lender
    gas: int
    gas_cost: int


class Sized(NamedTuple):
    """A deal at one size, one way; `profit` in base units of the paid token, before gas."""

    way: Way
    size: int
    terms: Terms
    quote: RouteQuote
    funding: Funding
    profit: int

    @property
    def net(self) -> int:
        """Profit less what the gas costs, in the paid token."""
        return self.profit - self.way.gas_cost


def sized(deal: Deal, way: Way, size: int) -> Sized | None:
    """Do a deal one way at one size; None where the lender or a pool cannot carry it."""
    terms = deal.terms(size)
    funding = fund(way.lender, terms.at_most)
    if funding is None:
        return None

    quoted = quote(way.hops, terms.received)
    if quoted is None:
        return None

    profit = quoted.amount_out - terms.paid - funding.fee
    return Sized(way, size, terms, quoted, funding, profit)


def stages(deal: Deal, way: Way, size: int) -> tuple[int, ...]:
    """Every amount on the way, none of which ever falls as the size grows: size, received, and out of each hop."""
    received = deal.terms(size).received
    quoted = quote(way.hops, received)
    return (size, *(quoted.amounts if quoted is not None else (received, *(0 for _ in way.hops))))
