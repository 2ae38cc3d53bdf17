// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @notice The source of answers behind a feed: anyone may set the next one. Emits what a Chainlink aggregator emits.
contract SandboxAggregator {
    uint8 public immutable decimals;
    string public description;

    int256 public latestAnswer;
    uint256 public latestTimestamp;
    uint80 public latestRound;

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);
    event NewRound(uint256 indexed roundId, address indexed startedBy, uint256 startedAt);

    constructor(uint8 decimals_, string memory description_, int256 answer) {
        decimals = decimals_;
        description = description_;
        _set(answer, block.timestamp);
    }

    function setAnswer(int256 answer) external {
        _set(answer, block.timestamp);
    }

    /// @notice Set an answer that claims another time, for tests of stale and future prices.
    function setAnswerAt(int256 answer, uint256 updatedAt) external {
        _set(answer, updatedAt);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (latestRound, latestAnswer, latestTimestamp, latestTimestamp, latestRound);
    }

    function _set(int256 answer, uint256 updatedAt) private {
        latestRound += 1;
        latestAnswer = answer;
        latestTimestamp = updatedAt;

        emit NewRound(latestRound, msg.sender, updatedAt);
        emit AnswerUpdated(answer, latestRound, updatedAt);
    }
}

/// @notice The address protocols read: passes on what its present aggregator says, as a Chainlink proxy does.
contract SandboxFeed {
    SandboxAggregator public aggregator;
    uint16 public phaseId;

    constructor(SandboxAggregator aggregator_) {
        _change(aggregator_);
    }

    function setAggregator(SandboxAggregator aggregator_) external {
        _change(aggregator_);
    }

    function decimals() external view returns (uint8) {
        return aggregator.decimals();
    }

    function description() external view returns (string memory) {
        return aggregator.description();
    }

    function version() external pure returns (uint256) {
        return 4;
    }

    function latestAnswer() external view returns (int256) {
        return aggregator.latestAnswer();
    }

    function latestTimestamp() external view returns (uint256) {
        return aggregator.latestTimestamp();
    }

    /// @notice Round ids carry the phase in their upper bits, so that they rise over a change of aggregator.
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        (uint80 round, int256 answer, uint256 startedAt, uint256 updatedAt,) = aggregator.latestRoundData();
        round |= uint80(phaseId) << 64;
        return (round, answer, startedAt, updatedAt, round);
    }

    function _change(SandboxAggregator aggregator_) private {
        aggregator = aggregator_;
        phaseId += 1;
    }
}
