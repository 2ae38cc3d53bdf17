// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Program} from "../../src/Program.sol";

/// @title Programs, written in tests
/// @notice The same packing as the keeper's encoder, independently: a disagreement shows as a test that fails here or in
/// the Python tests against the same contract.
library Ops {
    struct Extras {
        bytes patches;
        uint256 patchCount;
        bytes allowances;
        uint256 allowanceCount;
        bytes expectations;
        uint256 expectationCount;
        bool keeps;
    }

    // Operations

    function call(address target, bytes memory data) internal pure returns (bytes memory) {
        return call(target, data, none());
    }

    function call(address target, bytes memory data, Extras memory x) internal pure returns (bytes memory) {
        return _call(abi.encodePacked(target), data, x, 0);
    }

    function pool(address factory, address token0, address token1, uint24 fee, bytes memory data, Extras memory x)
        internal
        pure
        returns (bytes memory)
    {
        return _call(abi.encodePacked(factory, token0, token1, fee), data, x, Program.POOL);
    }

    function transfer(address token, address to, bytes memory amount) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(Program.TRANSFER), token, to, amount);
    }

    function pay(address token, bytes memory amount) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(Program.PAY), token, amount);
    }

    function below(address target, bytes memory data, uint256 index, uint128 bound)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(uint8(Program.REQUIRE), target, uint8(index), bound, uint16(data.length), data);
    }

    function atLeast(address target, bytes memory data, uint256 index, uint128 bound)
        internal
        pure
        returns (bytes memory)
    {
        return below(target, data, index | Program.AT_LEAST, bound);
    }

    function attempt(uint32 gasCap, bytes memory program) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(Program.TRY), gasCap, uint16(program.length), program);
    }

    function unwrap(bytes memory amount) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(Program.UNWRAP), amount);
    }

    function tip(uint128 amount) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(Program.TIP), amount);
    }

    function grant(address on, bytes4 selector, address target, bytes4 called) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(Program.GRANT), on, selector, target, called);
    }

    function watch(address token) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(Program.WATCH), token);
    }

    // What comes with a call

    function none() internal pure returns (Extras memory x) {}

    function patch(Extras memory x, uint256 offset, bytes memory amount) internal pure returns (Extras memory) {
        x.patches = abi.encodePacked(x.patches, uint16(offset), amount);
        ++x.patchCount;
        return x;
    }

    function allow(Extras memory x, address token, bytes memory amount) internal pure returns (Extras memory) {
        x.allowances = abi.encodePacked(x.allowances, token, amount);
        ++x.allowanceCount;
        return x;
    }

    function keep(Extras memory x) internal pure returns (Extras memory) {
        x.keeps = true;
        return x;
    }

    /// A callback whose data is the `bytes` at head index `argument` of the call's own arguments.
    function expect(Extras memory x, bytes4 selector, uint256 slot, uint256 offset, uint128 mayPay, uint256 answer)
        internal
        pure
        returns (Extras memory)
    {
        return expectFrom(x, selector, slot, Program.NO_SLOT, offset, mayPay, answer);
    }

    function expectFrom(
        Extras memory x,
        bytes4 selector,
        uint256 slot,
        uint256 initiator,
        uint256 offset,
        uint128 mayPay,
        uint256 answer
    ) internal pure returns (Extras memory) {
        x.expectations = abi.encodePacked(
            x.expectations, selector, uint8(slot), uint8(initiator), uint8(answer), mayPay, uint16(offset)
        );
        ++x.expectationCount;
        return x;
    }

    /// Anything else an expectation can be, spelled by the test.
    function expectRaw(Extras memory x, bytes memory packed) internal pure returns (Extras memory) {
        x.expectations = abi.encodePacked(x.expectations, packed);
        ++x.expectationCount;
        return x;
    }

    // Amounts

    function exact(uint256 amount) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(Program.EXACT), uint128(amount));
    }

    function gain() internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(Program.GAIN));
    }

    function gainOf(address token) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(Program.GAIN_OF), token);
    }

    function argument(uint256 index) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(Program.WORD), uint8(index));
    }

    function returned(uint256 index) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(Program.RETURNED), uint8(index));
    }

    /// Where the length of the `bytes` argument at a head index stands in a call's data.
    function offsetOf(bytes memory data, uint256 argumentIndex) internal pure returns (uint256 offset) {
        assembly ("memory-safe") {
            offset := add(4, mload(add(data, add(36, shl(5, argumentIndex)))))
        }
    }

    function _call(bytes memory target, bytes memory data, Extras memory x, uint256 flags)
        private
        pure
        returns (bytes memory)
    {
        flags |= x.patchCount | (x.allowanceCount << Program.ALLOWANCES_SHIFT)
        | (x.expectationCount << Program.EXPECTATIONS_SHIFT) | (x.keeps ? Program.KEEP : 0);
        return abi.encodePacked(
            uint8(Program.CALL),
            uint16(flags),
            target,
            uint16(data.length),
            data,
            x.patches,
            x.allowances,
            x.expectations
        );
    }
}
