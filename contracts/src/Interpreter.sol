// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Allowlist, Kind} from "./Allowlist.sol";
import {Frame} from "./Frame.sol";
import {Program} from "./Program.sol";
import {IERC20, IWrappedNative, Tokens} from "./Tokens.sol";

/// @title What the operations of a program do
/// @notice Runs programs that lie in calldata: that of an entry, or the data of a callback that was expected.
abstract contract Interpreter is Allowlist, Frame {
    error UnknownOperation(uint256 code);
    error ProgramOverrun();
    error PatchOutOfRange(uint256 offset);
    error NoCode(address target);
    error NotInCallback();
    error NothingKept(uint256 index);
    error PaysTooMuch(uint256 amount, uint256 most);
    error NotLiquidatable(address target, uint256 value);
    error NotEnoughGas(uint256 available, uint256 wanted);
    error NotSelf(address caller);

    event ItemFailed(uint256 index, bytes reason);

    /// Header flag: a TRY that fails is skipped instead of failing the whole frame.
    uint256 public constant FLAG_SKIP_FAILED = 1;

    uint256 private constant KEPT_WORDS = 4;
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

        _run(4, msg.data.length, address(0), 0);
    }

    /// Runs the program at calldata[cursor, end). `payee` is the caller of the callback it is for, or zero, and
    /// `mayPay` the most it may be paid.
    function _run(uint256 cursor, uint256 end, address payee, uint256 mayPay) internal {
        uint256 kept;

        while (cursor < end) {
            uint256 code = Program.u8(cursor++);

            if (code == Program.CALL) {
                (cursor, kept) = _call(cursor, payee, kept);
            } else if (code == Program.APPROVE) {
                cursor = _approve(cursor, payee, kept);
            } else if (code == Program.PAY) {
                (cursor, mayPay) = _pay(cursor, payee, mayPay, kept);
            } else if (code == Program.TRANSFER) {
                cursor = _transfer(cursor, payee, kept);
            } else if (code == Program.REQUIRE) {
                cursor = _require(cursor);
            } else if (code == Program.TRY) {
                cursor = _try(cursor);
            } else if (code == Program.UNWRAP) {
                cursor = _unwrap(cursor, payee, kept);
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

    // CALL --------------------------------------------------------------------------------------------------------

    function _call(uint256 cursor, address payee, uint256 kept) private returns (uint256, uint256) {
        uint256 flags = Program.u8(cursor);
        address target;
        (target, cursor) = _target(cursor + 1, flags);
        uint256 length = Program.u16(cursor);
        uint256 data = _copy(cursor + 2, length);
        bytes4 selector = length < 4 ? bytes4(0) : Program.selector(cursor + 2);
        uint256 value;
        (cursor, value) = _patch(cursor + 2 + length, flags & Program.PATCHES, data, length, payee, kept);
        _permit(target, selector, flags, value);
        cursor = _expectAll(cursor, (flags >> Program.EXPECTATIONS_SHIFT) & Program.EXPECTATIONS, target, data, length);
        _send(target, value, data, length);

        if (flags & Program.KEEP != 0) kept = _keep(kept);

        return (cursor, kept);
    }

    function _target(uint256 cursor, uint256 flags) private view returns (address target, uint256 next) {
        if (flags & Program.POOL == 0) return (Program.addr(cursor), cursor + 20);

        target = _poolOf(
            Program.addr(cursor), Program.addr(cursor + 20), Program.addr(cursor + 40), Program.u24(cursor + 60)
        );
        next = cursor + 63;
    }

    function _permit(address target, bytes4 selector, uint256 flags, uint256 value) private view {
        if (flags & Program.POOL != 0) {
            if ((selector != SWAP && selector != FLASH) || value != 0) revert NotAllowed(target, selector);

            return;
        }

        uint256 kind = _kindOf(target, selector);

        if (kind == uint256(Kind.PAYABLE) || (kind == uint256(Kind.CALL) && value == 0)) return;

        revert NotAllowed(target, selector);
    }

    /// Overwrites words of the copied calldata; an amount for VALUE is returned instead.
    function _patch(uint256 cursor, uint256 count, uint256 data, uint256 length, address payee, uint256 kept)
        private
        view
        returns (uint256, uint256 value)
    {
        for (; count != 0; --count) {
            uint256 offset = Program.u16(cursor);
            uint256 amount;
            (amount, cursor) = _amount(cursor + 2, address(0), payee, kept);

            if (offset == Program.VALUE) {
                value = amount;
                continue;
            }

            if (offset + 32 > length) revert PatchOutOfRange(offset);

            assembly ("memory-safe") {
                mstore(add(data, offset), amount)
            }
        }

        return (cursor, value);
    }

    function _expectAll(uint256 cursor, uint256 count, address target, uint256 data, uint256 length)
        private
        returns (uint256)
    {
        Expectation memory e;

        for (; count != 0; --count) {
            e.selector = Program.selector(cursor);
            e.dataSlot = Program.u8(cursor + 4);
            e.initiatorSlot = Program.u8(cursor + 5);
            e.answer = Program.u8(cursor + 6);
            e.mayPay = Program.u128(cursor + 7);
            e.caller = target;
            cursor += 23;

            if (e.dataSlot != Program.NO_SLOT) {
                e.dataHash = _hashAt(data, length, Program.u16(cursor));
                cursor += 2;
            }

            if (e.answer & Program.EXPLICIT != 0) {
                e.caller = Program.addr(cursor);
                cursor += 20;

                if (_kindOf(e.caller, e.selector) != uint256(Kind.CALLBACK)) revert NotAllowed(e.caller, e.selector);
            }

            if (e.answer & Program.ANSWER == Program.ANSWER_WORD) {
                e.word = Program.word(cursor);
                cursor += 32;
            }

            _expect(e);
        }

        return cursor;
    }

    /// Hashes the `bytes` whose length stands at `offset` of the call's own data: what the callback must bring back.
    function _hashAt(uint256 data, uint256 length, uint256 offset) private pure returns (bytes32 dataHash) {
        uint256 size;

        if (offset + 32 > length) revert PatchOutOfRange(offset);

        assembly ("memory-safe") {
            size := mload(add(data, offset))
        }

        if (size > length || offset + 32 + size > length) revert PatchOutOfRange(offset);

        assembly ("memory-safe") {
            dataHash := keccak256(add(add(data, offset), 32), size)
        }
    }

    function _copy(uint256 cursor, uint256 length) private pure returns (uint256 data) {
        assembly ("memory-safe") {
            data := mload(0x40)
            mstore(0x40, and(add(add(data, length), 31), not(31)))
            calldatacopy(data, cursor, length)
        }
    }

    /// Calls, and passes a failure on as it is: the protocol's own words say more than ours could.
    function _send(address target, uint256 value, uint256 data, uint256 length) private {
        if (target.code.length == 0) revert NoCode(target);

        assembly ("memory-safe") {
            if iszero(call(gas(), target, value, data, length, 0, 0)) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
    }

    /// Keeps the first words of what the last call returned, zeros for those it did not.
    function _keep(uint256 kept) private pure returns (uint256) {
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

    // Amounts -----------------------------------------------------------------------------------------------------

    function _amount(uint256 cursor, address token, address payee, uint256 kept)
        private
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
            if (payee == address(0)) revert NotInCallback();

            amount = Program.word(4 + (Program.u8(next++) << 5));
        } else if (source == Program.RETURNED) {
            uint256 index = Program.u8(next++);

            if (kept == 0 || index >= KEPT_WORDS) revert NothingKept(index);

            assembly ("memory-safe") {
                amount := mload(add(kept, shl(5, index)))
            }
        } else {
            revert UnknownOperation(form);
        }

        if (form & Program.SCALED != 0) {
            uint256 unit = 10 ** Program.u8(next++);
            bool up = form & Program.ROUND_UP != 0 && amount % unit != 0;
            amount = amount / unit + (up ? 1 : 0);
        }

        if (form & Program.NEGATE != 0) amount = uint256(-int256(amount));
    }

    // Tokens ------------------------------------------------------------------------------------------------------

    function _approve(uint256 cursor, address payee, uint256 kept) private returns (uint256 next) {
        address token = Program.addr(cursor);
        address target = Program.addr(cursor + 20);
        address spender = spenderOf[target];
        uint256 amount;
        (amount, next) = _amount(cursor + 40, token, payee, kept);

        if (spender == address(0)) revert NoSpender(target);
        if (!_isWatched(token)) revert NotWatched(token);

        _promise(token, spender, 0);
        Tokens.approve(token, spender, amount);
    }

    function _transfer(uint256 cursor, address payee, uint256 kept) private returns (uint256 next) {
        address token = Program.addr(cursor);
        address to = Program.addr(cursor + 20);
        uint256 amount;
        (amount, next) = _amount(cursor + 40, token, payee, kept);

        if (_kindOf(to, 0) != uint256(Kind.RECIPIENT)) revert NotAllowed(to, 0);
        if (!_isWatched(token)) revert NotWatched(token);

        Tokens.transfer(token, to, amount);
    }

    function _pay(uint256 cursor, address payee, uint256 mayPay, uint256 kept)
        private
        returns (uint256 next, uint256 left)
    {
        address token = Program.addr(cursor);
        uint256 amount;
        (amount, next) = _amount(cursor + 20, token, payee, kept);

        if (payee == address(0)) revert NotInCallback();
        if (amount > mayPay) revert PaysTooMuch(amount, mayPay);
        if (!_isWatched(token)) revert NotWatched(token);

        left = mayPay - amount;
        Tokens.transfer(token, payee, amount);
    }

    function _unwrap(uint256 cursor, address payee, uint256 kept) private returns (uint256 next) {
        uint256 amount;
        (amount, next) = _amount(cursor, wrappedNative, payee, kept);

        if (!_isWatched(wrappedNative)) revert NotWatched(wrappedNative);

        IWrappedNative(wrappedNative).withdraw(amount);
    }

    /// Gives the spender that goes with a target a right by a call of one address, to be taken back at the end.
    function _grant(uint256 cursor) private returns (uint256) {
        address on = Program.addr(cursor);
        bytes4 selector = Program.selector(cursor + 20);
        address target = Program.addr(cursor + 24);
        address grantee = spenderOf[target];
        bytes4 revoke = _revocationOf(on, selector);

        if (grantee == address(0)) revert NoSpender(target);

        _promise(on, grantee, revoke);
        _callWithAddress(on, selector, grantee);

        return cursor + 44;
    }

    /// Takes back every allowance and grant of this frame.
    function _takeBack() internal {
        uint256 count = promiseCount;

        for (uint256 i; i < count; ++i) {
            Promise memory p = _promiseAt(i);
            _forget(p);

            if (p.revoke != 0) {
                _callWithAddress(p.on, p.revoke, p.to);
                continue;
            }

            if (IERC20(p.on).allowance(address(this), p.to) == 0) continue;

            Tokens.approve(p.on, p.to, 0);

            if (IERC20(p.on).allowance(address(this), p.to) != 0) revert Tokens.ApproveFailed(p.on, p.to, 0);
        }
    }

    function _callWithAddress(address on, bytes4 selector, address argument) private {
        bytes memory data = abi.encodeWithSelector(selector, argument);
        uint256 start;
        assembly ("memory-safe") {
            start := add(data, 32)
        }
        _send(on, 0, start, data.length);
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
            read := staticcall(gas(), target, data, length, 0, 0)
            read := and(read, iszero(lt(returndatasize(), least)))
            if read {
                returndatacopy(0, sub(least, 32), 32)
                value := mload(0)
            }
        }

        met = read && (index & Program.AT_LEAST == 0 ? value < bound : value >= bound);
    }

    function _try(uint256 cursor) private returns (uint256 next) {
        uint256 gasCap = Program.u32(cursor);
        uint256 length = Program.u16(cursor + 4);
        uint256 index = itemCount++;
        next = cursor + 6 + length;

        if ((frame >> FLAGS_SHIFT) & FLAG_SKIP_FAILED == 0) {
            _run(cursor + 6, next, address(0), 0);
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
