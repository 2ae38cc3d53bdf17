// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Allowlist} from "../src/Allowlist.sol";
import {MockToken} from "./support/MockTokens.sol";
import {Ops} from "./support/Ops.sol";
import {IV3Callbacks, IV3Pool, V3} from "./support/V3.sol";

/// Whole routes: a twin of Aave's pool, real Uniswap V3 pools. Every dollar repaid seizes 1.05 of the collateral, and
/// the pools trade one for one less their fee.
contract LiquidationTest is V3 {
    MockToken private collateral;
    uint256 private constant COVER = 1_000e6;

    function setUp() public override {
        super.setUp();
        collateral = new MockToken();
        collateral.mint(address(aave), 1_000_000e6);
        aave.setSeizedPerDebt(1.05e18);
        _list(address(collateral), true, false);
        _openPool(address(collateral), address(usd), 1e15);
        _openPool(address(collateral), address(weth), 1e15);
        _openPool(address(weth), address(usd), 1e15);
    }

    function test_flashLoanAndOneSwap_paysTheTreasury() public {
        bytes memory inner =
            bytes.concat(_liquidate(address(collateral), COVER), _sell(address(collateral), address(usd), 1_050e6));
        _run(bytes.concat(Ops.watch(address(collateral)), _flash(COVER, inner, COVER)));

        // 1050 less 5 bps of fee is 1049.475, less 0.5 of premium and a little of depth: 48.97.
        _near(usd.balanceOf(TREASURY), 48.97e6, 0.01e6);
        _settled();
    }

    function test_flashLoanAndTwoSwaps_paysTheTreasury() public {
        bytes memory inner = bytes.concat(
            _liquidate(address(collateral), COVER),
            _sell(address(collateral), address(weth), 1_050e6),
            _sell(address(weth), address(usd), 1_050e6)
        );
        _run(bytes.concat(Ops.watch(address(collateral)), Ops.watch(address(weth)), _flash(COVER, inner, COVER)));

        // 1050 * 0.9995 * 0.9995 - 1000.5
        _near(usd.balanceOf(TREASURY), 48.45e6, 0.01e6);
        _settled();
    }

    function test_swapAsTheLoan_needsNoFlashLoan() public {
        // Buying 1000 costs 1000.5 of the 1050 seized: the bonus stays in the collateral and is bought with the rest.
        bytes memory loan =
            _buy(address(collateral), address(usd), COVER, _liquidateAllowing(address(collateral), COVER), 1_010e6);
        _run(bytes.concat(Ops.watch(address(collateral)), loan, _sell(address(collateral), address(usd), 50e6)));

        _near(usd.balanceOf(TREASURY), 49.47e6, 0.01e6);
        _settled();
    }

    function test_swapAsTheLoan_mayKeepTheBonusInTheCollateral() public {
        bytes memory loan =
            _buy(address(collateral), address(usd), COVER + 1, _liquidateAllowing(address(collateral), COVER), 1_010e6);
        _run(bytes.concat(Ops.watch(address(collateral)), loan));

        _same(usd.balanceOf(TREASURY), 1, "profit token");
        _near(collateral.balanceOf(TREASURY), 49.5e6, 0.01e6);
    }

    function test_flashFromAPool_isRepaidWithItsFee() public {
        (address token0,) = _sorted(address(weth), address(usd));
        uint256 owed = COVER + 0.5e6; // 500 millionths
        bytes memory inner = bytes.concat(
            _liquidateAllowing(address(collateral), COVER),
            _sell(address(collateral), address(usd), 1_050e6),
            Ops.pay(address(usd), Ops.exact(owed))
        );
        bool usdFirst = token0 == address(usd);
        bytes memory data =
            abi.encodeCall(IV3Pool.flash, (address(executor), usdFirst ? COVER : 0, usdFirst ? 0 : COVER, inner));
        uint256 offset = Ops.offsetOf(data, 3);
        Ops.Extras memory x =
            Ops.expect(Ops.none(), IV3Callbacks.uniswapV3FlashCallback.selector, 2, offset, uint128(owed), 0);
        _run(bytes.concat(Ops.watch(address(collateral)), _onPool(address(weth), address(usd), data, x)));

        _near(usd.balanceOf(TREASURY), 48.97e6, 0.01e6);
    }

    function test_twoLiquidationsOneOfThemGone_paysForTheOther() public {
        bytes memory good = Ops.attempt(1_000_000, _liquidate(address(collateral), COVER));
        bytes memory condition =
            Ops.below(address(aave), abi.encodeWithSignature("getUserAccountData(address)", USER), 5, 1);
        bytes memory gone = Ops.attempt(1_000_000, bytes.concat(condition, _liquidate(address(collateral), COVER)));
        bytes memory inner = bytes.concat(gone, good, _sell(address(collateral), address(usd), 2_100e6));
        bytes memory program = bytes.concat(Ops.watch(address(collateral)), _flash(2 * COVER, inner, 2 * COVER));
        _runSkipping(program);

        // 1049.475 - 1000 - 1 of premium
        _near(usd.balanceOf(TREASURY), 48.47e6, 0.01e6);
        _settled();
    }

    function test_poolSelectorsOtherThanSwapAndFlash_areNotAllowed() public {
        bytes memory data = abi.encodeWithSignature("collectProtocol(address,uint128,uint128)", STRANGER, 1, 1);
        _refuse(_onPool(address(weth), address(usd), data, Ops.none()), Allowlist.NotAllowed.selector);
    }

    function testFuzz_anyCover_keepsTheExecutorEmpty(uint64 cover) public {
        vm.assume(cover > 1e6 && cover < 100_000e6);
        bytes memory inner = bytes.concat(
            _liquidate(address(collateral), cover), _sell(address(collateral), address(usd), type(uint128).max)
        );
        _run(bytes.concat(Ops.watch(address(collateral)), _flash(cover, inner, cover)));

        _settled();
        _near(usd.balanceOf(TREASURY), uint256(cover) * 48_975 / 1e6, uint256(cover) / 1e3);
    }

    function _runSkipping(bytes memory program) private {
        vm.prank(OPERATOR);
        executor.execute(_skipHeader(), program);
    }

    function _settled() private view {
        _empty();
        _same(collateral.balanceOf(address(executor)), 0, "collateral left");
        _same(usd.allowance(address(executor), address(aave)), 0, "allowance");
    }

    function _near(uint256 left, uint256 right, uint256 tolerance) private pure {
        uint256 gap = left > right ? left - right : right - left;
        if (gap > tolerance) revert AssertionFailed("far", left, right);
    }
}
