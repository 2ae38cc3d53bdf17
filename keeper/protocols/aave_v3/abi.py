"""The functions and events of Aave V3 this adapter speaks, as signatures we wrote.

A test compares every one of them with the protocol's own artifacts.
"""

from typing import Final

from keeper.protocols.aave import encode as liquidation
from keeper.protocols.words import topic

# PoolAddressesProvider
GET_POOL: Final = "getPool()"
GET_POOL_CONFIGURATOR: Final = "getPoolConfigurator()"
GET_PRICE_ORACLE: Final = "getPriceOracle()"
GET_PRICE_ORACLE_SENTINEL: Final = "getPriceOracleSentinel()"

# Pool
POOL_REVISION: Final = "POOL_REVISION()"
FLASHLOAN_PREMIUM_TOTAL: Final = "FLASHLOAN_PREMIUM_TOTAL()"
GET_RESERVES_LIST: Final = "getReservesList()"
GET_RESERVE_DATA: Final = "getReserveData(address)"
GET_NORMALIZED_INCOME: Final = "getReserveNormalizedIncome(address)"
GET_NORMALIZED_DEBT: Final = "getReserveNormalizedVariableDebt(address)"
GET_VIRTUAL_UNDERLYING_BALANCE: Final = "getVirtualUnderlyingBalance(address)"
GET_LIQUIDATION_GRACE_PERIOD: Final = "getLiquidationGracePeriod(address)"
GET_EMODE_CATEGORY_DATA: Final = "getEModeCategoryData(uint8)"
GET_EMODE_COLLATERAL_CONFIG: Final = "getEModeCategoryCollateralConfig(uint8)"
GET_EMODE_COLLATERAL_BITMAP: Final = "getEModeCategoryCollateralBitmap(uint8)"
GET_USER_CONFIGURATION: Final = "getUserConfiguration(address)"
GET_USER_EMODE: Final = "getUserEMode(address)"
LIQUIDATION_CALL: Final = liquidation.LIQUIDATION_CALL
FLASH_LOAN_SIMPLE: Final = "flashLoanSimple(address,address,uint256,bytes,uint16)"

# AaveOracle, its sources and the sentinel
BASE_CURRENCY: Final = "BASE_CURRENCY()"
BASE_CURRENCY_UNIT: Final = "BASE_CURRENCY_UNIT()"
GET_ASSET_PRICE: Final = "getAssetPrice(address)"
GET_SOURCE_OF_ASSET: Final = "getSourceOfAsset(address)"
LATEST_ROUND_DATA: Final = "latestRoundData()"
AGGREGATOR: Final = "aggregator()"
IS_LIQUIDATION_ALLOWED: Final = "isLiquidationAllowed()"

# Tokens
SCALED_BALANCE_OF: Final = "scaledBalanceOf(address)"
BALANCE_OF: Final = "balanceOf(address)"
TOTAL_SUPPLY: Final = "totalSupply()"
SCALED_TOTAL_SUPPLY: Final = "scaledTotalSupply()"
APPROVE: Final = "approve(address,uint256)"

# Events of the pool
COLLATERAL_ENABLED: Final = topic("ReserveUsedAsCollateralEnabled(address,address)")
COLLATERAL_DISABLED: Final = topic("ReserveUsedAsCollateralDisabled(address,address)")
USER_EMODE_SET: Final = topic("UserEModeSet(address,uint8)")
RESERVE_DATA_UPDATED: Final = topic("ReserveDataUpdated(address,uint256,uint256,uint256,uint256,uint256)")
LIQUIDATED: Final = liquidation.LIQUIDATED

# Events of the supply and variable debt tokens, and of their proxies
MINT: Final = topic("Mint(address,address,uint256,uint256,uint256)")
BURN: Final = topic("Burn(address,address,uint256,uint256,uint256)")
BALANCE_TRANSFER: Final = topic("BalanceTransfer(address,address,uint256,uint256)")
UPGRADED: Final = topic("Upgraded(address)")

# Events of the stable debt token (up to 3.1)
STABLE_MINT: Final = topic("Mint(address,address,uint256,uint256,uint256,uint256,uint256,uint256)")
STABLE_BURN: Final = topic("Burn(address,uint256,uint256,uint256,uint256,uint256)")

# Events of the configurator
RESERVE_INITIALIZED: Final = topic("ReserveInitialized(address,address,address,address,address)")
EMODE_CATEGORY_ADDED: Final = topic("EModeCategoryAdded(uint8,uint256,uint256,uint256,address,string)")

# Events of the oracle and of price feeds
ASSET_SOURCE_UPDATED: Final = topic("AssetSourceUpdated(address,address)")
ANSWER_UPDATED: Final = topic("AnswerUpdated(int256,uint256,uint256)")
