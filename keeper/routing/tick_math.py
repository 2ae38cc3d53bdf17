"""Uniswap V3 ticks and their square-root prices, as the pool's own library computes them.

A tick t stands for the price 1.0001**t; a pool keeps the price's square root times 2**96, rounded up from the
library's fixed-point product. Nothing here knows liquidity or fees.
"""

from functools import lru_cache
from typing import Final

MIN_TICK: Final = -887_272
MAX_TICK: Final = 887_272
MIN_SQRT_RATIO: Final = 4_295_128_739
"""Square-root price of MIN_TICK, times 2**96; a pool never goes below."""
MAX_SQRT_RATIO: Final = 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342
"""Square-root price of MAX_TICK, times 2**96; a pool stays strictly below."""

_FACTORS_X128: Final = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)
"""Entry i is 2**128 / sqrt(1.0001)**(2**i), to the nearest integer."""
_FACTORS: Final = tuple((1 << i, factor) for i, factor in enumerate(_FACTORS_X128))
_TICKS_PER_OCTAVE_X64: Final = 255_738_958_999_603_826_347_141
"""Ticks by which a square-root price doubles, 1 / log2(sqrt(1.0001)), times 2**64."""


@lru_cache(maxsize=65_536)
def sqrt_ratio_at_tick(tick: int) -> int:
    """Return the square-root price at a tick, times 2**96, rounded up.

    `ValueError` outside MIN_TICK..MAX_TICK. Source: TickMath.getSqrtRatioAtTick, v3-core 1.0.
    """
    distance = abs(tick)
    if distance > MAX_TICK:
        raise ValueError(f"tick {tick} is outside {MIN_TICK}..{MAX_TICK}")

    ratio = 1 << 128
    for bit, factor in _FACTORS:
        if distance & bit:
            ratio = ratio * factor >> 128  # down after each factor, as the library does

    if tick > 0:
        ratio = ((1 << 256) - 1) // ratio

    return -(-ratio >> 32)  # up: the pool's prices are the ceiling of the product


def tick_at_sqrt_ratio(sqrt_price_x96: int) -> int:
    """Return the greatest tick whose square-root price is not above this one.

    `ValueError` outside MIN_SQRT_RATIO..MAX_SQRT_RATIO - 1. Source: TickMath.getTickAtSqrtRatio, v3-core 1.0, by
    its definition: an estimate of the logarithm is corrected by comparison.
    """
    if not MIN_SQRT_RATIO <= sqrt_price_x96 < MAX_SQRT_RATIO:
        raise ValueError(f"square-root price {sqrt_price_x96} is outside the pool's range")

    # 16 fractional bits of the logarithm leave the estimate within one tick, which the comparisons settle.
    tick = _log2_x64(sqrt_price_x96, 16) * _TICKS_PER_OCTAVE_X64 >> 128
    while tick > MIN_TICK and sqrt_ratio_at_tick(tick) > sqrt_price_x96:
        tick -= 1

    while tick < MAX_TICK and sqrt_ratio_at_tick(tick + 1) <= sqrt_price_x96:
        tick += 1

    return tick


def _log2_x64(sqrt_price_x96: int, fraction_bits: int) -> int:
    """Base-2 logarithm of a square-root price over 2**96, times 2**64, rounded down to the bits asked for."""
    exponent = sqrt_price_x96.bit_length() - 1
    # A mantissa in [1, 2) at 2**63; each squaring that passes 2 is one more bit of the fraction.
    mantissa = sqrt_price_x96 << 63 >> exponent
    log2 = (exponent - 96) << 64
    for i in range(1, fraction_bits + 1):
        mantissa = mantissa * mantissa >> 63
        if mantissa >> 64:
            mantissa >>= 1
            log2 += 1 << (64 - i)

    return log2
