"""The functions and events of dYdX Perpetual V1 this adapter speaks, as signatures we wrote."""

from typing import Final

from keeper.protocols.words import topic

# PerpetualV1
GET_GLOBAL_INDEX: Final = "getGlobalIndex()"
GET_MIN_COLLATERAL: Final = "getMinCollateral()"
GET_FINAL_SETTLEMENT_ENABLED: Final = "getFinalSettlementEnabled()"
GET_IS_GLOBAL_OPERATOR: Final = "getIsGlobalOperator(address)"
GET_TOKEN_CONTRACT: Final = "getTokenContract()"
GET_ORACLE_CONTRACT: Final = "getOracleContract()"
GET_FUNDER_CONTRACT: Final = "getFunderContract()"
GET_ACCOUNT_BALANCE: Final = "getAccountBalance(address)"
GET_ACCOUNT_INDEX: Final = "getAccountIndex(address)"
WITHDRAW: Final = "withdraw(address,address,uint256)"

# P1LiquidatorProxy
LIQUIDATE: Final = "liquidate(address,address,bool,(uint256,bool))"
INSURANCE_FEE: Final = "_INSURANCE_FEE_()"
PERPETUAL_V1: Final = "_PERPETUAL_V1_()"

# The oracle, which answers the perpetual alone, the funder, and the settlement token
GET_PRICE: Final = "getPrice()"
GET_FUNDING: Final = "getFunding(uint256)"
DECIMALS: Final = "decimals()"

# Events of PerpetualV1
LOG_INDEX: Final = topic("LogIndex(bytes32)")
LOG_ACCOUNT_SETTLED: Final = topic("LogAccountSettled(address,bool,uint256,bytes32)")
LOG_TRADE: Final = topic("LogTrade(address,address,address,uint256,uint256,bool,bytes32,bytes32)")
LOG_DEPOSIT: Final = topic("LogDeposit(address,uint256,bytes32)")
LOG_WITHDRAW: Final = topic("LogWithdraw(address,address,uint256,bytes32)")
LOG_WITHDRAW_FINAL_SETTLEMENT: Final = topic("LogWithdrawFinalSettlement(address,uint256,bytes32)")
EVENTS: Final = (
    LOG_INDEX, LOG_ACCOUNT_SETTLED, LOG_TRADE, LOG_DEPOSIT, LOG_WITHDRAW, LOG_WITHDRAW_FINAL_SETTLEMENT,
)  # fmt: skip
"""Everything that changes an account or the index."""

# Of P1LiquidatorProxy
LOG_LIQUIDATOR_PROXY_USED: Final = topic("LogLiquidatorProxyUsed(address,address,bool,uint256,uint256)")
