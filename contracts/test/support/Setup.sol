// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Factory, Kind, Listing, Rule} from "../../src/Allowlist.sol";
import {Executor} from "../../src/Executor.sol";
import {Header} from "../../src/Settlement.sol";
import {AaveTwin, ICallbacks, Polyglot} from "./MockLenders.sol";
import {MockToken, MockWrapped} from "./MockTokens.sol";
import {Ops} from "./Ops.sol";
import {Program} from "../../src/Program.sol";
import {Vm} from "./Vm.sol";

/// @title An executor wired to a lending pool and to lenders of every dialect
abstract contract Setup {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    address internal constant OWNER = address(0x0101);
    address internal constant GUARDIAN = address(0x0202);
    address internal constant OPERATOR = address(0x0303);
    address internal constant TREASURY = address(0x0404);
    address internal constant ATLAS = address(0x0505);
    address internal constant COINBASE = address(0xc01);
    address internal constant STRANGER = address(0xbad);
    address internal constant USER = address(0x0606);

    Executor internal executor;
    MockToken internal usd;
    MockWrapped internal weth;
    AaveTwin internal aave;
    Polyglot internal lender;

    error AssertionFailed(string what, uint256 left, uint256 right);

    function setUp() public virtual {
        usd = new MockToken();
        weth = new MockWrapped();
        aave = new AaveTwin();
        lender = new Polyglot(usd);
        address[] memory operators = new address[](1);
        operators[0] = OPERATOR;
        executor = new Executor(OWNER, GUARDIAN, TREASURY, address(weth), ATLAS, operators);
        usd.mint(address(aave), 1_000_000e6);
        usd.mint(address(lender), 1_000_000e6);
        vm.deal(address(weth), 1_000 ether);
        vm.deal(OPERATOR, 100 ether);
        vm.coinbase(COINBASE);
        _list(address(usd), true, false);
        _list(address(weth), true, false);
        _rule(address(aave), AaveTwin.flashLoanSimple.selector, address(aave));
        _rule(address(aave), AaveTwin.liquidationCall.selector, address(aave));
        _rule(address(weth), MockWrapped.deposit.selector, Kind.PAYABLE, 0, address(0));
        _listLender();
    }

    function _listLender() private {
        bytes4[13] memory selectors = [
            Polyglot.morpho.selector,
            Polyglot.liquidate.selector,
            Polyglot.erc3156.selector,
            Polyglot.balancer.selector,
            Polyglot.clipper.selector,
            Polyglot.pair.selector,
            Polyglot.unlock.selector,
            Polyglot.word.selector,
            Polyglot.plain.selector,
            Polyglot.twice.selector,
            Polyglot.through.selector,
            Polyglot.pull.selector,
            Polyglot.give.selector
        ];

        for (uint256 i; i < selectors.length; ++i) {
            _rule(address(lender), selectors[i], address(lender));
        }

        _rule(address(lender), Polyglot.answers.selector, Kind.CALL, 0, address(0));
        _rule(address(lender), Polyglot.many.selector, Kind.CALL, 0, address(0));
        _rule(address(lender), Polyglot.silent.selector, Kind.CALL, 0, address(0));
        _rule(address(lender), Polyglot.useHope.selector, address(lender));
        _rule(address(lender), Polyglot.take.selector, Kind.PAYABLE, 0, address(0));
        _rule(address(lender), Polyglot.hope.selector, Kind.GRANT, Polyglot.nope.selector, address(0));
    }

    // The owner's side

    function _rule(address target, bytes4 selector, address spender) internal {
        _rule(target, selector, Kind.CALL, 0, spender);
    }

    function _rule(address target, bytes4 selector, Kind kind, bytes4 revoke, address spender) internal {
        Rule[] memory rules = new Rule[](1);
        rules[0] = Rule(target, selector, kind, revoke, spender);
        vm.prank(OWNER);
        executor.configure(rules, new Listing[](0), new Factory[](0));
    }

    function _list(address token, bool listed, bool pinned) internal {
        Listing[] memory listings = new Listing[](1);
        listings[0] = Listing(token, listed, pinned);
        vm.prank(OWNER);
        executor.configure(new Rule[](0), listings, new Factory[](0));
    }

    function _factory(address factory, bytes32 initCodeHash) internal {
        Factory[] memory factories = new Factory[](1);
        factories[0] = Factory(factory, initCodeHash);
        vm.prank(OWNER);
        executor.configure(new Rule[](0), new Listing[](0), factories);
    }

    // The operator's side

    function _header() internal view returns (Header memory) {
        return Header(uint40(block.timestamp), 0, address(usd), 1, 0, 0, 0, 0);
    }

    function _skipHeader() internal view returns (Header memory header) {
        header = _header();
        header.flags = 1;
    }

    function _run(bytes memory program) internal {
        _run(_header(), program);
    }

    function _run(Header memory header, bytes memory program) internal {
        vm.prank(OPERATOR);
        executor.execute(header, program);
    }

    function _refuse(bytes memory program, bytes memory reason) internal {
        _refuse(_header(), program, reason);
    }

    function _refuse(Header memory header, bytes memory program, bytes memory reason) internal {
        vm.expectRevert(reason);
        vm.prank(OPERATOR);
        executor.execute(header, program);
    }

    function _refuse(bytes memory program, bytes4 selector) internal {
        vm.expectPartialRevert(selector);
        vm.prank(OPERATOR);
        executor.execute(_header(), program);
    }

    // Programs

    /// What every frame needs: a gain, here of one dollar.
    function _gainOne() internal view returns (bytes memory) {
        return _gain(1e6);
    }

    function _gain(uint256 amount) internal view returns (bytes memory) {
        return Ops.call(address(lender), abi.encodeCall(Polyglot.give, (amount)));
    }

    function _flash(uint256 amount, bytes memory inner, uint256 spends) internal view returns (bytes memory) {
        bytes memory data =
            abi.encodeCall(AaveTwin.flashLoanSimple, (address(executor), address(usd), amount, inner, 0));
        uint256 owed = amount + (amount * 5 + 9_999) / 10_000;
        Ops.Extras memory x = Ops.allow(Ops.none(), address(usd), Ops.exact(owed + spends));
        uint256 offset = Ops.offsetOf(data, 3);
        x = Ops.expectFrom(x, ICallbacks.executeOperation.selector, 4, 3, offset, 0, Program.ANSWER_TRUE);
        return Ops.call(address(aave), data, x);
    }

    /// A loan from the lender in Morpho's dialect: pulled back, no fee.
    function _borrow(uint256 amount, bytes memory inner) internal view returns (bytes memory) {
        bytes memory data = abi.encodeCall(Polyglot.morpho, (address(usd), amount, inner));
        Ops.Extras memory x = Ops.allow(Ops.none(), address(usd), Ops.exact(amount));
        x = Ops.expect(x, ICallbacks.onMorphoFlashLoan.selector, 1, Ops.offsetOf(data, 2), 0, 0);
        return Ops.call(address(lender), data, x);
    }

    // Judgement

    function _same(uint256 left, uint256 right, string memory what) internal pure {
        if (left != right) revert AssertionFailed(what, left, right);
    }

    function _same(address left, address right, string memory what) internal pure {
        _same(uint160(left), uint160(right), what);
    }

    function _true(bool condition, string memory what) internal pure {
        if (!condition) revert AssertionFailed(what, 0, 0);
    }

    function _empty() internal view {
        _same(usd.balanceOf(address(executor)), 0, "usd left");
        _same(weth.balanceOf(address(executor)), 0, "weth left");
        _same(address(executor).balance, 0, "native left");
    }
}
