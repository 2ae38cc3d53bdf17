// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Executor} from "../../src/Executor.sol";
import {Header} from "../../src/Settlement.sol";
import {IVaultBorrower, Vault} from "../../src/Vault.sol";
import {ICallbacks, Polyglot} from "../support/MockLenders.sol";
import {MockToken} from "../support/MockTokens.sol";
import {Ops} from "../support/Ops.sol";
import {Setup} from "../support/Setup.sol";

/// Whatever an operator's key signs, whoever calls, the executor and the vault keep what they had and promise nothing.
contract ExecutorInvariantTest is Setup {
    Vault private vault;
    Handler private handler;

    uint256 private constant FORGOTTEN = 50e6;
    uint256 private constant CAPITAL = 5_000e6;

    function setUp() public override {
        super.setUp();
        vault = new Vault(OWNER, address(executor));
        usd.mint(address(vault), CAPITAL);
        usd.mint(address(executor), FORGOTTEN);
        weth.mint(address(executor), FORGOTTEN);
        vm.deal(address(executor), FORGOTTEN);
        _rule(address(vault), Vault.lend.selector, address(0));
        vm.prank(OWNER);
        vault.setCap(address(usd), type(uint128).max, type(uint128).max);
        handler = new Handler(executor, usd, MockToken(address(weth)), lender, vault);
        vm.prank(OWNER);
        executor.setOperator(address(handler), true);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        bytes4[] memory selectors = new bytes4[](2);
        (selectors[0], selectors[1]) = (Handler.run.selector, Handler.interfere.selector);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    /// The programs drawn at random are not all refused, or the invariants would say little.
    function test_randomPrograms_settleAndFailOften() public {
        for (uint256 seed; seed < 300; ++seed) {
            handler.run(uint256(keccak256(abi.encode(seed))), uint8(seed), 0, uint8(seed >> 3));
        }

        _true(handler.settled() > 75, "settled too seldom");
        _true(handler.settled() < 225, "failed too seldom");
    }

    function invariant_nothingForgotten_isSpentAndNothingLeft() public view {
        _same(usd.balanceOf(address(executor)), FORGOTTEN, "usd");
        _same(weth.balanceOf(address(executor)), FORGOTTEN, "weth");
        _same(address(executor).balance, FORGOTTEN, "native");
    }

    function invariant_noAllowance_outlivesItsFrame() public view {
        _same(usd.allowance(address(executor), address(lender)), 0, "usd");
        _same(weth.allowance(address(executor), address(lender)), 0, "weth");
        _true(!lender.can(address(executor), address(lender)), "grant");
    }

    function invariant_capital_staysInTheVault() public view {
        _true(usd.balanceOf(address(vault)) >= CAPITAL, "vault");
    }

    function invariant_profit_goesNowhereElse() public view {
        _same(usd.balanceOf(address(handler)), 0, "handler");
    }
}

/// An operator that puts operations together at random, and strangers that interfere.
contract Handler is Setup {
    Vault private immutable vault;

    constructor(Executor executor_, MockToken usd_, MockToken weth_, Polyglot lender_, Vault vault_) {
        executor = executor_;
        usd = usd_;
        other = weth_;
        lender = lender_;
        vault = vault_;
    }

    MockToken private immutable other;
    uint256 public settled;

    function setUp() public override {}

    function run(uint256 seed, uint8 count, uint96 minTip, uint8 flags) external payable {
        bytes memory program = seed & 1 == 0 ? _gain(60e6) : bytes.concat(Ops.watch(address(other)), _gain(60e6));

        for (uint256 i; i < count % 6; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            program = bytes.concat(program, _operation(seed, 2));
        }

        Header memory header =
            Header(uint40(block.timestamp), 0, address(usd), 1, 0, minTip, uint128(minTip) * 2, flags & 3);
        (bool success,) = address(executor).call(abi.encodeCall(executor.execute, (header, program)));

        if (success) ++settled;
    }

    function interfere(bytes4 selector, bytes calldata data) external {
        vm.prank(STRANGER);
        (bool ignored,) = address(executor).call(bytes.concat(selector, data));
        ignored;
    }

    function _operation(uint256 seed, uint256 depth) private view returns (bytes memory) {
        uint256 kind = seed % 20;
        uint256 amount = (seed >> 8) % 60e6;
        uint256 next = uint256(keccak256(abi.encode(seed, depth)));

        if (kind <= 7) return _gain(amount);
        if (kind == 8) return Ops.transfer(address(usd), STRANGER, Ops.exact(amount));
        if (kind == 9) return Ops.unwrap(Ops.exact(amount));
        if (kind == 10) return Ops.tip(uint128(amount));
        if (kind <= 12) return _pull(amount, (seed >> 64) % 70e6, seed & 256 == 0);
        if (kind == 13) {
            return Ops.grant(address(lender), Polyglot.hope.selector, address(lender), Polyglot.pull.selector);
        }
        if (depth == 0) return _gain(amount);
        if (kind <= 16) return Ops.attempt(uint32(amount % 300_000), _operation(next, depth - 1));
        if (kind <= 18) return _borrow(amount, _operation(next, depth - 1));

        bytes memory inner = bytes.concat(_operation(next, depth - 1), Ops.pay(address(usd), Ops.exact(amount)));
        bytes memory data = abi.encodeCall(Vault.lend, (address(usd), amount, inner));
        uint256 offset = Ops.offsetOf(data, 2);
        Ops.Extras memory x = Ops.expect(Ops.none(), IVaultBorrower.onVaultLoan.selector, 2, offset, uint128(amount), 0);
        return Ops.call(address(vault), data, x);
    }

    function _pull(uint256 amount, uint256 allowed, bool ofUsd) private view returns (bytes memory) {
        address token = ofUsd ? address(usd) : address(other);
        Ops.Extras memory x = Ops.allow(Ops.none(), token, Ops.exact(allowed));
        return Ops.call(address(lender), abi.encodeCall(Polyglot.pull, (amount)), x);
    }
}
