// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "./Tokens.sol";

/// @title What is remembered while a frame is open
/// @notice A frame is one run of a program, from an entry to its settlement. Everything here lives in transient storage:
/// a sub-frame that reverts takes its own traces with it, and nothing survives the transaction.
abstract contract Frame {
    error FrameOpen();
    error NoFrame(address caller);
    error NotWatched(address token);
    error UnexpectedCallback(address caller, bytes4 selector);

    /// A callback that is allowed to come, once.
    struct Expectation {
        address caller;
        bytes4 selector;
        uint256 dataSlot;
        uint256 initiatorSlot;
        uint256 answer;
        bytes32 dataHash;
        uint256 mayPay;
        uint256 word;
    }

    /// Something to take back before the frame ends: an allowance (no selector), or a grant by its revoking call.
    struct Promise {
        address on;
        address to;
        bytes4 revoke;
    }

    // Regions of transient storage, far from each other and from the variables the compiler lays out from 0.
    uint256 private constant EXPECTATIONS = 1 << 192;
    uint256 private constant PROMISES = 2 << 192;
    uint256 private constant PROMISED = 3 << 192;
    uint256 private constant WATCHED = 4 << 192;
    uint256 private constant STARTS = 5 << 192;

    /// 0 while closed, else OPEN with the header's flags above it.
    uint256 internal transient frame;
    uint256 internal transient expectationCount;
    uint256 internal transient promiseCount;
    uint256 internal transient watchedCount;
    uint256 internal transient itemCount;
    uint256 internal transient tipAdded;
    uint256 internal transient nativeStart;

    uint256 internal constant OPEN = 1;
    uint256 internal constant FLAGS_SHIFT = 8;

    function _open(uint256 flags) internal {
        if (frame != 0) revert FrameOpen();

        frame = OPEN | (flags << FLAGS_SHIFT);
        nativeStart = address(this).balance - msg.value;
    }

    /// Forgets everything, so that the same transaction may open another frame.
    function _close() internal {
        frame = 0;
        promiseCount = 0;
        watchedCount = 0;
        itemCount = 0;
        tipAdded = 0;
    }

    // Expectations: a stack, because calls nest.

    function _expect(Expectation memory e) internal {
        uint256 slot = EXPECTATIONS + (expectationCount << 2);
        uint256 head = (uint256(uint160(e.caller)) << 96) | (uint256(uint32(e.selector)) << 64) | (e.dataSlot << 16)
            | (e.initiatorSlot << 8) | e.answer;
        ++expectationCount;
        _store(slot, head);
        _store(slot + 1, uint256(e.dataHash));
        _store(slot + 2, e.mayPay);
        _store(slot + 3, e.word);
    }

    /// Takes the newest expectation off the stack, if it is this caller's, before anything it allows can run.
    function _consume(address caller, bytes4 selector) internal returns (Expectation memory e) {
        uint256 count = expectationCount;

        if (count == 0) revert UnexpectedCallback(caller, selector);

        uint256 slot = EXPECTATIONS + ((count - 1) << 2);
        uint256 head = _load(slot);

        if (head >> 64 != (uint256(uint160(caller)) << 32) | uint32(selector)) {
            revert UnexpectedCallback(caller, selector);
        }

        expectationCount = count - 1;
        e.caller = caller;
        e.selector = selector;
        e.dataSlot = (head >> 16) & 0xff;
        e.initiatorSlot = (head >> 8) & 0xff;
        e.answer = head & 0xff;
        e.dataHash = bytes32(_load(slot + 1));
        e.mayPay = _load(slot + 2);
        e.word = _load(slot + 3);
    }

    // Promises: allowances and grants, each once.

    function _promise(address on, address to, bytes4 revoke) internal {
        uint256 mark = PROMISED | (uint256(keccak256(abi.encode(on, to, revoke))) >> 64);

        if (_load(mark) != 0) return;

        uint256 slot = PROMISES + (promiseCount++ << 1);
        _store(mark, 1);
        _store(slot, (uint256(uint160(on)) << 32) | uint32(revoke));
        _store(slot + 1, uint160(to));
    }

    function _promiseAt(uint256 index) internal view returns (Promise memory p) {
        uint256 slot = PROMISES + (index << 1);
        uint256 head = _load(slot);
        p.on = address(uint160(head >> 32));
        p.revoke = bytes4(uint32(head));
        p.to = address(uint160(_load(slot + 1)));
    }

    function _forget(Promise memory p) internal {
        _store(PROMISED | (uint256(keccak256(abi.encode(p.on, p.to, p.revoke))) >> 64), 0);
    }

    // Watched tokens: those whose balance at the start is known. Only these can be spent.

    function _watch(address token) internal {
        uint256 start = STARTS | uint160(token);

        if (_load(start) != 0) return;

        _store(start, IERC20(token).balanceOf(address(this)) + 1);
        _store(WATCHED + watchedCount++, uint160(token));
    }

    function _watchedAt(uint256 index) internal view returns (address) {
        return address(uint160(_load(WATCHED + index)));
    }

    function _unwatch(address token) internal {
        _store(STARTS | uint160(token), 0);
    }

    function _isWatched(address token) internal view returns (bool) {
        return _load(STARTS | uint160(token)) != 0;
    }

    function _startOf(address token) internal view returns (uint256) {
        uint256 start = _load(STARTS | uint160(token));

        if (start == 0) revert NotWatched(token);

        return start - 1;
    }

    /// What the frame has gained of a token so far; the zero address is the native asset. Never what was there before:
    /// a donation could otherwise be counted as ours to spend, and then be missing at the end.
    function _gain(address token) internal view returns (uint256) {
        if (token == address(0)) return address(this).balance - nativeStart;

        return IERC20(token).balanceOf(address(this)) - _startOf(token);
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
