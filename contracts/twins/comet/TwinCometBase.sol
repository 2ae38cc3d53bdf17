// A twin of Compound V3's accounting: our own code, written from the protocol's rules and recorded answers.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {
    AssetInfo,
    ITwinComet,
    ITwinCometFeed,
    ITwinCometToken,
    LiquidatorPoints,
    TotalsBasic,
    TotalsCollateral,
    TwinCometCurve,
    TwinCometTerms,
    UserBasic,
    UserCollateral
} from "./TwinCometTypes.sol";

/// @title The state of a market, its interest, and what an account owes and holds
/// @dev The first seven slots are what tests write; what follows them never changes. Reward tracking stays at zero.
abstract contract TwinCometBase is ITwinComet {
    uint64 public constant baseIndexScale = 1e15;
    uint64 public constant factorScale = 1e18;
    uint64 public constant priceScale = 1e8;
    uint64 public constant baseAccrualScale = 1e6;
    uint256 private constant YEAR = 31_536_000;
    /// @dev Configured factors keep four decimals.
    uint64 private constant FACTOR_STEP = 1e14;

    TotalsBasic internal totals;
    mapping(address account => UserBasic) public userBasic;
    mapping(address account => mapping(address asset => UserCollateral)) public userCollateral;
    mapping(address asset => TotalsCollateral) public totalsCollateral;
    mapping(address account => LiquidatorPoints) public liquidatorPoints;
    uint256 internal entered;
    AssetInfo[] internal listed;

    address public immutable governor;
    address public immutable pauseGuardian;
    address public immutable baseToken;
    address public immutable baseTokenPriceFeed;
    bool internal immutable extended;
    uint8 public immutable decimals;
    uint256 public immutable baseScale;
    uint256 public immutable baseBorrowMin;
    uint256 public immutable targetReserves;
    uint256 public immutable storeFrontPriceFactor;
    uint256 public immutable supplyKink;
    uint256 public immutable supplyPerSecondInterestRateBase;
    uint256 public immutable supplyPerSecondInterestRateSlopeLow;
    uint256 public immutable supplyPerSecondInterestRateSlopeHigh;
    uint256 public immutable borrowKink;
    uint256 public immutable borrowPerSecondInterestRateBase;
    uint256 public immutable borrowPerSecondInterestRateSlopeLow;
    uint256 public immutable borrowPerSecondInterestRateSlopeHigh;

    constructor(TwinCometTerms memory terms) {
        governor = terms.governor;
        pauseGuardian = terms.pauseGuardian;
        baseToken = terms.baseToken;
        baseTokenPriceFeed = terms.baseTokenPriceFeed;
        extended = terms.extended;
        decimals = ITwinCometToken(terms.baseToken).decimals();
        require(decimals >= 6 && decimals <= 18, BadDecimals());
        require(ITwinCometFeed(terms.baseTokenPriceFeed).decimals() == 8, BadDecimals());
        baseScale = 10 ** decimals;
        baseBorrowMin = terms.baseBorrowMin;
        targetReserves = terms.targetReserves;
        storeFrontPriceFactor = terms.storeFrontPriceFactor;
        TwinCometCurve memory curve = terms.supplyCurve;
        supplyKink = curve.kink;
        supplyPerSecondInterestRateBase = curve.base / YEAR;
        supplyPerSecondInterestRateSlopeLow = curve.slopeLow / YEAR;
        supplyPerSecondInterestRateSlopeHigh = curve.slopeHigh / YEAR;
        curve = terms.borrowCurve;
        borrowKink = curve.kink;
        borrowPerSecondInterestRateBase = curve.base / YEAR;
        borrowPerSecondInterestRateSlopeLow = curve.slopeLow / YEAR;
        borrowPerSecondInterestRateSlopeHigh = curve.slopeHigh / YEAR;
        list(terms);
    }

    function list(TwinCometTerms memory terms) private {
        require(terms.listings.length <= (terms.extended ? 24 : 12), TooManyAssets());

        for (uint256 i; i < terms.listings.length; i++) {
            require(ITwinCometFeed(terms.listings[i].priceFeed).decimals() == 8, BadDecimals());
            AssetInfo storage info = listed.push();
            info.offset = uint8(i);
            info.asset = terms.listings[i].asset;
            info.priceFeed = terms.listings[i].priceFeed;
            info.scale = uint64(10 ** terms.listings[i].decimals);
            info.borrowCollateralFactor = terms.listings[i].borrowCollateralFactor / FACTOR_STEP * FACTOR_STEP;
            info.liquidateCollateralFactor = terms.listings[i].liquidateCollateralFactor / FACTOR_STEP * FACTOR_STEP;
            info.liquidationFactor = terms.listings[i].liquidationFactor / FACTOR_STEP * FACTOR_STEP;
            info.supplyCap = terms.listings[i].supplyCap;
        }
    }

    // Interest ------------------------------------------------------------------------------------------------------

    /// @notice The stored utilization, 18 decimals, floor; above one where more is owed than supplied.
    function getUtilization() public view returns (uint256) {
        uint256 supplied = toPresent(totals.totalSupplyBase, totals.baseSupplyIndex);
        return supplied == 0 ? 0 : toPresent(totals.totalBorrowBase, totals.baseBorrowIndex) * factorScale / supplied;
    }

    function getSupplyRate(uint256 utilization) public view returns (uint64) {
        if (utilization <= supplyKink) {
            return
                toUint64(
                    supplyPerSecondInterestRateBase + supplyPerSecondInterestRateSlopeLow * utilization / factorScale
                );
        }

        return toUint64(
            supplyPerSecondInterestRateBase + supplyPerSecondInterestRateSlopeLow * supplyKink / factorScale
                + supplyPerSecondInterestRateSlopeHigh * (utilization - supplyKink) / factorScale
        );
    }

    function getBorrowRate(uint256 utilization) public view returns (uint64) {
        if (utilization <= borrowKink) {
            return
                toUint64(
                    borrowPerSecondInterestRateBase + borrowPerSecondInterestRateSlopeLow * utilization / factorScale
                );
        }

        return toUint64(
            borrowPerSecondInterestRateBase + borrowPerSecondInterestRateSlopeLow * borrowKink / factorScale
                + borrowPerSecondInterestRateSlopeHigh * (utilization - borrowKink) / factorScale
        );
    }

    /// @dev Both indices as of this block: one linear step from the last, whatever its length.
    function accruedIndices() internal view returns (uint64 supplyIndex, uint64 borrowIndex) {
        supplyIndex = totals.baseSupplyIndex;
        borrowIndex = totals.baseBorrowIndex;
        uint256 elapsed = nowSeconds() - totals.lastAccrualTime;

        if (elapsed > 0) {
            uint256 utilization = getUtilization();
            supplyIndex += toUint64(supplyIndex * (getSupplyRate(utilization) * elapsed) / factorScale);
            borrowIndex += toUint64(borrowIndex * (getBorrowRate(utilization) * elapsed) / factorScale);
        }
    }

    function accrue() internal {
        (totals.baseSupplyIndex, totals.baseBorrowIndex) = accruedIndices();
        totals.lastAccrualTime = nowSeconds();
    }

    function nowSeconds() internal view returns (uint40) {
        require(block.timestamp < 2 ** 40, TimestampTooLarge());
        return uint40(block.timestamp);
    }

    // Values --------------------------------------------------------------------------------------------------------

    function toPresent(uint256 principal, uint256 index) internal pure returns (uint256) {
        return principal * index / baseIndexScale;
    }

    /// @dev What a principal is worth at the stored indices: the magnitude is floored on both sides of zero.
    function presentValue(int104 principal) internal view returns (int256) {
        if (principal >= 0) {
            return int256(toPresent(uint104(principal), totals.baseSupplyIndex));
        }

        return -int256(toPresent(uint104(-principal), totals.baseBorrowIndex));
    }

    /// @dev The principal of a value: supply is floored, a debt's magnitude is rounded up.
    function principalValue(int256 present) internal view returns (int104) {
        if (present >= 0) {
            return toInt104(toUint104(uint256(present) * baseIndexScale / totals.baseSupplyIndex));
        }

        uint256 index = totals.baseBorrowIndex;
        return -toInt104(toUint104((uint256(-present) * baseIndexScale + index - 1) / index));
    }

    function getPrice(address feed) public view returns (uint256) {
        (, int256 answer,,,) = ITwinCometFeed(feed).latestRoundData();
        require(answer > 0, BadPrice());
        return uint256(answer);
    }

    // Collateral ----------------------------------------------------------------------------------------------------

    function isIn(UserBasic memory basic, uint256 offset) internal pure returns (bool) {
        return offset < 16 ? basic.assetsIn >> offset & 1 == 1 : basic._reserved >> (offset - 16) & 1 == 1;
    }

    /// @notice Whether the collateral, weighted for borrowing, still covers the debt; stored indices.
    function isBorrowCollateralized(address account) public view returns (bool) {
        return userBasic[account].principal >= 0 || weighed(account, false) >= 0;
    }

    /// @notice Whether the account may be absorbed; stored indices, so absorb itself may know better.
    function isLiquidatable(address account) public view returns (bool) {
        return userBasic[account].principal < 0 && weighed(account, true) < 0;
    }

    /// @dev Weighted collateral less debt, in the price's unit; stops at the first asset with which it is covered.
    function weighed(address account, bool toLiquidate) private view returns (int256 liquidity) {
        UserBasic memory basic = userBasic[account];
        uint256 debt = uint256(-presentValue(basic.principal));
        liquidity = -int256(debt * getPrice(baseTokenPriceFeed) / baseScale);

        for (uint256 i; i < listed.length && liquidity < 0; i++) {
            if (isIn(basic, i)) {
                AssetInfo memory info = listed[i];
                uint256 worth = userCollateral[account][info.asset].balance * getPrice(info.priceFeed) / info.scale;
                uint256 factor = toLiquidate ? info.liquidateCollateralFactor : info.borrowCollateralFactor;
                liquidity += int256(worth * factor / factorScale);
            }
        }
    }

    // Narrow numbers ------------------------------------------------------------------------------------------------

    function toUint64(uint256 value) internal pure returns (uint64) {
        require(value <= type(uint64).max, InvalidUInt64());
        return uint64(value);
    }

    function toUint104(uint256 value) internal pure returns (uint104) {
        require(value <= type(uint104).max, InvalidUInt104());
        return uint104(value);
    }

    function toUint128(uint256 value) internal pure returns (uint128) {
        require(value <= type(uint128).max, InvalidUInt128());
        return uint128(value);
    }

    function toInt104(uint104 value) internal pure returns (int104) {
        require(value <= uint104(type(int104).max), InvalidInt104());
        return int104(value);
    }
}
