"""What it takes to reach a target health by a position's own means: sell some collateral, repay with what it brings.

Priced on the pools as they are, by the best route, with a loan so that repaying comes before withdrawing; the loan's
fee is left out. To the unit on this block's pools, which the next block may change.
"""

from dataclasses import dataclass
from typing import Final, Generic

from keeper.margin.cure import Patient
from keeper.margin.search import least
from keeper.protocols.base import M
from keeper.protocols.cures import Action, Lever
from keeper.routing.base import Liquidity
from keeper.routing.find import find_routes
from keeper.types import Address

_STEPS: Final = 64
"""Parts of a collateral tried in turn: more sold is not always better, since pools give less and less for it."""
_ROUTES: Final = 8
"""Routes compared, the shortest first; splits, which cost a hundred times as much to price, are left out."""


@dataclass(frozen=True, slots=True)
class Deleverage:
    """Sell so much of a collateral for so much of a debt and repay it: then the health is `factor_wad`."""

    sold_token: Address
    sold: int
    bought_token: Address
    bought: int
    factor_wad: int


def deleverages(
    patient: Patient[M], target_wad: int, liquidity: Liquidity, max_hops: int = 2
) -> tuple[Deleverage, ...]:
    """Each pair of a collateral and a debt that can bring the position to the target through the pools."""
    now = patient.factor(patient.market)
    if not patient.has_cures or now is None or now >= target_wad:
        return ()

    levers = patient.cures.levers(patient.key, patient.market)
    sales = [lever for lever in levers if lever.action is Action.WITHDRAW]
    debts = [lever for lever in levers if lever.action is Action.REPAY]
    search = _Search(patient, target_wad, liquidity, max_hops)
    found = (search.between(sale, debt) for sale in sales for debt in debts)
    return tuple(one for one in found if one is not None)


@dataclass(frozen=True, slots=True)
class _Search(Generic[M]):
    patient: Patient[M]
    target_wad: int
    liquidity: Liquidity
    max_hops: int

    def between(self, sale: Lever, debt: Lever) -> Deleverage | None:
        routes = find_routes(self.liquidity, sale.token, debt.token, self.max_hops)[:_ROUTES]

        def bought(sold: int) -> int:
            return max((route.amount_out(sold) or 0 for route in routes), default=0)

        def factor(sold: int) -> int:
            return self._after(sale, sold, debt, min(bought(sold), debt.most)) or 0

        parts = [sale.most * step // _STEPS for step in range(1, _STEPS + 1)]  # down: within what there is
        enough = next((part for part in parts if part > 0 and factor(part) >= self.target_wad), None)
        if enough is None:
            return None

        sold = least(lambda amount: factor(amount) >= self.target_wad, enough, enough)
        if sold is None:
            return None

        return Deleverage(sale.token, sold, debt.token, min(bought(sold), debt.most), factor(sold))

    def _after(self, sale: Lever, sold: int, debt: Lever, repaid: int) -> int | None:
        patient = self.patient
        if repaid == 0 or sold == 0:
            return None

        relieved = patient.cures.moved(patient.key, debt, repaid, patient.market)
        left = None if relieved is None else patient.cures.moved(patient.key, sale, sold, relieved)
        return patient.factor(left)
