"""How much of one thing moved brings a position to a target health: exact, in base units, by the protocol's own rules.

The health is the adapter's, the deposit or repayment is applied by the adapter, and the search asks both; no formula
of any protocol is repeated here.
"""

from dataclasses import dataclass
from typing import Generic

from keeper.errors import StateError
from keeper.margin.search import least
from keeper.protocols.base import Adapter, M
from keeper.protocols.cures import Action, CureModel, Lever
from keeper.types import Declined, PositionKey
from keeper.units import MAX_UINT256, mul_div


@dataclass(frozen=True, slots=True)
class Cure:
    """Move this much of this, and the health is `factor_wad`, at least the target; one unit less does not do."""

    lever: Lever
    amount: int
    factor_wad: int


@dataclass(frozen=True, slots=True)
class Patient(Generic[M]):
    """One position in one market, with the two facets that decide it."""

    adapter: Adapter[M]
    key: PositionKey
    market: M

    @property
    def cures(self) -> CureModel[M]:
        """What can be done; `StateError` for an adapter that does not say, see `has_cures`."""
        if self.adapter.cures is None:
            raise StateError(f"the adapter {self.adapter.adapter} names no cures")

        return self.adapter.cures

    @property
    def has_cures(self) -> bool:
        """Whether the adapter says what can be done."""
        return self.adapter.cures is not None

    def factor(self, market: M | None) -> int | None:
        """Health in another market, in wad; None where it cannot be told."""
        if market is None:
            return None

        health = self.adapter.health.health(self.key, market)
        return None if isinstance(health, Declined) else health.factor_wad

    def after(self, lever: Lever, amount: int) -> int | None:
        """Health once so much was moved, in wad; None where the protocol would refuse."""
        return self.factor(self.cures.moved(self.key, lever, amount, self.market) if amount else self.market)


def cures(patient: Patient[M], target_wad: int) -> tuple[Cure, ...]:
    """What each deposit and each repayment would take to reach the target; those that cannot reach it are left out.

    Nothing where the position is there already, or cannot be decided.
    """
    now = patient.factor(patient.market)
    if now is None or now >= target_wad:
        return ()

    levers = [lever for lever in patient.cures.levers(patient.key, patient.market) if lever.action in _CURING]
    found = (_cure(patient, lever, now, target_wad) for lever in levers)
    return tuple(cure for cure in found if cure is not None)


_CURING = (Action.DEPOSIT, Action.REPAY)


def _cure(patient: Patient[M], lever: Lever, now_wad: int, target_wad: int) -> Cure | None:
    def reaches(amount: int) -> bool:
        factor = patient.after(lever, amount)
        return factor is not None and factor >= target_wad

    amount = least(reaches, _guess(patient, lever, now_wad, target_wad), lever.most)
    if amount is None:
        return None

    factor = patient.after(lever, amount)
    return None if factor is None else Cure(lever, amount, factor)


def _guess(patient: Patient[M], lever: Lever, now_wad: int, target_wad: int) -> int:
    """Where the answer should be: a deposit adds to health in proportion, a repayment takes from its inverse."""
    probe = max(min(lever.now, lever.most) // 2, 1)
    then = patient.after(lever, probe)
    if then is None or then <= now_wad:
        return probe

    gained, wanted = then - now_wad, target_wad - now_wad
    if lever.action is Action.DEPOSIT or then == MAX_UINT256 or now_wad == 0:
        return mul_div(probe, wanted, gained)

    # 1/now - 1/target over 1/now - 1/then, on one denominator.
    return mul_div(probe, wanted * then, gained * target_wad)
