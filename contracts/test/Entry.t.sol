// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Allowlist} from "../src/Allowlist.sol";
import {Executor} from "../src/Executor.sol";
import {Frame} from "../src/Frame.sol";
import {Interpreter} from "../src/Interpreter.sol";
import {Roles} from "../src/Roles.sol";
import {Header, Settlement} from "../src/Settlement.sol";
import {AaveTwin, Polyglot} from "./support/MockLenders.sol";
import {Ops} from "./support/Ops.sol";
import {Setup} from "./support/Setup.sol";

/// Who may open a frame, until when, and what a quiet miss is.
contract EntryTest is Setup {
    function test_profitOfAFrame_goesToTheTreasury() public {
        vm.expectEmit(address(executor));
        emit Settlement.Executed(OPERATOR, address(usd), 1e6, 0);
        _run(_gainOne());

        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
        _empty();
    }

    function test_execute_returnsTheProfitForWhoeverSimulates() public {
        vm.prank(OPERATOR);
        _same(executor.execute(_header(), _gainOne()), 1e6, "profit");
        aave.setHealth(1e18);
        Header memory header = _quiet();
        vm.prank(OPERATOR);
        _same(executor.execute(header, bytes.concat(_unhealthy(), _gainOne())), 0, "a quiet miss");
    }

    function test_callerNotInTheOperatorSet_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Roles.NotOperator.selector, STRANGER));
        vm.prank(STRANGER);
        executor.execute(_header(), _gainOne());
    }

    function test_ownerIsNotAnOperator() public {
        vm.expectRevert(abi.encodeWithSelector(Roles.NotOperator.selector, OWNER));
        vm.prank(OWNER);
        executor.execute(_header(), _gainOne());
    }

    function test_paused_reverts() public {
        vm.prank(GUARDIAN);
        executor.pause();
        _refuse(_gainOne(), abi.encodeWithSelector(Roles.Paused.selector));
    }

    function test_lastSecondOfTheDeadline_runs() public {
        Header memory header = _header();
        vm.warp(header.deadline);
        _run(header, _gainOne());
    }

    function test_secondAfterTheDeadline_reverts() public {
        Header memory header = _header();
        vm.warp(uint256(header.deadline) + 1);
        _refuse(header, _gainOne(), abi.encodeWithSelector(Executor.Expired.selector, header.deadline, 0));
    }

    function test_blockAfterTheLast_reverts() public {
        Header memory header = _header();
        header.maxBlock = uint40(block.number);
        _run(header, _gainOne());
        vm.roll(block.number + 1);
        bytes memory reason = abi.encodeWithSelector(Executor.Expired.selector, header.deadline, header.maxBlock);
        _refuse(header, _gainOne(), reason);
    }

    function test_otherChain_reverts() public {
        vm.chainId(999);
        _refuse(_gainOne(), abi.encodeWithSelector(Executor.WrongChain.selector, 999));
    }

    function test_leastProfitZero_reverts() public {
        Header memory header = _header();
        header.minProfit = 0;
        _refuse(header, _gainOne(), abi.encodeWithSelector(Executor.ZeroMinProfit.selector));
    }

    function test_profitTokenNotListed_reverts() public {
        _list(address(usd), false, false);
        _refuse(_gainOne(), abi.encodeWithSelector(Allowlist.NotListed.selector, address(usd)));
    }

    function test_shareAsTipOfAnotherToken_reverts() public {
        Header memory header = _header();
        header.tipBps = 1;
        _refuse(header, _gainOne(), abi.encodeWithSelector(Executor.TipNeedsWrappedNative.selector, address(usd)));
    }

    function test_conditionMet_runs() public {
        _run(bytes.concat(_unhealthy(), _gainOne()));
    }

    function test_conditionNotMet_reverts() public {
        aave.setHealth(1e18);
        bytes memory reason = abi.encodeWithSelector(Interpreter.NotLiquidatable.selector, address(aave), uint256(1e18));
        _refuse(bytes.concat(_unhealthy(), _gainOne()), reason);
    }

    function test_conditionNotMetAndQuiet_returnsWithoutDoingAnything() public {
        aave.setHealth(1e18);
        vm.expectEmit(address(executor));
        emit Executor.Missed(OPERATOR);
        _run(_quiet(), bytes.concat(_unhealthy(), _gainOne()));

        _same(usd.balanceOf(TREASURY), 0, "treasury");
    }

    function test_quietMiss_givesTheValueBack() public {
        aave.setHealth(1e18);
        uint256 start = OPERATOR.balance;
        Header memory header = _quiet();
        bytes memory program = bytes.concat(_unhealthy(), _gainOne());
        vm.prank(OPERATOR);
        executor.execute{value: 1 ether}(header, program);

        _same(OPERATOR.balance, start, "operator");
        _empty();
    }

    function test_secondConditionNotMetAndQuiet_returnsToo() public {
        bytes memory second = Ops.atLeast(address(aave), abi.encodeCall(AaveTwin.getUserAccountData, (USER)), 0, 2);
        _run(_quiet(), bytes.concat(_unhealthy(), second, _gainOne()));

        _same(usd.balanceOf(TREASURY), 0, "treasury");
    }

    function test_conditionThatCannotBeRead_isNotMet() public {
        bytes memory nowhere = Ops.below(address(0xdead), "", 0, 1);
        _run(_quiet(), bytes.concat(nowhere, _gainOne()));
        bytes memory beyond = Ops.below(address(aave), abi.encodeCall(AaveTwin.getUserAccountData, (USER)), 6, 1);
        _run(_quiet(), bytes.concat(beyond, _gainOne()));
        bytes memory reverting = Ops.atLeast(address(aave), abi.encodeCall(Polyglot.silent, ()), 0, 0);
        _run(_quiet(), bytes.concat(reverting, _gainOne()));

        _same(usd.balanceOf(TREASURY), 0, "treasury");
    }

    function test_conditionAfterTheStart_isNeverQuiet() public {
        aave.setHealth(1e18);
        bytes memory reason = abi.encodeWithSelector(Interpreter.NotLiquidatable.selector, address(aave), uint256(1e18));
        _refuse(_quiet(), bytes.concat(_gainOne(), _unhealthy()), reason);
    }

    function testFuzz_condition_comparesTheWordWithTheBound(uint256 health, uint128 bound, bool least) public {
        aave.setHealth(health);
        bytes memory read = abi.encodeCall(AaveTwin.getUserAccountData, (USER));
        bytes memory test =
            least ? Ops.atLeast(address(aave), read, 5, bound) : Ops.below(address(aave), read, 5, bound);
        _run(_quiet(), bytes.concat(test, _gainOne()));

        bool met = least ? health >= bound : health < bound;
        _same(usd.balanceOf(TREASURY), met ? 1e6 : 0, "treasury");
    }

    function test_twoFramesInOneTransaction_areIndependent() public {
        _run(_flash(100e6, _gainOne(), 0));
        _run(_flash(100e6, _gainOne(), 0));

        // 1 less the premium of 0.05, twice.
        _same(usd.balanceOf(TREASURY), 2 * (1e6 - 0.05e6), "treasury");
    }

    function test_nativeOutsideAFrame_isRefused() public {
        vm.deal(STRANGER, 1);
        vm.prank(STRANGER);
        (bool success, bytes memory reason) = address(executor).call{value: 1}("");

        _true(!success, "accepted");
        _same(uint256(uint32(bytes4(reason))), uint256(uint32(Frame.NoFrame.selector)), "reason");
    }

    function _unhealthy() private view returns (bytes memory) {
        return Ops.below(address(aave), abi.encodeCall(AaveTwin.getUserAccountData, (USER)), 5, 1e18);
    }

    function _quiet() private view returns (Header memory header) {
        header = _header();
        header.flags = 4;
    }
}
