"""The functions and events of Aave V2 this adapter speaks, as signatures we wrote.

A test compares every one of them with the protocol's own artifacts.
"""

from typing import Final

from keeper.protocols.aave import encode as liquidation
from keeper.protocols.words import topic

# LendingPoolAddressesProvider
GET_LENDING_POOL: Final = "getLendingPool()"
GET_CONFIGURATOR: Final = "getLendingPoolConfigurator()"
GET_COLLATERAL_MANAGER: Final = "getLendingPoolCollateralManager()"
GET_PRICE_ORACLE: Final = "getPriceOracle()"

# LendingPool
LENDINGPOOL_REVISION: Final = "LENDINGPOOL_REVISION()"
FLASHLOAN_PREMIUM_TOTAL: Final = "FLASHLOAN_PREMIUM_TOTAL()"
GET_RESERVES_LIST: Final = "getReservesList()"
PAUSED: Final = "paused()"
GET_RESERVE_DATA: Final = "getReserveData(address)"
GET_USER_CONFIGURATION: Final = "getUserConfiguration(address)"
LIQUIDATION_CALL: Final = liquidation.LIQUIDATION_CALL
FLASH_LOAN: Final = "flashLoan(address,address[],uint256[],uint256[],address,bytes,uint16)"

# AaveOracle: the first one names its token by WETH, later ones by BASE_CURRENCY
WETH: Final = "WETH()"
BASE_CURRENCY: Final = "BASE_CURRENCY()"
BASE_CURRENCY_UNIT: Final = "BASE_CURRENCY_UNIT()"
GET_ASSET_PRICE: Final = "getAssetPrice(address)"

# Tokens
SCALED_BALANCE_OF: Final = "scaledBalanceOf(address)"
PRINCIPAL_BALANCE_OF: Final = "principalBalanceOf(address)"
GET_USER_STABLE_RATE: Final = "getUserStableRate(address)"
GET_USER_LAST_UPDATED: Final = "getUserLastUpdated(address)"
BALANCE_OF: Final = "balanceOf(address)"
APPROVE: Final = "approve(address,uint256)"

# Events of the pool
COLLATERAL_ENABLED: Final = topic("ReserveUsedAsCollateralEnabled(address,address)")
COLLATERAL_DISABLED: Final = topic("ReserveUsedAsCollateralDisabled(address,address)")
RESERVE_DATA_UPDATED: Final = topic("ReserveDataUpdated(address,uint256,uint256,uint256,uint256,uint256)")
LIQUIDATED: Final = liquidation.LIQUIDATED
POOL_PAUSED: Final = topic("Paused()")
POOL_UNPAUSED: Final = topic("Unpaused()")

# Events of the supply token, the variable and the stable debt token, and of their proxies
SUPPLY_MINT: Final = topic("Mint(address,uint256,uint256)")
SUPPLY_BURN: Final = topic("Burn(address,address,uint256,uint256)")
BALANCE_TRANSFER: Final = topic("BalanceTransfer(address,address,uint256,uint256)")
DEBT_MINT: Final = topic("Mint(address,address,uint256,uint256)")
DEBT_BURN: Final = topic("Burn(address,uint256,uint256)")
STABLE_MINT: Final = topic("Mint(address,address,uint256,uint256,uint256,uint256,uint256,uint256)")
STABLE_BURN: Final = topic("Burn(address,uint256,uint256,uint256,uint256,uint256)")
TRANSFER: Final = topic("Transfer(address,address,uint256)")
UPGRADED: Final = topic("Upgraded(address)")

# Events of the configurator, of the oracle and of price feeds
RESERVE_INITIALIZED: Final = topic("ReserveInitialized(address,address,address,address,address)")
ASSET_SOURCE_UPDATED: Final = topic("AssetSourceUpdated(address,address)")
ANSWER_UPDATED: Final = topic("AnswerUpdated(int256,uint256,uint256)")
