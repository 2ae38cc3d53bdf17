// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Tokens} from "../../src/Tokens.sol";

interface IAavePool {
    function flashLoanSimple(address receiver, address asset, uint256 amount, bytes calldata params, uint16 referral)
        external;
    function liquidationCall(address collateral, address debt, address user, uint256 amount, bool receiveAToken)
        external;
}

interface IV3Pool {
    function swap(address recipient, bool zeroForOne, int256 amount, uint160 limit, bytes calldata data)
        external
        returns (int256, int256);
}

/// @title What the executor's generality is measured against
/// @notice One route, written out: Aave V3 flash loan, liquidation, one V3 swap, profit to the treasury. It does what a
/// careful single-purpose contract does and nothing more: an operator, guarded callbacks, a deadline, a floor, exact
/// allowances set back to zero.
contract FixedRoute {
    error Refused();

    struct Order {
        address collateral;
        address debt;
        address user;
        address swapPool;
        bool zeroForOne;
        uint256 loan;
        uint256 cover;
        uint256 repay;
        uint256 minProfit;
        uint256 deadline;
    }

    mapping(address account => bool allowed) public isOperator;
    address public treasury;
    address public immutable aave;
    address private transient expected;

    constructor(address aave_, address treasury_, address operator) {
        aave = aave_;
        treasury = treasury_;
        isOperator[operator] = true;
    }

    function liquidate(Order calldata order) external {
        if (!isOperator[msg.sender] || block.timestamp > order.deadline || expected != address(0)) revert Refused();

        uint256 start = Tokens.balanceOf(order.debt, address(this));
        expected = aave;
        IAavePool(aave).flashLoanSimple(address(this), order.debt, order.loan, abi.encode(order), 0);
        expected = address(0);
        uint256 gain = Tokens.balanceOf(order.debt, address(this)) - start;

        if (gain < order.minProfit || Tokens.allowance(order.debt, address(this), aave) != 0) revert Refused();

        Tokens.transfer(order.debt, treasury, gain);
    }

    function executeOperation(address, uint256, uint256 premium, address initiator, bytes calldata params)
        external
        returns (bool)
    {
        if (msg.sender != expected || initiator != address(this)) revert Refused();

        Order memory order = abi.decode(params, (Order));
        Tokens.approve(order.debt, aave, order.repay + order.loan + premium);
        IAavePool(aave).liquidationCall(order.collateral, order.debt, order.user, order.cover, false);
        expected = order.swapPool;
        IV3Pool(order.swapPool)
            .swap(
                address(this),
                order.zeroForOne,
                int256(Tokens.balanceOf(order.collateral, address(this))),
                order.zeroForOne ? 4_295_128_740 : 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_341,
                abi.encode(order.collateral)
            );
        expected = aave;

        // What was allowed for interest that did not accrue.
        if (Tokens.allowance(order.debt, address(this), aave) != order.loan + premium) {
            Tokens.approve(order.debt, aave, order.loan + premium);
        }

        return true;
    }

    function uniswapV3SwapCallback(int256 delta0, int256 delta1, bytes calldata data) external {
        if (msg.sender != expected) revert Refused();

        Tokens.transfer(abi.decode(data, (address)), msg.sender, uint256(delta0 > 0 ? delta0 : delta1));
    }
}
