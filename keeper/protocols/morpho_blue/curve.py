"""The interest rate model most markets use, whose rate moves by itself while nobody touches the market.

Only a model whose own answer equals this one's, block by block, is believed to follow it; for any other, the rate it
last answered holds. Source: AdaptiveCurveIrm and ExpLib of morpho-blue-irm.
"""

from typing import Final

from keeper.protocols.morpho_blue.math import Totals
from keeper.units import WAD, YEAR_S, div_trunc

TARGET_UTILIZATION: Final = 9 * WAD // 10
CURVE_STEEPNESS: Final = 4 * WAD
ADJUSTMENT_SPEED: Final = 50 * WAD // YEAR_S
INITIAL_RATE_AT_TARGET: Final = 4 * WAD // 100 // YEAR_S
MIN_RATE_AT_TARGET: Final = WAD // 1_000 // YEAR_S
MAX_RATE_AT_TARGET: Final = 2 * WAD // YEAR_S
_LN_2: Final = 693_147_180_559_945_309
_LN_WEI: Final = -41_446_531_673_892_822_312
_UPPER: Final = 93_859_467_695_000_404_319
_AT_UPPER: Final = 57_716_089_161_558_943_949_701_069_502_944_508_345_128_422_502_756_744_429_568


def borrow_rate(rate_at_target: int, totals: Totals, elapsed_s: int) -> int:
    """Average rate per second in wad over a time since the last accrual; all divisions toward zero.

    `rate_at_target` is the model's stored rate, 0 before its first accrual. Source: AdaptiveCurveIrm._borrowRate.
    """
    supply = totals.supply_assets
    utilization = totals.borrow_assets * WAD // supply if supply else 0  # down, as the contract
    norm = WAD - TARGET_UTILIZATION if utilization > TARGET_UTILIZATION else TARGET_UTILIZATION
    error = div_trunc((utilization - TARGET_UTILIZATION) * WAD, norm)
    average = _average(rate_at_target, error, elapsed_s)
    return _curve(average, error)


def _average(start: int, error: int, elapsed_s: int) -> int:
    if start == 0:
        return INITIAL_RATE_AT_TARGET

    adaptation = div_trunc(ADJUSTMENT_SPEED * error, WAD) * elapsed_s
    if adaptation == 0:
        return start

    end = _new_rate(start, adaptation)
    middle = _new_rate(start, div_trunc(adaptation, 2))
    return (start + end + 2 * middle) // 4  # down: all are positive


def _new_rate(start: int, adaptation: int) -> int:
    grown = start * exp(adaptation) // WAD  # down: both are positive
    return min(max(grown, MIN_RATE_AT_TARGET), MAX_RATE_AT_TARGET)


def _curve(rate: int, error: int) -> int:
    coefficient = WAD - WAD * WAD // CURVE_STEEPNESS if error < 0 else CURVE_STEEPNESS - WAD
    return div_trunc((div_trunc(coefficient * error, WAD) + WAD) * rate, WAD)


def exp(x: int) -> int:
    """Exponential of a wad, in wad: a power of two times a Taylor polynomial of degree two. ExpLib.wExp."""
    if x < _LN_WEI:
        return 0

    if x >= _UPPER:
        return _AT_UPPER

    power = div_trunc(x + (_LN_2 // 2 if x >= 0 else -(_LN_2 // 2)), _LN_2)
    rest = x - power * _LN_2
    result = WAD + rest + div_trunc(div_trunc(rest * rest, WAD), 2)
    return result << power if power >= 0 else result >> -power
