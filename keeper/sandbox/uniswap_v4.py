"""Uniswap V4's pool manager, from the compiled contracts its authors publish, with their own test routers."""

from dataclasses import dataclass
from typing import Final

from keeper.routing.uniswap_v4 import PoolKey
from keeper.sandbox.assets import Asset, approve, fund
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.packages import Packages
from keeper.sandbox.uniswap_v3 import sqrt_price
from keeper.types import ZERO_ADDRESS, Address

CORE: Final = "@uniswap/v4-core"
_KEY: Final = "(address,address,uint24,int24,address)"


@dataclass(frozen=True, slots=True)
class UniswapV4:
    """The addresses of one deployment; liquidity and swaps go through the two routers."""

    manager: Address
    liquidity_router: Address
    swap_router: Address


def deploy_uniswap_v4(chain: LocalChain, packages: Packages) -> UniswapV4:
    """Deploy the manager and its routers; the chain's own account may set protocol fees."""
    manager = chain.deploy(packages.artifact(CORE, "PoolManager"), chain.account)
    chain.send(manager, "setProtocolFeeController(address)", chain.account)
    return UniswapV4(
        manager,
        chain.deploy(packages.artifact(CORE, "PoolModifyLiquidityTest"), manager),
        chain.deploy(packages.artifact(CORE, "PoolSwapTest"), manager),
    )


def open_v4_pool(
    chain: LocalChain, exchange: UniswapV4, pair: tuple[Asset, Asset], fee: int, tick_spacing: int
) -> PoolKey:
    """Open a pool at the listed prices, without liquidity."""
    first, second = sorted(pair, key=lambda asset: asset.token)
    key = PoolKey(first.token, second.token, fee, tick_spacing, ZERO_ADDRESS)
    price = sqrt_price(first.worth(1_000_000), second.worth(1_000_000))
    chain.send(exchange.manager, f"initialize({_KEY},uint160)", tuple(key), price)
    return key


def change_liquidity(
    chain: LocalChain, exchange: UniswapV4, key: PoolKey, ticks: tuple[int, int], liquidity: int
) -> None:
    """Add liquidity between two ticks, or take it out; the account must hold and have approved the tokens."""
    function = f"modifyLiquidity({_KEY},(int24,int24,int256,bytes32),bytes)"
    chain.send(exchange.liquidity_router, function, tuple(key), (*ticks, liquidity, bytes(32)), b"")


def provide(chain: LocalChain, exchange: UniswapV4, asset: Asset, amount: int) -> None:
    """Give the chain's account tokens that both routers may take."""
    fund(chain, asset, chain.account, amount)
    approve(chain, asset, chain.account, exchange.liquidity_router)
    approve(chain, asset, chain.account, exchange.swap_router)
