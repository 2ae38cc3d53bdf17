// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

interface IFeed {
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
}

/// @title The price of one token in another, from two dollar feeds
/// @notice Answers as the usual oracle of a Morpho Blue market does, with one feed on each side and no vaults.
contract SandboxPairOracle {
    address public immutable BASE_FEED_1;
    address public immutable QUOTE_FEED_1;
    uint256 public immutable SCALE_FACTOR;
    address public constant BASE_FEED_2 = address(0);
    address public constant QUOTE_FEED_2 = address(0);
    address public constant BASE_VAULT = address(0);
    address public constant QUOTE_VAULT = address(0);

    /// @param baseFeed Prices the collateral.
    /// @param quoteFeed Prices the loan token, with as many decimals.
    /// @param scaleFactor 10 ** (36 + loan decimals - collateral decimals).
    constructor(address baseFeed, address quoteFeed, uint256 scaleFactor) {
        BASE_FEED_1 = baseFeed;
        QUOTE_FEED_1 = quoteFeed;
        SCALE_FACTOR = scaleFactor;
    }

    /// @notice The price of a base unit of collateral in base units of the loan token, times 1e36.
    function price() external view returns (uint256) {
        return SCALE_FACTOR * answer(BASE_FEED_1) / answer(QUOTE_FEED_1);
    }

    function answer(address feed) private view returns (uint256) {
        (, int256 value,,,) = IFeed(feed).latestRoundData();
        require(value >= 0, "negative answer");

        return uint256(value);
    }
}
