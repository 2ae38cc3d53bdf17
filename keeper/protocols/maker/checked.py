"""Integers as the contracts count: 256 bits, and a step that does not fit undoes everything.

Every operation here fails where the contract's own does. What it says then is the reason of a `RevertedError`.
"""

from typing import Final

from keeper.errors import KeeperError
from keeper.units import MAX_UINT256, RAY, WAD

_MAX_INT: Final = 2**255 - 1
_MIN_INT: Final = -(2**255)


class RevertedError(KeeperError):
    """The contract would undo the call; `reason` is what it says, empty where it says nothing.

    An exception and not a value, because any single product may be the one that does not fit.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason or "reverted without a reason")
        self.reason = reason


def require(holds: object, reason: str = "") -> None:
    """Go on only if a condition holds."""
    if not holds:
        raise RevertedError(reason)


def add(x: int, y: int) -> int:
    """Add a number, signed or not, to an unsigned one; the sum must be unsigned."""
    require(0 <= x + y <= MAX_UINT256)
    return x + y


def sub(x: int, y: int) -> int:
    """Subtract; the difference must not be negative."""
    require(0 <= x - y <= MAX_UINT256)
    return x - y


def mul(x: int, y: int) -> int:
    """Multiply; the whole product must fit, whatever it is divided by afterwards."""
    require(x * y <= MAX_UINT256)
    return x * y


def mul_signed(x: int, y: int) -> int:
    """Multiply an unsigned number by a signed one; both factors and the product must fit 256 signed bits."""
    require(x <= _MAX_INT and _MIN_INT <= x * y <= _MAX_INT)
    return x * y


def div(x: int, y: int) -> int:
    """Divide rounding down; nothing can be divided by zero."""
    require(y)
    return x // y


def wmul(x: int, y: int) -> int:
    """Multiply by a wad, rounded down."""
    return mul(x, y) // WAD


def rmul(x: int, y: int) -> int:
    """Multiply by a ray, rounded down."""
    return mul(x, y) // RAY


def rdiv(x: int, y: int) -> int:
    """Divide to a ray, rounded down."""
    return div(mul(x, RAY), y)
