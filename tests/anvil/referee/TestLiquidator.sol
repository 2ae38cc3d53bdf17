// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IToken, Probe} from "Probe.sol";

/// @notice A keeper's executor as small as it can be: liquidates on a flash loan and sends the profit to the treasury.
contract TestLiquidator is Probe {
    function take(Loan calldata loan, Trial calldata trial, Exit calldata exit, address treasury) external {
        this.conclude(loan, trial, exit);
        uint256 profit = IToken(trial.debt).balanceOf(address(this));
        (bool kept,) = trial.debt.call(abi.encodeWithSignature("transfer(address,uint256)", treasury, profit));
        require(kept);
    }
}
