// A twin of Compound V3 (Comet): our own code, written from the protocol's rules and recorded answers.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {TwinCometAccounts} from "./TwinCometAccounts.sol";
import {AssetInfo, ITwinCometToken, TotalsBasic, TwinCometTerms, UserBasic} from "./TwinCometTypes.sol";

/// @title A market of one base token: accounts that lack cover are absorbed, and their collateral is sold at a discount
/// @notice The real calls, events, errors and rounding. Of the real one it lacks rewards, managers and the proxy.
contract TwinComet is TwinCometAccounts {
    uint8 private constant PAUSE_ABSORB = 8;
    uint8 private constant PAUSE_BUY = 16;

    constructor(TwinCometTerms memory terms) TwinCometAccounts(terms) {}

    /// @notice Starts both indices at one; only the first time.
    function initializeStorage() external {
        require(totals.lastAccrualTime == 0, AlreadyInitialized());
        totals.lastAccrualTime = nowSeconds();
        totals.baseSupplyIndex = baseIndexScale;
        totals.baseBorrowIndex = baseIndexScale;
    }

    // Liquidation ---------------------------------------------------------------------------------------------------

    /// @notice Takes all collateral of accounts that lack cover and cancels their debt; all of them or none.
    function absorb(address absorber, address[] calldata accounts) external {
        require(totals.pauseFlags & PAUSE_ABSORB == 0, Paused());
        uint256 gasBefore = gasleft();
        accrue();

        for (uint256 i; i < accounts.length; i++) {
            absorbOne(absorber, accounts[i]);
        }

        liquidatorPoints[absorber].numAbsorbs += 1;
        liquidatorPoints[absorber].numAbsorbed += toUint64(accounts.length);
        liquidatorPoints[absorber].approxSpend += toUint128((gasBefore - gasleft()) * tx.gasprice);
    }

    function absorbOne(address absorber, address account) private {
        require(isLiquidatable(account), NotLiquidatable());
        int104 oldPrincipal = userBasic[account].principal;
        int256 oldBalance = presentValue(oldPrincipal);
        uint256 basePrice = getPrice(baseTokenPriceFeed);
        uint256 credit = seize(absorber, account) * baseScale / basePrice;
        int256 newBalance = oldBalance + int256(credit);
        // What the collateral does not cover is the reserves' loss.
        newBalance = newBalance < 0 ? int256(0) : newBalance;
        int104 newPrincipal = principalValue(newBalance);
        UserBasic storage basic = userBasic[account];
        (basic.principal, basic.assetsIn, basic._reserved) = (newPrincipal, 0, 0);
        moveTotals(oldPrincipal, newPrincipal);
        uint256 basePaidOut = uint256(newBalance - oldBalance);
        emit AbsorbDebt(absorber, account, basePaidOut, basePaidOut * basePrice / baseScale);

        if (newPrincipal > 0) {
            emit Transfer(address(0), account, toPresent(uint104(newPrincipal), totals.baseSupplyIndex));
        }
    }

    /// @dev Moves all collateral to the protocol; returns what it credits for it, in the price's unit.
    function seize(address absorber, address account) private returns (uint256 credit) {
        UserBasic memory basic = userBasic[account];

        for (uint256 i; i < listed.length; i++) {
            if (isIn(basic, i)) {
                AssetInfo memory info = listed[i];
                uint128 amount = userCollateral[account][info.asset].balance;
                userCollateral[account][info.asset].balance = 0;
                totalsCollateral[info.asset].totalSupplyAsset -= amount;
                uint256 worth = amount * getPrice(info.priceFeed) / info.scale;
                credit += worth * info.liquidationFactor / factorScale;
                emit AbsorbCollateral(absorber, account, info.asset, amount, worth);
            }
        }
    }

    // The storefront ------------------------------------------------------------------------------------------------

    /// @notice Sells the protocol's collateral while its reserves are below the target.
    function buyCollateral(address asset, uint256 minAmount, uint256 baseAmount, address recipient) external once {
        require(totals.pauseFlags & PAUSE_BUY == 0, Paused());
        int256 reserves = getReserves();
        require(reserves < 0 || uint256(reserves) < targetReserves, NotForSale());
        uint256 paid = pullIn(baseToken, baseAmount);
        uint256 amount = quoteCollateral(asset, paid);
        require(amount >= minAmount, TooMuchSlippage());
        require(amount <= getCollateralReserves(asset), InsufficientReserves());
        payOut(asset, recipient, amount);
        emit BuyCollateral(msg.sender, asset, paid, amount);
    }

    /// @notice What so much base buys, floor; regardless of stock, target and pause.
    function quoteCollateral(address asset, uint256 baseAmount) public view returns (uint256) {
        AssetInfo memory info = getAssetInfoByAddress(asset);
        uint256 price = getPrice(info.priceFeed);
        uint256 discount = storeFrontPriceFactor * (factorScale - info.liquidationFactor) / factorScale;
        uint256 discounted = price * (factorScale - discount) / factorScale;
        return getPrice(baseTokenPriceFeed) * baseAmount * info.scale / discounted / baseScale;
    }

    /// @notice The protocol's own base, with interest to this block; negative after losses.
    function getReserves() public view returns (int256) {
        (uint64 supplyIndex, uint64 borrowIndex) = accruedIndices();
        return int256(ITwinCometToken(baseToken).balanceOf(address(this)))
            - int256(toPresent(totals.totalSupplyBase, supplyIndex))
            + int256(toPresent(totals.totalBorrowBase, borrowIndex));
    }

    function getCollateralReserves(address asset) public view returns (uint256) {
        return ITwinCometToken(asset).balanceOf(address(this)) - totalsCollateral[asset].totalSupplyAsset;
    }

    // Whoever governs -----------------------------------------------------------------------------------------------

    function pause(bool supply_, bool transfer_, bool withdraw_, bool absorb_, bool buy_) external {
        require(msg.sender == governor || msg.sender == pauseGuardian, Unauthorized());
        totals.pauseFlags = (supply_ ? PAUSE_SUPPLY : 0) | (transfer_ ? PAUSE_TRANSFER : 0)
            | (withdraw_ ? PAUSE_WITHDRAW : 0) | (absorb_ ? PAUSE_ABSORB : 0) | (buy_ ? PAUSE_BUY : 0);
        emit PauseAction(supply_, transfer_, withdraw_, absorb_, buy_);
    }

    function withdrawReserves(address to, uint256 amount) external {
        require(msg.sender == governor, Unauthorized());
        int256 reserves = getReserves();
        require(reserves >= 0 && amount <= uint256(reserves), InsufficientReserves());
        payOut(baseToken, to, amount);
        emit WithdrawReserves(to, amount);
    }

    // Views ---------------------------------------------------------------------------------------------------------

    function totalsBasic() external view returns (TotalsBasic memory) {
        return totals;
    }

    function totalSupply() external view returns (uint256) {
        (uint64 supplyIndex,) = accruedIndices();
        return toPresent(totals.totalSupplyBase, supplyIndex);
    }

    function totalBorrow() external view returns (uint256) {
        (, uint64 borrowIndex) = accruedIndices();
        return toPresent(totals.totalBorrowBase, borrowIndex);
    }

    function numAssets() external view returns (uint8) {
        return uint8(listed.length);
    }

    /// @notice What the build says it takes; the plain one takes twelve all the same.
    function maxAssets() external view returns (uint8) {
        return extended ? 24 : 15;
    }

    /// @notice Only the extended build has it: the plain one reverts without data.
    function assetList() external view returns (address) {
        require(extended);
        return address(this);
    }

    function getAssetInfo(uint8 i) external view returns (AssetInfo memory) {
        require(i < listed.length, BadAsset());
        return listed[i];
    }

    function isSupplyPaused() external view returns (bool) {
        return totals.pauseFlags & PAUSE_SUPPLY != 0;
    }

    function isTransferPaused() external view returns (bool) {
        return totals.pauseFlags & PAUSE_TRANSFER != 0;
    }

    function isWithdrawPaused() external view returns (bool) {
        return totals.pauseFlags & PAUSE_WITHDRAW != 0;
    }

    function isAbsorbPaused() external view returns (bool) {
        return totals.pauseFlags & PAUSE_ABSORB != 0;
    }

    function isBuyPaused() external view returns (bool) {
        return totals.pauseFlags & PAUSE_BUY != 0;
    }
}
