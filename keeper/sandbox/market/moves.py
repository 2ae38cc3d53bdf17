"""The transactions that make a step true: feeds publish, and an arbitrageur swaps the pools to where they trade."""

from collections.abc import Iterator, Mapping
from math import isqrt
from typing import Final, NamedTuple

from keeper.sandbox.assets import Asset
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.feeds import price_update
from keeper.sandbox.market.opening import ARBITRAGEUR
from keeper.sandbox.market.path import Prices
from keeper.sandbox.uniswap_v3 import FOREVER, Pool, pool_sqrt_price
from keeper.sandbox.world import World
from keeper.types import Address

SWAP_GAS: Final = 600_000
INDIFFERENT: Final = 10_000
"""A pool is left alone where its square-root price is off by less than one part in this many."""


class Trader(NamedTuple):
    """Who moves the pools, and the router they do it through, which may take any of their tokens."""

    account: Address
    router: Address


def publish(chain: LocalChain, world: World, feeds: Prices, before: Prices) -> list[Transaction]:
    """Write down an update of every feed that changes."""
    return [
        price_update(chain, world.assets[symbol].feed, answer)
        for symbol, answer in feeds.items()
        if answer != before[symbol]
    ]


def arbitrage(chain: LocalChain, world: World, traded: Prices) -> list[Transaction]:
    """Write down a swap for every pool that is not at its price; read at the latest block."""
    return list(_swaps(chain, world, traded))


def _swaps(chain: LocalChain, world: World, traded: Prices) -> Iterator[Transaction]:
    by_token = {asset.token: asset for asset in world.assets.values()}
    trader = Trader(chain.accounts[ARBITRAGEUR], world.uniswap.router)

    for pool in world.uniswap.pools.values():
        yield from swap_to(chain, trader, pool, pool_price(by_token[pool.token0], by_token[pool.token1], traded))


def swap_to(chain: LocalChain, trader: Trader, pool: Pool, wanted: int) -> Iterator[Transaction]:
    """Write down the sale that ends where the pool reaches a square-root price; none where it is there already.

    What the pool does not take on the way stays with the trader.
    """
    now = pool_sqrt_price(chain, pool)

    if abs(wanted - now) * INDIFFERENT < now:
        return

    sold, bought = (pool.token0, pool.token1) if wanted < now else (pool.token1, pool.token0)
    held = int(chain.call(sold, "balanceOf(address)(uint256)", trader.account))
    yield chain.transaction(
        trader.router,
        "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))(uint256)",
        (sold, bought, pool.fee, trader.account, FOREVER, held // 4, 0, wanted),
        sender=trader.account,
        gas=SWAP_GAS,
    )


def pool_price(first: Asset, second: Asset, traded: Mapping[str, int]) -> int:
    """Compute the price of a pool whose tokens trade at some prices in dollars, as the pool keeps it: rounded down."""
    # token1 per token0 in base units, times 2**192 under the root
    numerator = traded[first.listing.symbol] * 10**second.listing.decimals << 192
    return isqrt(numerator // (traded[second.listing.symbol] * 10**first.listing.decimals))
