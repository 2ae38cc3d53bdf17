"""Pools for tests: real Uniswap V3 models built from ranges, and a constant-product pool as a second kind."""

from dataclasses import dataclass, replace
from math import isqrt

from keeper.routing.base import SwapQuote
from keeper.routing.constant_product import ConstantProduct
from keeper.routing.tick_math import MAX_TICK, tick_at_sqrt_ratio
from keeper.routing.uniswap_v3 import UniswapV3Pool
from keeper.routing.uniswap_v3_logs import LiquidityChanged, PoolCreated
from keeper.routing.uniswap_v3_state import PoolState
from keeper.types import Address

FACTORY = Address(b"\xfa" * 20)
SPACINGS = {100: 1, 500: 10, 3_000: 60, 10_000: 200}


def address(number: int) -> Address:
    """A made-up address that reads as its number."""
    return Address(number.to_bytes(20, "big"))


def sqrt_price(amount1: int, amount0: int) -> int:
    """The square-root price at which `amount0` of token0 is worth `amount1` of token1, rounded down."""
    return isqrt((amount1 << 192) // amount0)


def v3_pool(number, tokens, fee, sqrt_price_x96, ranges):
    """A pool at a price with (lower, upper, liquidity) ranges; the pair is put in address order."""
    token0, token1 = sorted(tokens)
    state = PoolState(PoolCreated(FACTORY, token0, token1, fee, SPACINGS[fee], address(number)))
    state.sqrt_price_x96 = sqrt_price_x96
    state.tick = tick_at_sqrt_ratio(sqrt_price_x96)

    for i, (lower, upper, liquidity) in enumerate(ranges):
        state.fold(LiquidityChanged(lower, upper, liquidity), (0, i))

    state.check()
    return state.freeze()


def full_range(fee: int) -> int:
    """The outermost usable tick of a fee tier."""
    return MAX_TICK // SPACINGS[fee] * SPACINGS[fee]


def deep_pool(number, token_a, amount_a, token_b, amount_b, fee) -> UniswapV3Pool:
    """A full-range pool that holds these amounts at their ratio."""
    (token0, amount0), (_, amount1) = sorted([(token_a, amount_a), (token_b, amount_b)])
    edge = full_range(fee)
    price = sqrt_price(amount1, amount0)
    return v3_pool(number, (token0, _), fee, price, [(-edge, edge, isqrt(amount0 * amount1))])


@dataclass(frozen=True, slots=True)
class ConstantProductPool:
    """x * y = k with a fee in bps of the input, rounded down; another venue kind behind the same port."""

    address: Address
    tokens: tuple[Address, Address]
    reserves: tuple[int, int]
    fee_bps: int = 30
    kind: str = "constant_product"

    def curve(self, token_in):
        side = self.tokens.index(token_in)
        return ConstantProduct(self.reserves[side], self.reserves[1 - side], self.fee_bps)

    def quote_in(self, token_in, amount_in):
        side = self.tokens.index(token_in)
        net = amount_in * (10_000 - self.fee_bps)
        amount_out = net * self.reserves[1 - side] // (self.reserves[side] * 10_000 + net)
        return self._moved(side, amount_in, amount_out) if amount_out > 0 else None

    def quote_out(self, token_in, amount_out):
        side = self.tokens.index(token_in)
        if not 0 < amount_out < self.reserves[1 - side]:
            return None

        net = self.reserves[side] * amount_out * 10_000
        amount_in = net // ((self.reserves[1 - side] - amount_out) * (10_000 - self.fee_bps)) + 1
        return self._moved(side, amount_in, amount_out)

    def _moved(self, side, amount_in, amount_out):
        reserves = list(self.reserves)
        reserves[side] += amount_in
        reserves[1 - side] -= amount_out
        return SwapQuote(amount_in, amount_out, replace(self, reserves=tuple(reserves)))
