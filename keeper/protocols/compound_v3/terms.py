"""The values the contract's arithmetic is about, the bounds of its types, and how it says no.

Nothing is computed here; `math` has the formulas. Sources: CometStorage, CometCore, CometMath.
"""

from typing import Final, NamedTuple

from keeper.errors import StateError
from keeper.units import MAX_UINT256, WAD

BASE_INDEX_SCALE: Final = 10**15
"""An index of one: what a base unit of principal is worth before any interest."""
FACTOR_SCALE: Final = WAD
PRICE_DECIMALS: Final = 8
MAX_UINT64: Final = 2**64 - 1
MAX_UINT104: Final = 2**104 - 1
MAX_INT104: Final = 2**103 - 1
MAX_INT256: Final = 2**255 - 1
MAX_TIMESTAMP: Final = 2**40 - 1
OVERFLOW: Final = "Panic(0x11)"
DIVISION_BY_ZERO: Final = "Panic(0x12)"


class RevertError(StateError):
    """The contract would revert; `name` is that of its error."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the market would revert with {name}", name=name)
        self.name = name


class Curve(NamedTuple):
    """One of the two interest rates by utilization; per second, times 10**18. Governance sets it with an upgrade."""

    kink: int
    base: int
    slope_low: int
    slope_high: int


class Curves(NamedTuple):
    """Both rates."""

    supply: Curve
    borrow: Curve


class Totals(NamedTuple):
    """What the market keeps: indices times 10**15, sums of principals in base units, and when it last accrued."""

    base_supply_index: int
    base_borrow_index: int
    total_supply_base: int
    total_borrow_base: int
    last_accrual_time: int


class Terms(NamedTuple):
    """One collateral asset: a unit of it, its factors (times 10**18), and its price, None or not positive if bad."""

    scale: int
    borrow_collateral_factor: int
    liquidate_collateral_factor: int
    liquidation_factor: int
    price: int | None


class Base(NamedTuple):
    """The base token: a unit of it and its price, None or not positive if bad."""

    scale: int
    price: int | None


class Held(NamedTuple):
    """One collateral of an account."""

    amount: int
    terms: Terms


# Bounds of the contract's types -------------------------------------------------------------------------------------


def uint(value: int, most: int, error: str) -> int:
    """Return a number that fits its type; `RevertError` where the contract's cast or sum refuses it."""
    if not 0 <= value <= most:
        raise RevertError(error)

    return value


def checked(value: int) -> int:
    """Return what fits 256 bits; Solidity's own arithmetic panics otherwise."""
    return uint(value, MAX_UINT256, OVERFLOW)


def get_price(price: int | None) -> int:
    """Return a price that may be used. Comet.getPrice."""
    if price is None or price <= 0:
        raise RevertError("BadPrice")

    return price
