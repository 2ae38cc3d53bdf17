// A twin of dYdX Perpetual V1's oracles: our own code, written from the protocol's rules and recorded answers.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Index, TwinP1Math} from "./TwinP1Types.sol";

interface ITwinP1Feed {
    function latestAnswer() external view returns (int256);
}

/// @title A feed's answer in margin units per unit of position, with 18 decimals, for one reader
contract TwinP1ChainlinkOracle {
    address public immutable _ORACLE_;
    address public immutable _READER_;
    uint256 public immutable _ADJUSTMENT_;

    constructor(address oracle, address reader, uint256 adjustmentExponent) {
        _ORACLE_ = oracle;
        _READER_ = reader;
        _ADJUSTMENT_ = 10 ** adjustmentExponent;
    }

    function getPrice() external view returns (uint256) {
        require(msg.sender == _READER_, "P1ChainlinkOracle: Sender not authorized to get price");
        int256 answer = ITwinP1Feed(_ORACLE_).latestAnswer();
        require(answer > 0, "P1ChainlinkOracle: Invalid answer from aggregator");
        return uint256(answer) * _ADJUSTMENT_ / 1e18;
    }
}

/// @title The funding rate per second: set by a provider, held within bounds of level and of change
contract TwinP1FundingOracle {
    using TwinP1Math for uint256;
    using TwinP1Math for Index;

    uint128 public constant MAX_ABS_VALUE = 260416666666;
    uint128 public constant MAX_ABS_DIFF_PER_SECOND = 192901234;

    Index private rate;
    address public _FUNDING_RATE_PROVIDER_;

    event LogFundingRateUpdated(bytes32 fundingRate);

    struct Wanted {
        uint256 value;
        bool isPositive;
    }

    constructor(address provider) {
        rate = Index(block.timestamp.to32(), true, 0);
        _FUNDING_RATE_PROVIDER_ = provider;
        emit LogFundingRateUpdated(rate.toWord());
    }

    /// @notice What a unit of notional pays over a time, with 18 decimals.
    function getFunding(uint256 timeDelta) external view returns (bool, uint256) {
        return (rate.isPositive, uint256(rate.value).times(timeDelta));
    }

    /// @notice Sets the rate as near to the wanted one as the bounds allow, and returns it.
    function setFundingRate(Wanted calldata wanted) external returns (Index memory) {
        require(msg.sender == _FUNDING_RATE_PROVIDER_, "The funding rate can only be set by the funding rate provider");
        int256 old = signed(rate.value, rate.isPositive);
        int256 room = int256(uint256(MAX_ABS_DIFF_PER_SECOND) * (block.timestamp - rate.timestamp));
        int256 most = int256(uint256(MAX_ABS_VALUE));
        int256 lower = old - room < -most ? -most : old - room;
        int256 upper = old + room > most ? most : old + room;
        int256 now_ = signed(wanted.value, wanted.isPositive);
        bool kept = now_ >= lower && now_ <= upper;
        now_ = now_ < lower ? lower : now_ > upper ? upper : now_;
        // A zero that was asked for keeps the sign it was asked with.
        bool isPositive = kept && now_ == 0 ? wanted.isPositive : now_ > 0;
        rate = Index(block.timestamp.to32(), isPositive, uint256(now_ < 0 ? -now_ : now_).to128());
        emit LogFundingRateUpdated(rate.toWord());
        return rate;
    }

    function signed(uint256 value, bool isPositive) private pure returns (int256) {
        return isPositive ? int256(value) : -int256(value);
    }
}
