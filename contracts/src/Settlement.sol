// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Interpreter} from "./Interpreter.sol";
import {Tokens} from "./Tokens.sol";

/// What a frame is worth, and until when.
struct Header {
    uint40 deadline; // last timestamp
    uint40 maxBlock; // last block, 0 for any
    address profitToken;
    uint128 minProfit;
    uint16 tipBps; // of what exceeds minProfit; only where the profit token is the wrapped native asset
    uint128 minTip;
    uint128 maxTip;
    uint8 flags;
}

/// @title The end of a frame
/// @notice Pays the tip, takes back what was promised, and lets the frame stand only if nothing is missing and the
/// profit is there.
abstract contract Settlement is Interpreter {
    error TipFailed(address coinbase, uint256 tip);
    error BalanceLost(address token, uint256 start, uint256 balance);
    error NotEnoughProfit(uint256 profit, uint256 minProfit);
    error NativeTransferFailed(address to, uint256 amount);

    /// The frame settled; `profit` is what the treasury got of the profit token.
    event Executed(address indexed operator, address indexed profitToken, uint256 profit, uint256 tip);

    /// Header flag: the frame reverts if the tip cannot be paid.
    uint256 internal constant FLAG_TIP_REQUIRED = 2;

    /// Enough for a coinbase that is a contract and books what it gets, too little to harm.
    uint256 private constant COINBASE_GAS = 30_000;
    uint256 private constant BPS = 10_000;

    /// The end of a frame, in an order that matters: the tip is a call to a stranger, so everything is checked after it.
    function _settle(Header calldata header, address operator) internal returns (uint256 profit) {
        if (_expectationCount() != 0) revert ExpectationsLeft(_expectationCount());

        uint256 tip = _payTip(header);
        _takeBack();
        profit = _collect(header.minProfit);
        _collectNative();
        _close();

        emit Executed(operator, header.profitToken, profit, tip);
    }

    function _payTip(Header calldata header) private returns (uint256 tip) {
        if (header.maxTip == 0) return 0;

        tip = header.minTip + tipAdded;

        if (header.tipBps != 0) {
            uint256 gain = _gain(wrappedNative);
            uint256 share = gain > header.minProfit ? (gain - header.minProfit) * header.tipBps / BPS : 0; // down

            if (share > tip) tip = share;
        }

        if (tip > header.maxTip) tip = header.maxTip;
        if (tip == 0) return 0;

        bool paid = _haveNative(tip);

        if (paid) {
            assembly ("memory-safe") {
                paid := call(COINBASE_GAS, coinbase(), tip, 0, 0, 0, 0)
            }
        }

        if (paid) return tip;
        if (header.flags & FLAG_TIP_REQUIRED != 0) revert TipFailed(block.coinbase, tip);

        return 0;
    }

    /// Unwraps what is missing of `amount`; false if the frame has not gained that much.
    function _haveNative(uint256 amount) internal returns (bool) {
        uint256 available = _gain(address(0));

        if (available >= amount) return true;
        if (!_isWatched(wrappedNative) || _gain(wrappedNative) < amount - available) return false;

        Tokens.unwrap(wrappedNative, amount - available);

        return true;
    }

    /// Checks that no watched token is short, and sends what was gained to the treasury. The first is the profit token.
    function _collect(uint256 minProfit) private returns (uint256 profit) {
        uint256 count = _watchedCount();

        for (uint256 i; i < count; ++i) {
            (address token, uint256 start) = _unwatch(i);
            uint256 balance = Tokens.balanceOf(token, address(this));

            if (balance < start) revert BalanceLost(token, start, balance);

            uint256 gain = balance - start;

            if (i == 0) {
                if (gain < minProfit) revert NotEnoughProfit(gain, minProfit);

                profit = gain;
            }

            if (gain != 0) Tokens.transfer(token, treasury, gain);
        }
    }

    function _collectNative() private {
        uint256 balance = address(this).balance;
        uint256 start = nativeStart;

        if (balance < start) revert BalanceLost(address(0), start, balance);
        if (balance > start) _sendNative(treasury, balance - start);
    }

    function _sendNative(address to, uint256 amount) internal {
        (bool success,) = to.call{value: amount}("");

        if (!success) revert NativeTransferFailed(to, amount);
    }
}
