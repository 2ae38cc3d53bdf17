// A twin of Compound V3: our own code, written from the protocol's rules and recorded answers, not its authors'.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @notice What a market is deployed with; rates per year, factors with 18 decimals.
struct TwinCometTerms {
    address governor;
    address pauseGuardian;
    address baseToken;
    address baseTokenPriceFeed;
    bool extended;
    TwinCometCurve supplyCurve;
    TwinCometCurve borrowCurve;
    uint64 storeFrontPriceFactor;
    uint256 baseBorrowMin;
    uint256 targetReserves;
    TwinCometListing[] listings;
}

/// @notice A rate that rises with utilization, faster above the kink.
struct TwinCometCurve {
    uint64 kink;
    uint64 base;
    uint64 slopeLow;
    uint64 slopeHigh;
}

/// @notice A collateral as the governor asks for it.
struct TwinCometListing {
    address asset;
    address priceFeed;
    uint8 decimals;
    uint64 borrowCollateralFactor;
    uint64 liquidateCollateralFactor;
    uint64 liquidationFactor;
    uint128 supplyCap;
}

/// @notice A collateral as the market answers about it.
struct AssetInfo {
    uint8 offset;
    address asset;
    address priceFeed;
    uint64 scale;
    uint64 borrowCollateralFactor;
    uint64 liquidateCollateralFactor;
    uint64 liquidationFactor;
    uint128 supplyCap;
}

struct TotalsBasic {
    uint64 baseSupplyIndex;
    uint64 baseBorrowIndex;
    uint64 trackingSupplyIndex;
    uint64 trackingBorrowIndex;
    uint104 totalSupplyBase;
    uint104 totalBorrowBase;
    uint40 lastAccrualTime;
    uint8 pauseFlags;
}

struct UserBasic {
    int104 principal;
    uint64 baseTrackingIndex;
    uint64 baseTrackingAccrued;
    uint16 assetsIn;
    uint8 _reserved;
}

struct UserCollateral {
    uint128 balance;
    uint128 _reserved;
}

struct TotalsCollateral {
    uint128 totalSupplyAsset;
    uint128 _reserved;
}

struct LiquidatorPoints {
    uint32 numAbsorbs;
    uint64 numAbsorbed;
    uint128 approxSpend;
    uint32 _reserved;
}

interface ITwinCometFeed {
    function decimals() external view returns (uint8);
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
}

interface ITwinCometToken {
    function balanceOf(address account) external view returns (uint256);
    function decimals() external view returns (uint8);
}

/// @notice Everything a market says: its events and its errors, by their real names.
interface ITwinComet {
    event Supply(address indexed from, address indexed dst, uint256 amount);
    event Transfer(address indexed from, address indexed to, uint256 amount);
    event Withdraw(address indexed src, address indexed to, uint256 amount);
    event SupplyCollateral(address indexed from, address indexed dst, address indexed asset, uint256 amount);
    event TransferCollateral(address indexed from, address indexed to, address indexed asset, uint256 amount);
    event WithdrawCollateral(address indexed src, address indexed to, address indexed asset, uint256 amount);
    event AbsorbDebt(address indexed absorber, address indexed borrower, uint256 basePaidOut, uint256 usdValue);
    event AbsorbCollateral(
        address indexed absorber,
        address indexed borrower,
        address indexed asset,
        uint256 collateralAbsorbed,
        uint256 usdValue
    );
    event BuyCollateral(address indexed buyer, address indexed asset, uint256 baseAmount, uint256 collateralAmount);
    event PauseAction(bool supplyPaused, bool transferPaused, bool withdrawPaused, bool absorbPaused, bool buyPaused);
    event WithdrawReserves(address indexed to, uint256 amount);

    error AlreadyInitialized();
    error BadAsset();
    error BadDecimals();
    error BadPrice();
    error BorrowTooSmall();
    error InsufficientReserves();
    error InvalidInt104();
    error InvalidUInt104();
    error InvalidUInt128();
    error InvalidUInt64();
    error NoSelfTransfer();
    error NotCollateralized();
    error NotForSale();
    error NotLiquidatable();
    error Paused();
    error ReentrantCallBlocked();
    error SupplyCapExceeded();
    error TimestampTooLarge();
    error TooManyAssets();
    error TooMuchSlippage();
    error TransferInFailed();
    error TransferOutFailed();
    error Unauthorized();
}
