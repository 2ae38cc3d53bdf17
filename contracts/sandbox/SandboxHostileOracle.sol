// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title An oracle that answers until it is turned, and from then on burns all the gas it is given
/// @notice What whoever asks must survive: markets are anybody's, and so are their oracles.
contract SandboxHostileOracle {
    uint256 private immutable ANSWER;
    bool public hostile;

    /// @param answer_ The price of a base unit of collateral in base units of the loan token, times 1e36.
    constructor(uint256 answer_) {
        ANSWER = answer_;
    }

    function turn() external {
        hostile = true;
    }

    function price() external view returns (uint256) {
        while (hostile) {}

        return ANSWER;
    }
}
