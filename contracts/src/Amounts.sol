// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Frame} from "./Frame.sol";
import {Program} from "./Program.sol";

/// @title How much
/// @notice An amount is given as a number or found out when it is needed: gained so far, asked for by the callback that
/// is running, returned by an earlier call.
abstract contract Amounts is Frame {
    error UnknownOperation(uint256 code);
    error NotInCallback();
    error NothingKept(uint256 index);

    uint256 private constant KEPT_WORDS = 4;

    /// Where a program runs.
    struct Context {
        address payee; // who made the callback it is for, or zero
        uint256 mayPay; // what it may still pay them
        uint256 kept; // where in memory the words of an earlier call are, or zero
    }

    function _amount(uint256 cursor, address token, Context memory context)
        internal
        view
        returns (uint256 amount, uint256 next)
    {
        uint256 form = Program.u8(cursor);
        uint256 source = form & Program.SOURCE;
        next = cursor + 1;

        if (source == Program.EXACT) {
            amount = Program.u128(next);
            next += 16;
        } else if (source == Program.GAIN) {
            amount = _gain(token);
        } else if (source == Program.GAIN_OF) {
            amount = _gain(Program.addr(next));
            next += 20;
        } else if (source == Program.WORD) {
            if (context.payee == address(0)) revert NotInCallback();

            amount = Program.argument(Program.u8(next++));
        } else if (source == Program.RETURNED) {
            uint256 index = Program.u8(next++);
            uint256 kept = context.kept;

            if (kept == 0 || index >= KEPT_WORDS) revert NothingKept(index);

            assembly ("memory-safe") {
                amount := mload(add(kept, shl(5, index)))
            }
        } else {
            revert UnknownOperation(form);
        }

        if (form == source) return (amount, next);

        if (form & Program.SCALED != 0) {
            uint256 unit = 10 ** Program.u8(next++);
            bool up = form & Program.ROUND_UP != 0 && amount % unit != 0;
            amount = amount / unit + (up ? 1 : 0);
        }

        if (form & Program.NEGATE != 0) amount = uint256(-int256(amount));
    }

    /// Keeps the first words of what the last call returned, zeros for those it did not.
    function _keep(uint256 kept) internal pure returns (uint256) {
        assembly ("memory-safe") {
            if iszero(kept) {
                kept := mload(0x40)
                mstore(0x40, add(kept, mul(KEPT_WORDS, 32)))
            }
            // Reading calldata past its end gives zeros.
            calldatacopy(kept, calldatasize(), mul(KEPT_WORDS, 32))
            let size := returndatasize()
            if gt(size, mul(KEPT_WORDS, 32)) { size := mul(KEPT_WORDS, 32) }
            returndatacopy(kept, 0, size)
        }

        return kept;
    }
}
