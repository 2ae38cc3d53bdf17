// Twin of what MakerDAO's DaiJoin asks of its token, over the sandbox's own: our own small Solidity, not the real Dai.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {SandboxToken} from "../../sandbox/SandboxToken.sol";

/// @title The sandbox's DAI, which anyone may mint, taught to burn
/// @notice Its storage is laid out as that of the token it takes the place of.
contract TwinSandboxDai is SandboxToken {
    constructor(string memory name_, string memory symbol_, uint8 decimals_)
        SandboxToken(name_, symbol_, decimals_)
    {}

    /// @notice Destroy tokens of the caller, or of somebody who lets the caller spend them.
    function burn(address from, uint256 value) external {
        uint256 balance = balanceOf[from];
        if (balance < value) revert InsufficientBalance(from, balance, value);

        if (from != msg.sender) {
            uint256 allowed = allowance[from][msg.sender];
            if (allowed < value) revert InsufficientAllowance(msg.sender, allowed, value);
            if (allowed != type(uint256).max) allowance[from][msg.sender] = allowed - value;
        }

        balanceOf[from] = balance - value;
        totalSupply -= value;
        emit Transfer(from, address(0), value);
    }
}
