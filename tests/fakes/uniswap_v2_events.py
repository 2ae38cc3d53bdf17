"""Logs as a Uniswap V2 factory and its pairs emit them."""

from keeper.routing.uniswap_v2 import Fork
from keeper.routing.uniswap_v2_sync import PAIR_CREATED, SYNC
from tests.fakes.pools import address
from tests.fakes.uniswap_v3_events import log

FORK = Fork(address(0xFAC), address(0x407E), 30)


def pair_created(token0, token1, pair=None, **place):
    pair = FORK.pair_of(token0, token1) if pair is None else pair
    return log(FORK.factory, (PAIR_CREATED, token0, token1), (pair, 1), **place)


def sync(pair, reserve0, reserve1, **place):
    return log(pair, (SYNC,), (reserve0, reserve1), **place)
