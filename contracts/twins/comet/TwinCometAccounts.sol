// A twin of Compound V3's lending: our own code, written from the protocol's rules and recorded answers.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {TwinCometBase} from "./TwinCometBase.sol";
import {AssetInfo, ITwinCometToken, UserBasic, TwinCometTerms} from "./TwinCometTypes.sol";

/// @title What users do to their accounts, collateral and base alike
abstract contract TwinCometAccounts is TwinCometBase {
    uint8 internal constant PAUSE_SUPPLY = 1;
    uint8 internal constant PAUSE_TRANSFER = 2;
    uint8 internal constant PAUSE_WITHDRAW = 4;

    modifier once() {
        require(entered == 0, ReentrantCallBlocked());
        entered = 1;
        _;
        entered = 0;
    }

    constructor(TwinCometTerms memory terms) TwinCometBase(terms) {}

    function supply(address asset, uint256 amount) external {
        supplyTo(msg.sender, asset, amount);
    }

    function supplyTo(address dst, address asset, uint256 amount) public once {
        require(totals.pauseFlags & PAUSE_SUPPLY == 0, Paused());

        if (asset == baseToken) {
            supplyBase(dst, amount == type(uint256).max ? borrowBalanceOf(dst) : amount);
        } else {
            supplyCollateral(dst, asset, amount);
        }
    }

    function withdraw(address asset, uint256 amount) external {
        withdrawTo(msg.sender, asset, amount);
    }

    function withdrawTo(address to, address asset, uint256 amount) public once {
        require(totals.pauseFlags & PAUSE_WITHDRAW == 0, Paused());

        if (asset == baseToken) {
            uint256 all = amount == type(uint256).max ? balanceOf(msg.sender) : amount;
            accrue();
            uint256 taken = leaveBase(msg.sender, all);
            payOut(asset, to, all);
            emit Withdraw(msg.sender, to, all);
            if (taken > 0) emit Transfer(msg.sender, address(0), taken);
        } else {
            leaveCollateral(msg.sender, asset, amount);
            totalsCollateral[asset].totalSupplyAsset -= toUint128(amount);
            require(isBorrowCollateralized(msg.sender), NotCollateralized());
            payOut(asset, to, amount);
            emit WithdrawCollateral(msg.sender, to, asset, amount);
        }
    }

    function transfer(address dst, uint256 amount) external returns (bool) {
        transferAsset(dst, baseToken, amount);
        return true;
    }

    function transferAsset(address dst, address asset, uint256 amount) public once {
        require(totals.pauseFlags & PAUSE_TRANSFER == 0, Paused());
        require(msg.sender != dst, NoSelfTransfer());

        if (asset == baseToken) {
            uint256 all = amount == type(uint256).max ? balanceOf(msg.sender) : amount;
            accrue();
            uint256 taken = leaveBase(msg.sender, all);
            uint256 given = enterBase(dst, all);
            if (taken > 0) emit Transfer(msg.sender, address(0), taken);
            if (given > 0) emit Transfer(address(0), dst, given);
        } else {
            leaveCollateral(msg.sender, asset, amount);
            enterCollateral(dst, asset, amount);
            require(isBorrowCollateralized(msg.sender), NotCollateralized());
            emit TransferCollateral(msg.sender, dst, asset, amount);
        }
    }

    function accrueAccount(address) external {
        accrue();
    }

    /// @notice What an account has supplied, with interest to this block.
    function balanceOf(address account) public view returns (uint256) {
        (uint64 supplyIndex,) = accruedIndices();
        int104 principal = userBasic[account].principal;
        return principal > 0 ? toPresent(uint104(principal), supplyIndex) : 0;
    }

    /// @notice What an account owes, with interest to this block.
    function borrowBalanceOf(address account) public view returns (uint256) {
        (, uint64 borrowIndex) = accruedIndices();
        int104 principal = userBasic[account].principal;
        return principal < 0 ? toPresent(uint104(-principal), borrowIndex) : 0;
    }

    // Base ----------------------------------------------------------------------------------------------------------

    function supplyBase(address dst, uint256 asked) private {
        uint256 amount = pullIn(baseToken, asked);
        accrue();
        uint256 given = enterBase(dst, amount);
        emit Supply(msg.sender, dst, amount);
        if (given > 0) emit Transfer(address(0), dst, given);
    }

    /// @dev Adds to an account; returns the present value of the part that became supply.
    function enterBase(address account, uint256 amount) private returns (uint256) {
        int104 old = userBasic[account].principal;
        int104 now_ = principalValue(presentValue(old) + int256(amount));
        userBasic[account].principal = now_;

        if (now_ < old) {
            return 0; // rounding took more than was given: the totals stay
        }

        (uint104 supplied,) = moveTotals(old, now_);
        return toPresent(supplied, totals.baseSupplyIndex);
    }

    /// @dev Takes from an account, into debt if need be; returns the present value of the part that was supply.
    function leaveBase(address account, uint256 amount) private returns (uint256 taken) {
        int104 old = userBasic[account].principal;
        int256 balance = presentValue(old) - int256(amount);
        int104 now_ = principalValue(balance);
        userBasic[account].principal = now_;

        if (now_ <= old) {
            (uint104 less,) = moveTotals(old, now_);
            taken = toPresent(less, totals.baseSupplyIndex);
        }

        if (balance < 0) {
            require(uint256(-balance) >= baseBorrowMin, BorrowTooSmall());
            require(isBorrowCollateralized(account), NotCollateralized());
        }
    }

    /// @dev Moves the totals by the parts on each side of zero; returns the magnitudes moved.
    function moveTotals(int104 old, int104 now_) internal returns (uint104 supplied, uint104 borrowed) {
        (uint104 oldSupply, uint104 newSupply) = (positive(old), positive(now_));
        (uint104 oldBorrow, uint104 newBorrow) = (positive(-old), positive(-now_));
        totals.totalSupplyBase = totals.totalSupplyBase + newSupply - oldSupply;
        totals.totalBorrowBase = totals.totalBorrowBase + newBorrow - oldBorrow;
        supplied = newSupply > oldSupply ? newSupply - oldSupply : oldSupply - newSupply;
        borrowed = newBorrow > oldBorrow ? newBorrow - oldBorrow : oldBorrow - newBorrow;
    }

    function positive(int104 value) private pure returns (uint104) {
        return value > 0 ? uint104(value) : 0;
    }

    // Collateral ----------------------------------------------------------------------------------------------------

    function supplyCollateral(address dst, address asset, uint256 asked) private {
        uint256 amount = pullIn(asset, toUint128(asked));
        AssetInfo memory info = getAssetInfoByAddress(asset);
        totalsCollateral[asset].totalSupplyAsset += toUint128(amount);
        require(totalsCollateral[asset].totalSupplyAsset <= info.supplyCap, SupplyCapExceeded());
        enterCollateral(dst, asset, amount);
        emit SupplyCollateral(msg.sender, dst, asset, amount);
    }

    function enterCollateral(address account, address asset, uint256 amount) private {
        uint128 old = userCollateral[account][asset].balance;
        userCollateral[account][asset].balance = old + toUint128(amount);
        mark(account, asset, old, old + uint128(amount));
    }

    function leaveCollateral(address account, address asset, uint256 amount) private {
        uint128 old = userCollateral[account][asset].balance;
        userCollateral[account][asset].balance = old - toUint128(amount);
        mark(account, asset, old, old - uint128(amount));
    }

    /// @dev Keeps the bit that says whether an account holds any of an asset.
    function mark(address account, address asset, uint128 old, uint128 now_) private {
        uint256 offset = getAssetInfoByAddress(asset).offset;

        if ((old == 0) != (now_ == 0)) {
            UserBasic storage basic = userBasic[account];
            if (offset < 16) basic.assetsIn ^= uint16(1 << offset);
            else basic._reserved ^= uint8(1 << (offset - 16));
        }
    }

    function getAssetInfoByAddress(address asset) public view returns (AssetInfo memory) {
        for (uint256 i; i < listed.length; i++) {
            if (listed[i].asset == asset) {
                return listed[i];
            }
        }

        revert BadAsset();
    }

    // Tokens --------------------------------------------------------------------------------------------------------

    /// @dev Takes tokens from the caller; what arrived counts.
    function pullIn(address token, uint256 amount) internal returns (uint256) {
        uint256 before = ITwinCometToken(token).balanceOf(address(this));
        bytes memory call =
            abi.encodeWithSignature("transferFrom(address,address,uint256)", msg.sender, address(this), amount);
        require(said(token, call), TransferInFailed());
        return ITwinCometToken(token).balanceOf(address(this)) - before;
    }

    function payOut(address token, address to, uint256 amount) internal {
        require(said(token, abi.encodeWithSignature("transfer(address,uint256)", to, amount)), TransferOutFailed());
    }

    /// @dev Calls a token, whose own revert goes through; silence is consent, as older tokens mean it.
    function said(address token, bytes memory call) private returns (bool) {
        (bool ok, bytes memory answer) = token.call(call);

        if (!ok) {
            assembly {
                revert(add(answer, 32), mload(answer))
            }
        }

        return answer.length == 0 || abi.decode(answer, (bool));
    }
}
