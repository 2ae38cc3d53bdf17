// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title How a program is packed
/// @notice A program is operations back to back: one byte of code, then the operation's fields, big-endian, without
/// padding. `keeper/execution/calldata.py` writes this format and is its other half.
///
/// | code | operation | fields |
/// |---|---|---|
/// | 01 | CALL | flags 2, target 20 or pool 63, length 2, calldata, patches, allowances, expectations |
/// | 02 | TRANSFER | token 20, recipient 20, amount |
/// | 03 | PAY | token 20, amount: a transfer to whoever made this callback |
/// | 04 | REQUIRE | target 20, index 1, bound 16, length 2, calldata |
/// | 05 | TRY | gas 4, length 2, program |
/// | 06 | UNWRAP | amount |
/// | 07 | TIP | amount 16 |
/// | 08 | GRANT | target 20, selector 4 |
/// | 09 | WATCH | token 20, only before everything but REQUIRE |
///
/// CALL flags: the counts of patches (bits 0-3), allowances (4-5) and expectations (6-7); POOL says that the target is
/// given as (factory 20, token0 20, token1 20, fee 3), KEEP that the first words it returns are kept for later amounts.
/// What comes with a call belongs to it, so that nothing is pending between operations:
/// A patch is (offset 2, amount): the amount overwrites 32 bytes of the calldata, or is the value sent at VALUE.
/// An allowance is (token 20, amount): what the spender listed with the target and selector may pull, on top of what
/// this frame allowed it before.
/// An expectation is (selector 4, data slot 1, initiator slot 1, answer 1, most it may pay 16, then as needed: offset 2,
/// caller 20, word 32). The caller is the call's target unless the answer says EXPLICIT; the data is the `bytes` whose
/// length stands at `offset` of the calldata.
/// An amount is one byte, source and form, then as needed: what the source wants (EXACT 16, WORD and RETURNED 1,
/// GAIN_OF 20) and, if SCALED, a power of ten 1 to divide by.
library Program {
    uint256 internal constant CALL = 0x01;
    uint256 internal constant TRANSFER = 0x02;
    uint256 internal constant PAY = 0x03;
    uint256 internal constant REQUIRE = 0x04;
    uint256 internal constant TRY = 0x05;
    uint256 internal constant UNWRAP = 0x06;
    uint256 internal constant TIP = 0x07;
    uint256 internal constant GRANT = 0x08;
    uint256 internal constant WATCH = 0x09;

    // CALL flags
    uint256 internal constant PATCHES = 0x0f;
    uint256 internal constant ALLOWANCES_SHIFT = 4;
    uint256 internal constant ALLOWANCES = 0x03;
    uint256 internal constant EXPECTATIONS_SHIFT = 6;
    uint256 internal constant EXPECTATIONS = 0x03;
    uint256 internal constant POOL = 0x100;
    uint256 internal constant KEEP = 0x200;

    /// The patch offset that names the call's value.
    uint256 internal constant VALUE = 0xffff;
    /// An argument slot that is not there.
    uint256 internal constant NO_SLOT = 0xff;

    // What a callback answers
    uint256 internal constant ANSWER = 0x7f;
    uint256 internal constant ANSWER_NOTHING = 0;
    uint256 internal constant ANSWER_TRUE = 1;
    uint256 internal constant ANSWER_ERC3156 = 2;
    uint256 internal constant ANSWER_EMPTY_BYTES = 3;
    uint256 internal constant ANSWER_WORD = 4;
    uint256 internal constant EXPLICIT = 0x80;

    // Amount sources and forms
    uint256 internal constant SOURCE = 0x0f;
    uint256 internal constant EXACT = 0;
    uint256 internal constant GAIN = 1;
    uint256 internal constant GAIN_OF = 2;
    uint256 internal constant WORD = 3;
    uint256 internal constant RETURNED = 4;
    uint256 internal constant SCALED = 0x10;
    uint256 internal constant ROUND_UP = 0x20;
    uint256 internal constant NEGATE = 0x40;

    /// REQUIRE index: set, the word read must be at least the bound; clear, less than it.
    uint256 internal constant AT_LEAST = 0x80;

    // Readers take a position in calldata. Past the end they read zeros or a neighbour's bytes; the interpreter refuses
    // a program that did not end exactly at its end.

    function u8(uint256 cursor) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(0, calldataload(cursor))
        }
    }

    function u16(uint256 cursor) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(240, calldataload(cursor))
        }
    }

    function u24(uint256 cursor) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(232, calldataload(cursor))
        }
    }

    function u32(uint256 cursor) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(224, calldataload(cursor))
        }
    }

    function u56(uint256 cursor) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(200, calldataload(cursor))
        }
    }

    function u128(uint256 cursor) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(128, calldataload(cursor))
        }
    }

    function addr(uint256 cursor) internal pure returns (address value) {
        assembly ("memory-safe") {
            value := shr(96, calldataload(cursor))
        }
    }

    function selector(uint256 cursor) internal pure returns (bytes4 value) {
        assembly ("memory-safe") {
            value := and(calldataload(cursor), shl(224, 0xffffffff))
        }
    }

    function word(uint256 cursor) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(cursor)
        }
    }

    /// The argument at a head index of the call that is being answered.
    function argument(uint256 index) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(add(4, shl(5, index)))
        }
    }
}
