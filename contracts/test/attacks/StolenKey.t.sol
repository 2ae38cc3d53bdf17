// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Allowlist} from "../../src/Allowlist.sol";
import {Executor} from "../../src/Executor.sol";
import {Frame} from "../../src/Frame.sol";
import {Roles} from "../../src/Roles.sol";
import {Header, Settlement} from "../../src/Settlement.sol";
import {IVaultBorrower, Vault} from "../../src/Vault.sol";
import {Polyglot} from "../support/MockLenders.sol";
import {MockToken} from "../support/MockTokens.sol";
import {Ops} from "../support/Ops.sol";
import {IV3Pool, V3} from "../support/V3.sol";

/// Attacks 10 and 13: an operator key in a thief's hands, and our own transaction at the wrong time or place.
contract StolenKeyTest is V3 {
    Vault private vault;

    uint256 private constant CAPITAL = 10_000e6;

    function setUp() public override {
        super.setUp();
        vault = new Vault(OWNER, address(executor));
        usd.mint(address(vault), CAPITAL);
        usd.mint(address(executor), 77e6); // forgotten there
        _rule(address(vault), Vault.lend.selector, address(0));
        vm.prank(OWNER);
        vault.setCap(address(usd), type(uint128).max, type(uint128).max);
    }

    function test_attack10_sendingWhatIsThere_isNotPossible() public {
        bytes memory reason = abi.encodeWithSelector(Allowlist.NotAllowed.selector, STRANGER, bytes4(0));
        _refuse(Ops.transfer(address(usd), STRANGER, Ops.exact(77e6)), reason);
        bytes memory data = abi.encodeCall(MockToken.transfer, (STRANGER, 77e6));
        reason = abi.encodeWithSelector(Allowlist.NotAllowed.selector, address(usd), MockToken.transfer.selector);
        _refuse(Ops.call(address(usd), data), reason);
        data = abi.encodeCall(MockToken.approve, (STRANGER, 77e6));
        reason = abi.encodeWithSelector(Allowlist.NotAllowed.selector, address(usd), MockToken.approve.selector);
        _refuse(Ops.call(address(usd), data), reason);
    }

    function test_attack10_givingWhatIsThereToAListedLender_isNoticed() public {
        Ops.Extras memory x = Ops.allow(Ops.none(), address(usd), Ops.exact(77e6));
        bytes memory pull = Ops.call(address(lender), abi.encodeCall(Polyglot.pull, (77e6)), x);
        bytes memory reason = abi.encodeWithSelector(Settlement.BalanceLost.selector, address(usd), 77e6, 0);
        _refuse(pull, reason);
    }

    function test_attack10_capitalSwappedIntoTheThiefsPool_mustComeBack() public {
        // A genuine pool of listed tokens, made by the thief with nothing in it but a wild price.
        IV3Pool pool = IV3Pool(factory.createPool(address(usd), address(weth), FEE));
        pool.initialize(LOWEST * 2);
        bytes memory swap = _sell(address(usd), address(weth), type(uint128).max);
        bytes memory inner = bytes.concat(swap, Ops.pay(address(usd), Ops.exact(CAPITAL)));
        bytes memory program = bytes.concat(Ops.watch(address(weth)), _lend(CAPITAL, inner));
        vm.prank(OPERATOR);
        (bool success,) = address(executor).call(abi.encodeCall(executor.execute, (_header(), program)));

        _true(!success, "settled");
        _same(usd.balanceOf(address(vault)), CAPITAL, "capital");
        _same(usd.balanceOf(address(executor)), 77e6, "forgotten");
    }

    function test_attack10_capitalSentThroughAPoolToTheThief_mustComeBack() public {
        _openPool(address(usd), address(weth), 1e15);
        // The swap pays out to the thief instead of the executor.
        bytes memory inner = Ops.pay(address(usd), Ops.argument(address(usd) < address(weth) ? 0 : 1));
        bool zeroForOne = address(usd) < address(weth);
        bytes memory data =
            abi.encodeCall(IV3Pool.swap, (STRANGER, zeroForOne, int256(CAPITAL), zeroForOne ? LOWEST : HIGHEST, inner));
        bytes memory steal =
            _onPool(address(usd), address(weth), data, _expectSwap(Ops.none(), data, type(uint128).max));
        bytes memory program = _lend(CAPITAL, bytes.concat(steal, Ops.pay(address(usd), Ops.exact(77e6))));
        vm.expectPartialRevert(Vault.NotRepaid.selector);
        vm.prank(OPERATOR);
        executor.execute(_header(), program);
    }

    function test_attack10_ownersCalls_areNotTheOperators() public {
        vm.startPrank(OPERATOR);
        vm.expectPartialRevert(Roles.NotOwner.selector);
        executor.setOperator(STRANGER, true);
        vm.expectPartialRevert(Roles.NotOwner.selector);
        executor.proposeTreasury(STRANGER);
        vm.expectPartialRevert(Roles.NotOwner.selector);
        executor.sweep(address(usd));
        vm.expectPartialRevert(Vault.NotOwner.selector);
        vault.withdraw(address(usd), STRANGER, 1);
        vm.expectPartialRevert(Vault.NotExecutor.selector);
        vault.lend(address(usd), 1, "");
        vm.stopPrank();
    }

    function test_attack10_executorCallingItselfOrItsVaultsOwnerCalls_isNotPossible() public {
        bytes memory data = abi.encodeCall(executor.sweep, (address(usd)));
        _refuse(Ops.call(address(executor), data), Allowlist.NotAllowed.selector);
        data = abi.encodeCall(Vault.withdraw, (address(usd), STRANGER, 1));
        _refuse(Ops.call(address(vault), data), Allowlist.NotAllowed.selector);
    }

    function test_attack10_profitInAWorthlessToken_isNotListed() public {
        Header memory header = _header();
        MockToken worthless = new MockToken();
        header.profitToken = address(worthless);
        _refuse(header, "", abi.encodeWithSelector(Allowlist.NotListed.selector, address(worthless)));
    }

    function test_attack10_tipOfWhatIsThere_isNotPossible() public {
        vm.deal(address(executor), 5 ether);
        weth.mint(address(executor), 5 ether);
        Header memory header = _header();
        header.minTip = 5 ether;
        header.maxTip = 5 ether;
        _run(header, bytes.concat(Ops.watch(address(weth)), _gainOne()));

        _same(COINBASE.balance, 0, "tip");
        _same(address(executor).balance, 5 ether, "native");
        _same(weth.balanceOf(address(executor)), 5 ether, "wrapped");
    }

    function test_attack13_lateAndOnAnotherChain_reverts() public {
        Header memory header = _header();
        header.maxBlock = uint40(block.number);
        vm.roll(block.number + 1);
        _refuse(header, _gainOne(), abi.encodeWithSelector(Executor.Expired.selector, header.deadline, header.maxBlock));
        vm.roll(block.number - 1);
        vm.warp(block.timestamp + 1);
        _refuse(header, _gainOne(), abi.encodeWithSelector(Executor.Expired.selector, header.deadline, header.maxBlock));
        vm.warp(block.timestamp - 1);
        vm.chainId(block.chainid + 1);
        _refuse(header, _gainOne(), abi.encodeWithSelector(Executor.WrongChain.selector, block.chainid));
    }

    function test_attack13_aloneAfterARivalWasFirst_revertsForLackOfProfit() public {
        // What the route lived on is gone: the loan can be repaid, and there is nothing left.
        bytes memory reason = abi.encodeWithSelector(Settlement.NotEnoughProfit.selector, 0, 1);
        _refuse(_borrow(1e6, ""), reason);
    }

    function test_attack13_copiedCalldata_isRefusedFromAnybodyElse() public {
        bytes memory call = abi.encodeCall(executor.execute, (_header(), _gainOne()));
        vm.expectRevert(abi.encodeWithSelector(Roles.NotOperator.selector, STRANGER));
        vm.prank(STRANGER);
        (bool ignored,) = address(executor).call(call);
        ignored;
    }

    function test_attack13_nothingStaysFromAFrameThatReverted() public {
        _refuse(_borrow(1e6, ""), Settlement.NotEnoughProfit.selector);
        vm.expectRevert(abi.encodeWithSelector(Frame.NoFrame.selector, address(this)));
        (bool ignored,) = address(executor).call(hex"12345678");
        ignored;
        _run(_gainOne());
    }

    function _lend(uint256 amount, bytes memory inner) private view returns (bytes memory) {
        bytes memory data = abi.encodeCall(Vault.lend, (address(usd), amount, inner));
        uint256 offset = Ops.offsetOf(data, 2);
        Ops.Extras memory x =
            Ops.expect(Ops.none(), IVaultBorrower.onVaultLoan.selector, 2, offset, type(uint128).max, 0);
        return Ops.call(address(vault), data, x);
    }
}
