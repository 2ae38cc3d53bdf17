"""How a block was thought about, for people: everything tried on an offer, and the curve of profit against size.

Nothing here decides: it asks the same functions that do, and keeps all their answers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keeper.planning.base import Policy
from keeper.planning.board import Board
from keeper.planning.deal import NOTHING, Way, profit_of
from keeper.planning.inputs import PlanningInput
from keeper.planning.repeat import best_calls
from keeper.planning.sizing import best_size
from keeper.planning.ways import ways_to
from keeper.types import Address, Offer


@dataclass(frozen=True, slots=True)
class Tried:
    """One way to take one offer, at its own best size; amounts in the paid token, `profit` before gas.

    `pools` are those on the route in the order of its swaps, `calls` how often the position would be called upon.
    """

    strategy: str
    offer: Offer
    tokens: tuple[Address, ...]
    pools: tuple[Address, ...]
    funding: str
    size: int
    repaid: int
    received: int
    sold_for: int
    loan_fee: int
    profit: int
    gas_cost: int
    calls: int

    @property
    def net(self) -> int:
        """Profit less what the gas costs."""
        return self.profit - self.gas_cost


@dataclass(frozen=True, slots=True)
class Profile:
    """Net profit against size on one way, in base units; sizes that cannot be carried are left out."""

    offer: Offer
    tried: Tried
    points: tuple[tuple[int, int], ...]


def tried(offers: Sequence[Offer], inputs: PlanningInput) -> tuple[Tried, ...]:
    """Everything there is to try on some offers, the most profitable first."""
    board = Board.of(inputs)
    policies = {name: policy for policy in reversed(inputs.policies) for name in policy.deployments}
    found = [
        one
        for offer in offers
        if offer.deployment in policies and offer.pay_token in inputs.trusted
        for one, _ in _tried(offer, policies[offer.deployment], board, inputs)
    ]
    return tuple(sorted(found, key=lambda one: -one.net))


def profiles(offer: Offer, inputs: PlanningInput, *, most: int, points: int) -> tuple[Profile, ...]:
    """Draw the curves of an offer's best ways: `most` of them, through so many sizes of every legal interval."""
    board = Board.of(inputs)
    policy = next((one for one in inputs.policies if offer.deployment in one.deployments), None)
    if policy is None:
        return ()

    deal = board.deal(offer)
    sizes = sorted({low + (high - low) * i // points for low, high in offer.sizes for i in range(points + 1)})
    ranked = sorted(_tried(offer, policy, board, inputs), key=lambda pair: -pair[0].net)
    alone = [(one, way) for one, way in ranked if one.calls == 1][:most]
    return tuple(
        Profile(
            offer,
            one,
            tuple(
                (deal.terms(size).paid, profit - way.gas_cost)
                for size in sizes
                if (profit := profit_of(deal, way, size)) != NOTHING
            ),
        )
        for one, way in alone
    )


def _tried(offer: Offer, policy: Policy, board: Board, inputs: PlanningInput) -> Iterator[tuple[Tried, Way]]:
    deal, ways = board.deal(offer), ways_to(offer, policy, board, inputs)
    if not deal.fundable(offer.sizes[0][0]):
        return

    alone = [found for way in ways if (found := best_size(deal, (way,))) is not None]
    together = best_calls(deal, ways, policy, board, inputs)
    for found in (*alone, *([together] if together is not None and together.steps else [])):
        hops = found.quote.hops
        one = Tried(
            strategy=policy.name,
            offer=offer,
            tokens=(offer.receive_token, *(hop.token_out for hop in hops)),
            pools=tuple(hop.pool.address for hop in hops),
            funding=found.funding.lender.kind,
            size=found.size,
            repaid=found.terms.paid,
            received=found.terms.received,
            sold_for=found.quote.amount_out,
            loan_fee=found.funding.fee,
            profit=found.profit,
            gas_cost=found.way.gas_cost,
            calls=max(len(found.steps), 1),
        )
        yield one, found.way
