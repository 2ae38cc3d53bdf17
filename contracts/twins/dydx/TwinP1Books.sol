// A twin of dYdX Perpetual V1's books: our own code, written from the protocol's rules and recorded answers.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Balance, Index, Int, ITwinP1Funder, ITwinP1Oracle, TwinP1Math} from "./TwinP1Types.sol";

/// @title The accounts of a perpetual, what funding does to them, and what may be read of them
/// @dev Tests write the first five slots.
abstract contract TwinP1Books {
    using TwinP1Math for *;

    mapping(address account => Balance) internal balances;
    mapping(address account => Index) internal indices;
    Index internal globalIndex;
    uint256 internal minCollateral;
    bool internal finalSettlementEnabled;
    mapping(address operator => bool) internal globalOperators;
    mapping(address account => mapping(address operator => bool)) internal localOperators;
    address internal immutable admin = msg.sender;
    address internal token;
    address internal oracle;
    address internal funder;
    uint256 internal finalSettlementPrice;
    bool internal entered;

    event LogAccountSettled(address indexed account, bool isPositive, uint256 amount, bytes32 balance);
    event LogIndex(bytes32 index);

    /// @dev A market at one block: price, settled global index, and what is demanded.
    struct Context {
        uint256 price;
        uint256 minCollateral;
        Index index;
    }

    // Funding -------------------------------------------------------------------------------------------------------

    /// @dev Brings the global index to this block; it moves by funding times price, floored.
    function load() internal returns (Context memory context) {
        Index memory index = globalIndex;
        context.price = ITwinP1Oracle(oracle).getPrice();
        context.minCollateral = minCollateral;
        uint256 elapsed = block.timestamp - index.timestamp;

        if (elapsed > 0) {
            (bool up, uint256 funding) = ITwinP1Funder(funder).getFunding(elapsed);
            Int memory moved =
                Int(index.value, index.isPositive).plus(funding.times(context.price) / TwinP1Math.BASE, up);
            index = Index(block.timestamp.to32(), moved.isPositive, moved.value.to128());
            globalIndex = index;
        }

        emit LogIndex(index.toWord());
        context.index = index;
    }

    /// @dev Charges or credits what the index moved since the account's own: a debit is rounded up, a credit down.
    function settle(Context memory context, address account) internal returns (Balance memory balance) {
        balance = balances[account];
        Index memory old = indices[account];

        if (old.timestamp == context.index.timestamp) {
            return balance;
        }

        indices[account] = context.index;

        if (balance.position == 0) {
            return balance;
        }

        Int memory moved = Int(context.index.value, context.index.isPositive).plus(old.value, !old.isPositive);
        bool credit = moved.isPositive != balance.positionIsPositive;
        uint256 due = moved.value.times(balance.position);
        uint256 amount = credit ? due / TwinP1Math.BASE : due.overUp(TwinP1Math.BASE);
        balance.moveMargin(amount, credit);
        balances[account] = balance;
        emit LogAccountSettled(account, credit, amount, balance.toWord());
    }

    // Views: as stored ----------------------------------------------------------------------------------------------

    function getAccountBalance(address account) external view returns (Balance memory) {
        return balances[account];
    }

    function getAccountIndex(address account) external view returns (Index memory) {
        return indices[account];
    }

    function getGlobalIndex() external view returns (Index memory) {
        return globalIndex;
    }

    function getMinCollateral() external view returns (uint256) {
        return minCollateral;
    }

    function getTokenContract() external view returns (address) {
        return token;
    }

    function getOracleContract() external view returns (address) {
        return oracle;
    }

    function getFunderContract() external view returns (address) {
        return funder;
    }

    function getAdmin() external view returns (address) {
        return admin;
    }

    function getFinalSettlementEnabled() external view returns (bool) {
        return finalSettlementEnabled;
    }

    function getIsGlobalOperator(address operator) external view returns (bool) {
        return globalOperators[operator];
    }

    function getIsLocalOperator(address account, address operator) external view returns (bool) {
        return localOperators[account][operator];
    }

    function hasAccountPermissions(address account, address operator) public view returns (bool) {
        return account == operator || globalOperators[operator] || localOperators[account][operator];
    }

    function getOraclePrice() external view returns (uint256) {
        require(globalOperators[msg.sender], "Oracle price requester not global operator");
        return ITwinP1Oracle(oracle).getPrice();
    }
}
