"""One step of a Uniswap V3 swap: inside a range of constant liquidity, with the pool's own rounding.

Square-root prices are times 2**96, fees in millionths. The walk over ticks is in `uniswap_v3.py`.
"""

from typing import Final, NamedTuple

from keeper.units import MAX_UINT256, div_up, mul_div_up

FEE_UNIT: Final = 1_000_000
"""Pool fees are millionths of the input; fixed when the pool is created."""


class Step(NamedTuple):
    """Where a step ends and what it moved; `fee` comes on top of `amount_in`."""

    sqrt_price_x96: int
    amount_in: int
    amount_out: int
    fee: int


def amount0_between(low_x96: int, high_x96: int, liquidity: int) -> int:
    """Amount of token0 between two prices, rounded down: what the pool gives.

    Source: SqrtPriceMath.getAmount0Delta, v3-core 1.0.
    """
    return (liquidity << 96) * (high_x96 - low_x96) // high_x96 // low_x96


def amount0_between_up(low_x96: int, high_x96: int, liquidity: int) -> int:
    """Amount of token0 between two prices, both divisions rounded up: what the pool asks for."""
    return div_up(mul_div_up(liquidity << 96, high_x96 - low_x96, high_x96), low_x96)


def amount1_between(low_x96: int, high_x96: int, liquidity: int) -> int:
    """Amount of token1 between two prices, rounded down: what the pool gives.

    Source: SqrtPriceMath.getAmount1Delta, v3-core 1.0.
    """
    return liquidity * (high_x96 - low_x96) >> 96


def amount1_between_up(low_x96: int, high_x96: int, liquidity: int) -> int:
    """Amount of token1 between two prices, rounded up: what the pool asks for."""
    return -(-liquidity * (high_x96 - low_x96) >> 96)


def price_after_input(sqrt_price_x96: int, liquidity: int, amount: int, *, zero_for_one: bool) -> int:
    """Price after an input net of fee; it never passes the true price, so the pool never gives too much.

    `liquidity` is positive. Source: SqrtPriceMath.getNextSqrtPriceFromInput, v3-core 1.0.
    """
    if not zero_for_one:
        return sqrt_price_x96 + (amount << 96) // liquidity  # down

    numerator = liquidity << 96
    product = amount * sqrt_price_x96
    if product <= MAX_UINT256 and numerator + product <= MAX_UINT256:
        return mul_div_up(numerator, sqrt_price_x96, numerator + product)

    # The pool's way around an overflow of 256 bits; it rounds differently, so it is part of the answer.
    return div_up(numerator, numerator // sqrt_price_x96 + amount)


def price_after_output(sqrt_price_x96: int, liquidity: int, amount: int, *, zero_for_one: bool) -> int:
    """Price after an output that this range can give; rounded away from the start, so the pool asks for enough.

    Source: SqrtPriceMath.getNextSqrtPriceFromOutput, v3-core 1.0.
    """
    if zero_for_one:
        return sqrt_price_x96 - div_up(amount << 96, liquidity)

    numerator = liquidity << 96
    return mul_div_up(numerator, sqrt_price_x96, numerator - amount * sqrt_price_x96)


def step_in(sqrt_price_x96: int, target_x96: int, liquidity: int, remaining: int, fee: int) -> Step:
    """Swap an exact input (fee included) toward a target price.

    Source: SwapMath.computeSwapStep with a positive amount, v3-core 1.0.
    """
    zero_for_one = sqrt_price_x96 >= target_x96
    available = remaining * (FEE_UNIT - fee) // FEE_UNIT  # down
    if zero_for_one:
        whole = amount0_between_up(target_x96, sqrt_price_x96, liquidity)
    else:
        whole = amount1_between_up(sqrt_price_x96, target_x96, liquidity)

    reached = available >= whole
    after = target_x96
    if not reached:
        after = price_after_input(sqrt_price_x96, liquidity, available, zero_for_one=zero_for_one)

    if zero_for_one:
        amount_in = whole if after == target_x96 else amount0_between_up(after, sqrt_price_x96, liquidity)
        amount_out = amount1_between(after, sqrt_price_x96, liquidity)
    else:
        amount_in = whole if after == target_x96 else amount1_between_up(sqrt_price_x96, after, liquidity)
        amount_out = amount0_between(sqrt_price_x96, after, liquidity)

    # Short of the target all that was offered is taken, the rounding included.
    fee_amount = remaining - amount_in if after != target_x96 else mul_div_up(amount_in, fee, FEE_UNIT - fee)
    return Step(after, amount_in, amount_out, fee_amount)


def step_out(sqrt_price_x96: int, target_x96: int, liquidity: int, remaining: int, fee: int) -> Step:
    """Swap for an exact output toward a target price.

    Source: SwapMath.computeSwapStep with a negative amount, v3-core 1.0.
    """
    zero_for_one = sqrt_price_x96 >= target_x96
    if zero_for_one:
        whole = amount1_between(target_x96, sqrt_price_x96, liquidity)
    else:
        whole = amount0_between(sqrt_price_x96, target_x96, liquidity)

    after = target_x96
    if remaining < whole:
        after = price_after_output(sqrt_price_x96, liquidity, remaining, zero_for_one=zero_for_one)

    if zero_for_one:
        amount_in = amount0_between_up(after, sqrt_price_x96, liquidity)
        amount_out = whole if after == target_x96 else amount1_between(after, sqrt_price_x96, liquidity)
    else:
        amount_in = amount1_between_up(sqrt_price_x96, after, liquidity)
        amount_out = whole if after == target_x96 else amount0_between(sqrt_price_x96, after, liquidity)

    # Rounding may move the price far enough to give more than was asked; the pool keeps the surplus.
    amount_out = min(amount_out, remaining)
    return Step(after, amount_in, amount_out, mul_div_up(amount_in, fee, FEE_UNIT - fee))
