// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Allowlist, Kind} from "./Allowlist.sol";
import {Amounts} from "./Amounts.sol";
import {Program} from "./Program.sol";
import {Tokens} from "./Tokens.sol";

/// @title The CALL operation
/// @notice A call with all that belongs to it: amounts written into its data, what it may pull, who may call back.
abstract contract Calls is Allowlist, Amounts {
    error PatchOutOfRange(uint256 offset);
    error NoCode(address target);
    error NoSelector();

    function _call(uint256 cursor, Context memory context) internal returns (uint256) {
        unchecked {
            uint256 flags = Program.u16(cursor);
            address target;
            (target, cursor) = _target(cursor + 2, flags);
            bytes4 selector = Program.selector(cursor + 2);
            bytes memory data;
            (data, cursor) = _copy(cursor);
            uint256 value;
            (cursor, value) = _patch(cursor, flags & Program.PATCHES, data, context);
            uint256 rule = _permit(target, selector, flags, value);
            uint256 count = (flags >> Program.ALLOWANCES_SHIFT) & Program.ALLOWANCES;

            if (count != 0) {
                address spender = _spenderOf(rule);

                if (spender == address(0)) revert NoSpender(target, selector);

                cursor = _allow(cursor, count, spender, context);
            }

            count = (flags >> Program.EXPECTATIONS_SHIFT) & Program.EXPECTATIONS;

            if (count != 0) cursor = _announce(cursor, count, target, data);

            _send(target, value, data);

            if (flags & Program.KEEP != 0) context.kept = _keep(context.kept);

            return cursor;
        }
    }

    function _target(uint256 cursor, uint256 flags) private view returns (address target, uint256 next) {
        unchecked {
            if (flags & Program.POOL == 0) return (Program.addr(cursor), cursor + 20);

            target = _poolOf(
                Program.addr(cursor), Program.addr(cursor + 20), Program.addr(cursor + 40), Program.u24(cursor + 60)
            );
            next = cursor + 63;
        }
    }

    /// Copies length and bytes from calldata.
    function _copy(uint256 cursor) private pure returns (bytes memory data, uint256 next) {
        unchecked {
            uint256 length = Program.u16(cursor);

            if (length < 4) revert NoSelector();

            next = cursor + 2 + length;
            assembly ("memory-safe") {
                data := mload(0x40)
                mstore(data, length)
                mstore(0x40, and(add(add(data, length), 63), not(31)))
                calldatacopy(add(data, 32), add(cursor, 2), length)
            }
        }
    }

    function _permit(address target, bytes4 selector, uint256 flags, uint256 value)
        private
        view
        returns (uint256 rule)
    {
        if (flags & Program.POOL != 0) {
            if ((selector != SWAP && selector != FLASH) || value != 0) {
                revert NotAllowed(target, selector);
            }

            return 0;
        }

        rule = _ruleOf(target, selector);
        uint256 kind = _kindOf(rule);

        if (kind != uint256(Kind.PAYABLE) && (kind != uint256(Kind.CALL) || value != 0)) {
            revert NotAllowed(target, selector);
        }
    }

    /// Overwrites words of the copied calldata; an amount for VALUE is returned instead.
    function _patch(uint256 cursor, uint256 count, bytes memory data, Context memory context)
        private
        view
        returns (uint256, uint256 value)
    {
        unchecked {
            for (; count != 0; --count) {
                uint256 offset = Program.u16(cursor);
                uint256 amount;
                (amount, cursor) = _amount(cursor + 2, address(0), context);

                if (offset == Program.VALUE) {
                    value = amount;
                    continue;
                }

                if (offset + 32 > data.length) revert PatchOutOfRange(offset);

                assembly ("memory-safe") {
                    mstore(add(add(data, 32), offset), amount)
                }
            }

            return (cursor, value);
        }
    }

    /// Raises what the spender may pull; what is left of it is taken back when the frame ends.
    function _allow(uint256 cursor, uint256 count, address spender, Context memory context) private returns (uint256) {
        for (; count != 0; --count) {
            address token = Program.addr(cursor);
            uint256 amount;
            (amount, cursor) = _amount(cursor + 20, token, context);

            if (!_isWatched(token)) revert NotWatched(token);
            if (!_promise(token, spender, 0)) amount += Tokens.allowance(token, address(this), spender);

            Tokens.approve(token, spender, amount);
        }

        return cursor;
    }

    /// Pushes the expectations of a call. Selector and small fields lie in the program as they do on the stack.
    function _announce(uint256 cursor, uint256 count, address target, bytes memory data) private returns (uint256) {
        unchecked {
            for (; count != 0; --count) {
                uint256 packed = Program.u56(cursor);
                uint256 mayPay = Program.u128(cursor + 7);
                bytes32 dataHash;
                bytes32 word;
                address caller = target;
                cursor += 23;

                if ((packed >> 16) & 0xff != Program.NO_SLOT) {
                    dataHash = _hashAt(data, Program.u16(cursor));
                    cursor += 2;
                }

                if (packed & Program.EXPLICIT != 0) {
                    caller = Program.addr(cursor);
                    cursor += 20;
                    _requireKind(caller, bytes4(uint32(packed >> 24)), Kind.CALLBACK);
                }

                if (packed & Program.ANSWER == Program.ANSWER_WORD) {
                    word = bytes32(Program.word(cursor));
                    cursor += 32;
                }

                _expect(caller, packed, dataHash, mayPay, word);
            }

            return cursor;
        }
    }

    /// Hashes the `bytes` whose length stands at `offset` of the call's own data: what the callback must bring back.
    function _hashAt(bytes memory data, uint256 offset) private pure returns (bytes32 dataHash) {
        unchecked {
            if (offset + 32 > data.length) revert PatchOutOfRange(offset);

            uint256 size;
            assembly ("memory-safe") {
                size := mload(add(add(data, 32), offset))
            }

            if (size > data.length || offset + 32 + size > data.length) revert PatchOutOfRange(offset);

            assembly ("memory-safe") {
                dataHash := keccak256(add(add(data, 64), offset), size)
            }
        }
    }

    /// Calls, and passes a failure on as it is: the protocol's own words say more than ours could.
    function _send(address target, uint256 value, bytes memory data) internal {
        if (target.code.length == 0) revert NoCode(target);

        assembly ("memory-safe") {
            if iszero(call(gas(), target, value, add(data, 32), mload(data), 0, 0)) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
    }
}
