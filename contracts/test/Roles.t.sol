// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Factory, Kind, Listing, Rule} from "../src/Allowlist.sol";
import {Executor} from "../src/Executor.sol";
import {Frame} from "../src/Frame.sol";
import {Roles} from "../src/Roles.sol";
import {Polyglot} from "./support/MockLenders.sol";
import {HookToken} from "./support/MockTokens.sol";
import {Ops} from "./support/Ops.sol";
import {Setup} from "./support/Setup.sol";

/// Who decides what, and how slowly.
contract RolesTest is Setup {
    function test_operatorAdded_mayRun() public {
        vm.prank(OWNER);
        executor.setOperator(STRANGER, true);
        vm.prank(STRANGER);
        executor.execute(_header(), _gainOne());
    }

    function test_operatorRemoved_mayNot() public {
        vm.prank(OWNER);
        executor.setOperator(OPERATOR, false);
        _refuse(_gainOne(), abi.encodeWithSelector(Roles.NotOperator.selector, OPERATOR));
    }

    function test_zeroAddresses_areRefused() public {
        vm.expectRevert(Roles.ZeroAddress.selector);
        vm.prank(OWNER);
        executor.setOperator(address(0), true);
        vm.expectRevert(Roles.ZeroAddress.selector);
        vm.prank(OWNER);
        executor.proposeTreasury(address(0));
        vm.expectRevert(Roles.ZeroAddress.selector);
        new Executor(address(0), GUARDIAN, TREASURY, address(weth), ATLAS, new address[](0));
        vm.expectRevert(Roles.ZeroAddress.selector);
        new Executor(OWNER, GUARDIAN, address(0), address(weth), ATLAS, new address[](0));
        vm.expectRevert(Roles.ZeroAddress.selector);
        new Executor(OWNER, GUARDIAN, TREASURY, address(0), ATLAS, new address[](0));
    }

    function test_treasuryBeforeTheDelay_reverts() public {
        vm.prank(OWNER);
        executor.proposeTreasury(STRANGER);
        uint256 from = block.timestamp + 2 days;
        vm.warp(from - 1);
        vm.expectRevert(abi.encodeWithSelector(Roles.TreasuryTooEarly.selector, from));
        vm.prank(OWNER);
        executor.acceptTreasury();
    }

    function test_treasuryAfterTheDelay_getsTheProfit() public {
        vm.prank(OWNER);
        executor.proposeTreasury(STRANGER);
        vm.warp(block.timestamp + 2 days);
        vm.prank(OWNER);
        executor.acceptTreasury();
        _run(_gainOne());

        _same(usd.balanceOf(STRANGER), 1e6, "treasury");
        vm.expectRevert(Roles.NoTreasuryProposed.selector);
        vm.prank(OWNER);
        executor.acceptTreasury();
    }

    function test_secondProposal_startsTheDelayAgain() public {
        vm.prank(OWNER);
        executor.proposeTreasury(STRANGER);
        vm.warp(block.timestamp + 2 days);
        vm.prank(OWNER);
        executor.proposeTreasury(USER);
        vm.expectRevert(abi.encodeWithSelector(Roles.TreasuryTooEarly.selector, block.timestamp + 2 days));
        vm.prank(OWNER);
        executor.acceptTreasury();
    }

    function test_guardianMayPauseButNotResume() public {
        vm.prank(GUARDIAN);
        executor.pause();
        vm.expectRevert(abi.encodeWithSelector(Roles.NotOwner.selector, GUARDIAN));
        vm.prank(GUARDIAN);
        executor.unpause();
        vm.prank(OWNER);
        executor.unpause();
        _run(_gainOne());
    }

    function test_ownerMayPause() public {
        vm.prank(OWNER);
        executor.pause();
        _true(executor.paused(), "not paused");
    }

    function test_operatorMayNotPause() public {
        vm.expectRevert(abi.encodeWithSelector(Roles.NotGuardian.selector, OPERATOR));
        vm.prank(OPERATOR);
        executor.pause();
    }

    function test_formerGuardianMayNotPause() public {
        vm.prank(OWNER);
        executor.setGuardian(address(0));
        vm.expectRevert(abi.encodeWithSelector(Roles.NotGuardian.selector, GUARDIAN));
        vm.prank(GUARDIAN);
        executor.pause();
    }

    function test_sweep_sendsToTheTreasuryOnly() public {
        usd.mint(address(executor), 5);
        vm.deal(address(executor), 7);
        vm.prank(OWNER);
        executor.sweep(address(usd));
        vm.prank(OWNER);
        executor.sweep(address(0));

        _same(usd.balanceOf(TREASURY), 5, "usd");
        _same(TREASURY.balance, 7, "native");
    }

    function test_sweepInsideAFrame_reverts() public {
        // The owner is a token here, so that it has its hands free in the middle of a frame.
        HookToken hook = new HookToken();
        Polyglot giver = new Polyglot(hook);
        hook.mint(address(giver), 1);
        address[] memory operators = new address[](1);
        operators[0] = OPERATOR;
        executor = new Executor(address(hook), GUARDIAN, TREASURY, address(weth), ATLAS, operators);
        Rule[] memory rules = new Rule[](1);
        rules[0] = Rule(address(giver), Polyglot.give.selector, Kind.CALL, 0, address(0));
        Listing[] memory listings = new Listing[](1);
        listings[0] = Listing(address(usd), true, false);
        vm.prank(address(hook));
        executor.configure(rules, listings, new Factory[](0));
        hook.setHook(address(executor), abi.encodeCall(executor.sweep, (address(usd))), true);
        bytes memory program = Ops.call(address(giver), abi.encodeCall(Polyglot.give, (1)));
        _refuse(program, abi.encodeWithSelector(Frame.FrameOpen.selector));
    }

    function test_sweepByAnOperator_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Roles.NotOwner.selector, OPERATOR));
        vm.prank(OPERATOR);
        executor.sweep(address(usd));
    }
}
