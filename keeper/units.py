"""Scales and the named integer roundings every protocol is computed with.

Only what is the same everywhere lives here; a protocol's own mixtures (half-up ray products, truncated signed
division inside a formula) live in its `math.py` under the contract's names.
"""

from typing import Final

WAD: Final = 10**18
RAY: Final = 10**27
RAD: Final = 10**45
BPS: Final = 10_000
USD: Final = 10**18
"""Money shown to people and compared with `min_profit` is US dollars times 10**18."""
YEAR_S: Final = 31_536_000
"""365 days in seconds, the year of every protocol here."""
GWEI: Final = 10**9
MAX_UINT256: Final = 2**256 - 1
MAX_UINT112: Final = 2**112 - 1
MAX_UINT128: Final = 2**128 - 1


def div_up(a: int, b: int) -> int:
    """Divide rounding up; both operands non-negative, `b` positive."""
    return -(-a // b)


def div_half_up(a: int, b: int) -> int:
    """Divide rounding half up, as `(a + b/2) / b` in Solidity with `b/2` truncated."""
    return (a + b // 2) // b


def div_trunc(a: int, b: int) -> int:
    """Divide toward zero, as Solidity divides signed integers; Python's `//` floors."""
    quotient = abs(a) // abs(b)
    return quotient if (a >= 0) == (b >= 0) else -quotient


def mul_div(a: int, b: int, c: int) -> int:
    """Multiply then divide, rounding down; the product is exact."""
    return a * b // c


def mul_div_up(a: int, b: int, c: int) -> int:
    """Multiply then divide, rounding up; the product is exact."""
    return -(-a * b // c)


def bps_down(value: int, bps: int) -> int:
    """Take a share given in basis points, rounded down."""
    return value * bps // BPS


def bps_up(value: int, bps: int) -> int:
    """Take a share given in basis points, rounded up."""
    return -(-value * bps // BPS)
