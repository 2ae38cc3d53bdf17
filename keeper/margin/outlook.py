"""Everything there is to say about one position: where it stands, what would make it fall, what would cure it."""

from dataclasses import dataclass

from keeper.margin.cure import Cure, Patient, cures
from keeper.margin.state import state_of
from keeper.margin.triggers import Limit, Trigger, falls_at, limits, triggers
from keeper.protocols.base import M, Market
from keeper.protocols.cures import Action
from keeper.types import Declined, Health, HealthState
from keeper.units import MAX_UINT256


@dataclass(frozen=True, slots=True)
class Outlook:
    """A position's standing at a market's target; `falls_at` is unix s, None where interest alone takes over a year.

    `cures` are the cheapest first. Empty parts of an adapter without cures say nothing.
    """

    health: Health
    state: HealthState
    target_wad: int
    cures: tuple[Cure, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    limits: tuple[Limit, ...] = ()
    falls_at: int | None = None


def look(patient: Patient[M], margin_call_wad: int, target_wad: int | None = None) -> Outlook | Declined:
    """Look at a position; cures aim for the target, its margin call where none is given."""
    health = patient.adapter.health.health(patient.key, patient.market)
    if isinstance(health, Declined):
        return health

    target = margin_call_wad if target_wad is None else target_wad
    state = state_of(health, margin_call_wad)
    if not patient.has_cures or health.factor_wad == MAX_UINT256:
        return Outlook(health, state, target)

    return Outlook(
        health=health,
        state=state,
        target_wad=target,
        cures=tuple(sorted(cures(patient, target), key=lambda cure: _cost(cure, patient.market))),
        triggers=triggers(patient),
        limits=limits(patient),
        falls_at=falls_at(patient),
    )


def _cost(cure: Cure, market: Market) -> tuple[bool, int]:
    """Order by what it costs: a repayment is never dearer than a deposit that does the same; then by value."""
    price = market.token_prices().get(cure.lever.token)
    value = 0 if price is None else cure.amount * price.price // 10**price.decimals  # down: only compared
    return cure.lever.action is not Action.REPAY, value
