"""One offer as a curve: what each size pays, receives, sells for along one route, and leaves after one loan.

`OfferModel.settle` is the only source of amounts; a deal asks it once per size. The search over sizes is `sizing.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from keeper.planning.base import Funding, Step
from keeper.planning.funding import SELF_FUNDED, fund, loan_fee
from keeper.protocols.base import Lender
from keeper.routing.base import RouteQuote
from keeper.routing.curve import Curve
from keeper.routing.route import Route
from keeper.types import Address, Offer, Payment, Settlement, TokenAmount

NOTHING: Final = -(2**300)
"""The profit of what cannot be done: below that of anything that can."""
SPOT_BITS: Final = 128


class Terms(NamedTuple):
    """What taking an offer at one size moves, in the offer's two tokens."""

    settlement: Settlement
    paid: int
    at_most: int
    received: int


NONE_YET: Final = Terms(Settlement((), ()), 0, 0, 0)


class Deal:
    """An offer with its settlements, each worked out once. Invariant: nothing else is ever taken for an amount.

    `steps` were taken of the same position before, by the same transaction: what they move is part of every size's
    terms, and `settle` is exact after them.
    """

    __slots__ = ("_known", "_settle", "offer", "start", "steps")

    def __init__(self, offer: Offer, settle: Callable[[int], Settlement], steps: Sequence[Step] = ()) -> None:
        self.offer = offer
        self.steps = tuple(steps)
        self.start = terms_of(offer, merged([step.settlement for step in steps])) if steps else NONE_YET
        self._settle = settle
        self._known: dict[int, Terms] = {}

    def terms(self, size: int) -> Terms:
        """What one legal size moves. Payments in a token other than the offer's cannot be funded: see `fundable`."""
        known = self._known.get(size)
        if known is None:
            settlement = self._settle(size)
            if self.steps:
                settlement = merged([self.start.settlement, settlement])

            known = self._known[size] = terms_of(self.offer, settlement)

        return known

    def steps_with(self, size: int) -> tuple[Step, ...]:
        """Every call there is in taking one more at this size; empty where that is the only one."""
        return (*self.steps, Step(self.offer, size, self._settle(size))) if self.steps else ()

    def fundable(self, size: int) -> bool:
        """Whether the offer's own token is all that one size asks for."""
        pays = self.terms(size).settlement.pays
        return bool(pays) and all(payment.token == self.offer.pay_token for payment in pays)


def terms_of(offer: Offer, settlement: Settlement) -> Terms:
    """Sum a settlement up in the offer's two tokens."""
    pay_token, receive_token = offer.pay_token, offer.receive_token
    pays, receives = settlement.pays, settlement.receives
    if len(pays) == len(receives) == 1 and pays[0].token == pay_token and receives[0].token == receive_token:
        # As nearly always; a search asks often.
        return Terms(settlement, pays[0].amount, pays[0].at_most, receives[0].amount)

    paid = [payment for payment in pays if payment.token == pay_token]
    received = sum(amount for token, amount in receives if token == receive_token)
    return Terms(settlement, sum(one.amount for one in paid), sum(one.at_most for one in paid), received)


def merged(settlements: Sequence[Settlement]) -> Settlement:
    """What several settlements move together: one payment per token and payee, one receipt per token."""
    pays: dict[tuple[Address, Address], Payment] = {}
    receives: dict[Address, int] = {}
    for settlement in settlements:
        for paid in settlement.pays:
            known = pays.get((paid.token, paid.spender))
            pays[paid.token, paid.spender] = (
                paid
                if known is None
                else known._replace(amount=known.amount + paid.amount, at_most=known.at_most + paid.at_most)
            )

        for token, amount in settlement.receives:
            receives[token] = receives.get(token, 0) + amount

    return Settlement(tuple(pays.values()), tuple(TokenAmount(token, amount) for token, amount in receives.items()))


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do a deal: sell along this route, pay with this lender's money.

    `gas_cost` is what its gas costs in base units of the paid token, so that ways can be compared. `spot` is at
    least what the route gives for any unit, times 2**128; None where that is not known.
    """

    route: Route
    lender: Lender
    gas: int
    gas_cost: int
    spot: int | None = None


def is_plain(way: Way) -> bool:
    """Whether a way sells every token once: shared sales are dear to quote, and searched only by their own means."""
    hops = way.route.hops
    return len({hop.token_in for hop in hops}) == len(hops)


class Sized(NamedTuple):
    """A deal at one size, one way; `profit` in base units of the paid token, before gas.

    `steps` lists the calls where they are several.
    """

    way: Way
    size: int
    terms: Terms
    quote: RouteQuote
    funding: Funding
    profit: int
    steps: tuple[Step, ...] = ()

    @property
    def is_covered(self) -> bool:
        """Whether the payment can be made: where nothing is lent, by what the sale brings even once it has grown."""
        return self.way.lender.kind not in SELF_FUNDED or self.quote.amount_out >= self.terms.at_most

    @property
    def net(self) -> int:
        """Profit less what the gas costs, in the paid token."""
        return self.profit - self.way.gas_cost


def profit_of(deal: Deal, way: Way, size: int) -> int:
    """Profit of a deal at one size, one way, before gas; `NOTHING` where the lender or a pool cannot carry it."""
    terms = deal.terms(size)
    lender = way.lender
    if terms.at_most > lender.available:
        return NOTHING

    sold_for = way.route.amount_out(terms.received)
    if sold_for is None:
        return NOTHING

    return sold_for - terms.paid - (loan_fee(lender, terms.at_most) if lender.fee_bps else 0)


def sized(deal: Deal, way: Way, size: int, profit: int) -> Sized | None:
    """Do a deal one way at one size whose profit is known; None where the lender or a pool cannot carry it."""
    terms = deal.terms(size)
    funding = fund(way.lender, terms.at_most)
    quoted = way.route.quote(terms.received)
    if funding is None or quoted is None or profit == NOTHING:
        return None

    return Sized(way, size, terms, quoted, funding, profit)


def stages(deal: Deal, way: Way, size: int) -> tuple[int, ...]:
    """Every amount on the way, none of which ever falls as the size grows: size, received, and out of each swap."""
    received = deal.terms(size).received
    quoted = way.route.quote(received)
    if quoted is None:
        return (size, received)

    return (size, received, *(swap.amount_out for swap in quoted.swaps))


def spot_of(curve: Curve) -> int | None:
    """What a curve gives for the very first unit, times 2**128 and rounded up; None where it does not say."""
    start = curve.segment_at(0)
    return None if start is None else -(-(start.a << SPOT_BITS) // start.b)
