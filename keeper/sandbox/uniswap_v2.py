"""Uniswap V2, from the compiled contracts its authors publish, and a fork with a higher fee."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from keeper.sandbox.artifact import Artifact
from keeper.sandbox.assets import Asset, approve, fund
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.packages import Packages
from keeper.sandbox.uniswap_v3 import FOREVER
from keeper.types import Address

CORE: Final = "@uniswap/v2-core"
PERIPHERY: Final = "@uniswap/v2-periphery"
FEE_BPS: Final = 30
_KEPT: Final = "6103e5"
"""The router's 997, of 1,000, as it is pushed: the part of an input that counts."""


@dataclass(frozen=True, slots=True)
class UniswapV2:
    """The addresses of one deployment; `fee_bps` is what its router takes."""

    factory: Address
    router: Address
    fee_bps: int


def deploy_uniswap_v2(chain: LocalChain, packages: Packages, weth: Address, fee_bps: int = FEE_BPS) -> UniswapV2:
    """Deploy factory and router.

    Another fee, of at least 30 basis points in steps of ten, is the router's alone: its pairs are content with less.
    """
    factory = chain.deploy(packages.artifact(CORE, "UniswapV2Factory"), chain.account)
    router = _with_fee(packages.artifact(PERIPHERY, "UniswapV2Router02"), fee_bps)
    return UniswapV2(factory, chain.deploy(router, factory, weth), fee_bps)


def open_pair(chain: LocalChain, exchange: UniswapV2, pair: tuple[Asset, Asset], amounts: tuple[int, int]) -> Address:
    """Add liquidity to a pair, from fresh tokens; the first to do so opens it. Returns the pair."""
    for asset, amount in zip(pair, amounts, strict=True):
        fund(chain, asset, chain.account, amount)
        approve(chain, asset, chain.account, exchange.router)

    tokens = (pair[0].token, pair[1].token)
    add = "addLiquidity(address,address,uint256,uint256,uint256,uint256,address,uint256)"
    chain.send(exchange.router, add, *tokens, *amounts, 0, 0, chain.account, FOREVER)
    return Address(chain.call(exchange.factory, "getPair(address,address)(address)", *tokens))


def open_pairs(
    chain: LocalChain, exchange: UniswapV2, pairs: Iterable[tuple[Asset, Asset, int]]
) -> dict[tuple[str, str], Address]:
    """Open pairs at the listed prices with so many dollars on each side; by symbols."""
    return {
        (a.listing.symbol, b.listing.symbol): open_pair(chain, exchange, (a, b), (a.worth(dollars), b.worth(dollars)))
        for a, b, dollars in pairs
    }


def _with_fee(router: Artifact, fee_bps: int) -> Artifact:
    kept, rest = divmod(10_000 - fee_bps, 10)
    if fee_bps < FEE_BPS or rest:
        raise ValueError(f"the router's fee is a multiple of ten basis points from {FEE_BPS} on, not {fee_bps}")

    return replace(router, bytecode=router.bytecode.replace(_KEPT, f"61{kept:04x}"))
