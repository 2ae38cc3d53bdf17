"""The four states of a position, and what one health makes of them."""

from typing import Final

from keeper.types import Health, HealthState
from keeper.units import WAD

DEFAULT_MARGIN_CALL_WAD: Final = 1_050 * (WAD // 1_000)
"""Health below which a position is watched where nobody says otherwise: 5 % above liquidation."""
SEVERITY: Final = {
    HealthState.HEALTHY: 0,
    HealthState.MARGIN_CALL: 1,
    HealthState.LIQUIDATABLE: 2,
    HealthState.UNDERWATER: 3,
}
"""States from the best to the worst."""


def state_of(health: Health, margin_call_wad: int) -> HealthState:
    """Say where a position stands; underwater is a liquidatable one whose collateral is worth less than its debt."""
    if not health.liquidatable:
        return HealthState.MARGIN_CALL if health.factor_wad < margin_call_wad else HealthState.HEALTHY

    underwater = health.collateral_base < health.debt_base
    return HealthState.UNDERWATER if underwater else HealthState.LIQUIDATABLE
