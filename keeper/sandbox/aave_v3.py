"""Aave V3.6, compiled from the sources its authors publish and deployed the way they deploy it."""

from collections.abc import Mapping, Sequence
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
from keeper.sandbox.artifact import Artifact, encode_values
from keeper.sandbox.assets import NATIVE, Asset
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.compiler import compile_package
from keeper.sandbox.packages import Packages
from keeper.types import ZERO_ADDRESS, Address

SOURCES: Final = "aave-v3-origin/src/contracts/"
FILES: Final = (
    "instances/PoolInstance",
    "instances/PoolConfiguratorInstance",
    "instances/ATokenInstance",
    "instances/VariableDebtTokenInstance",
    "protocol/configuration/PoolAddressesProvider",
    "protocol/configuration/ACLManager",
    "misc/AaveOracle",
    "misc/DefaultReserveInterestRateStrategyV2",
    "misc/PriceOracleSentinel",
    "helpers/AaveProtocolDataProvider",
    "helpers/LiquidationDataProvider",
    "helpers/UiPoolDataProviderV3",
    "mocks/oracle/SequencerOracle",
)
LIBRARIES: Final = (
    "BorrowLogic",
    "LiquidationLogic",
    "PoolLogic",
    "SupplyLogic",
    "ConfiguratorLogic",
    "FlashLoanLogic",
)
MIN_DECIMALS: Final = 6
"""This version refuses to list a token with fewer."""
RATES_BPS: Final = {False: (8_000, 0, 400, 8_000), True: (9_000, 0, 500, 6_000)}
"""By whether the asset is a stablecoin: optimal usage, base rate, slopes below and above the optimum."""


def compile_aave_v3(packages: Packages) -> Mapping[str, Artifact]:
    """Compile the deployment's contracts; about 14 s the first time, then from the cache."""
    return compile_package(packages, SOURCES, FILES)


def deploy_aave_v3(chain: LocalChain, contracts: Mapping[str, Artifact], assets: Mapping[str, Asset]) -> AaveV3:
    """Deploy a market that lists the assets it accepts, with both efficiency modes."""
    assets = {symbol: asset for symbol, asset in assets.items() if asset.listing.decimals >= MIN_DECIMALS}
    libraries: dict[str, Address] = {}

    for name in LIBRARIES:
        libraries[name] = chain.deploy(contracts[name], libraries=libraries)

    provider = chain.deploy(contracts["PoolAddressesProvider"], "Sandbox 3.6", chain.account)
    strategy = chain.deploy(contracts["DefaultReserveInterestRateStrategyV2"], provider)
    pool_code = chain.deploy(contracts["PoolInstance"], provider, strategy, libraries=libraries)
    configurator_code = chain.deploy(contracts["PoolConfiguratorInstance"], libraries=libraries)
    oracle = chain.deploy(
        contracts["AaveOracle"],
        provider,
        [asset.token for asset in assets.values()],
        [asset.feed.proxy for asset in assets.values()],
        ZERO_ADDRESS,
        ZERO_ADDRESS,
        BASE_UNIT,
    )
    chain.send(provider, "setPriceOracle(address)", oracle)
    chain.send(provider, "setPoolImpl(address)", pool_code)
    chain.send(provider, "setPoolConfiguratorImpl(address)", configurator_code)
    acl_manager = _install_acl(chain, contracts["ACLManager"], provider)
    data_provider = chain.deploy(contracts["AaveProtocolDataProvider"], provider)
    chain.send(provider, "setPoolDataProvider(address)", data_provider)
    pool, configurator = chain.call_many(
        [(provider, "getPool()(address)"), (provider, "getPoolConfigurator()(address)")]
    )

    chain.send(configurator, "updateFlashloanPremium(uint128)", FLASH_PREMIUM_BPS)
    _list(chain, contracts, pool, configurator, list(assets.values()))
    _set_emodes(chain, configurator, assets)
    native_feed = assets[NATIVE].feed.proxy
    return AaveV3(
        version="3.6",
        addresses_provider=provider,
        pool=pool,
        configurator=configurator,
        oracle=oracle,
        acl_manager=acl_manager,
        data_provider=data_provider,
        reserves={symbol: read_reserve(chain, data_provider, asset.token) for symbol, asset in assets.items()},
        libraries=libraries,
        liquidation_data_provider=chain.deploy(contracts["LiquidationDataProvider"], pool, provider),
        ui_pool_data_provider=chain.deploy(contracts["UiPoolDataProviderV3"], native_feed, native_feed),
    )


def _install_acl(chain: LocalChain, artifact: Artifact, provider: Address) -> Address:
    chain.send(provider, "setACLAdmin(address)", chain.account)  # the manager's constructor reads it
    manager = chain.deploy(artifact, provider)
    chain.send(provider, "setACLManager(address)", manager)

    for role in ("addPoolAdmin", "addEmergencyAdmin", "addRiskAdmin"):
        chain.send(manager, f"{role}(address)", chain.account)

    return manager


def _list(
    chain: LocalChain,
    contracts: Mapping[str, Artifact],
    pool: Address,
    configurator: Address,
    assets: Sequence[Asset],
) -> None:
    a_token_code = chain.deploy(contracts["ATokenInstance"], pool, ZERO_ADDRESS, TREASURY)
    debt_token_code = chain.deploy(contracts["VariableDebtTokenInstance"], pool, ZERO_ADDRESS)

    for asset in assets:
        listing = (
            a_token_code,
            debt_token_code,
            asset.token,
            f"Aave Sandbox {asset.listing.symbol}",
            f"a{asset.listing.symbol}",
            f"Aave Sandbox Variable Debt {asset.listing.symbol}",
            f"variableDebt{asset.listing.symbol}",
            b"",
            encode_values(("uint16", "uint32", "uint32", "uint32"), RATES_BPS[asset.listing.stable]),
        )
        chain.send(
            configurator,
            "initReserves((address,address,address,string,string,string,string,bytes,bytes)[])",
            [listing],
        )
        configure_reserve(chain, configurator, asset)


def _set_emodes(chain: LocalChain, configurator: Address, assets: Mapping[str, Asset]) -> None:
    for mode in EMODES:
        chain.send(
            configurator,
            "setEModeCategory(uint8,uint16,uint16,uint16,string)",
            mode.category,
            mode.ltv_bps,
            mode.threshold_bps,
            mode.bonus_bps,
            mode.label,
        )

    for asset in assets.values():
        if asset.listing.emode:
            for use in ("Collateral", "Borrowable"):
                function = f"setAsset{use}InEMode(address,uint8,bool)"
                chain.send(configurator, function, asset.token, asset.listing.emode, True)
