"""Logs as a Uniswap V3 factory and its pools emit them."""

from keeper.routing.uniswap_v3_logs import BURN, INITIALIZE, MINT, POOL_CREATED, SWAP
from keeper.types import Address, Log
from tests.fakes.pools import FACTORY


def word(value: int | bytes) -> bytes:
    return value.rjust(32, b"\0") if isinstance(value, bytes) else value.to_bytes(32, "big", signed=value < 0)


def log(emitter: Address, topics, words, block: int = 1, index: int = 0) -> Log:
    data = b"".join(map(word, words))
    return Log(emitter, tuple(map(word, topics)), data, block, word(block), word(index), index)


def pool_created(pool, token0, token1, fee, spacing, **place) -> Log:
    return log(FACTORY, (POOL_CREATED, token0, token1, fee), (spacing, pool), **place)


def initialize(pool, sqrt_price_x96, tick, **place) -> Log:
    return log(pool, (INITIALIZE,), (sqrt_price_x96, tick), **place)


def mint(pool, lower, upper, liquidity, **place) -> Log:
    return log(pool, (MINT, b"\x0a" * 20, lower, upper), (b"\x0b" * 20, liquidity, 7, 8), **place)


def burn(pool, lower, upper, liquidity, **place) -> Log:
    return log(pool, (BURN, b"\x0a" * 20, lower, upper), (liquidity, 7, 8), **place)


def swap(pool, sqrt_price_x96, liquidity, tick, **place) -> Log:
    return log(pool, (SWAP, b"\x0a" * 20, b"\x0b" * 20), (-5, 6, sqrt_price_x96, liquidity, tick), **place)
