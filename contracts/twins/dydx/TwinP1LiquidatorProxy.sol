// A twin of dYdX Perpetual V1's proxy for liquidators: our own code, from the protocol's rules and recorded answers.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Balance, Int, ITwinP1Token, ITwinPerpetualV1, TradeArg, TwinP1Math} from "./TwinP1Types.sol";
import {TradeData} from "./TwinP1Traders.sol";

/// @title The way for those who are no global operator: liquidates for an account, and keeps a share of the gain
contract TwinP1LiquidatorProxy {
    using TwinP1Math for *;

    address public immutable _PERPETUAL_V1_;
    address public immutable _LIQUIDATION_;
    address public immutable owner = msg.sender;
    uint256 public _INSURANCE_FEE_;
    address public _INSURANCE_FUND_;

    event LogLiquidatorProxyUsed(
        address indexed liquidatee, address indexed liquidator, bool isBuy, uint256 liquidationAmount, uint256 feeAmount
    );
    event LogInsuranceFundSet(address insuranceFund);
    event LogInsuranceFeeSet(uint256 insuranceFee);

    constructor(address perpetual, address liquidation, address insuranceFund, uint256 insuranceFee) {
        _PERPETUAL_V1_ = perpetual;
        _LIQUIDATION_ = liquidation;
        _INSURANCE_FUND_ = insuranceFund;
        _INSURANCE_FEE_ = insuranceFee;
    }

    /// @notice Lets the perpetual take the fee it is about to deposit.
    function approveMaximumOnPerpetual() external {
        ITwinP1Token token = ITwinP1Token(ITwinPerpetualV1(_PERPETUAL_V1_).getTokenContract());
        require(token.approve(_PERPETUAL_V1_, type(uint256).max), "SafeERC20: operation failed");
    }

    /// @notice Liquidates as much as brings the liquidator to a position at most; returns the amount.
    function liquidate(address liquidatee, address liquidator, bool isBuy, Int calldata maxPosition)
        external
        returns (uint256)
    {
        ITwinPerpetualV1 perpetual = ITwinPerpetualV1(_PERPETUAL_V1_);
        require(
            liquidator == msg.sender || perpetual.hasAccountPermissions(liquidator, msg.sender),
            "msg.sender cannot operate the liquidator account"
        );
        // Funding that is due beforehand is no gain of the liquidation.
        perpetual.deposit(liquidator, 0);
        Balance memory before = perpetual.getAccountBalance(liquidator);
        Int memory wanted =
            Int(maxPosition.value, maxPosition.isPositive).plus(before.position, !before.positionIsPositive);
        require(
            wanted.isPositive == isBuy && wanted.value > 0,
            "Cannot liquidate if it would put liquidator past the specified maxPosition"
        );
        trade(liquidatee, liquidator, TradeData(wanted.value, isBuy, false));
        (uint256 amount, uint256 fee) = measure(before, perpetual.getAccountBalance(liquidator));

        if (fee > 0) {
            perpetual.withdraw(liquidator, address(this), fee);
            perpetual.deposit(_INSURANCE_FUND_, fee);
        }

        emit LogLiquidatorProxyUsed(liquidatee, liquidator, isBuy, amount, fee);
        return amount;
    }

    function trade(address liquidatee, address liquidator, TradeData memory data) private {
        bool first = liquidator < liquidatee;
        address[] memory accounts = new address[](2);
        (accounts[0], accounts[1]) = first ? (liquidator, liquidatee) : (liquidatee, liquidator);
        TradeArg[] memory trades = new TradeArg[](1);
        trades[0] = TradeArg(first ? 0 : 1, first ? 1 : 0, _LIQUIDATION_, abi.encode(data));
        ITwinPerpetualV1(_PERPETUAL_V1_).trade(accounts, trades);
    }

    /// @dev What the liquidator's position moved by, and the fund's share of what it gained at the oracle's price.
    function measure(Balance memory before, Balance memory after_) private view returns (uint256 amount, uint256 fee) {
        Int memory position =
            Int(after_.position, after_.positionIsPositive).plus(before.position, !before.positionIsPositive);
        Int memory margin = Int(after_.margin, after_.marginIsPositive).plus(before.margin, !before.marginIsPositive);
        uint256 price = ITwinPerpetualV1(_PERPETUAL_V1_).getOraclePrice();
        Int memory value = Int(margin.value.times(TwinP1Math.BASE), margin.isPositive)
            .plus(position.value.times(price), position.isPositive);
        amount = position.value;
        fee = value.isPositive ? value.value.times(_INSURANCE_FEE_) / TwinP1Math.BASE / TwinP1Math.BASE : 0;
    }

    function setInsuranceFund(address insuranceFund) external {
        require(msg.sender == owner, "Ownable: caller is not the owner");
        _INSURANCE_FUND_ = insuranceFund;
        emit LogInsuranceFundSet(insuranceFund);
    }

    function setInsuranceFee(uint256 insuranceFee) external {
        require(msg.sender == owner, "Ownable: caller is not the owner");
        require(insuranceFee <= TwinP1Math.BASE / 2, "insuranceFee cannot be greater than 50%");
        _INSURANCE_FEE_ = insuranceFee;
        emit LogInsuranceFeeSet(insuranceFee);
    }
}
