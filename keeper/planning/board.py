"""The world as the next plan of a block will find it: every market and pool after the plans chosen before it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from keeper.planning.base import Opportunity
from keeper.planning.deal import Deal
from keeper.planning.inputs import PlanningInput, View
from keeper.planning.program import LENDER_KINDS
from keeper.planning.swaps import VENUE_KINDS
from keeper.protocols.base import Lender, Market
from keeper.routing.base import Hop, Liquidity
from keeper.routing.best import routes
from keeper.types import Address, Offer, PositionKey


@dataclass(frozen=True, slots=True)
class Board:
    """Markets by deployment, and the pools. Invariant: both are after the same plans; `_routes` only remembers."""

    views: Mapping[str, View[Any]]
    markets: Mapping[str, Market]
    liquidity: Liquidity
    _routes: dict[tuple[Address, Address, int], tuple[tuple[Hop, ...], ...]] = field(
        default_factory=dict, compare=False
    )

    @classmethod
    def of(cls, inputs: PlanningInput) -> Self:
        """Before any plan."""
        views = {view.adapter.name: view for view in inputs.views}
        return cls(views, {name: view.market for name, view in views.items()}, inputs.liquidity)

    def after(self, opportunity: Opportunity) -> Self:
        """After one more plan."""
        offer = opportunity.offer
        model, market = self.views[offer.deployment].adapter.offers, self.markets[offer.deployment]
        return replace(
            self,
            markets={**self.markets, offer.deployment: model.after(offer, opportunity.size, market)},
            liquidity=self.liquidity.replaced(opportunity.route.after),
            _routes={},
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

    def lenders(self) -> tuple[Lender, ...]:
        """Every loan on offer that there is a recipe for, deployment by deployment."""
        found: list[Lender] = []
        for name, view in self.views.items():
            if view.adapter.lenders is not None:
                found += view.adapter.lenders.lenders(self.markets[name])

        return tuple(lender for lender in found if lender.kind in LENDER_KINDS)

    def routes(self, token_in: Address, token_out: Address, max_hops: int) -> tuple[tuple[Hop, ...], ...]:
        """Every route over pools that there is a recipe for."""
        asked = (token_in, token_out, max_hops)
        if asked not in self._routes:
            found = routes(self.liquidity, token_in, token_out, max_hops)
            self._routes[asked] = tuple(hops for hops in found if all(hop.pool.kind in VENUE_KINDS for hop in hops))

        return self._routes[asked]
