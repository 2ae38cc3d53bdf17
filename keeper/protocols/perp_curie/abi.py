"""The functions, events and storage places of Perp v2 (Curie) this adapter speaks, as signatures we wrote.

A test compares every function and event with the protocol's own compiled interfaces, and every storage place with
what the deployed contracts keep there.
"""

from typing import Final

from keeper.protocols.words import topic

# ClearingHouse
LIQUIDATE: Final = "liquidate(address,address,int256)"
CLOSE_POSITION: Final = "closePosition((address,uint160,uint256,uint256,bytes32))"
CANCEL_ALL_EXCESS_ORDERS: Final = "cancelAllExcessOrders(address,address)"
GET_QUOTE_TOKEN: Final = "getQuoteToken()"
GET_CONFIG: Final = "getClearingHouseConfig()"
GET_VAULT: Final = "getVault()"
GET_EXCHANGE: Final = "getExchange()"
GET_ORDER_BOOK: Final = "getOrderBook()"
GET_ACCOUNT_BALANCE: Final = "getAccountBalance()"
GET_INSURANCE_FUND: Final = "getInsuranceFund()"
PAUSED: Final = "paused()"
"""Of the Vault too."""

# Vault and InsuranceFund
DEPOSIT: Final = "deposit(address,uint256)"
WITHDRAW_ALL: Final = "withdrawAll(address)"
GET_SETTLEMENT_TOKEN: Final = "getSettlementToken()"
DECIMALS: Final = "decimals()"
GET_COLLATERAL_MANAGER: Final = "getCollateralManager()"
GET_BALANCE_BY_TOKEN: Final = "getBalanceByToken(address,address)"
GET_COLLATERAL_TOKENS: Final = "getCollateralTokens(address)"
BALANCE_OF: Final = "balanceOf(address)"
APPROVE: Final = "approve(address,uint256)"

# ClearingHouseConfig
GET_IM_RATIO: Final = "getImRatio()"
GET_MM_RATIO: Final = "getMmRatio()"
GET_LIQUIDATION_PENALTY_RATIO: Final = "getLiquidationPenaltyRatio()"
GET_TWAP_INTERVAL: Final = "getTwapInterval()"
GET_MARK_PRICE_CONFIG: Final = "getMarkPriceConfig()"
GET_MAX_FUNDING_RATE: Final = "getMaxFundingRate()"
GET_SETTLEMENT_TOKEN_BALANCE_CAP: Final = "getSettlementTokenBalanceCap()"

# CollateralManager
GET_COLLATERAL_CONFIG: Final = "getCollateralConfig(address)"
GET_COLLATERAL_PRICE: Final = "getPrice(address,uint256)"
GET_PRICE_FEED_DECIMALS: Final = "getPriceFeedDecimals(address)"

# AccountBalance, OrderBook, Exchange, MarketRegistry
GET_BASE_TOKENS: Final = "getBaseTokens(address)"
GET_ACCOUNT_INFO: Final = "getAccountInfo(address,address)"
GET_TOTAL_ABS_POSITION_VALUE: Final = "getTotalAbsPositionValue(address)"
GET_OPEN_ORDER_IDS: Final = "getOpenOrderIds(address,address)"
GET_OPEN_ORDER_BY_ID: Final = "getOpenOrderById(bytes32)"
GET_MAX_TICK_CROSSED: Final = "getMaxTickCrossedWithinBlock(address)"
GET_MARKET_REGISTRY: Final = "getMarketRegistry()"
GET_MARKET_INFO: Final = "getMarketInfo(address)"

# BaseToken, and the pool of base and quote token
IS_OPEN: Final = "isOpen()"
IS_CLOSED: Final = "isClosed()"
GET_PAUSED_TIMESTAMP: Final = "getPausedTimestamp()"
GET_PAUSED_INDEX_PRICE: Final = "getPausedIndexPrice()"
GET_CLOSED_PRICE: Final = "getClosedPrice()"
GET_PRICE_FEED: Final = "getPriceFeed()"
SLOT0: Final = "slot0()"
LIQUIDITY: Final = "liquidity()"
TICK_SPACING: Final = "tickSpacing()"
TICKS: Final = "ticks(int24)"
OBSERVATIONS: Final = "observations(uint256)"
"""Of a price feed too."""

# PriceFeedDispatcher, ChainlinkPriceFeedV3 and the aggregator it reads
GET_CHAINLINK_PRICE_FEED: Final = "getChainlinkPriceFeedV3()"
IS_TO_USE_UNISWAP: Final = "isToUseUniswapV3PriceFeed()"
GET_AGGREGATOR: Final = "getAggregator()"
GET_LAST_VALID_PRICE: Final = "getLastValidPrice()"
GET_LAST_VALID_TIMESTAMP: Final = "getLastValidTimestamp()"
CURRENT_OBSERVATION_INDEX: Final = "currentObservationIndex()"
LATEST_ROUND_DATA: Final = "latestRoundData()"
AGGREGATOR: Final = "aggregator()"

# Events
POSITION_CHANGED: Final = topic("PositionChanged(address,address,int256,int256,uint256,int256,int256,uint256)")
POSITION_LIQUIDATED: Final = topic("PositionLiquidated(address,address,uint256,uint256,uint256,address)")
POSITION_CLOSED: Final = topic("PositionClosed(address,address,int256,int256,int256,int256,uint256)")
LIQUIDITY_CHANGED: Final = topic("LiquidityChanged(address,address,address,int24,int24,int256,int256,int128,uint256)")
FUNDING_PAYMENT_SETTLED: Final = topic("FundingPaymentSettled(address,address,int256)")
PNL_REALIZED: Final = topic("PnlRealized(address,int256)")
DEPOSITED: Final = topic("Deposited(address,address,uint256)")
WITHDRAWN: Final = topic("Withdrawn(address,address,uint256)")
COLLATERAL_LIQUIDATED: Final = topic("CollateralLiquidated(address,address,address,uint256,uint256,uint256,uint24)")
BAD_DEBT_SETTLED: Final = topic("BadDebtSettled(address,uint256)")
FUNDING_UPDATED: Final = topic("FundingUpdated(address,uint256,uint256)")
POOL_ADDED: Final = topic("PoolAdded(address,uint24,address)")
ANSWER_UPDATED: Final = topic("AnswerUpdated(int256,uint256,uint256)")
"""Of a feed's aggregator, not of the protocol."""
SWAP: Final = topic("Swap(address,address,int256,int256,uint160,uint128,int24)")
"""Of a pool, not of the protocol."""
BY_TRADER: Final = (
    POSITION_CHANGED, POSITION_LIQUIDATED, POSITION_CLOSED, LIQUIDITY_CHANGED, FUNDING_PAYMENT_SETTLED, PNL_REALIZED,
    COLLATERAL_LIQUIDATED, BAD_DEBT_SETTLED,
)  # fmt: skip
"""Events whose first indexed argument is the account they are about."""
BY_TOKEN: Final = (DEPOSITED, WITHDRAWN)
"""Events whose first indexed argument is a token, and whose second is the account."""
BY_BASE: Final = (POSITION_CHANGED, POSITION_CLOSED, LIQUIDITY_CHANGED, FUNDING_PAYMENT_SETTLED)
"""Events whose second indexed argument is a base token."""
EVENTS: Final = (*BY_TRADER, *BY_TOKEN, FUNDING_UPDATED, POOL_ADDED)
"""Everything that changes an account, a market's funding, or the list of markets."""

# Storage: what no getter tells. New versions only append to these contracts' storage.
OWED_REALIZED_PNL_SLOT: Final = 157
"""AccountBalance._owedRealizedPnlMap, by trader."""
LAST_UPDATED_TICK_SLOT: Final = 208
"""Exchange._lastUpdatedTickMap, by base token, as are the others of the Exchange."""
FIRST_TRADED_TIMESTAMP_SLOT: Final = 209
LAST_SETTLED_TIMESTAMP_SLOT: Final = 210
GLOBAL_FUNDING_GROWTH_SLOT: Final = 211
LAST_TICK_UPDATED_TIMESTAMP_SLOT: Final = 214
GROWTH_OUTSIDE_TICK_SLOT: Final = 208
"""OrderBook._growthOutsideTickMap, by base token and tick."""
FEE_GROWTH_GLOBAL_SLOT: Final = 209
"""OrderBook._feeGrowthGlobalX128Map, by base token."""
IMPLEMENTATION_SLOT: Final = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
"""Where a proxy keeps the address of its code (EIP-1967); zero in a contract that is none."""
