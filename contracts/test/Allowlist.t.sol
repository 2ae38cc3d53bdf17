// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Allowlist, Factory, Kind, Listing, Rule} from "../src/Allowlist.sol";
import {Polyglot} from "./support/MockLenders.sol";
import {MockToken} from "./support/MockTokens.sol";
import {Setup} from "./support/Setup.sol";

/// What the owner can list, and what not even the owner can.
contract AllowlistTest is Setup {
    bytes4 private constant ANY = 0x12345678;

    function test_ruleSet_reads() public {
        _rule(address(0x1), ANY, Kind.GRANT, 0x87654321, address(0x2));
        (Kind kind, bytes4 revoke, address spender) = executor.ruleOf(address(0x1), ANY);

        _same(uint256(kind), uint256(Kind.GRANT), "kind");
        _same(uint256(uint32(revoke)), 0x87654321, "revoke");
        _same(spender, address(0x2), "spender");
    }

    function test_ruleTakenOut_refusesTheCall() public {
        _run(_gainOne());
        _rule(address(lender), Polyglot.give.selector, Kind.NONE, 0, address(0));
        _refuse(_gainOne(), Allowlist.NotAllowed.selector);
    }

    function test_selectorsThatMoveOrPromiseTokens_cannotBeListed() public {
        string[20] memory banned = [
            "approve(address,uint256)",
            "transfer(address,uint256)",
            "transferFrom(address,address,uint256)",
            "increaseAllowance(address,uint256)",
            "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
            "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)",
            "approve(address,address,uint160,uint48)",
            "setApprovalForAll(address,bool)",
            "safeTransferFrom(address,address,uint256)",
            "safeTransferFrom(address,address,uint256,bytes)",
            "safeTransferFrom(address,address,uint256,uint256,bytes)",
            "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
            "authorizeOperator(address)",
            "hope(address)",
            "allow(address,bool)",
            "setAuthorization(address,bool)",
            "approveDelegation(address,uint256)",
            "setLocalOperator(address,bool)",
            "setOperator(bytes19,address,uint256)",
            "setAccountOperator(address,address,bool)"
        ];

        for (uint256 i; i < banned.length; ++i) {
            bytes4 selector = bytes4(keccak256(bytes(banned[i])));
            _refuseRule(Rule(address(usd), selector, Kind.CALL, 0, address(0)), Allowlist.BannedSelector.selector);
            _refuseRule(Rule(address(usd), selector, Kind.PAYABLE, 0, address(0)), Allowlist.BannedSelector.selector);
        }
    }

    function test_incoherentRules_areRefused() public {
        bytes4 bad = Allowlist.BadRule.selector;
        _refuseRule(Rule(address(0), ANY, Kind.CALL, 0, address(0)), bad);
        _refuseRule(Rule(address(executor), ANY, Kind.CALL, 0, address(0)), bad);
        _refuseRule(Rule(address(1), ANY, Kind.CALL, 0, address(executor)), bad);
        _refuseRule(Rule(address(1), ANY, Kind.CALL, ANY, address(0)), bad);
        _refuseRule(Rule(address(1), ANY, Kind.GRANT, 0, address(0)), bad);
        _refuseRule(Rule(address(1), ANY, Kind.RECIPIENT, 0, address(0)), bad);
        _refuseRule(Rule(address(1), 0, Kind.CALL, 0, address(0)), bad);
        _refuseRule(Rule(address(1), ANY, Kind.NONE, 0, address(2)), bad);
    }

    function test_stranger_mayNotConfigure() public {
        vm.expectRevert();
        vm.prank(STRANGER);
        executor.configure(new Rule[](0), new Listing[](0), new Factory[](0));
    }

    function test_pinnedTokens_areListedInAnyOrderOfChanges() public {
        address[] memory tokens = new address[](4);

        for (uint256 i; i < tokens.length; ++i) {
            tokens[i] = address(new MockToken());
            _list(tokens[i], true, true);
        }

        _list(tokens[1], true, true); // again: counts once
        _list(tokens[0], true, false);
        _list(tokens[3], false, false);
        _same(executor.pinnedTokens().length, 2, "count");
        _same(executor.pinnedTokens()[0], tokens[2], "moved into the gap");
        _same(executor.pinnedTokens()[1], tokens[1], "second");
        (bool listed, bool pinned) = executor.tokens(tokens[0]);
        _true(listed && !pinned, "still listed");
        _run(_gainOne());
    }

    function test_pinnedButNotListed_reverts() public {
        _refuseListing(Listing(address(usd), false, true), Allowlist.NotListed.selector);
    }

    function test_ninthPinned_reverts() public {
        for (uint160 i = 1; i <= 8; ++i) {
            _list(address(i), true, true);
        }

        _refuseListing(Listing(address(9), true, true), Allowlist.TooManyPinned.selector);
    }

    function _refuseRule(Rule memory rule, bytes4 reason) private {
        Rule[] memory rules = new Rule[](1);
        rules[0] = rule;
        vm.expectPartialRevert(reason);
        vm.prank(OWNER);
        executor.configure(rules, new Listing[](0), new Factory[](0));
    }

    function _refuseListing(Listing memory listing, bytes4 reason) private {
        Listing[] memory listings = new Listing[](1);
        listings[0] = listing;
        vm.expectPartialRevert(reason);
        vm.prank(OWNER);
        executor.configure(new Rule[](0), listings, new Factory[](0));
    }
}
