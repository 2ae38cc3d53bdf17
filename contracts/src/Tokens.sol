// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IERC20 {
    function balanceOf(address account) external view returns (uint256);
    function allowance(address holder, address spender) external view returns (uint256);
    function transfer(address to, uint256 amount) external returns (bool);
    function approve(address spender, uint256 amount) external returns (bool);
}

interface IWrappedNative is IERC20 {
    function withdraw(uint256 amount) external;
}

/// @title Token calls that take no token's word for granted
/// @notice Some tokens return nothing, some return false instead of reverting, some refuse to change an allowance that
/// is not zero. A call that did not work always ends in an error here.
library Tokens {
    error TransferFailed(address token, address to, uint256 amount);
    error ApproveFailed(address token, address spender, uint256 amount);

    function transfer(address token, address to, uint256 amount) internal {
        if (!_worked(token, abi.encodeCall(IERC20.transfer, (to, amount)))) {
            revert TransferFailed(token, to, amount);
        }
    }

    /// Sets the allowance to exactly `amount`, by way of zero where the token insists.
    function approve(address token, address spender, uint256 amount) internal {
        if (_worked(token, abi.encodeCall(IERC20.approve, (spender, amount)))) return;

        bool cleared = _worked(token, abi.encodeCall(IERC20.approve, (spender, 0)));

        if (!cleared || !_worked(token, abi.encodeCall(IERC20.approve, (spender, amount)))) {
            revert ApproveFailed(token, spender, amount);
        }
    }

    /// True if the call succeeded and the token either said so or, having code, said nothing.
    function _worked(address token, bytes memory data) private returns (bool) {
        (bool success, bytes memory returned) = token.call(data);

        if (!success) return false;
        if (returned.length == 0) return token.code.length != 0;

        return returned.length >= 32 && bytes32(returned) == bytes32(uint256(1));
    }
}
