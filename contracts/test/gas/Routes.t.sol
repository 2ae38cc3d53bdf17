// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Header} from "../../src/Settlement.sol";
import {MockToken} from "../support/MockTokens.sol";
import {Ops} from "../support/Ops.sol";
import {V3} from "../support/V3.sol";

/// What frames cost, for `.gas-snapshot`: real Uniswap V3, a twin of Aave's pool (its own gas is not Aave's).
contract GasRoutesTest is V3 {
    MockToken private collateral;
    uint256 private constant COVER = 1_000e6;

    function setUp() public override {
        super.setUp();
        collateral = new MockToken();
        collateral.mint(address(aave), 1_000_000e6);
        aave.setSeizedPerDebt(1.05e18);
        _list(address(collateral), true, false);
        _openPool(address(collateral), address(usd), 1e15);
    }

    function test_gas_emptyFrameWithAGain() public {
        _run(_gainOne());
    }

    function test_gas_flashLoanLiquidationSwap() public {
        bytes memory inner =
            bytes.concat(_liquidate(address(collateral), COVER), _sell(address(collateral), address(usd), 1_050e6));
        _run(bytes.concat(Ops.watch(address(collateral)), _flash(COVER, inner, COVER)));
    }

    function test_gas_swapAsTheLoan() public {
        bytes memory liquidation = _liquidateAllowing(address(collateral), COVER);
        bytes memory loan = _buy(address(collateral), address(usd), COVER + 1, liquidation, 1_010e6);
        _run(bytes.concat(Ops.watch(address(collateral)), loan));
    }

    function test_gas_quietMiss() public {
        aave.setHealth(1e18);
        bytes memory read = abi.encodeWithSignature("getUserAccountData(address)", USER);
        Header memory header = _header();
        header.flags = 4;
        _run(header, bytes.concat(Ops.below(address(aave), read, 5, 1e18), _gainOne()));
    }
}
