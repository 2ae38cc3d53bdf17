"""The functions and events of Comet this adapter speaks, as signatures we wrote from the protocol's rules."""

from typing import Final

from keeper.protocols.words import topic

# Constants of an implementation
BASE_TOKEN: Final = "baseToken()"
BASE_PRICE_FEED: Final = "baseTokenPriceFeed()"
BASE_SCALE: Final = "baseScale()"
NUM_ASSETS: Final = "numAssets()"
ASSET_INFO: Final = "getAssetInfo(uint8)"
STORE_FRONT_PRICE_FACTOR: Final = "storeFrontPriceFactor()"
TARGET_RESERVES: Final = "targetReserves()"
SUPPLY_CURVE: Final = (
    "supplyKink()",
    "supplyPerSecondInterestRateBase()",
    "supplyPerSecondInterestRateSlopeLow()",
    "supplyPerSecondInterestRateSlopeHigh()",
)
BORROW_CURVE: Final = (
    "borrowKink()",
    "borrowPerSecondInterestRateBase()",
    "borrowPerSecondInterestRateSlopeLow()",
    "borrowPerSecondInterestRateSlopeHigh()",
)

# State
TOTALS_BASIC: Final = "totalsBasic()"
TOTALS_COLLATERAL: Final = "totalsCollateral(address)"
USER_BASIC: Final = "userBasic(address)"
USER_COLLATERAL: Final = "userCollateral(address,address)"
QUOTE_COLLATERAL: Final = "quoteCollateral(address,uint256)"

# What a plan calls
ABSORB: Final = "absorb(address,address[])"
BUY_COLLATERAL: Final = "buyCollateral(address,uint256,uint256,address)"

# Tokens and price feeds
BALANCE_OF: Final = "balanceOf(address)"
APPROVE: Final = "approve(address,uint256)"

# Events of the market; those of the base token tell balances, not principals
SUPPLIED: Final = topic("Supply(address,address,uint256)")
WITHDRAWN: Final = topic("Withdraw(address,address,uint256)")
TRANSFER: Final = topic("Transfer(address,address,uint256)")
COLLATERAL_SUPPLIED: Final = topic("SupplyCollateral(address,address,address,uint256)")
COLLATERAL_MOVED: Final = topic("TransferCollateral(address,address,address,uint256)")
COLLATERAL_WITHDRAWN: Final = topic("WithdrawCollateral(address,address,address,uint256)")
DEBT_ABSORBED: Final = topic("AbsorbDebt(address,address,uint256,uint256)")
COLLATERAL_ABSORBED: Final = topic("AbsorbCollateral(address,address,address,uint256,uint256)")
BOUGHT: Final = topic("BuyCollateral(address,address,uint256,uint256)")
PAUSED: Final = topic("PauseAction(bool,bool,bool,bool,bool)")
RESERVES_WITHDRAWN: Final = topic("WithdrawReserves(address,uint256)")

# Events of its proxy and of price feeds
UPGRADED: Final = topic("Upgraded(address)")
ANSWER_UPDATED: Final = topic("AnswerUpdated(int256,uint256,uint256)")
