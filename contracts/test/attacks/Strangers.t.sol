// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Factory, Listing, Rule} from "../../src/Allowlist.sol";
import {Executor} from "../../src/Executor.sol";
import {Frame} from "../../src/Frame.sol";
import {Header} from "../../src/Settlement.sol";
import {AaveTwin, ICallbacks, Polyglot} from "../support/MockLenders.sol";
import {HookToken, MockToken} from "../support/MockTokens.sol";
import {Ops} from "../support/Ops.sol";
import {IV3Callbacks, V3} from "../support/V3.sol";

/// Attacks 1 to 5: calls that come from the wrong one, with the wrong data, or once too often.
contract StrangersTest is V3 {
    HookToken private hook;

    function setUp() public override {
        super.setUp();
        hook = new HookToken();
        hook.mint(address(lender), 1e18);
    }

    /// Every entry, and every callback selector a protocol could use.
    function _entries() private view returns (bytes[] memory calls) {
        bytes memory program = Ops.pay(address(usd), Ops.exact(1));
        calls = new bytes[](23);
        calls[0] = abi.encodeCall(executor.execute, (_header(), program));
        calls[1] = abi.encodeCall(executor.atlasSolverCall, (OPERATOR, address(this), address(0), 0, program, ""));
        calls[2] = bytes.concat(abi.encodeCall(executor.item, ()), program);
        calls[3] = abi.encodeCall(executor.configure, (new Rule[](0), new Listing[](0), new Factory[](0)));
        calls[4] = abi.encodeCall(executor.setOperator, (STRANGER, true));
        calls[5] = abi.encodeCall(executor.setGuardian, (STRANGER));
        calls[6] = abi.encodeCall(executor.proposeTreasury, (STRANGER));
        calls[7] = abi.encodeCall(executor.acceptTreasury, ());
        calls[8] = abi.encodeCall(executor.pause, ());
        calls[9] = abi.encodeCall(executor.unpause, ());
        calls[10] = abi.encodeCall(executor.sweep, (address(usd)));
        calls[11] = abi.encodeCall(ICallbacks.executeOperation, (address(usd), 1, 0, address(executor), program));
        calls[12] = abi.encodeCall(ICallbacks.onMorphoFlashLoan, (1, program));
        calls[13] = abi.encodeCall(ICallbacks.onMorphoLiquidate, (1, program));
        calls[14] = abi.encodeCall(ICallbacks.onFlashLoan, (address(executor), address(usd), 1, 0, program));
        calls[15] = abi.encodeCall(
            ICallbacks.receiveFlashLoan, (new address[](1), new uint256[](1), new uint256[](1), program)
        );
        calls[16] = abi.encodeCall(ICallbacks.clipperCall, (address(executor), 1, 1, program));
        calls[17] = abi.encodeCall(ICallbacks.uniswapV2Call, (address(executor), 1, 0, program));
        calls[18] = abi.encodeCall(ICallbacks.unlockCallback, (program));
        calls[19] = abi.encodeCall(IV3Callbacks.uniswapV3SwapCallback, (1, -1, program));
        calls[20] = abi.encodeCall(IV3Callbacks.uniswapV3FlashCallback, (1, 0, program));
        calls[21] = hex"12345678";
        calls[22] = hex"01";
    }

    function test_attack01_strangerOutsideAFrame_isRefusedEverywhere() public {
        usd.mint(address(executor), 5);
        bytes[] memory calls = _entries();

        for (uint256 i; i < calls.length; ++i) {
            vm.prank(STRANGER);
            (bool success,) = address(executor).call(calls[i]);
            _true(!success, "accepted");
        }

        _same(usd.balanceOf(address(executor)), 5, "touched");
    }

    function test_attack01_strangerInsideAFrame_isRefusedEverywhere() public {
        bytes[] memory calls = _entries();
        _run(bytes.concat(_giveHook(), _gainOne())); // without the hook nothing is wrong with it

        for (uint256 i; i < calls.length; ++i) {
            hook.setHook(address(executor), calls[i], true);
            // The token calls in the middle of the transfer that the lender makes inside our frame.
            bytes memory program = bytes.concat(_giveHook(), _gainOne());
            vm.prank(OPERATOR);
            (bool success,) = address(executor).call(abi.encodeCall(executor.execute, (_header(), program)));
            _true(!success, "accepted");
        }
    }

    function testFuzz_attack01_noCallOfAStranger_isAccepted(bytes4 selector, bytes memory data) public {
        usd.mint(address(executor), 5);
        vm.prank(STRANGER);
        (bool success, bytes memory answer) = address(executor).call(bytes.concat(selector, data));

        // Views answer; nothing else does.
        _true(!success || answer.length >= 32, "accepted");
        _same(usd.balanceOf(address(executor)), 5, "touched");
    }

    function test_attack02_rightCallerWithForgedData_isRefused() public {
        bytes memory forged = Ops.pay(address(usd), Ops.exact(1));
        Liar liar = new Liar(forged);
        _rule(address(liar), Polyglot.morpho.selector, address(0));
        bytes memory program = _expecting(address(liar), _gainOne());
        bytes memory reason =
            abi.encodeWithSelector(Executor.WrongData.selector, address(liar), ICallbacks.onMorphoFlashLoan.selector);
        _refuse(program, reason);
    }

    function test_attack02_rightCallerWithAnotherSelector_isRefused() public {
        Liar liar = new Liar("");
        _rule(address(liar), Polyglot.liquidate.selector, address(0));
        bytes memory data = abi.encodeCall(Polyglot.liquidate, (usd, 1, 1, ""));
        Ops.Extras memory x =
            Ops.expect(Ops.none(), ICallbacks.onMorphoFlashLoan.selector, 1, Ops.offsetOf(data, 3), 0, 0);
        bytes memory reason = abi.encodeWithSelector(
            Frame.UnexpectedCallback.selector, address(liar), ICallbacks.onMorphoLiquidate.selector
        );
        _refuse(Ops.call(address(liar), data, x), reason);
    }

    function test_attack02_dataBeyondTheCall_isRefused() public {
        // An offset near 2**256 wraps around nothing.
        Raw raw = new Raw(
            abi.encodePacked(ICallbacks.onMorphoFlashLoan.selector, uint256(1), type(uint256).max - 30, uint256(0))
        );
        _rule(address(raw), Polyglot.morpho.selector, address(0));
        vm.expectRevert();
        vm.prank(OPERATOR);
        executor.execute(_header(), bytes.concat(_expecting(address(raw), ""), _gainOne()));
    }

    function test_attack03_sameCallbackTwice_isRefused() public {
        Twice twice = new Twice();
        _rule(address(twice), Polyglot.morpho.selector, address(0));
        bytes memory reason = abi.encodeWithSelector(
            Frame.UnexpectedCallback.selector, address(twice), ICallbacks.onMorphoFlashLoan.selector
        );
        _refuse(_expecting(address(twice), _gainOne()), reason);
    }

    function test_attack03_innerCallbackReplayedOneLevelUp_isRefused() public {
        Twice twice = new Twice();
        _rule(address(twice), Polyglot.morpho.selector, address(0));
        // The outer expectation, of the honest lender, is gone when the inner lender calls back again.
        bytes memory program = _borrow(1e6, _expecting(address(twice), _gainOne()));
        bytes memory reason = abi.encodeWithSelector(
            Frame.UnexpectedCallback.selector, address(twice), ICallbacks.onMorphoFlashLoan.selector
        );
        _refuse(program, reason);
    }

    function test_attack03_outerExpectation_isNotServedByAnInnerCaller() public {
        Twice twice = new Twice();
        _rule(address(twice), Polyglot.silent.selector, address(0));
        // `silent` of this one calls back with the announced data, while the honest lender is the one expected.
        bytes memory inner = Ops.call(address(twice), abi.encodeCall(Polyglot.silent, ()));
        bytes memory data = abi.encodeCall(Polyglot.twice, (inner, inner));
        Ops.Extras memory x =
            Ops.expect(Ops.none(), ICallbacks.onMorphoLiquidate.selector, 1, Ops.offsetOf(data, 1), 0, 0);
        x = Ops.expect(x, ICallbacks.onMorphoFlashLoan.selector, 1, Ops.offsetOf(data, 0), 0, 0);
        bytes memory reason = abi.encodeWithSelector(
            Frame.UnexpectedCallback.selector, address(twice), ICallbacks.onMorphoLiquidate.selector
        );
        _refuse(Ops.call(address(lender), data, x), reason);
    }

    function test_attack04_tokenThatReentersExecute_isRefusedEvenAsAnOperator() public {
        vm.prank(OWNER);
        executor.setOperator(address(hook), true);
        hook.setHook(address(executor), abi.encodeCall(executor.execute, (_header(), _gainOne())), true);
        _refuse(bytes.concat(_giveHook(), _gainOne()), abi.encodeWithSelector(Frame.FrameOpen.selector));
    }

    function test_attack04_quietMissInsideAFrame_isRefusedToo() public {
        vm.prank(OWNER);
        executor.setOperator(address(hook), true);
        bytes memory never = Ops.atLeast(address(aave), abi.encodeCall(AaveTwin.getUserAccountData, (USER)), 0, 2);
        bytes memory call = abi.encodeCall(executor.execute, (_quietHeader(), never));
        hook.setHook(address(executor), call, true);
        _refuse(bytes.concat(_giveHook(), _gainOne()), abi.encodeWithSelector(Frame.FrameOpen.selector));
    }

    function test_attack04_tokenThatReentersInASwap_leavesTheRouteWhole() public {
        _list(address(hook), true, false);
        _openPool(address(hook), address(usd), 1e15);
        hook.setHook(address(executor), abi.encodeCall(executor.execute, (_header(), _gainOne())), false);
        _giveHookListed();
        _run(bytes.concat(Ops.watch(address(hook)), _giveHook(), _sell(address(hook), address(usd), 1e6)));

        _true(hook.reached(), "the hook was not reached");
        bytes4 refusal = bytes4(hook.answer());
        _same(uint256(uint32(refusal)), uint256(uint32(executorRefusal())), "refused otherwise");
        _empty();
    }

    function test_attack05_lenderCalledByAnotherInitiator_isRefusedOutsideAFrame() public {
        bytes memory call =
            abi.encodeCall(AaveTwin.flashLoanSimple, (address(executor), address(usd), 1e6, _gainOne(), 0));
        vm.expectRevert(abi.encodeWithSelector(Frame.NoFrame.selector, address(aave)));
        vm.prank(STRANGER);
        (bool ignored,) = address(aave).call(call);
        ignored;
    }

    function test_attack05_lenderCalledByAnotherInitiatorInsideAFrame_isRefused() public {
        // The hostile asset is lent by the same pool: in its transfer it takes the announced loan itself.
        hook.mint(address(aave), 100e18);
        bytes memory inner = _gainOne();
        bytes memory call = abi.encodeCall(AaveTwin.flashLoanSimple, (address(executor), address(hook), 1e6, inner, 0));
        Ops.Extras memory x = Ops.allow(Ops.none(), address(hook), Ops.exact(2e6));
        uint256 offset = Ops.offsetOf(call, 3);
        x = Ops.expectFrom(x, ICallbacks.executeOperation.selector, 4, 3, offset, 0, 1);
        Once once = new Once(address(aave), call);
        hook.setHook(address(once), "", true);
        bytes memory program = bytes.concat(Ops.watch(address(hook)), Ops.call(address(aave), call, x));
        _refuse(program, abi.encodeWithSelector(Executor.WrongInitiator.selector, address(once)));
    }

    function executorRefusal() private pure returns (bytes4) {
        return bytes4(keccak256("NotOperator(address)"));
    }

    function _quietHeader() private view returns (Header memory header) {
        header = _header();
        header.flags = 4;
    }

    function _giveHookListed() private {
        Polyglot giver = new Polyglot(hook);
        hook.mint(address(giver), 1e18);
        _rule(address(giver), Polyglot.give.selector, address(0));
        hookGiver = giver;
    }

    Polyglot private hookGiver;

    function _giveHook() private returns (bytes memory) {
        if (address(hookGiver) == address(0)) _giveHookListed();

        return Ops.call(address(hookGiver), abi.encodeCall(Polyglot.give, (1e6)));
    }

    function _expecting(address target, bytes memory inner) private view returns (bytes memory) {
        bytes memory data = abi.encodeCall(Polyglot.morpho, (address(usd), 0, inner));
        Ops.Extras memory x =
            Ops.expect(Ops.none(), ICallbacks.onMorphoFlashLoan.selector, 1, Ops.offsetOf(data, 2), 100, 0);
        return Ops.call(target, data, x);
    }
}

/// A lender that brings its own data, or another callback than announced.
contract Liar {
    bytes private forged;

    constructor(bytes memory forged_) {
        forged = forged_;
    }

    function morpho(address, uint256 amount, bytes calldata) external {
        ICallbacks(msg.sender).onMorphoFlashLoan(amount, forged);
    }

    function liquidate(MockToken, uint256, uint256 repaid, bytes calldata data) external {
        ICallbacks(msg.sender).onMorphoLiquidate(repaid, data);
    }
}

/// Calls back with bytes of its own making.
contract Raw {
    bytes private call;

    constructor(bytes memory call_) {
        call = call_;
    }

    function morpho(address, uint256, bytes calldata) external {
        (bool success, bytes memory data) = msg.sender.call(call);

        if (!success) {
            assembly ("memory-safe") {
                revert(add(data, 32), mload(data))
            }
        }
    }
}

/// Calls back twice, or unasked.
contract Twice {
    function morpho(address, uint256 amount, bytes calldata data) external {
        ICallbacks(msg.sender).onMorphoFlashLoan(amount, data);
        ICallbacks(msg.sender).onMorphoFlashLoan(amount, data);
    }

    function silent() external {
        ICallbacks(msg.sender).onMorphoLiquidate(2, "");
    }
}

/// Makes a call the first time it is called, and nothing after.
contract Once {
    address private immutable target;
    bytes private call;
    bool private done;

    constructor(address target_, bytes memory call_) {
        target = target_;
        call = call_;
    }

    fallback() external {
        if (done) return;

        done = true;
        (bool success, bytes memory data) = target.call(call);

        if (!success) {
            assembly ("memory-safe") {
                revert(add(data, 32), mload(data))
            }
        }
    }
}
