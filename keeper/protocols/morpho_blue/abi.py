"""The functions and events of Morpho Blue this adapter speaks, as signatures we wrote.

A test compares every one of them with the protocol's own sources as the compiler reads them.
"""

from typing import Final

from keeper.protocols.words import topic

PARAMS: Final = "(address,address,address,address,uint256)"
"""MarketParams: loan token, collateral token, oracle, interest rate model, liquidation threshold."""
STATE: Final = "(uint128,uint128,uint128,uint128,uint128,uint128)"
"""Market: supply assets and shares, borrow assets and shares, last update, fee."""

# Morpho
MARKET: Final = "market(bytes32)"
POSITION: Final = "position(bytes32,address)"
ID_TO_MARKET_PARAMS: Final = "idToMarketParams(bytes32)"
LIQUIDATE: Final = f"liquidate({PARAMS},address,uint256,uint256,bytes)"
FLASH_LOAN: Final = "flashLoan(address,uint256,bytes)"
ON_MORPHO_LIQUIDATE: Final = "onMorphoLiquidate(uint256,bytes)"

SET_AUTHORIZATION: Final = topic("SetAuthorization(address,address,address,bool)")
IS_AUTHORIZED: Final = "isAuthorized(address,address)"

# Pre-liquidation contracts and their factory
PRE_LIQUIDATE: Final = "preLiquidate(address,uint256,uint256,bytes)"
ON_PRE_LIQUIDATE: Final = "onPreLiquidate(uint256,bytes)"
CREATE_PRE_LIQUIDATION: Final = topic(
    "CreatePreLiquidation(address,bytes32,(uint256,uint256,uint256,uint256,uint256,address))"
)
PRE_LIQUIDATED: Final = topic("PreLiquidate(bytes32,address,address,uint256,uint256,uint256)")

# Oracles, interest rate models, tokens
PRICE: Final = "price()"
BORROW_RATE_VIEW: Final = f"borrowRateView({PARAMS},{STATE})"
RATE_AT_TARGET: Final = "rateAtTarget(bytes32)"
ORACLE_PARTS: Final = (
    "SCALE_FACTOR()", "BASE_VAULT()", "QUOTE_VAULT()", "BASE_FEED_1()", "BASE_FEED_2()", "QUOTE_FEED_1()",
    "QUOTE_FEED_2()",
)  # fmt: skip
"""What the usual oracle is made of: its scale, vaults and feeds."""
LATEST_ROUND_DATA: Final = "latestRoundData()"
AGGREGATOR: Final = "aggregator()"
BALANCE_OF: Final = "balanceOf(address)"
APPROVE: Final = "approve(address,uint256)"

# Events of Morpho
CREATE_MARKET: Final = topic(f"CreateMarket(bytes32,{PARAMS})")
SUPPLY: Final = topic("Supply(bytes32,address,address,uint256,uint256)")
WITHDRAW: Final = topic("Withdraw(bytes32,address,address,address,uint256,uint256)")
BORROW: Final = topic("Borrow(bytes32,address,address,address,uint256,uint256)")
REPAY: Final = topic("Repay(bytes32,address,address,uint256,uint256)")
SUPPLY_COLLATERAL: Final = topic("SupplyCollateral(bytes32,address,address,uint256)")
WITHDRAW_COLLATERAL: Final = topic("WithdrawCollateral(bytes32,address,address,address,uint256)")
LIQUIDATED: Final = topic("Liquidate(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)")
ACCRUE_INTEREST: Final = topic("AccrueInterest(bytes32,uint256,uint256,uint256)")
SET_FEE: Final = topic("SetFee(bytes32,uint256)")
ANSWER_UPDATED: Final = topic("AnswerUpdated(int256,uint256,uint256)")
"""Of a feed's aggregator, not of Morpho."""
EVENTS: Final = (
    CREATE_MARKET, SUPPLY, WITHDRAW, BORROW, REPAY, SUPPLY_COLLATERAL, WITHDRAW_COLLATERAL, LIQUIDATED,
    ACCRUE_INTEREST, SET_FEE,
)  # fmt: skip
"""Everything that changes a market's totals or a borrower."""
