"""Somebody's chain, forked: what their deployment prices by is ours to set, and their pools follow.

A feed is overridden where the oracle reads it: its code becomes that of a feed anyone may set. The pools are swapped
through by an account that has every token.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isqrt
from typing import Final

from keeper.config.model import KeeperConfig
from keeper.sandbox.artifact import Artifact
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.feeds import UPDATE_GAS
from keeper.sandbox.market.moves import Trader, swap_to
from keeper.sandbox.market.opening import ARBITRAGEUR, GAS_MONEY_WEI
from keeper.sandbox.node import to_hex
from keeper.sandbox.packages import Packages, SandboxError
from keeper.sandbox.scenes.aave_past import Market
from keeper.sandbox.uniswap_v3 import PERIPHERY, TICK_SPACING, Pool, pool_sqrt_price
from keeper.types import ZERO_ADDRESS, Address
from keeper.units import BPS, MAX_UINT256

BASE_DECIMALS: Final = 8
"""Of the oracle's prices in US dollars."""
PEG_BPS: Final = 500
"""An asset within so much of a dollar is taken for a stablecoin, and does not fall."""
_ANSWER_SLOTS: Final = (1, 2, 3)
"""Where the feed that replaces the real one keeps its answer, time and round."""


@dataclass(frozen=True, slots=True)
class Priced:
    """An asset of the deployment, the feed it is priced by, and its price when the chain was forked."""

    token: Address
    feed: Address
    answer: int
    decimals: int
    """Of the answer."""

    @property
    def stable(self) -> bool:
        """Whether it was worth about a dollar."""
        one: int = 10**self.decimals
        return abs(self.answer - one) * BPS <= one * PEG_BPS


@dataclass(frozen=True, slots=True)
class Ground:
    """What can be moved on a fork: feeds and pools, the pools with the square-root price they were found at."""

    priced: tuple[Priced, ...]
    pools: tuple[tuple[Pool, int], ...]
    trader: Trader


def take_over(chain: LocalChain, packages: Packages, config: KeeperConfig, market: Market) -> Ground:
    """Override the feeds of the first deployment and of the native token, and get ready to move the pools."""
    priced = _find_priced(chain, config, market)
    code = compile_own(packages, "sandbox")["SandboxAggregator"]

    for asset in priced:
        _override(chain, code, asset)

    tokens = tuple(dict.fromkeys(asset.token for asset in priced))
    factories = [venue.factory for venue in config.venues if venue.kind == "uniswap_v3"]
    if not factories:
        raise SandboxError("a rehearsal moves prices on Uniswap V3: add a [[venue]] of that kind")

    pools = tuple(_find_pools(chain, factories, tokens))
    trader = _find_trader(chain, packages, (factories[0], config.chain.wrapped_native), pools)
    return Ground(priced, pools, trader)


def publish(chain: LocalChain, ground: Ground, left_bps: int) -> list[Transaction]:
    """Write down the updates after which every asset but the stable ones is worth a share of what it was."""
    return [
        chain.transaction(asset.feed, "setAnswer(int256)", asset.answer * left_bps // BPS, gas=UPDATE_GAS)
        for asset in {asset.feed: asset for asset in ground.priced}.values()
        if not asset.stable
    ]


def follow(chain: LocalChain, ground: Ground, left_bps: int) -> Iterator[Transaction]:
    """Write down the swaps that bring every pool to where that leaves it, if the trader could be given its tokens."""
    left = {asset.token: BPS if asset.stable else left_bps for asset in ground.priced}

    for pool, found in ground.pools:
        # A square-root price moves with the root of token0's price over token1's.
        wanted = found * isqrt(left[pool.token0] * BPS**4 // left[pool.token1]) // BPS**2
        yield from swap_to(chain, ground.trader, pool, wanted)


def _find_priced(chain: LocalChain, config: KeeperConfig, market: Market) -> tuple[Priced, ...]:
    tokens = chain.call(market.pool, "getReservesList()(address[])")
    feeds = chain.call_many([(market.oracle, "getSourceOfAsset(address)(address)", token) for token in tokens])
    prices = chain.call_many([(market.oracle, "getAssetPrice(address)(uint256)", token) for token in tokens])
    found = [
        Priced(token, feed, answer, BASE_DECIMALS)
        for token, feed, answer in zip(tokens, feeds, prices, strict=True)
        if feed != ZERO_ADDRESS
    ]
    native = config.chain.native_usd

    if native not in {asset.feed for asset in found}:
        decimals, answer = chain.call_many([(native, "decimals()(uint8)"), (native, "latestAnswer()(int256)")])
        found.append(Priced(config.chain.wrapped_native, native, answer, decimals))

    return tuple(found)


def _override(chain: LocalChain, aggregator: Artifact, asset: Priced) -> None:
    """Put the code of a feed that anyone may set in the place of one, with the same answer."""
    template = chain.deploy(aggregator, asset.decimals, "rehearsal", asset.answer)
    chain.set_code(asset.feed, chain.code(template))

    for slot in _ANSWER_SLOTS:
        chain.node.rpc("anvil_setStorageAt", to_hex(asset.feed), f"0x{slot:064x}", f"0x{0:064x}")

    chain.send(asset.feed, "setAnswer(int256)", asset.answer)


def _find_pools(
    chain: LocalChain, factories: Iterable[Address], tokens: Sequence[Address]
) -> Iterator[tuple[Pool, int]]:
    """Yield every pool between two of the tokens, with its price."""
    wanted = [(min(pair), max(pair), fee) for pair in combinations(tokens, 2) for fee in TICK_SPACING]

    for factory in factories:
        found = chain.call_many([(factory, "getPool(address,address,uint24)(address)", *which) for which in wanted])

        for address, (token0, token1, fee) in zip(found, wanted, strict=True):
            if address != ZERO_ADDRESS and chain.call(address, "liquidity()(uint128)") > 0:
                pool = Pool(address, token0, token1, fee)
                yield pool, pool_sqrt_price(chain, pool)


def _find_trader(
    chain: LocalChain,
    packages: Packages,
    factory_and_native: tuple[Address, Address],
    pools: Sequence[tuple[Pool, int]],
) -> Trader:
    """Give an account plenty of every token the pools trade, and a router to swap through."""
    account = chain.accounts[ARBITRAGEUR]
    chain.set_balance(account, GAS_MONEY_WEI)
    artifact = packages.artifact(PERIPHERY, "SwapRouter")
    router = chain.deploy(artifact, *factory_and_native)

    for token, held in _largest_holdings(chain, pools).items():
        chain.node.rpc("anvil_dealERC20", to_hex(account), to_hex(token), hex(held * 1_000))
        chain.send(token, "approve(address,uint256)", router, MAX_UINT256, sender=account)

    return Trader(account, router)


def _largest_holdings(chain: LocalChain, pools: Sequence[tuple[Pool, int]]) -> Mapping[Address, int]:
    held: dict[Address, int] = {}

    for pool, _ in pools:
        for token in (pool.token0, pool.token1):
            amount = int(chain.call(token, "balanceOf(address)(uint256)", pool.address))
            held[token] = max(held.get(token, 0), amount)

    return held
