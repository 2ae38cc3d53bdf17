// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Allowlist, Kind} from "../src/Allowlist.sol";
import {Calls} from "../src/Calls.sol";
import {Frame} from "../src/Frame.sol";
import {Interpreter} from "../src/Interpreter.sol";
import {Program} from "../src/Program.sol";
import {ICallbacks, Polyglot} from "./support/MockLenders.sol";
import {MockToken} from "./support/MockTokens.sol";
import {Ops} from "./support/Ops.sol";
import {Setup} from "./support/Setup.sol";

/// Every dialect of callback, told to the executor by the program alone.
contract CallbacksTest is Setup {
    using Ops for Ops.Extras;

    uint256 private constant AMOUNT = 500e6;

    function test_aaveFlashLoan_isRepaidByAllowance() public {
        _run(_flash(AMOUNT, _gainOne(), 0));
        // Premium 5 bps of 500 is 0.25.
        _same(usd.balanceOf(TREASURY), 0.75e6, "treasury");
        _empty();
    }

    function test_aaveLiquidationInsideItsFlashLoan_pullsFromOneAllowance() public {
        MockToken collateral = new MockToken();
        collateral.mint(address(aave), 1e6);
        aave.setSeizedPerDebt(1e15);
        bytes memory liquidation = Ops.call(
            address(aave),
            abi.encodeWithSignature(
                "liquidationCall(address,address,address,uint256,bool)", collateral, usd, USER, 400e6, false
            )
        );
        bytes memory program = bytes.concat(
            Ops.watch(address(collateral)), _flash(AMOUNT, bytes.concat(liquidation, _gain(401e6)), AMOUNT)
        );
        _run(program);

        _same(usd.balanceOf(TREASURY), 0.75e6, "treasury");
        _same(collateral.balanceOf(TREASURY), 400e6 / 1000, "collateral kept");
        _same(usd.allowance(address(executor), address(aave)), 0, "allowance");
    }

    function test_morphoFlashLoan_isRepaidByAllowance() public {
        _run(_borrow(AMOUNT, _gainOne()));
        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
    }

    function test_morphoLiquidation_paysAfterItsCallback() public {
        MockToken collateral = new MockToken();
        collateral.mint(address(lender), 10);
        bytes memory inner = _gain(101e6);
        bytes memory data = abi.encodeCall(Polyglot.liquidate, (collateral, 10, 100e6, inner));
        Ops.Extras memory x = Ops.none().allow(address(usd), Ops.exact(100e6))
            .expect(ICallbacks.onMorphoLiquidate.selector, 1, Ops.offsetOf(data, 3), 0, 0);
        _run(bytes.concat(Ops.watch(address(collateral)), Ops.call(address(lender), data, x)));

        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
        _same(collateral.balanceOf(TREASURY), 10, "collateral kept");
    }

    function test_erc3156Loan_getsItsAnswer() public {
        bytes memory data = abi.encodeCall(Polyglot.erc3156, (address(executor), address(usd), AMOUNT, _gainOne()));
        Ops.Extras memory x = Ops.none().allow(address(usd), Ops.exact(AMOUNT))
            .expectFrom(ICallbacks.onFlashLoan.selector, 4, 0, Ops.offsetOf(data, 3), 0, Program.ANSWER_ERC3156);
        _run(Ops.call(address(lender), data, x));

        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
    }

    function test_balancerLoan_isPaidByTransfer() public {
        address[] memory tokens = new address[](1);
        uint256[] memory amounts = new uint256[](1);
        (tokens[0], amounts[0]) = (address(usd), AMOUNT);
        bytes memory inner = Ops.pay(address(usd), Ops.exact(AMOUNT));
        bytes memory data = abi.encodeCall(Polyglot.balancer, (address(executor), tokens, amounts, inner));
        Ops.Extras memory x =
            Ops.none().expect(ICallbacks.receiveFlashLoan.selector, 3, Ops.offsetOf(data, 3), uint128(AMOUNT), 0);
        _run(bytes.concat(Ops.call(address(lender), data, x), _gainOne()));

        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
    }

    function test_makerCallback_isPaidWhatItAsksScaled() public {
        // owe in rad (45 decimals), the token in 6: divide by 10**39, rounded up.
        uint256 owe = 90e6 * 1e39 + 1;
        bytes memory amount = abi.encodePacked(uint8(0x33), uint8(1), uint8(39));
        bytes memory inner = Ops.pay(address(usd), amount);
        bytes memory data = abi.encodeCall(Polyglot.clipper, (owe, 100e6, address(executor), inner));
        Ops.Extras memory x =
            Ops.none().expectFrom(ICallbacks.clipperCall.selector, 3, 0, Ops.offsetOf(data, 3), 90e6 + 1, 0);
        _run(Ops.call(address(lender), data, x));

        _same(usd.balanceOf(TREASURY), 10e6 - 1, "treasury");
    }

    function test_v2FlashSwap_isPaidByTransfer() public {
        bytes memory inner = Ops.pay(address(usd), Ops.argument(1));
        bytes memory data = abi.encodeCall(Polyglot.pair, (AMOUNT, address(executor), inner));
        Ops.Extras memory x =
            Ops.none().expectFrom(ICallbacks.uniswapV2Call.selector, 3, 0, Ops.offsetOf(data, 2), uint128(AMOUNT), 0);
        _run(bytes.concat(Ops.call(address(lender), data, x), _gainOne()));

        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
    }

    function test_unlockCallback_answersEmptyBytes() public {
        bytes memory data = abi.encodeCall(Polyglot.unlock, (_gainOne()));
        Ops.Extras memory x = Ops.none()
            .expect(ICallbacks.unlockCallback.selector, 0, Ops.offsetOf(data, 0), 0, Program.ANSWER_EMPTY_BYTES);
        _run(Ops.call(address(lender), data, x));

        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
    }

    function test_callbackThatWantsAWord_getsIt() public {
        bytes memory data = abi.encodeCall(Polyglot.word, (address(executor), _gainOne()));
        bytes memory packed = abi.encodePacked(
            ICallbacks.callFunction.selector,
            uint8(3),
            uint8(0xff),
            uint8(Program.ANSWER_WORD),
            uint128(0),
            uint16(Ops.offsetOf(data, 1)),
            bytes32("done")
        );
        _run(Ops.call(address(lender), data, Ops.none().expectRaw(packed)));

        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
    }

    function test_wordOfOneCallback_isNotTheAnswerOfTheNext() public {
        test_callbackThatWantsAWord_getsIt();
        bytes memory data = abi.encodeCall(Polyglot.word, (address(executor), _gainOne()));
        bytes memory packed = abi.encodePacked(
            ICallbacks.callFunction.selector,
            uint8(3),
            uint8(0xff),
            uint8(Program.ANSWER_WORD),
            uint128(0),
            uint16(Ops.offsetOf(data, 1)),
            bytes32(0)
        );
        bytes memory program = Ops.call(address(lender), data, Ops.none().expectRaw(packed));
        _refuse(program, abi.encodeWithSignature("Error(string)", "wrong answer"));
    }

    function test_callbackWithoutData_runsNothing() public {
        bytes memory packed =
            abi.encodePacked(ICallbacks.onPlainCallback.selector, uint8(0xff), uint8(0xff), uint8(0), uint128(0));
        bytes memory call = Ops.call(address(lender), abi.encodeCall(Polyglot.plain, ()), Ops.none().expectRaw(packed));
        _run(bytes.concat(call, _gainOne()));

        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
    }

    function test_twoCallbacksOfOneCall_comeInTheOrderAnnounced() public {
        bytes memory first = _gainOne();
        bytes memory second = _gain(2e6);
        bytes memory data = abi.encodeCall(Polyglot.twice, (first, second));
        // The one that comes first is announced last.
        Ops.Extras memory x = Ops.none().expect(ICallbacks.onMorphoLiquidate.selector, 1, Ops.offsetOf(data, 1), 0, 0)
            .expect(ICallbacks.onMorphoFlashLoan.selector, 1, Ops.offsetOf(data, 0), 0, 0);
        _run(Ops.call(address(lender), data, x));

        _same(usd.balanceOf(TREASURY), 3e6, "treasury");
    }

    function test_callbackOfAListedThirdParty_isAccepted() public {
        Polyglot other = new Polyglot(usd);
        bytes4 selector = ICallbacks.onMorphoFlashLoan.selector;
        bytes memory data = abi.encodeCall(Polyglot.through, (other, _gainOne()));
        bytes memory packed = abi.encodePacked(
            selector, uint8(1), uint8(0xff), uint8(0x80), uint128(0), uint16(Ops.offsetOf(data, 1)), other
        );
        bytes memory program = Ops.call(address(lender), data, Ops.none().expectRaw(packed));
        _refuse(program, abi.encodeWithSelector(Allowlist.NotAllowed.selector, address(other), selector));
        _rule(address(other), selector, Kind.CALLBACK, 0, address(0));
        _run(program);

        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
    }

    function test_loanInsideALoan_nests() public {
        _run(_borrow(AMOUNT, _flash(AMOUNT, _borrow(7, _gainOne()), 0)));
        _same(usd.balanceOf(TREASURY), 0.75e6, "treasury");
    }

    function test_payment_isBoundedOverAllOfACallback() public {
        bytes memory half = Ops.pay(address(usd), Ops.exact(AMOUNT / 2));
        bytes memory inner = bytes.concat(_gainOne(), half, half, Ops.pay(address(usd), Ops.exact(1)));
        bytes memory data = abi.encodeCall(Polyglot.pair, (AMOUNT, address(executor), inner));
        Ops.Extras memory x =
            Ops.none().expectFrom(ICallbacks.uniswapV2Call.selector, 3, 0, Ops.offsetOf(data, 2), uint128(AMOUNT), 0);
        _refuse(Ops.call(address(lender), data, x), abi.encodeWithSelector(Interpreter.PaysTooMuch.selector, 1, 0));
    }

    function test_callbackThatNeverComes_reverts() public {
        Ops.Extras memory x = Ops.none().expect(ICallbacks.onMorphoFlashLoan.selector, 1, 4, 0, 0);
        bytes memory data = abi.encodeWithSelector(Polyglot.silent.selector, uint256(0));
        bytes memory program = bytes.concat(Ops.call(address(lender), data, x), _gainOne());
        _refuse(program, abi.encodeWithSelector(Interpreter.ExpectationsLeft.selector, 1));
    }

    function test_dataAnnouncedOutsideTheCall_reverts() public {
        bytes memory data = abi.encodeCall(Polyglot.take, (1_000));
        bytes4 selector = ICallbacks.onMorphoFlashLoan.selector;
        bytes memory program = Ops.call(address(lender), data, Ops.none().expect(selector, 1, 5, 0, 0));
        _refuse(program, abi.encodeWithSelector(Calls.PatchOutOfRange.selector, 5));
        // What stands at 4 is no length that fits.
        program = Ops.call(address(lender), data, Ops.none().expect(selector, 1, 4, 0, 0));
        _refuse(program, abi.encodeWithSelector(Calls.PatchOutOfRange.selector, 4));
    }

    function test_paymentInATokenNotWatched_reverts() public {
        weth.mint(address(executor), 1);
        bytes memory inner = Ops.pay(address(weth), Ops.exact(1));
        bytes memory data = abi.encodeCall(Polyglot.pair, (AMOUNT, address(executor), inner));
        Ops.Extras memory x =
            Ops.none().expectFrom(ICallbacks.uniswapV2Call.selector, 3, 0, Ops.offsetOf(data, 2), 1, 0);
        _refuse(Ops.call(address(lender), data, x), abi.encodeWithSelector(Frame.NotWatched.selector, address(weth)));
    }

    function test_callbackNotAnnounced_reverts() public {
        bytes memory program = Ops.call(address(lender), abi.encodeCall(Polyglot.plain, ()));
        bytes memory reason = abi.encodeWithSelector(
            Frame.UnexpectedCallback.selector, address(lender), ICallbacks.onPlainCallback.selector
        );
        _refuse(program, reason);
    }

    function testFuzz_dataOtherThanAnnounced_neverRuns(bytes memory announced, bytes memory carried) public {
        vm.assume(keccak256(announced) != keccak256(carried));
        vm.assume(announced.length < 1_000);
        Forger forger = new Forger(carried);
        _rule(address(forger), Polyglot.morpho.selector, address(0));
        bytes memory data = abi.encodeCall(Polyglot.morpho, (address(usd), 0, announced));
        Ops.Extras memory x = Ops.none().expect(ICallbacks.onMorphoFlashLoan.selector, 1, Ops.offsetOf(data, 2), 0, 0);
        vm.expectRevert();
        vm.prank(OPERATOR);
        executor.execute(_header(), bytes.concat(Ops.call(address(forger), data, x), _gainOne()));
    }
}

/// A lender that brings other data than it was given.
contract Forger {
    bytes private carried;

    constructor(bytes memory carried_) {
        carried = carried_;
    }

    function morpho(address, uint256 amount, bytes calldata) external {
        ICallbacks(msg.sender).onMorphoFlashLoan(amount, carried);
    }
}
