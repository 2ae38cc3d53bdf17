"""How long the operator key's gas money lasts at the rate it is being spent; pure."""

from dataclasses import dataclass
from typing import Final

from keeper.units import mul_div

DAY_S: Final = 86_400
WINDOW_S: Final = 7 * DAY_S
"""Spending is averaged over the last week: a day may be quiet, a month forgets a gas spike."""


@dataclass(frozen=True, slots=True)
class GasRunway:
    """The key's balance, what a day costs, and how many whole days that is; `days` None while nothing was spent."""

    balance_wei: int
    daily_wei: int
    days: int | None


def gas_runway(balance_wei: int, spent_wei: int, window_s: int) -> GasRunway:
    """Divide the balance by the average daily spending over a window of at least a day; days rounded down."""
    daily = mul_div(spent_wei, DAY_S, max(window_s, DAY_S))
    return GasRunway(balance_wei, daily, balance_wei // daily if daily else None)
