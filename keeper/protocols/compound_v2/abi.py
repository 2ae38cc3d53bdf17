"""The functions and events of Compound V2 and its forks this adapter speaks, as signatures we wrote.

A test compares those Venus kept with Venus's own artifacts.
"""

from typing import Final

from keeper.protocols.words import topic

# Comptroller
GET_ALL_MARKETS: Final = "getAllMarkets()"
ORACLE: Final = "oracle()"
CLOSE_FACTOR: Final = "closeFactorMantissa()"
LIQUIDATION_INCENTIVE: Final = "liquidationIncentiveMantissa()"
MARKETS: Final = "markets(address)"
GET_ASSETS_IN: Final = "getAssetsIn(address)"
COMPTROLLER_IMPLEMENTATION: Final = "comptrollerImplementation()"
FACET_ADDRESSES: Final = "facetAddresses()"
SEIZE_GUARDIAN_PAUSED: Final = "seizeGuardianPaused()"
IS_DEPRECATED: Final = "isDeprecated(address)"
# Comptroller of Venus
PROTOCOL_PAUSED: Final = "protocolPaused()"
ACTION_PAUSED: Final = "actionPaused(address,uint8)"
LIQUIDATOR_CONTRACT: Final = "liquidatorContract()"
REDEEM_FEE: Final = "treasuryPercent()"
VAI_CONTROLLER: Final = "vaiController()"
FORCED_LIQUIDATION: Final = "isForcedLiquidationEnabled(address)"
USER_POOL: Final = "userPoolId(address)"

# Liquidator of Venus
LIQUIDATOR_SHARE: Final = "treasuryPercentMantissa()"
LIQUIDATION_RESTRICTED: Final = "liquidationRestricted(address)"
PROTOCOL_SHARE_RESERVE: Final = "protocolShareReserve()"
LIQUIDATE_THROUGH: Final = "liquidateBorrow(address,address,uint256,address)"

# VAIController
VAI_REPAY_AMOUNT: Final = "getVAIRepayAmount(address)"

# CToken
UNDERLYING: Final = "underlying()"
ACCRUAL_BLOCK: Final = "accrualBlockNumber()"
ACCRUAL_TIMESTAMP: Final = "accrualBlockTimestamp()"
IS_TIME_BASED: Final = "isTimeBased()"
IMPLEMENTATION: Final = "implementation()"
GET_CASH: Final = "getCash()"
TOTAL_BORROWS: Final = "totalBorrows()"
TOTAL_RESERVES: Final = "totalReserves()"
TOTAL_SUPPLY: Final = "totalSupply()"
BORROW_INDEX: Final = "borrowIndex()"
RESERVE_FACTOR: Final = "reserveFactorMantissa()"
EXCHANGE_RATE_STORED: Final = "exchangeRateStored()"
RATE_PER_BLOCK: Final = "borrowRatePerBlock()"
RATE_PER_SECOND: Final = "borrowRatePerTimestamp()"
SEIZE_SHARE: Final = "protocolSeizeShareMantissa()"
BORROW_BALANCE: Final = "borrowBalanceStored(address)"
LIQUIDATE: Final = "liquidateBorrow(address,uint256,address)"
LIQUIDATE_NATIVE: Final = "liquidateBorrow(address,address)"
REDEEM: Final = "redeem(uint256)"

# Tokens, the wrapped native one among them
DECIMALS: Final = "decimals()"
SYMBOL: Final = "symbol()"
BALANCE_OF: Final = "balanceOf(address)"
APPROVE: Final = "approve(address,uint256)"
DEPOSIT: Final = "deposit()"
WITHDRAW: Final = "withdraw(uint256)"

# Oracle and price feeds
UNDERLYING_PRICE: Final = "getUnderlyingPrice(address)"
GET_FEED: Final = "getFeed(string)"

# Events of the comptroller
MARKET_LISTED: Final = topic("MarketListed(address)")
MARKET_ENTERED: Final = topic("MarketEntered(address,address)")
MARKET_EXITED: Final = topic("MarketExited(address,address)")
POOL_SELECTED: Final = topic("PoolSelected(address,uint96,uint96)")

# Events of cTokens; the oldest ones tell an accrual without the cash before it
ACCRUED: Final = topic("AccrueInterest(uint256,uint256,uint256,uint256)")
ACCRUED_BRIEFLY: Final = topic("AccrueInterest(uint256,uint256,uint256)")
BORROWED: Final = topic("Borrow(address,uint256,uint256,uint256)")
REPAID: Final = topic("RepayBorrow(address,address,uint256,uint256,uint256)")
TRANSFER: Final = topic("Transfer(address,address,uint256)")
MINTED: Final = topic("Mint(address,uint256,uint256)")
REDEEMED: Final = topic("Redeem(address,uint256,uint256)")
REDEEM_FEE_PAID: Final = topic("RedeemFee(address,uint256,uint256)")
RESERVES_ADDED: Final = topic("ReservesAdded(address,uint256,uint256)")
RESERVES_REDUCED: Final = topic("ReservesReduced(address,uint256,uint256)")
LIQUIDATED: Final = topic("LiquidateBorrow(address,address,uint256,address,uint256)")
FAILURE: Final = topic("Failure(uint256,uint256,uint256)")

# Events of Venus's liquidator and VAIController
RESTRICTED: Final = topic("LiquidationRestricted(address)")
UNRESTRICTED: Final = topic("LiquidationRestrictionsDisabled(address)")
VAI_MINTED: Final = topic("MintVAI(address,uint256)")

# Events of price feeds
ANSWER_UPDATED: Final = topic("AnswerUpdated(int256,uint256,uint256)")
