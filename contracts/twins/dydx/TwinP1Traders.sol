// A twin of dYdX Perpetual V1's liquidation and deleveraging: our own code, from the protocol's rules and recorded answers.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Balance, ITwinP1Trader, ITwinPerpetualV1, TradeResult, TwinP1Math} from "./TwinP1Types.sol";

/// @dev What both traders take from their caller.
struct TradeData {
    uint256 amount;
    bool isBuy;
    bool allOrNothing;
}

/// @title What liquidating and deleveraging share: a share of the maker's position moves with its share of the margin
abstract contract TwinP1Taker is ITwinP1Trader {
    using TwinP1Math for *;

    address public immutable _PERPETUAL_V1_;

    constructor(address perpetual) {
        _PERPETUAL_V1_ = perpetual;
    }

    modifier onlyPerpetual() {
        require(msg.sender == _PERPETUAL_V1_, "msg.sender must be PerpetualV1");
        _;
    }

    function perpetual_() internal view returns (ITwinPerpetualV1) {
        return ITwinPerpetualV1(_PERPETUAL_V1_);
    }

    /// @dev Margin that goes with an amount of the position: rounded up where the taker buys, so that it pays less.
    function share(Balance memory maker, uint256 amount, bool isBuy) internal pure returns (uint256) {
        uint256 product = uint256(maker.margin).times(amount);
        return isBuy ? product.overUp(maker.position) : product.over(maker.position);
    }
}

/// @title Anybody's position below the maintenance margin, taken over at its own margin
contract TwinP1Liquidation is TwinP1Taker {
    using TwinP1Math for *;

    bytes32 private constant FLAG = bytes32(uint256(2));

    event LogLiquidated(address indexed maker, address indexed taker, uint256 amount, bool isBuy, uint256 oraclePrice);

    constructor(address perpetual) TwinP1Taker(perpetual) {}

    function trade(address sender, address maker, address taker, uint256 price, bytes calldata data, bytes32)
        external
        onlyPerpetual
        returns (TradeResult memory)
    {
        require(perpetual_().getIsGlobalOperator(sender), "Sender is not a global operator");
        TradeData memory wanted = abi.decode(data, (TradeData));
        Balance memory balance = perpetual_().getAccountBalance(maker);
        require(
            !balance.isCollateralized(price, perpetual_().getMinCollateral()),
            "Cannot liquidate since maker is not undercollateralized"
        );
        require(
            !wanted.allOrNothing || balance.position >= wanted.amount,
            "allOrNothing is set and maker position is less than amount"
        );
        require(wanted.isBuy == balance.positionIsPositive, "liquidation must not increase maker's position size");
        require(
            balance.marginIsPositive || balance.margin == 0 || balance.positionIsPositive || balance.position == 0,
            "Cannot liquidate when maker position and margin are both negative"
        );
        uint256 amount = wanted.amount < balance.position ? wanted.amount : balance.position;
        uint256 margin = share(balance, amount, wanted.isBuy);
        emit LogLiquidated(maker, taker, amount, wanted.isBuy, price);
        return TradeResult(margin, amount, wanted.isBuy, FLAG);
    }
}

/// @title A position that is worth less than nothing, closed against one of the other side
contract TwinP1Deleveraging is TwinP1Taker {
    using TwinP1Math for *;

    uint256 public constant DELEVERAGING_TIMELOCK_S = 1800;
    bytes32 private constant FLAG = bytes32(uint256(4));

    /// @notice When each account was marked, 0 where it is not.
    mapping(address account => uint256) public _MARKED_TIMESTAMP_;
    address public _DELEVERAGING_OPERATOR_;

    event LogDeleveraged(address indexed maker, address indexed taker, uint256 amount, bool isBuy, uint256 oraclePrice);
    event LogMarkedForDeleveraging(address indexed account);
    event LogUnmarkedForDeleveraging(address indexed account);

    constructor(address perpetual, address operator) TwinP1Taker(perpetual) {
        _DELEVERAGING_OPERATOR_ = operator;
    }

    function trade(address sender, address maker, address taker, uint256 price, bytes calldata data, bytes32 flags)
        external
        onlyPerpetual
        returns (TradeResult memory)
    {
        require(flags == 0, "cannot deleverage after other trade operations, in the same tx");
        checkSender(sender, maker);
        TradeData memory wanted = abi.decode(data, (TradeData));
        Balance memory made = perpetual_().getAccountBalance(maker);
        Balance memory taken = perpetual_().getAccountBalance(taker);
        checkTrade(wanted, made, taken, price);
        uint256 amount = wanted.amount < made.position ? wanted.amount : made.position;
        amount = amount < taken.position ? amount : taken.position;
        uint256 margin = share(made, amount, wanted.isBuy);

        if (amount == made.position && _MARKED_TIMESTAMP_[maker] != 0) {
            _MARKED_TIMESTAMP_[maker] = 0;
            emit LogUnmarkedForDeleveraging(maker);
        }

        emit LogDeleveraged(maker, taker, amount, wanted.isBuy, price);
        return TradeResult(margin, amount, wanted.isBuy, FLAG);
    }

    /// @notice Starts the time after which anybody may deleverage an account that is underwater on its stored margin.
    function mark(address account) external {
        require(isUnderwaterNow(account), "Cannot mark since account is not underwater");
        _MARKED_TIMESTAMP_[account] = block.timestamp;
        emit LogMarkedForDeleveraging(account);
    }

    function unmark(address account) external {
        require(!isUnderwaterNow(account), "Cannot unmark since account is underwater");
        _MARKED_TIMESTAMP_[account] = 0;
        emit LogUnmarkedForDeleveraging(account);
    }

    function isUnderwaterNow(address account) private view returns (bool) {
        return perpetual_().getAccountBalance(account).isUnderwater(perpetual_().getOraclePrice());
    }

    function checkSender(address sender, address maker) private view {
        if (sender == _DELEVERAGING_OPERATOR_) {
            return;
        }

        uint256 marked = _MARKED_TIMESTAMP_[maker];
        require(marked != 0, "Cannot deleverage since account is not marked");
        require(
            block.timestamp - marked >= DELEVERAGING_TIMELOCK_S,
            "Cannot deleverage since account has not been marked for the timelock period"
        );
    }

    function checkTrade(TradeData memory wanted, Balance memory made, Balance memory taken, uint256 price)
        private
        pure
    {
        require(made.isUnderwater(price), "Cannot deleverage since maker is not underwater");
        require(
            !wanted.allOrNothing || made.position >= wanted.amount,
            "allOrNothing is set and maker position is less than amount"
        );
        require(
            !wanted.allOrNothing || taken.position >= wanted.amount,
            "allOrNothing is set and taker position is less than amount"
        );
        require(wanted.isBuy == made.positionIsPositive, "deleveraging must not increase maker's position size");
        require(
            made.positionIsPositive != taken.positionIsPositive,
            "Taker position has wrong sign to deleverage this maker"
        );
    }
}
