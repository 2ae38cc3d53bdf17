// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Token calls that take no token's word for granted
/// @notice Some tokens return nothing, some return false instead of reverting, some refuse to change an allowance that
/// is not zero. A call that did not work always ends in an error here.
/// @dev Written in assembly because a frame makes about ten of these calls: 3.3k gas less per liquidation than the
/// compiler's own, which `PlainTokens` in the tests still is, as the reference these are compared with.
library Tokens {
    error ReadFailed(address token);
    error TransferFailed(address token, address to, uint256 amount);
    error ApproveFailed(address token, address spender, uint256 amount);

    uint256 private constant BALANCE_OF = 0x70a08231 << 224;
    uint256 private constant ALLOWANCE = 0xdd62ed3e << 224;
    uint256 private constant TRANSFER = 0xa9059cbb << 224;
    uint256 private constant APPROVE = 0x095ea7b3 << 224;
    uint256 private constant WITHDRAW = 0x2e1a7d4d << 224;

    function balanceOf(address token, address account) internal view returns (uint256 held) {
        bool read;
        assembly ("memory-safe") {
            mstore(0, BALANCE_OF)
            mstore(4, shr(96, shl(96, account)))
            read := and(gt(returndatasize(), 31), staticcall(gas(), token, 0, 36, 0, 32))
            held := mload(0)
        }

        if (!read) revert ReadFailed(token);
    }

    function allowance(address token, address holder, address spender) internal view returns (uint256 allowed) {
        bool read;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, ALLOWANCE)
            mstore(add(free, 4), shr(96, shl(96, holder)))
            mstore(add(free, 36), shr(96, shl(96, spender)))
            read := and(gt(returndatasize(), 31), staticcall(gas(), token, free, 68, 0, 32))
            allowed := mload(0)
        }

        if (!read) revert ReadFailed(token);
    }

    function transfer(address token, address to, uint256 amount) internal {
        if (!_worked(token, TRANSFER, to, amount)) revert TransferFailed(token, to, amount);
    }

    /// Sets the allowance to exactly `amount`, by way of zero where the token insists.
    function approve(address token, address spender, uint256 amount) internal {
        if (_worked(token, APPROVE, spender, amount)) return;

        if (!_worked(token, APPROVE, spender, 0) || !_worked(token, APPROVE, spender, amount)) {
            revert ApproveFailed(token, spender, amount);
        }
    }

    /// Turns the wrapped native asset into the native one.
    function unwrap(address token, uint256 amount) internal {
        bool worked;
        assembly ("memory-safe") {
            mstore(0, WITHDRAW)
            mstore(4, amount)
            worked := call(gas(), token, 0, 0, 36, 0, 0)
        }

        if (!worked) revert TransferFailed(token, address(this), amount);
    }

    /// True if the call succeeded and the token either said so or, having code, said nothing.
    function _worked(address token, uint256 selector, address to, uint256 amount) private returns (bool worked) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, selector)
            mstore(add(free, 4), shr(96, shl(96, to)))
            mstore(add(free, 36), amount)
            mstore(0, 0)
            worked := call(gas(), token, 0, free, 68, 0, 32)

            if worked {
                switch returndatasize()
                case 0 { worked := gt(extcodesize(token), 0) }
                default { worked := and(gt(returndatasize(), 31), eq(mload(0), 1)) }
            }
        }
    }
}
