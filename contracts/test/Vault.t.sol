// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IVaultBorrower, Vault} from "../src/Vault.sol";
import {Ops} from "./support/Ops.sol";
import {Setup} from "./support/Setup.sol";

/// Capital that leaves for the length of a call, up to its caps.
contract VaultTest is Setup {
    Vault internal vault;

    uint128 private constant PER_LOAN = 1_000e6;
    uint128 private constant PER_DAY = 1_500e6;

    function setUp() public override {
        super.setUp();
        vault = new Vault(OWNER, address(executor));
        usd.mint(address(vault), 10_000e6);
        _rule(address(vault), Vault.lend.selector, address(0));
        vm.prank(OWNER);
        vault.setCap(address(usd), PER_LOAN, PER_DAY);
    }

    function test_loanFromTheVault_comesBackWhole() public {
        _run(_lend(PER_LOAN, bytes.concat(_gainOne(), _payBack(PER_LOAN))));

        _same(usd.balanceOf(address(vault)), 10_000e6, "vault");
        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
    }

    function test_loanNotPaidBack_reverts() public {
        bytes memory reason =
            abi.encodeWithSelector(Vault.NotRepaid.selector, address(usd), 10_000e6 - 1, uint256(10_000e6));
        _refuse(_lend(PER_LOAN, _payBack(PER_LOAN - 1)), reason);
    }

    function test_loanAboveTheCap_reverts() public {
        bytes memory reason =
            abi.encodeWithSelector(Vault.AboveCap.selector, address(usd), uint256(PER_LOAN) + 1, uint256(PER_LOAN));
        _refuse(_lend(PER_LOAN + 1, _payBack(PER_LOAN + 1)), reason);
    }

    function test_loansAboveTheDailyCap_revertUntilTomorrow() public {
        bytes memory program = bytes.concat(_lend(PER_LOAN, _payBack(PER_LOAN)), _gainOne());
        _run(program);
        bytes memory reason =
            abi.encodeWithSelector(Vault.AboveCap.selector, address(usd), uint256(PER_LOAN) * 2, uint256(PER_DAY));
        _refuse(program, reason);
        vm.warp(block.timestamp + 1 days);
        _run(program);
    }

    function test_tokenWithoutACap_isNotLent() public {
        vm.prank(OWNER);
        vault.setCap(address(usd), 0, 0);
        _refuse(_lend(1, _payBack(1)), abi.encodeWithSelector(Vault.AboveCap.selector, address(usd), 1, 0));
    }

    function test_loanInsideALoan_reverts() public {
        bytes memory inner = bytes.concat(_lend(1, _payBack(1)), _payBack(2));
        _refuse(_lend(2, inner), abi.encodeWithSelector(Vault.LoanOpen.selector));
    }

    function test_twoLoansInOneFrame_areFine() public {
        bytes memory loan = _lend(7, _payBack(7));
        _run(bytes.concat(loan, loan, _gainOne()));
    }

    function test_strangerBorrowing_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Vault.NotExecutor.selector, STRANGER));
        vm.prank(STRANGER);
        vault.lend(address(usd), 1, "");
    }

    function test_ownerWithdraws_anybodyElseReverts() public {
        vm.prank(OWNER);
        vault.withdraw(address(usd), USER, 10_000e6);
        _same(usd.balanceOf(USER), 10_000e6, "user");
        vm.expectRevert(abi.encodeWithSelector(Vault.NotOwner.selector, OPERATOR));
        vm.prank(OPERATOR);
        vault.withdraw(address(usd), OPERATOR, 1);
    }

    function test_withdrawalDuringALoan_reverts() public {
        // A vault whose owner is the executor itself, which may then withdraw in a program.
        vault = new Vault(address(executor), address(executor));
        usd.mint(address(vault), 10);
        vm.prank(address(executor));
        vault.setCap(address(usd), 10, 10);
        _rule(address(vault), Vault.lend.selector, address(0));
        _rule(address(vault), Vault.withdraw.selector, address(0));
        bytes memory take = Ops.call(address(vault), abi.encodeCall(Vault.withdraw, (address(usd), STRANGER, 1)));
        _refuse(_lend(5, take), abi.encodeWithSelector(Vault.LoanOpen.selector));
    }

    function test_capByAnybodyElse_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Vault.NotOwner.selector, STRANGER));
        vm.prank(STRANGER);
        vault.setCap(address(usd), 1, 1);
    }

    function test_zeroAddresses_areRefused() public {
        vm.expectRevert(Vault.ZeroAddress.selector);
        new Vault(address(0), address(executor));
        vm.expectRevert(Vault.ZeroAddress.selector);
        new Vault(OWNER, address(0));
    }

    function testFuzz_vault_neverLoses(uint128 amount, uint128 back, uint128 gain) public {
        gain = gain % 1_000e6;
        bytes memory program = _lend(amount, bytes.concat(_gain(gain), _payBack(back)));
        vm.prank(OPERATOR);
        (bool success,) = address(executor).call(abi.encodeCall(executor.execute, (_header(), program)));

        _true(usd.balanceOf(address(vault)) >= 10_000e6, "lost");
        _true(!success || (amount <= PER_LOAN && back >= amount && back < uint256(amount) + gain), "should not have");
    }

    function _lend(uint256 amount, bytes memory inner) internal view returns (bytes memory) {
        bytes memory data = abi.encodeCall(Vault.lend, (address(usd), amount, inner));
        uint256 offset = Ops.offsetOf(data, 2);
        Ops.Extras memory x =
            Ops.expect(Ops.none(), IVaultBorrower.onVaultLoan.selector, 2, offset, type(uint128).max, 0);
        return Ops.call(address(vault), data, x);
    }

    function _payBack(uint256 amount) internal view returns (bytes memory) {
        return Ops.pay(address(usd), Ops.exact(amount));
    }
}
