// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC20, IERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title A vault of one token, OpenZeppelin's own, with a fee on leaving that may be zero
/// @notice What is sent to it raises what its shares are worth; what it lends out it cannot pay at once.
contract SandboxVault is ERC4626 {
    uint8 private immutable finer;
    uint256 public immutable exitFeeBps;
    bool private immutable feeOnPaid;
    uint256 public lent;

    constructor(string memory symbol_, IERC20 asset_, uint8 finer_, uint256 exitFeeBps_, bool feeOnPaid_)
        ERC20(symbol_, symbol_)
        ERC4626(asset_)
    {
        finer = finer_;
        exitFeeBps = exitFeeBps_;
        feeOnPaid = feeOnPaid_;
    }

    function lend(address borrower, uint256 amount) external {
        lent += amount;
        SafeERC20.safeTransfer(IERC20(asset()), borrower, amount);
    }

    function totalAssets() public view override returns (uint256) {
        return super.totalAssets() + lent;
    }

    function previewRedeem(uint256 shares) public view override returns (uint256) {
        uint256 worth = super.previewRedeem(shares);
        uint256 whole = feeOnPaid ? 10_000 + exitFeeBps : 10_000;

        return worth - Math.mulDiv(worth, exitFeeBps, whole, Math.Rounding.Ceil);
    }

    function _decimalsOffset() internal view override returns (uint8) {
        return finer;
    }
}
