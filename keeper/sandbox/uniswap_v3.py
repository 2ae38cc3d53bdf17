"""Uniswap V3, from the compiled contracts its authors publish: the pools collateral is sold into."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Final

from keeper.sandbox.assets import Asset, approve, fund
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.packages import Packages
from keeper.types import ZERO_ADDRESS, Address
from keeper.units import BPS

CORE: Final = "@uniswap/v3-core"
PERIPHERY: Final = "@uniswap/v3-periphery"
TICK_SPACING: Final = {100: 1, 500: 10, 3_000: 60, 10_000: 200}
"""By fee in hundredths of a basis point."""
MAX_TICK: Final = 887_272
FOREVER: Final = 2**63
"""A deadline no local chain reaches, unix s."""
POOLS: Final = (
    ("WETH", "USDC", 500, 9_000_000),
    ("WETH", "USDC", 3_000, 3_000_000),
    ("WETH", "DAI", 3_000, 3_000_000),
    ("wstETH", "WETH", 100, 9_000_000),
    ("WBTC", "WETH", 3_000, 6_000_000),
    ("WBTC", "USDC", 3_000, 3_000_000),
    ("LINK", "WETH", 3_000, 1_500_000),
    ("DAI", "USDC", 100, 9_000_000),
    ("GUSD", "USDC", 500, 1_000_000),
)
"""Pair, fee, and US dollars on each side, spread over all prices."""


@dataclass(frozen=True, slots=True)
class Pool:
    """One pool; token0 has the lower address."""

    address: Address
    token0: Address
    token1: Address
    fee: int


@dataclass(frozen=True, slots=True)
class UniswapV3:
    """The addresses of one deployment."""

    factory: Address
    position_manager: Address
    router: Address
    quoter: Address
    """QuoterV2."""
    tick_lens: Address
    pools: Mapping[str, Pool]
    """By `A/B/fee`, in the order of `POOLS`."""


def deploy_uniswap_v3(chain: LocalChain, packages: Packages, assets: Mapping[str, Asset]) -> UniswapV3:
    """Deploy the contracts and open the pools at the assets' listed prices."""
    weth = assets["WETH"].token
    factory = chain.deploy(packages.artifact(CORE, "UniswapV3Factory"))
    chain.send(factory, "enableFeeAmount(uint24,int24)", 100, TICK_SPACING[100])  # added by governance on mainnet
    manager = chain.deploy(packages.artifact(PERIPHERY, "NonfungiblePositionManager"), factory, weth, ZERO_ADDRESS)
    pools = {
        f"{first}/{second}/{fee}": open_pool(chain, manager, (assets[first], assets[second]), fee, dollars)
        for first, second, fee, dollars in POOLS
    }
    return UniswapV3(
        factory=factory,
        position_manager=manager,
        router=chain.deploy(packages.artifact(PERIPHERY, "SwapRouter"), factory, weth),
        quoter=chain.deploy(packages.artifact(PERIPHERY, "QuoterV2"), factory, weth),
        tick_lens=chain.deploy(packages.artifact(PERIPHERY, "TickLens")),
        pools=pools,
    )


def open_pool(chain: LocalChain, manager: Address, pair: tuple[Asset, Asset], fee: int, dollars: int) -> Pool:
    """Open a pool at the listed prices with so many dollars on each side, over the whole range."""
    first, second = sorted(pair, key=lambda asset: asset.token)
    amounts = first.worth(dollars), second.worth(dollars)
    address = chain.call(
        manager,
        create := "createAndInitializePoolIfNecessary(address,address,uint24,uint160)(address)",
        first.token,
        second.token,
        fee,
        sqrt_price(*amounts),
    )
    chain.send(manager, create, first.token, second.token, fee, sqrt_price(*amounts))
    chain.send(address, "increaseObservationCardinalityNext(uint16)", 16)
    spacing = TICK_SPACING[fee]
    limit = MAX_TICK // spacing * spacing
    mint_liquidity(chain, manager, (first, second), fee, (-limit, limit), amounts)
    return Pool(address, first.token, second.token, fee)


def mint_liquidity(  # noqa: PLR0913  # the manager's own arguments
    chain: LocalChain,
    manager: Address,
    pair: tuple[Asset, Asset],
    fee: int,
    ticks: tuple[int, int],
    amounts: tuple[int, int],
) -> None:
    """Add liquidity between two ticks, from fresh tokens; the pair is in the pool's order."""
    for asset, amount in zip(pair, amounts, strict=True):
        fund(chain, asset, chain.account, amount)
        approve(chain, asset, chain.account, manager)

    chain.send(
        manager,
        "mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))",
        (pair[0].token, pair[1].token, fee, *ticks, *amounts, 0, 0, chain.account, FOREVER),
    )


def move_price(chain: LocalChain, uniswap: UniswapV3, pool: Pool, sell: Asset, drop_bps: int) -> None:
    """Sell into a pool until its price of `sell` has dropped by so many basis points."""
    before = pool_sqrt_price(chain, pool)
    # The price is token1 per token0, and the pool keeps its square root.
    kept = isqrt((BPS - drop_bps) * BPS)
    limit = before * kept // BPS if sell.token == pool.token0 else before * BPS // kept
    held = int(chain.call(sell.token, "balanceOf(address)(uint256)", pool.address))
    amount = held * 100  # more than any drop of less than 99.9 % takes
    fund(chain, sell, chain.account, amount)
    approve(chain, sell, chain.account, uniswap.router)
    bought = pool.token1 if sell.token == pool.token0 else pool.token0
    chain.send(
        uniswap.router,
        "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))(uint256)",
        (sell.token, bought, pool.fee, chain.account, FOREVER, amount, 0, limit),
    )


def pool_sqrt_price(chain: LocalChain, pool: Pool) -> int:
    """Read a pool's price as it keeps it: the square root of token1 per token0, times 2**96."""
    return int(chain.call(pool.address, "slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)")[0])


def sqrt_price(amount0: int, amount1: int) -> int:
    """Compute the price at which two amounts are worth the same, as a pool keeps it."""
    return isqrt((amount1 << 192) // amount0)
