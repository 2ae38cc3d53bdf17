"""The base of every scene: tokens, feeds, pools and lending markets with something to lend.

Account 0 of the chain deploys and owns everything, account 9 lends; the others are for the scene.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keeper.sandbox.aave import AaveV3, supply
from keeper.sandbox.aave_v3 import compile_aave_v3, deploy_aave_v3
from keeper.sandbox.aave_v302 import deploy_aave_v302
from keeper.sandbox.assets import Asset, deploy_assets
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.multicall3 import install_multicall3
from keeper.sandbox.packages import Packages
from keeper.sandbox.uniswap_v3 import UniswapV3, deploy_uniswap_v3

LENDER: Final = 9
LENT_DOLLARS: Final = 20_000_000
"""Supplied to each reserve."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything that was deployed."""

    assets: Mapping[str, Asset]
    """By symbol."""
    uniswap: UniswapV3
    aave36: AaveV3
    aave302: AaveV3


def build_world(chain: LocalChain, packages: Packages) -> World:
    """Deploy everything on an empty chain."""
    install_multicall3(chain, packages)
    assets = deploy_assets(chain, packages, compile_own(packages, "sandbox"))
    world = World(
        assets=assets,
        uniswap=deploy_uniswap_v3(chain, packages, assets),
        aave36=deploy_aave_v3(chain, compile_aave_v3(packages), assets),
        aave302=deploy_aave_v302(chain, packages, assets),
    )
    lender = chain.accounts[LENDER]

    for aave in (world.aave36, world.aave302):
        for symbol in aave.reserves:
            supply(chain, aave, assets[symbol], lender, assets[symbol].worth(LENT_DOLLARS))

    chain.mine()  # brings the base fee back to what a busy chain asks
    return world
