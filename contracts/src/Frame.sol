// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Tokens} from "./Tokens.sol";

/// @title What is remembered while a frame is open
/// @notice A frame is one run of a program, from an entry to its settlement. Everything here lives in transient storage:
/// a sub-frame that reverts takes its own traces with it, and nothing survives the transaction.
abstract contract Frame {
    error FrameOpen();
    error NoFrame(address caller);
    error NotWatched(address token);
    error UnexpectedCallback(address caller, bytes4 selector);

    // Regions of transient storage, far from each other and from the variables the compiler lays out from 0.
    uint256 private constant EXPECTATIONS = 1 << 192;
    uint256 private constant PROMISES = 2 << 192;
    uint256 private constant WATCHED = 4 << 192;
    uint256 private constant STARTS = 5 << 192;

    // The state: 0 while closed, else OPEN, the header's flags, and four counts of 32 bits each.
    uint256 private transient state;
    uint256 internal transient nativeStart;
    uint256 internal transient tipAdded;

    uint256 private constant OPEN = 1;
    uint256 private constant FLAGS_SHIFT = 8;
    uint256 private constant EXPECTATION_COUNT = 32;
    uint256 private constant PROMISE_COUNT = 64;
    uint256 private constant WATCHED_COUNT = 96;
    uint256 private constant ITEM_COUNT = 128;

    /// Opens a frame that starts with these tokens watched. Nothing before this changes anything, and reading a
    /// balance cannot: a frame may be opened after its balances are read.
    function _open(uint256 flags, uint256 watched) internal {
        state = OPEN | (flags << FLAGS_SHIFT) | (watched << WATCHED_COUNT);
        nativeStart = address(this).balance - msg.value;
    }

    /// Forgets everything but what `_unwatch` must, so that the same transaction may open another frame.
    function _close() internal {
        state = 0;
        tipAdded = 0;
    }

    function _isOpen() internal view returns (bool) {
        return state != 0;
    }

    function _hasFlag(uint256 flag) internal view returns (bool) {
        return (state >> FLAGS_SHIFT) & flag != 0;
    }

    function _nextItem() internal returns (uint256) {
        return _next(ITEM_COUNT);
    }

    // Expectations: a stack, because calls nest.

    function _expectationCount() internal view returns (uint256) {
        return _count(EXPECTATION_COUNT);
    }

    /// Four words each: a head of caller and `packed` (selector, data slot, initiator slot, answer), the hash of the
    /// data, the most it may be paid, and the answer where it is a word of its own.
    function _expect(address caller, uint256 packed, bytes32 dataHash, uint256 mayPay, bytes32 word) internal {
        unchecked {
            uint256 slot = EXPECTATIONS + (_next(EXPECTATION_COUNT) << 2);
            _store(slot, (uint256(uint160(caller)) << 56) | packed);
            _store(slot + 1, uint256(dataHash));
            _store(slot + 2, mayPay);

            if (word != 0) _store(slot + 3, uint256(word));
        }
    }

    /// Takes the newest expectation off the stack, if it is this caller's, before anything it allows can run.
    function _consume(address caller, bytes4 selector) internal returns (uint256 slot, uint256 head) {
        unchecked {
            uint256 before = state;
            uint256 count = uint32(before >> EXPECTATION_COUNT);

            if (before == 0) revert NoFrame(caller);
            if (count == 0) revert UnexpectedCallback(caller, selector);

            slot = EXPECTATIONS + ((count - 1) << 2);
            head = _load(slot);

            if (head >> 24 != (uint256(uint160(caller)) << 32) | uint32(selector)) {
                revert UnexpectedCallback(caller, selector);
            }

            state = before - (1 << EXPECTATION_COUNT);
        }
    }

    function _dataHashOf(uint256 expectation) internal view returns (bytes32) {
        return bytes32(_load(expectation + 1));
    }

    function _mayPayOf(uint256 expectation) internal view returns (uint256) {
        return _load(expectation + 2);
    }

    /// Clears the word as well: only an expectation that has one writes it.
    function _takeWord(uint256 expectation) internal returns (bytes32 word) {
        word = bytes32(_load(expectation + 3));
        _store(expectation + 3, 0);
    }

    // Promises: what must be taken back before the frame ends. An allowance has no revoking selector, a grant has.

    function _promiseCount() internal view returns (uint256) {
        return _count(PROMISE_COUNT);
    }

    /// False if the same was promised before in this frame.
    function _promise(address on, address to, bytes4 revoke) internal returns (bool) {
        unchecked {
            uint256 head = (uint256(uint160(on)) << 32) | uint32(revoke);
            uint256 end = PROMISES + (_count(PROMISE_COUNT) << 1);

            for (uint256 slot = PROMISES; slot != end; slot += 2) {
                if (_load(slot) == head && _load(slot + 1) == uint160(to)) return false;
            }

            _next(PROMISE_COUNT);
            _store(end, head);
            _store(end + 1, uint160(to));

            return true;
        }
    }

    function _promiseAt(uint256 index) internal view returns (address on, address to, bytes4 revoke) {
        unchecked {
            uint256 slot = PROMISES + (index << 1);
            uint256 head = _load(slot);
            on = address(uint160(head >> 32));
            revoke = bytes4(uint32(head));
            to = address(uint160(_load(slot + 1)));
        }
    }

    // Watched tokens: those whose balance at the start is known. Only these can be spent.

    function _watchedCount() internal view returns (uint256) {
        return _count(WATCHED_COUNT);
    }

    /// Returns how many are watched with this one as well.
    function _watch(address token, uint256 count) internal returns (uint256) {
        unchecked {
            uint256 slot = STARTS | uint160(token);

            if (_load(slot) != 0) return count;

            _store(slot, Tokens.balanceOf(token, address(this)) + 1);
            _store(WATCHED + count, uint160(token));

            return count + 1;
        }
    }

    function _unwatch(uint256 index) internal returns (address token, uint256 start) {
        token = address(uint160(_load(WATCHED + index)));
        start = _startOf(token);
        _store(STARTS | uint160(token), 0);
    }

    function _isWatched(address token) internal view returns (bool) {
        return _load(STARTS | uint160(token)) != 0;
    }

    /// What the frame has gained of a token so far; the zero address is the native asset. Never what was there before:
    /// a donation could otherwise be counted as ours to spend, and then be missing at the end.
    function _gain(address token) internal view returns (uint256) {
        if (token == address(0)) return address(this).balance - nativeStart;

        uint256 start = _startOf(token);
        return Tokens.balanceOf(token, address(this)) - start;
    }

    function _startOf(address token) private view returns (uint256) {
        uint256 start = _load(STARTS | uint160(token));

        if (start == 0) revert NotWatched(token);

        return start - 1;
    }

    function _count(uint256 shift) private view returns (uint256) {
        return uint32(state >> shift);
    }

    /// Returns a count and raises it. Each costs hundreds of gas: 32 bits cannot be filled.
    function _next(uint256 shift) private returns (uint256) {
        unchecked {
            uint256 before = state;
            state = before + (1 << shift);
            return uint32(before >> shift);
        }
    }

    function _load(uint256 slot) private view returns (uint256 value) {
        assembly ("memory-safe") {
            value := tload(slot)
        }
    }

    function _store(uint256 slot, uint256 value) private {
        assembly ("memory-safe") {
            tstore(slot, value)
        }
    }
}
