// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title A lending pool's next implementation, as far as anybody can tell: the same code with another revision
/// @notice What a keeper must notice on its own: rules it does not know may now be in force.
contract SandboxUpgraded {
    address private immutable CODE;
    uint256 private immutable REVISION;

    constructor(address code, uint256 revision) {
        CODE = code;
        REVISION = revision;
    }

    /// @dev The names Aave V3 and V2 give it.
    function POOL_REVISION() external view returns (uint256) {
        return REVISION;
    }

    function LENDINGPOOL_REVISION() external view returns (uint256) {
        return REVISION;
    }

    fallback() external payable {
        (bool ok, bytes memory answer) = CODE.delegatecall(msg.data);

        if (!ok) {
            assembly {
                revert(add(answer, 32), mload(answer))
            }
        }

        assembly {
            return(add(answer, 32), mload(answer))
        }
    }
}
