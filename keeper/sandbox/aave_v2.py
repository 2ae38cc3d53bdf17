"""Aave V2, from the compiled contracts its authors publish: priced in ether, with debts at stable rates.

Its oracle reads feeds quoted in ether, so that each asset gets one of its own beside its dollar feed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keeper.sandbox.aave import TREASURY
from keeper.sandbox.artifact import Artifact
from keeper.sandbox.assets import NATIVE, Asset, approve, fund
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.feeds import Feed
from keeper.sandbox.packages import Packages
from keeper.types import ZERO_ADDRESS, Address
from keeper.units import RAY, WAD

PACKAGE: Final = "@aave/protocol-v2"
ETHER_DECIMALS: Final = 18
STABLE_RATE: Final = 1
VARIABLE_RATE: Final = 2
RATES_RAY: Final = {
    False: (RAY * 65 // 100, 0, RAY * 8 // 100, RAY, RAY // 10, RAY),
    True: (RAY * 90 // 100, 0, RAY * 4 // 100, RAY * 60 // 100, RAY // 50, RAY * 60 // 100),
}
"""By whether the asset is a stablecoin: optimal usage, base rate, variable slopes, stable slopes."""
MARKET_RATE_RAY: Final = RAY * 3 // 100
"""What the lending rate oracle says loans at a stable rate start from."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """One listed asset's tokens and its feed in ether; the wrapped native token has none, its price is one."""

    asset: Address
    a_token: Address
    stable_debt_token: Address
    variable_debt_token: Address
    feed: Feed | None


@dataclass(frozen=True, slots=True)
class AaveV2:
    """The addresses of one deployment."""

    addresses_provider: Address
    pool: Address
    configurator: Address
    oracle: Address
    reserves: Mapping[str, Reserve]
    """By symbol."""


def deploy_aave_v2(chain: LocalChain, packages: Packages, assets: Mapping[str, Asset]) -> AaveV2:
    """Deploy a market that lists the assets, each as collateral and borrowable at both rates."""
    pool_code, libraries = _pool_code(chain, packages)
    provider = chain.deploy(_artifact(packages, "LendingPoolAddressesProvider"), "Sandbox V2")
    chain.send(pool_code, "initialize(address)", provider)
    for role in ("setPoolAdmin", "setEmergencyAdmin"):
        chain.send(provider, f"{role}(address)", chain.account)

    chain.send(provider, "setLendingPoolImpl(address)", pool_code)
    configurator_code = chain.deploy(_artifact(packages, "LendingPoolConfigurator"), libraries=libraries)
    chain.send(provider, "setLendingPoolConfiguratorImpl(address)", configurator_code)
    manager = chain.deploy(_artifact(packages, "LendingPoolCollateralManager"), libraries=libraries)
    chain.send(provider, "setLendingPoolCollateralManager(address)", manager)
    pool, configurator = chain.call_many(
        [(provider, "getLendingPool()(address)"), (provider, "getLendingPoolConfigurator()(address)")]
    )
    feeds = _deploy_feeds(chain, packages, assets)
    oracle = chain.deploy(
        _artifact(packages, "AaveOracle"),
        [assets[symbol].token for symbol in feeds],
        [feed.proxy for feed in feeds.values()],
        ZERO_ADDRESS,
        assets[NATIVE].token,
    )
    chain.send(provider, "setPriceOracle(address)", oracle)
    rate_oracle = chain.deploy(_artifact(packages, "LendingRateOracle"))
    chain.send(provider, "setLendingRateOracle(address)", rate_oracle)
    for asset in assets.values():
        chain.send(rate_oracle, "setMarketBorrowRate(address,uint256)", asset.token, MARKET_RATE_RAY)

    bare = AaveV2(provider, pool, configurator, oracle, {})
    reserves = {symbol: _list(chain, packages, bare, asset, feeds.get(symbol)) for symbol, asset in assets.items()}
    chain.send(configurator, "setPoolPause(bool)", False)
    return AaveV2(provider, pool, configurator, oracle, reserves)


def ether_price(dollars: Mapping[str, int], symbol: str) -> int:
    """Convert an asset's price in dollars to wei of ether; down: the nearest wei is near enough for a scene."""
    return dollars[symbol] * WAD // dollars[NATIVE]


def _artifact(packages: Packages, name: str) -> Artifact:
    return packages.artifact(PACKAGE, name)


def _pool_code(chain: LocalChain, packages: Packages) -> tuple[Address, dict[str, Address]]:
    """Deploy the pool's implementation and the libraries it links."""
    libraries: dict[str, Address] = {}
    for name in ("GenericLogic", "ReserveLogic", "ValidationLogic"):
        libraries[name] = chain.deploy(_artifact(packages, name), libraries=libraries)

    return chain.deploy(_artifact(packages, "LendingPool"), libraries=libraries), libraries


def _deploy_feeds(chain: LocalChain, packages: Packages, assets: Mapping[str, Asset]) -> dict[str, Feed]:
    """Deploy a feed in wei of ether for every asset but ether itself."""
    own = compile_own(packages, "sandbox")
    listed = {symbol: asset.listing.price for symbol, asset in assets.items()}
    feeds = {}
    for symbol in assets:
        if symbol != NATIVE:
            answer = ether_price(listed, symbol)
            aggregator = chain.deploy(own["SandboxAggregator"], ETHER_DECIMALS, f"{symbol} / ETH", answer)
            feeds[symbol] = Feed(chain.deploy(own["SandboxFeed"], aggregator), aggregator)

    return feeds


def _list(chain: LocalChain, packages: Packages, aave: AaveV2, asset: Asset, feed: Feed | None) -> Reserve:
    listing, pool = asset.listing, aave.pool
    strategy = chain.deploy(
        _artifact(packages, "DefaultReserveInterestRateStrategy"), aave.addresses_provider, *RATES_RAY[listing.stable]
    )
    names = (f"Aave Sandbox {listing.symbol}", f"a{listing.symbol}")
    a_token = chain.deploy(_artifact(packages, "AToken"), pool, asset.token, TREASURY, *names, ZERO_ADDRESS)
    stable, variable = (
        chain.deploy(_artifact(packages, kind), pool, asset.token, *names, ZERO_ADDRESS)
        for kind in ("StableDebtToken", "VariableDebtToken")
    )
    tokens = (a_token, stable, variable)
    chain.send(
        aave.configurator, "initReserve(address,address,address,uint8,address)", *tokens, listing.decimals, strategy
    )
    chain.send(
        aave.configurator,
        "configureReserveAsCollateral(address,uint256,uint256,uint256)",
        asset.token,
        listing.ltv_bps,
        listing.threshold_bps,
        listing.bonus_bps,
    )
    chain.send(aave.configurator, "enableBorrowingOnReserve(address,bool)", asset.token, True)
    chain.send(aave.configurator, "setReserveFactor(address,uint256)", asset.token, 1_000)
    # The pool lists proxies of the tokens, not the tokens.
    a_token, stable, variable = chain.call(
        pool,
        "getReserveData(address)((uint256),uint128,uint128,uint128,uint128,uint128,uint40,address,address,address,address,uint8)",
        asset.token,
    )[7:10]
    return Reserve(asset.token, a_token, stable, variable, feed)


# What a user does --------------------------------------------------------------------------------------------------


def deposit(chain: LocalChain, aave: AaveV2, asset: Asset, user: Address, amount: int) -> None:
    """Give the user the tokens and have them deposited, used as collateral from the first on."""
    fund(chain, asset, user, amount)
    approve(chain, asset, user, aave.pool)
    chain.send(aave.pool, "deposit(address,uint256,address,uint16)", asset.token, amount, user, 0, sender=user)


def borrow(  # noqa: PLR0913  # the protocol's own arguments
    chain: LocalChain, aave: AaveV2, asset: Asset, user: Address, amount: int, *, mode: int = VARIABLE_RATE
) -> None:
    """Borrow at the variable rate, or at the stable one."""
    chain.send(
        aave.pool,
        "borrow(address,uint256,uint256,uint16,address)",
        asset.token,
        amount,
        mode,
        0,
        user,
        sender=user,
    )


def account_data(chain: LocalChain, aave: AaveV2, user: Address) -> tuple[int, int, int]:
    """Read the pool's own view of an account: collateral and debt in wei of ether, health factor in wad."""
    results = "(uint256,uint256,uint256,uint256,uint256,uint256)"
    data = chain.call(aave.pool, f"getUserAccountData(address){results}", user)
    return data[0], data[1], data[5]
