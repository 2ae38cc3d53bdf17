// Twin of MakerDAO's access control and logging: our own small Solidity, not the real contracts.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Who may call what is not for everybody
abstract contract TwinWarded {
    mapping(address usr => uint256) public wards;

    constructor() {
        wards[msg.sender] = 1;
    }

    function _requireWard(string memory reason) internal view {
        require(wards[msg.sender] == 1, reason);
    }
}

/// @title Access control that says so: of the contracts written after the core
abstract contract TwinRelying is TwinWarded {
    event Rely(address indexed usr);
    event Deny(address indexed usr);

    constructor() {
        emit Rely(msg.sender);
    }

    function _rely(address usr) internal {
        wards[usr] = 1;
        emit Rely(usr);
    }

    function _deny(address usr) internal {
        wards[usr] = 0;
        emit Deny(usr);
    }
}

/// @title The core's anonymous note: four topics and the first 224 bytes of the calldata, written after the body
/// @notice The first topic is the selector, padded on the right. Of the others, the Vat's are three arguments,
/// everybody else's the caller and two.
abstract contract TwinNoted {
    uint256 private constant NOTED = 224;

    function _argument(uint256 place) internal pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(add(4, mul(place, 32)))
        }
    }

    /// @dev Zero-padded where the calldata is shorter.
    function _calldata() internal pure returns (bytes memory head) {
        head = new bytes(NOTED);
        assembly ("memory-safe") {
            calldatacopy(add(head, 32), 0, NOTED)
        }
    }
}

/// @title The note of everybody but the Vat
abstract contract TwinCallerNoted is TwinNoted {
    event LogNote(
        bytes4 indexed sig, address indexed usr, bytes32 indexed arg1, bytes32 indexed arg2, bytes data
    ) anonymous;

    modifier note() {
        _;
        emit LogNote(msg.sig, msg.sender, _argument(0), _argument(1), _calldata());
    }
}
