"""The arithmetic both releases do alike, under the contracts' names: rays, percentages, and a supply's interest.

Sources: WadRayMath, PercentageMath and MathUtils of Aave V2 and V3.
"""

from keeper.units import BPS, RAY, WAD, YEAR_S, div_half_up, mul_div

LIQUIDATION_HEALTH_WAD = WAD
"""A position is liquidatable strictly below this health factor. GenericLogic, ValidationLogic, constant."""


def linear_interest(rate: int, elapsed_s: int) -> int:
    """Growth factor of supply in ray; the yearly ray rate is applied linearly, rounded down."""
    return RAY + mul_div(rate, elapsed_s, YEAR_S)


def ray_mul(a: int, b: int) -> int:
    """Multiply rays, rounded half up. WadRayMath.rayMul."""
    return div_half_up(a * b, RAY)


def ray_div(a: int, b: int) -> int:
    """Divide rays, rounded half up. WadRayMath.rayDiv."""
    return div_half_up(a * RAY, b)


def percent_mul(value: int, percentage: int) -> int:
    """Take basis points of a value, rounded half up. PercentageMath.percentMul."""
    return div_half_up(value * percentage, BPS)


def percent_div(value: int, percentage: int) -> int:
    """Divide by basis points, rounded half up. PercentageMath.percentDiv."""
    return div_half_up(value * BPS, percentage)
