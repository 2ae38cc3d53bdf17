// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Kind} from "./Allowlist.sol";
import {Calls} from "./Calls.sol";
import {Program} from "./Program.sol";
import {Tokens} from "./Tokens.sol";

/// @title What the operations of a program do
/// @notice Runs programs that lie in calldata: that of an entry, or the data of a callback that was expected.
abstract contract Interpreter is Calls {
    error ProgramOverrun();
    error PaysTooMuch(uint256 amount, uint256 most);
    error NotLiquidatable(address target, uint256 value);
    error NotEnoughGas(uint256 available, uint256 wanted);
    error NotSelf(address caller);
    error ExpectationsLeft(uint256 count);

    event ItemFailed(uint256 index, bytes reason);

    /// Header flag: a TRY that fails is skipped instead of failing the whole frame.
    uint256 internal constant FLAG_SKIP_FAILED = 1;

    /// A failed item's reason is evidence, not cargo: enough for a selector and four arguments.
    uint256 private constant MAX_REASON = 132;
    /// What the rest of a frame needs after an item that used all it was given.
    uint256 private constant GAS_RESERVE = 100_000;

    address public immutable wrappedNative;

    constructor(address wrappedNative_) {
        if (wrappedNative_ == address(0)) revert ZeroAddress();

        wrappedNative = wrappedNative_;
    }

    /// @notice Runs one item of a batch in a sub-frame of its own; only this contract calls it, from a TRY.
    function item() external {
        if (msg.sender != address(this)) revert NotSelf(msg.sender);

        uint256 count = _expectationCount();
        _run(4, msg.data.length, Context(address(0), 0, 0));

        // Here rather than at the end of the frame, where it would fail the other items too.
        if (_expectationCount() != count) revert ExpectationsLeft(_expectationCount() - count);
    }

    /// Runs the program at calldata[cursor, end).
    function _run(uint256 cursor, uint256 end, Context memory context) internal {
        unchecked {
            while (cursor < end) {
                uint256 code = Program.u8(cursor++);

                if (code == Program.CALL) {
                    cursor = _call(cursor, context);
                } else if (code == Program.PAY) {
                    cursor = _pay(cursor, context);
                } else if (code == Program.TRANSFER) {
                    cursor = _transfer(cursor, context);
                } else if (code == Program.REQUIRE) {
                    cursor = _require(cursor);
                } else if (code == Program.TRY) {
                    cursor = _try(cursor);
                } else if (code == Program.UNWRAP) {
                    cursor = _unwrap(cursor, context);
                } else if (code == Program.TIP) {
                    tipAdded += Program.u128(cursor);
                    cursor += 16;
                } else if (code == Program.GRANT) {
                    cursor = _grant(cursor);
                } else {
                    revert UnknownOperation(code);
                }
            }

            if (cursor != end) revert ProgramOverrun();
        }
    }

    // Tokens ------------------------------------------------------------------------------------------------------

    function _transfer(uint256 cursor, Context memory context) private returns (uint256 next) {
        address token = Program.addr(cursor);
        address to = Program.addr(cursor + 20);
        uint256 amount;
        (amount, next) = _amount(cursor + 40, token, context);
        _requireKind(to, 0, Kind.RECIPIENT);

        if (!_isWatched(token)) revert NotWatched(token);

        Tokens.transfer(token, to, amount);
    }

    function _pay(uint256 cursor, Context memory context) private returns (uint256 next) {
        address token = Program.addr(cursor);
        uint256 amount;
        (amount, next) = _amount(cursor + 20, token, context);

        if (context.payee == address(0)) revert NotInCallback();
        if (amount > context.mayPay) revert PaysTooMuch(amount, context.mayPay);
        if (!_isWatched(token)) revert NotWatched(token);

        context.mayPay -= amount;
        Tokens.transfer(token, context.payee, amount);
    }

    function _unwrap(uint256 cursor, Context memory context) private returns (uint256 next) {
        uint256 amount;
        (amount, next) = _amount(cursor, wrappedNative, context);

        if (!_isWatched(wrappedNative)) revert NotWatched(wrappedNative);

        Tokens.unwrap(wrappedNative, amount);
    }

    /// Gives the spender listed with a call a right by a call of one address, to be taken back when the frame ends.
    function _grant(uint256 cursor) private returns (uint256) {
        address on = Program.addr(cursor);
        bytes4 selector = Program.selector(cursor + 20);
        bytes4 revoke = _revokeOf(_requireKind(on, selector, Kind.GRANT));
        address target = Program.addr(cursor + 24);
        bytes4 called = Program.selector(cursor + 44);
        address grantee = _spenderOf(_requireKind(target, called, Kind.CALL));

        if (grantee == address(0)) revert NoSpender(target, called);

        _promise(on, grantee, revoke);
        _send(on, 0, abi.encodeWithSelector(selector, grantee));

        return cursor + 48;
    }

    /// Takes back every allowance and grant of this frame.
    function _takeBack() internal {
        uint256 count = _promiseCount();

        for (uint256 i; i < count; ++i) {
            (address on, address to, bytes4 revoke) = _promiseAt(i);

            if (revoke != 0) {
                _send(on, 0, abi.encodeWithSelector(revoke, to));
                continue;
            }

            if (Tokens.allowance(on, address(this), to) == 0) continue;

            Tokens.approve(on, to, 0);

            if (Tokens.allowance(on, address(this), to) != 0) revert Tokens.ApproveFailed(on, to, 0);
        }
    }

    // Conditions and items ----------------------------------------------------------------------------------------

    function _require(uint256 cursor) private view returns (uint256 next) {
        bool met;
        uint256 value;
        (met, value, next) = _test(cursor);

        if (!met) revert NotLiquidatable(Program.addr(cursor), value);
    }

    /// Reads one word by a static call and compares it. A read that fails is a condition that is not met.
    function _test(uint256 cursor) internal view returns (bool met, uint256 value, uint256 next) {
        unchecked {
            address target = Program.addr(cursor);
            uint256 index = Program.u8(cursor + 20);
            uint256 bound = Program.u128(cursor + 21);
            uint256 length = Program.u16(cursor + 37);
            uint256 least = ((index & 0x7f) + 1) << 5;
            bool read;
            next = cursor + 39 + length;

            assembly ("memory-safe") {
                let data := mload(0x40)
                calldatacopy(data, add(cursor, 39), length)
                read := and(iszero(lt(returndatasize(), least)), staticcall(gas(), target, data, length, 0, 0))
                if read {
                    returndatacopy(0, sub(least, 32), 32)
                    value := mload(0)
                }
            }

            met = read && (index & Program.AT_LEAST == 0 ? value < bound : value >= bound);
        }
    }

    function _try(uint256 cursor) private returns (uint256 next) {
        uint256 gasCap = Program.u32(cursor);
        uint256 length = Program.u16(cursor + 4);
        uint256 index = _nextItem();
        next = cursor + 6 + length;

        if (!_hasFlag(FLAG_SKIP_FAILED)) {
            _run(cursor + 6, next, Context(address(0), 0, 0));
            return next;
        }

        // Less gas than promised would fail the item for a reason that is not its own.
        if (gasleft() < gasCap + gasCap / 63 + GAS_RESERVE) revert NotEnoughGas(gasleft(), gasCap);

        bytes4 selector = this.item.selector;
        bool success;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            calldatacopy(add(data, 4), add(cursor, 6), length)
            success := call(gasCap, address(), 0, data, add(length, 4), 0, 0)
        }

        if (!success) emit ItemFailed(index, _reason());
    }

    function _reason() private pure returns (bytes memory reason) {
        assembly ("memory-safe") {
            let size := returndatasize()
            if gt(size, MAX_REASON) { size := MAX_REASON }
            reason := mload(0x40)
            mstore(reason, size)
            returndatacopy(add(reason, 32), 0, size)
            mstore(0x40, and(add(add(reason, size), 63), not(31)))
        }
    }
}
