// No twin of anything, but what the twin of dYdX Perpetual V1 needs on a sandbox: a way to open positions.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ITwinP1Trader, TradeResult} from "./TwinP1Types.sol";

/// @title Trades that its owner says two accounts have agreed on; the real protocol matches signed orders instead
contract TwinP1Matcher is ITwinP1Trader {
    address private immutable OWNER = msg.sender;
    bytes32 private constant FLAG = bytes32(uint256(1));

    error NotOwner(address sender);

    /// @param data the margin and the position that change hands, and whether the taker buys
    function trade(address sender, address, address, uint256, bytes calldata data, bytes32)
        external
        view
        returns (TradeResult memory)
    {
        require(sender == OWNER, NotOwner(sender));
        (uint256 margin, uint256 position, bool isBuy) = abi.decode(data, (uint256, uint256, bool));
        return TradeResult(margin, position, isBuy, FLAG);
    }
}
