// A twin of dYdX Perpetual V1's numbers: our own code, written from the protocol's rules and recorded answers.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @notice An account: magnitudes and signs; a zero may carry either sign.
struct Balance {
    bool marginIsPositive;
    bool positionIsPositive;
    uint120 margin;
    uint120 position;
}

/// @notice What a unit of position has paid since the start, or a rate; with 18 decimals.
struct Index {
    uint32 timestamp;
    bool isPositive;
    uint128 value;
}

struct Int {
    uint256 value;
    bool isPositive;
}

struct TradeArg {
    uint256 takerIndex;
    uint256 makerIndex;
    address trader;
    bytes data;
}

/// @notice What a trader contract decided, from the taker's side.
struct TradeResult {
    uint256 marginAmount;
    uint256 positionAmount;
    bool isBuy;
    bytes32 traderFlags;
}

interface ITwinP1Trader {
    function trade(
        address sender,
        address maker,
        address taker,
        uint256 price,
        bytes calldata data,
        bytes32 traderFlags
    ) external returns (TradeResult memory);
}

interface ITwinP1Oracle {
    function getPrice() external view returns (uint256);
}

interface ITwinP1Funder {
    function getFunding(uint256 timeDelta) external view returns (bool, uint256);
}

interface ITwinP1Token {
    function balanceOf(address account) external view returns (uint256);
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
    function approve(address spender, uint256 amount) external returns (bool);
}

/// @notice What the traders and proxies ask of the perpetual.
interface ITwinPerpetualV1 {
    function trade(address[] calldata accounts, TradeArg[] calldata trades) external;
    function deposit(address account, uint256 amount) external;
    function withdraw(address account, address destination, uint256 amount) external;
    function getAccountBalance(address account) external view returns (Balance memory);
    function getMinCollateral() external view returns (uint256);
    function getOraclePrice() external view returns (uint256);
    function getIsGlobalOperator(address operator) external view returns (bool);
    function getTokenContract() external view returns (address);
    function hasAccountPermissions(address account, address operator) external view returns (bool);
}

/// @title Signed amounts as magnitude and sign, and their words in the log
library TwinP1Math {
    uint256 internal constant BASE = 1e18;

    /// @dev Adds or subtracts; what crosses or meets zero is positive only if it ends above it.
    function plus(Int memory one, uint256 amount, bool up) internal pure returns (Int memory) {
        if (one.isPositive == up) {
            require(one.value <= type(uint256).max - amount, "SafeMath: addition overflow");
            return Int(one.value + amount, up);
        }

        (uint256 above, uint256 below) = up ? (amount, one.value) : (one.value, amount);
        return above > below ? Int(above - below, true) : Int(below - above, false);
    }

    function times(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            uint256 product = a * b;
            require(a == 0 || product / a == b, "SafeMath: multiplication overflow");
            return product;
        }
    }

    function over(uint256 a, uint256 b) internal pure returns (uint256) {
        require(b > 0, "SafeMath: division by zero");
        return a / b;
    }

    function overUp(uint256 a, uint256 b) internal pure returns (uint256) {
        return a == 0 ? over(a, b) : over(a - 1, b) + 1;
    }

    function to120(uint256 value) internal pure returns (uint120) {
        require(value < 2 ** 120, "SafeCast: value doesn't fit in 120 bits");
        return uint120(value);
    }

    function to128(uint256 value) internal pure returns (uint128) {
        require(value < 2 ** 128, "SafeCast: value doesn't fit in 128 bits");
        return uint128(value);
    }

    function to32(uint256 value) internal pure returns (uint32) {
        require(value < 2 ** 32, "SafeCast: value doesn't fit in 32 bits");
        return uint32(value);
    }

    function moveMargin(Balance memory balance, uint256 amount, bool up) internal pure {
        Int memory moved = plus(Int(balance.margin, balance.marginIsPositive), amount, up);
        (balance.margin, balance.marginIsPositive) = (to120(moved.value), moved.isPositive);
    }

    function movePosition(Balance memory balance, uint256 amount, bool up) internal pure {
        Int memory moved = plus(Int(balance.position, balance.positionIsPositive), amount, up);
        (balance.position, balance.positionIsPositive) = (to120(moved.value), moved.isPositive);
    }

    /// @dev What an account owns and what it owes at a price, in margin units times 1e18: exact.
    function sides(Balance memory balance, uint256 price) internal pure returns (uint256 positive, uint256 negative) {
        uint256 margin = times(balance.margin, BASE);
        uint256 position = times(balance.position, price);
        positive = (balance.marginIsPositive ? margin : 0) + (balance.positionIsPositive ? position : 0);
        negative = margin + position - positive;
    }

    function isCollateralized(Balance memory balance, uint256 price, uint256 least) internal pure returns (bool) {
        (uint256 positive, uint256 negative) = sides(balance, price);
        return times(positive, BASE) >= times(negative, least);
    }

    function isUnderwater(Balance memory balance, uint256 price) internal pure returns (bool) {
        (uint256 positive, uint256 negative) = sides(balance, price);
        return positive < negative;
    }

    function toWord(Balance memory balance) internal pure returns (bytes32) {
        return bytes32(
            uint256(balance.position) | (balance.positionIsPositive ? 1 << 120 : 0) | uint256(balance.margin) << 128
                | (balance.marginIsPositive ? 1 << 248 : 0)
        );
    }

    function toWord(Index memory index) internal pure returns (bytes32) {
        return bytes32(uint256(index.value) | (index.isPositive ? 1 << 128 : 0) | uint256(index.timestamp) << 136);
    }
}
