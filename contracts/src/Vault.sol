// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Tokens} from "./Tokens.sol";

interface IVaultBorrower {
    function onVaultLoan(address token, uint256 amount, bytes calldata data) external;
}

/// @title Working capital of its own, apart from the executor
/// @notice Lends to one executor, within a call: the same token, at least as much, is back before the call ends. So the
/// executor stays empty, and a stolen operator key can at most use the capital for a moment, up to the caps.
contract Vault {
    error NotOwner(address caller);
    error NotExecutor(address caller);
    error ZeroAddress();
    error LoanOpen();
    error AboveCap(address token, uint256 amount, uint256 cap);
    error NotRepaid(address token, uint256 balance, uint256 expected);

    event CapSet(address indexed token, uint256 perLoan, uint256 perDay);

    struct Cap {
        uint128 perLoan;
        uint128 perDay;
    }

    struct Use {
        uint64 day;
        uint192 lent;
    }

    address public immutable owner;
    address public immutable executor;

    mapping(address token => Cap cap) public caps;
    mapping(address token => Use use) public uses;
    bool private transient lending;

    constructor(address owner_, address executor_) {
        if (owner_ == address(0) || executor_ == address(0)) revert ZeroAddress();

        owner = owner_;
        executor = executor_;
    }

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _;
    }

    /// @notice Lends `amount` for the length of the executor's callback, which `data` is passed to.
    function lend(address token, uint256 amount, bytes calldata data) external {
        if (msg.sender != executor) revert NotExecutor(msg.sender);
        if (lending) revert LoanOpen();

        lending = true;
        _use(token, amount);
        uint256 expected = Tokens.balanceOf(token, address(this));
        Tokens.transfer(token, executor, amount);
        IVaultBorrower(executor).onVaultLoan(token, amount, data);
        uint256 balance = Tokens.balanceOf(token, address(this));

        if (balance < expected) revert NotRepaid(token, balance, expected);

        lending = false;
    }

    /// @notice Sets how much of a token may be lent at once and in a day (UTC); zero, the default, lends nothing.
    function setCap(address token, uint128 perLoan, uint128 perDay) external onlyOwner {
        caps[token] = Cap(perLoan, perDay);
        emit CapSet(token, perLoan, perDay);
    }

    /// @notice Takes capital out.
    function withdraw(address token, address to, uint256 amount) external onlyOwner {
        if (lending) revert LoanOpen();

        Tokens.transfer(token, to, amount);
    }

    function _use(address token, uint256 amount) private {
        Cap memory cap = caps[token];
        Use memory use = uses[token];
        uint64 today = uint64(block.timestamp / 1 days);
        uint256 lent = amount + (use.day == today ? use.lent : 0);

        if (amount > cap.perLoan) revert AboveCap(token, amount, cap.perLoan);
        if (lent > cap.perDay) revert AboveCap(token, lent, cap.perDay);

        uses[token] = Use(today, uint192(lent));
    }
}
