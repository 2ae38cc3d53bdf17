// A twin of dYdX Perpetual V1: our own code, written from the protocol's rules and recorded answers.
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {TwinP1Books} from "./TwinP1Books.sol";
import {
    Balance,
    Index,
    ITwinP1Funder,
    ITwinP1Oracle,
    ITwinP1Token,
    ITwinP1Trader,
    TradeArg,
    TradeResult,
    TwinP1Math
} from "./TwinP1Types.sol";

/// @title A perpetual contract whose accounts are a margin and a position, traded through registered contracts
/// @notice The real calls, events, reverts and rounding. Of the real one it lacks the proxy and the payout after
/// final settlement.
contract TwinPerpetualV1 is TwinP1Books {
    using TwinP1Math for *;

    event LogTrade(
        address indexed maker,
        address indexed taker,
        address trader,
        uint256 marginAmount,
        uint256 positionAmount,
        bool isBuy,
        bytes32 makerBalance,
        bytes32 takerBalance
    );
    event LogDeposit(address indexed account, uint256 amount, bytes32 balance);
    event LogWithdraw(address indexed account, address destination, uint256 amount, bytes32 balance);
    event LogSetMinCollateral(uint256 minCollateral);
    event LogSetGlobalOperator(address operator, bool approved);
    event LogSetLocalOperator(address indexed sender, address operator, bool approved);
    event LogSetOracle(address oracle);
    event LogSetFunder(address funder);
    event LogFinalSettlementEnabled(uint256 settlementPrice);

    modifier onlyAdmin() {
        require(msg.sender == admin, "Adminable: caller is not admin");
        _;
    }

    modifier once() {
        require(!entered, "ReentrancyGuard: reentrant call");
        entered = true;
        _;
        entered = false;
    }

    function initializeV1(address token_, address oracle_, address funder_, uint256 minCollateral_) external onlyAdmin {
        require(globalIndex.timestamp == 0, "PerpetualV1 already initialized");
        (token, oracle, funder, minCollateral) = (token_, oracle_, funder_, minCollateral_);
        globalIndex = Index(block.timestamp.to32(), false, 0);
    }

    // Trading -------------------------------------------------------------------------------------------------------

    /// @notice Settles the accounts, has the trader contracts decide each trade, and checks every account after all.
    function trade(address[] calldata accounts, TradeArg[] calldata trades) external once {
        require(!finalSettlementEnabled, "Not permitted during final settlement");
        checkAccounts(accounts);
        Context memory context = load();
        Balance[] memory before = new Balance[](accounts.length);

        for (uint256 i; i < accounts.length; i++) {
            before[i] = settle(context, accounts[i]);
        }

        bytes32 flags;

        for (uint256 i; i < trades.length; i++) {
            flags |= tradeOne(context, accounts, trades[i], flags);
        }

        for (uint256 i; i < accounts.length; i++) {
            checkAfter(context, accounts[i], before[i]);
        }
    }

    function checkAccounts(address[] calldata accounts) private pure {
        require(accounts.length > 0, "Accounts must have non-zero length");

        for (uint256 i = 1; i < accounts.length; i++) {
            require(accounts[i] > accounts[i - 1], "Accounts must be sorted and unique");
        }
    }

    function tradeOne(Context memory context, address[] calldata accounts, TradeArg calldata arg, bytes32 flags)
        private
        returns (bytes32)
    {
        require(globalOperators[arg.trader], "trader is not global operator");
        (address maker, address taker) = (accounts[arg.makerIndex], accounts[arg.takerIndex]);
        TradeResult memory result =
            ITwinP1Trader(arg.trader).trade(msg.sender, maker, taker, context.price, arg.data, flags);

        if (maker != taker) {
            bytes32 makerWord = move(maker, result, !result.isBuy);
            bytes32 takerWord = move(taker, result, result.isBuy);
            emit LogTrade(
                maker, taker, arg.trader, result.marginAmount, result.positionAmount, result.isBuy, makerWord, takerWord
            );
        }

        return result.traderFlags;
    }

    function move(address account, TradeResult memory result, bool buys) private returns (bytes32) {
        Balance memory balance = balances[account];
        balance.moveMargin(result.marginAmount, !buys);
        balance.movePosition(result.positionAmount, buys);
        balances[account] = balance;
        return balance.toWord();
    }

    /// @dev An account ends collateralized, or else smaller, on the same side, and no worse than it began.
    function checkAfter(Context memory context, address account, Balance memory before) private view {
        Balance memory balance = balances[account];

        if (balance.isCollateralized(context.price, context.minCollateral)) {
            return;
        }

        (uint256 positive, uint256 negative) = balance.sides(context.price);
        (uint256 positiveBefore, uint256 negativeBefore) = before.sides(context.price);
        check(positive != 0, "has no positive value", account);
        check(balance.position <= before.position, "absolute position size increased", account);
        check(balance.positionIsPositive == before.positionIsPositive, "position changed signs", account);
        check(negativeBefore != 0, "was not previously", account);
        bool noWorse = balance.positionIsPositive
            ? (negative / TwinP1Math.BASE).times(positiveBefore) <= (negativeBefore / TwinP1Math.BASE).times(positive)
            : (positiveBefore / TwinP1Math.BASE).times(negative) <= (positive / TwinP1Math.BASE).times(negativeBefore);
        check(noWorse, "collateralization decreased", account);
    }

    /// @dev Names the account by its first and last four bytes.
    function check(bool holds, string memory what, address account) private pure {
        if (holds) {
            return;
        }

        bytes memory text = bytes(": 0x00000000...00000000");

        for (uint256 i; i < 8; i++) {
            text[4 + i] = digit(uint160(account) >> (4 * (39 - i)));
            text[15 + i] = digit(uint160(account) >> (4 * (7 - i)));
        }

        revert(string.concat("account is undercollateralized and ", what, string(text)));
    }

    function digit(uint256 value) private pure returns (bytes1) {
        return bytes("0123456789abcdef")[value & 15];
    }

    // Margin --------------------------------------------------------------------------------------------------------

    function deposit(address account, uint256 amount) external once {
        require(!finalSettlementEnabled, "Not permitted during final settlement");
        Balance memory balance = settle(load(), account);
        require(ITwinP1Token(token).transferFrom(msg.sender, address(this), amount), "SafeERC20: operation failed");
        balance.moveMargin(amount, true);
        balances[account] = balance;
        emit LogDeposit(account, amount, balance.toWord());
    }

    function withdraw(address account, address destination, uint256 amount) external once {
        require(!finalSettlementEnabled, "Not permitted during final settlement");
        require(hasAccountPermissions(account, msg.sender), "sender does not have permission to withdraw");
        Context memory context = load();
        Balance memory balance = settle(context, account);
        require(ITwinP1Token(token).transfer(destination, amount), "SafeERC20: operation failed");
        balance.moveMargin(amount, false);
        balances[account] = balance;
        require(balance.isCollateralized(context.price, context.minCollateral), "account not collateralized");
        emit LogWithdraw(account, destination, amount, balance.toWord());
    }

    // Permissions and parameters ------------------------------------------------------------------------------------

    function setLocalOperator(address operator, bool approved) external {
        localOperators[msg.sender][operator] = approved;
        emit LogSetLocalOperator(msg.sender, operator, approved);
    }

    function setGlobalOperator(address operator, bool approved) external onlyAdmin {
        globalOperators[operator] = approved;
        emit LogSetGlobalOperator(operator, approved);
    }

    function setMinCollateral(uint256 minCollateral_) external onlyAdmin {
        require(minCollateral_ >= TwinP1Math.BASE, "The collateral requirement cannot be under 100%");
        minCollateral = minCollateral_;
        emit LogSetMinCollateral(minCollateral_);
    }

    function setOracle(address oracle_) external onlyAdmin {
        require(ITwinP1Oracle(oracle_).getPrice() != 0, "New oracle cannot return a zero price");
        oracle = oracle_;
        emit LogSetOracle(oracle_);
    }

    function setFunder(address funder_) external onlyAdmin {
        ITwinP1Funder(funder_).getFunding(0);
        funder = funder_;
        emit LogSetFunder(funder_);
    }

    /// @notice Ends trading at the oracle's price, which must lie between the bounds.
    function enableFinalSettlement(uint256 lowest, uint256 highest) external onlyAdmin once {
        require(!finalSettlementEnabled, "Not permitted during final settlement");
        uint256 price = load().price;
        require(price >= lowest, "Oracle price is less than the provided lower bound");
        require(price <= highest, "Oracle price is greater than the provided upper bound");
        finalSettlementEnabled = true;
        finalSettlementPrice = price;
        emit LogFinalSettlementEnabled(price);
    }
}
