"""Aave V3.0.2, from the compiled contracts its authors publish: the rules before dust limits and deficits."""

from collections.abc import Mapping
from typing import Final

from keeper.sandbox.aave import (
    BASE_UNIT,
    EMODES,
    FLASH_PREMIUM_BPS,
    TREASURY,
    AaveV3,
    configure_reserve,
    read_reserve,
)
from keeper.sandbox.artifact import Artifact
from keeper.sandbox.assets import Asset
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.packages import Packages
from keeper.types import ZERO_ADDRESS, Address
from keeper.units import RAY

PACKAGE: Final = "@aave/core-v3"
LIBRARIES: Final = (
    "BorrowLogic",
    "BridgeLogic",
    "ConfiguratorLogic",
    "EModeLogic",
    "FlashLoanLogic",
    "LiquidationLogic",
    "PoolLogic",
    "SupplyLogic",
)
RATES_RAY: Final = {
    False: (RAY * 80 // 100, 0, RAY * 4 // 100, RAY * 80 // 100),
    True: (RAY * 90 // 100, 0, RAY * 5 // 100, RAY * 60 // 100),
}
"""By whether the asset is a stablecoin: optimal usage, base rate, slopes below and above the optimum."""
STABLE_RATES_RAY: Final = (RAY // 100, RAY, RAY // 100, RAY // 10, RAY // 5)
"""Slopes, offset, excess offset, optimal share of stable debt; required, though nobody may borrow at it."""


def deploy_aave_v302(chain: LocalChain, packages: Packages, assets: Mapping[str, Asset]) -> AaveV3:
    """Deploy a market that lists the assets, with both efficiency modes."""
    libraries: dict[str, Address] = {}

    for name in LIBRARIES:
        libraries[name] = chain.deploy(_artifact(packages, name), libraries=libraries)

    provider = chain.deploy(_artifact(packages, "PoolAddressesProvider"), "Sandbox 3.0.2", chain.account)
    oracle = chain.deploy(
        _artifact(packages, "AaveOracle"),
        provider,
        [asset.token for asset in assets.values()],
        [asset.feed.proxy for asset in assets.values()],
        ZERO_ADDRESS,
        ZERO_ADDRESS,
        BASE_UNIT,
    )
    chain.send(provider, "setPriceOracle(address)", oracle)
    chain.send(provider, "setACLAdmin(address)", chain.account)  # the manager's constructor reads it
    acl_manager = chain.deploy(_artifact(packages, "ACLManager"), provider)
    chain.send(provider, "setACLManager(address)", acl_manager)

    for role in ("addPoolAdmin", "addEmergencyAdmin", "addRiskAdmin"):
        chain.send(acl_manager, f"{role}(address)", chain.account)

    data_provider = chain.deploy(_artifact(packages, "AaveProtocolDataProvider"), provider)
    chain.send(provider, "setPoolDataProvider(address)", data_provider)
    pool_code = chain.deploy(_artifact(packages, "Pool"), provider, libraries=libraries)
    chain.send(pool_code, "initialize(address)", provider)
    configurator_code = chain.deploy(_artifact(packages, "PoolConfigurator"), libraries=libraries)
    chain.send(provider, "setPoolImpl(address)", pool_code)
    chain.send(provider, "setPoolConfiguratorImpl(address)", configurator_code)
    pool, configurator = chain.call_many(
        [(provider, "getPool()(address)"), (provider, "getPoolConfigurator()(address)")]
    )

    chain.send(configurator, "updateFlashloanPremiumTotal(uint128)", FLASH_PREMIUM_BPS)
    _list(chain, packages, provider, pool, configurator, assets)
    _set_emodes(chain, configurator, assets)
    return AaveV3(
        version="3.0.2",
        addresses_provider=provider,
        pool=pool,
        configurator=configurator,
        oracle=oracle,
        acl_manager=acl_manager,
        data_provider=data_provider,
        reserves={symbol: read_reserve(chain, data_provider, asset.token) for symbol, asset in assets.items()},
        libraries=libraries,
    )


def _artifact(packages: Packages, name: str) -> Artifact:
    return packages.artifact(PACKAGE, name)


def _list(  # noqa: PLR0913  # a deployment step takes what was deployed before it
    chain: LocalChain,
    packages: Packages,
    provider: Address,
    pool: Address,
    configurator: Address,
    assets: Mapping[str, Asset],
) -> None:
    a_token, stable, variable = (
        chain.deploy(_artifact(packages, name), pool) for name in ("AToken", "StableDebtToken", "VariableDebtToken")
    )
    strategy = _artifact(packages, "DefaultReserveInterestRateStrategy")
    strategies = {
        kind: chain.deploy(strategy, provider, *rates, *STABLE_RATES_RAY) for kind, rates in RATES_RAY.items()
    }

    for symbol, asset in assets.items():
        listing = (
            a_token,
            stable,
            variable,
            asset.listing.decimals,
            strategies[asset.listing.stable],
            asset.token,
            TREASURY,
            ZERO_ADDRESS,
            f"Aave Sandbox {symbol}",
            f"a{symbol}",
            f"Aave Sandbox Variable Debt {symbol}",
            f"variableDebt{symbol}",
            f"Aave Sandbox Stable Debt {symbol}",
            f"stableDebt{symbol}",
            b"",
        )
        chain.send(
            configurator,
            "initReserves((address,address,address,uint8,address,address,address,address,"
            "string,string,string,string,string,string,bytes)[])",
            [listing],
        )
        configure_reserve(chain, configurator, asset)


def _set_emodes(chain: LocalChain, configurator: Address, assets: Mapping[str, Asset]) -> None:
    for mode in EMODES:
        chain.send(
            configurator,
            "setEModeCategory(uint8,uint16,uint16,uint16,address,string)",
            mode.category,
            mode.ltv_bps,
            mode.threshold_bps,
            mode.bonus_bps,
            ZERO_ADDRESS,
            mode.label,
        )

    for asset in assets.values():
        if asset.listing.emode:
            chain.send(configurator, "setAssetEModeCategory(address,uint8)", asset.token, asset.listing.emode)
