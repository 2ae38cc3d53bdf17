"""The world as the next plan of a block will find it: every market, pool and purse after the plans chosen before it."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

from keeper.planning.base import Funding, Opportunity
from keeper.planning.deal import SPOT_BITS, Deal, Way, spot_of
from keeper.planning.funding import VAULT
from keeper.planning.inputs import PlanningInput, View
from keeper.planning.program import LENDER_KINDS
from keeper.planning.swaps import VENUE_KINDS
from keeper.planning.underway import Underway, sold_again, taken_again
from keeper.protocols.base import Lender, Market
from keeper.routing.base import Liquidity, Pool
from keeper.routing.find import find_routes
from keeper.routing.route import Route
from keeper.types import Address, Offer, PositionKey


class Exit(NamedTuple):
    """A route, the pools on it, and at least what it gives for any unit, times 2**128 (None: it does not say)."""

    route: Route
    pools: frozenset[Address]
    spot: int | None


class Asked(NamedTuple):
    """Which routes: from a token to another, over so many pools, but not over these."""

    token_in: Address
    token_out: Address
    max_hops: int
    barred: frozenset[Address]


@dataclass(frozen=True, slots=True)
class Board:
    """Markets by deployment, the pools, and loans on offer. Invariant: all are after the same plans.

    `not_healing` and names with an underscore only remember. `risen` names what a loan's fee made dearer: see
    `unsettled`.
    """

    views: Mapping[str, View[Any]]
    markets: Mapping[str, Market]
    liquidity: Liquidity
    others: tuple[Lender, ...] = ()
    risen: frozenset[tuple[str, Address]] = frozenset()
    not_healing: dict[Hashable, int | None] = field(default_factory=dict, compare=False)
    _exits: dict[Asked, tuple[Exit, ...]] = field(default_factory=dict, compare=False)
    _lenders: dict[Address, tuple[Lender, ...]] = field(default_factory=dict, compare=False)
    _ways: dict[Hashable, tuple[Way, ...]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, inputs: PlanningInput) -> Self:
        """Before any plan of this block, after those under way."""
        views = {view.adapter.name: view for view in inputs.views}
        board = cls(views, {name: view.market for name, view in views.items()}, inputs.liquidity, inputs.lenders)
        for plan in inputs.ahead:
            board = board.behind(plan)

        return board

    def after(self, opportunity: Opportunity) -> Self:
        """After one more plan."""
        deployment = opportunity.offer.deployment
        market, model = self.markets[deployment], self.views[deployment].adapter.offers
        for step in opportunity.calls:
            market = model.after(step.offer, step.size, market)

        return self._moved(deployment, market, opportunity.route.after, opportunity.funding)

    def behind(self, plan: Underway) -> Self:
        """After a plan that was made earlier; the same board where it cannot do here what it was made for.

        Its position is gone then, or a pool too thin, and it will revert.
        """
        view = self.views.get(plan.deployment)
        if view is None:
            return self

        taken = taken_again(plan, view.adapter.offers, self.markets[plan.deployment], legal_only=True)
        sold = None if taken is None else sold_again(plan, taken.settlement.receives, self.liquidity.by_address)
        if taken is None or sold is None:
            return self

        return self._moved(plan.deployment, taken.market, sold.pools, plan.funding)

    def _moved(self, deployment: str, market: Market, pools: tuple[Pool, ...], used: Funding) -> Self:
        """The same board with one deployment's market and some pools moved, and with a loan taken and given back."""
        moved = {pool.address: pool for pool in pools}
        return replace(
            self,
            markets={**self.markets, deployment: market},
            liquidity=self.liquidity.replaced(tuple(moved.values())),
            others=_lent(self.others, used),
            risen=self.risen | self._raised(used),
            _exits={asked: exits for asked, exits in self._exits.items() if not _cross(exits, moved)},
            _lenders={},
            _ways={},
        )

    def offers(self, deployment: str, key: PositionKey | None) -> tuple[Offer, ...]:
        """What can be taken of a position now; of what stands without one, for None."""
        model, market = self.views[deployment].adapter.offers, self.markets[deployment]
        found = model.open_offers(market) if key is None else model.offers(key, market)
        return tuple(offer for offer in found if isinstance(offer, Offer))

    def deal(self, offer: Offer) -> Deal:
        """An offer with the settlements of its deployment's market as it now is."""
        model, market = self.views[offer.deployment].adapter.offers, self.markets[offer.deployment]
        return Deal(offer, lambda size: model.settle(offer, size, market))

    def unsettled(self, offer: Offer) -> bool:
        """Whether an earlier plan's loan makes this offer move other amounts than its market says.

        The fee of a flash loan is given to those who supply the token: their balances grow by it, and a position that
        has supplied it can be seized of a little more, or is healthy again. The market after a plan does not know.
        """
        return (offer.deployment, offer.receive_token) in self.risen

    def lenders(self, token: Address) -> tuple[Lender, ...]:
        """Every loan of a token that there is a recipe for, deployment by deployment, then the others."""
        if token not in self._lenders:
            found: list[Lender] = []
            for name, view in self.views.items():
                if view.adapter.lenders is not None:
                    found += view.adapter.lenders.lenders(self.markets[name])

            known = [lender for lender in (*found, *self.others) if lender.kind in LENDER_KINDS]
            for each in {lender.token for lender in known} | {token}:
                self._lenders[each] = tuple(lender for lender in known if lender.token == each)

        return self._lenders[token]

    def exits(self, asked: Asked) -> tuple[Exit, ...]:
        """Every route over pools that there is a recipe for, those that start dearest first."""
        if asked not in self._exits:
            found = find_routes(self.liquidity, *asked)
            known = [route for route in found if all(hop.pool.kind in VENUE_KINDS for hop in route.hops)]
            remembered: dict[tuple[Address, Address], int | None] = {}
            spots = {route: _along(route, remembered) for route in known if not _splits(route)}
            exits = [
                Exit(route, frozenset(hop.pool.address for hop in route.hops), _spot(route, spots)) for route in known
            ]
            self._exits[asked] = tuple(sorted(exits, key=lambda each: -(each.spot or 0)))

        return self._exits[asked]

    def remembered(self, what: Hashable, work_out: Callable[[], tuple[Way, ...]]) -> tuple[Way, ...]:
        """Ways that many positions share, worked out once."""
        if what not in self._ways:
            self._ways[what] = work_out()

        return self._ways[what]

    def _raised(self, used: Funding) -> frozenset[tuple[str, Address]]:
        lender = used.lender
        if not used.fee:
            return frozenset()

        return frozenset(
            (name, lender.token)
            for name, view in self.views.items()
            if view.adapter.lenders is not None
            and any(one.lender == lender.lender for one in view.adapter.lenders.lenders(self.markets[name]))
        )


def _lent(lenders: tuple[Lender, ...], used: Funding) -> tuple[Lender, ...]:
    """What there is to lend after a plan: the vault lends only so much in a day, the others get it all back."""
    if used.lender.kind != VAULT:
        return lenders

    return tuple(
        replace(lender, available=lender.available - used.amount)
        if (lender.kind, lender.lender, lender.token) == (VAULT, used.lender.lender, used.lender.token)
        else lender
        for lender in lenders
    )


def _along(route: Route, known: dict[tuple[Address, Address], int | None]) -> int | None:
    """What the first unit brings over every swap in turn; remembers each swap's own."""
    price = 1 << SPOT_BITS
    for hop in route.hops:
        swap = (hop.pool.address, hop.token_in)
        if swap not in known:
            curve = hop.pool.curve(hop.token_in)
            known[swap] = None if curve is None else spot_of(curve)

        spot = known[swap]
        if spot is None:
            return None

        price = -(-price * spot >> SPOT_BITS)  # up: a bound

    return price


def _spot(route: Route, plain: Mapping[Route, int | None]) -> int | None:
    """The first unit of a split goes where it pays most, which is a route of its own along the same tokens."""
    if route in plain:
        return plain[route]

    legs = {(hop.token_in, hop.token_out) for hop in route.hops}
    within = [spot for one, spot in plain.items() if legs.issuperset((hop.token_in, hop.token_out) for hop in one.hops)]
    known = [spot for spot in within if spot is not None]
    return max(known) if len(known) == len(within) > 0 else None


def _splits(route: Route) -> bool:
    """Whether two of a route's swaps sell the same token."""
    return len({hop.token_in for hop in route.hops}) < len(route.hops)


def _cross(exits: tuple[Exit, ...], moved: Mapping[Address, object]) -> bool:
    return any(not each.pools.isdisjoint(moved) for each in exits)
