// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Header, Settlement} from "../src/Settlement.sol";
import {Tokens} from "../src/Tokens.sol";
import {Program} from "../src/Program.sol";
import {Polyglot} from "./support/MockLenders.sol";
import {MockToken, StickyToken} from "./support/MockTokens.sol";
import {Ops} from "./support/Ops.sol";
import {Setup} from "./support/Setup.sol";

/// The end of a frame: tip, allowances, balances, floor, treasury.
contract SettlementTest is Setup {
    using Ops for Ops.Extras;

    Polyglot private wethLender;

    function setUp() public override {
        super.setUp();
        wethLender = new Polyglot(MockToken(address(weth)));
        weth.mint(address(wethLender), 1_000 ether);
        _rule(address(wethLender), Polyglot.give.selector, address(0));
        _rule(address(wethLender), Polyglot.pull.selector, address(wethLender));
    }

    function test_profitOfExactlyTheLeast_settles() public {
        Header memory header = _header();
        header.minProfit = 1e6;
        _run(header, _gainOne());
    }

    function test_profitBelowTheLeast_reverts() public {
        Header memory header = _header();
        header.minProfit = 1e6 + 1;
        bytes memory reason = abi.encodeWithSelector(Settlement.NotEnoughProfit.selector, 1e6, 1e6 + 1);
        _refuse(header, _gainOne(), reason);
    }

    function test_watchedTokenLost_reverts() public {
        weth.mint(address(executor), 5);
        Ops.Extras memory x = Ops.none().allow(address(weth), Ops.exact(2));
        bytes memory pull = Ops.call(address(wethLender), abi.encodeCall(Polyglot.pull, (2)), x);
        bytes memory reason = abi.encodeWithSelector(Settlement.BalanceLost.selector, address(weth), 5, 3);
        _refuse(bytes.concat(Ops.watch(address(weth)), pull, _gainOne()), reason);
    }

    function test_pinnedTokenLostUnnamed_reverts() public {
        Burner burner = new Burner(weth);
        _rule(address(burner), Burner.redeem.selector, address(0));
        weth.mint(address(executor), 5);
        bytes memory program = bytes.concat(Ops.call(address(burner), abi.encodeCall(Burner.redeem, (1))), _gainOne());
        _run(program);
        _list(address(weth), true, true);
        _refuse(program, abi.encodeWithSelector(Settlement.BalanceLost.selector, address(weth), 4, 3));
    }

    function test_nativeLost_reverts() public {
        vm.deal(address(executor), 3);
        Ops.Extras memory x = Ops.none().patch(Program.VALUE, Ops.exact(1));
        bytes memory take = Ops.call(address(lender), abi.encodeCall(Polyglot.take, (0)), x);
        bytes memory reason = abi.encodeWithSelector(Settlement.BalanceLost.selector, address(0), 3, 2);
        _refuse(bytes.concat(take, _gainOne()), reason);
    }

    function test_nativeThatWasThere_stays() public {
        vm.deal(address(executor), 3);
        _run(_gainOne());
        _same(address(executor).balance, 3, "native");
        _same(TREASURY.balance, 0, "treasury");
    }

    function test_treasuryThatRefusesNative_reverts() public {
        vm.etch(TREASURY, hex"fe");
        Header memory header = _header();
        bytes memory program = _gainOne();
        vm.expectRevert(abi.encodeWithSelector(Settlement.NativeTransferFailed.selector, TREASURY, 3));
        vm.prank(OPERATOR);
        executor.execute{value: 3}(header, program);
    }

    function test_allowanceThatCannotBeTakenBack_reverts() public {
        StickyToken sticky = new StickyToken();
        bytes memory use = Ops.call(
            address(lender), abi.encodeCall(Polyglot.pull, (0)), Ops.none().allow(address(sticky), Ops.exact(9))
        );
        bytes memory reason = abi.encodeWithSelector(Tokens.ApproveFailed.selector, address(sticky), address(lender), 0);
        _refuse(bytes.concat(Ops.watch(address(sticky)), use, _gainOne()), reason);
    }

    // Tips. The gain is of 10 WETH where nothing else is said.

    function test_shareOfWhatExceedsTheFloor_isTheTip() public {
        Header memory header = _wethHeader();
        header.minProfit = 4 ether;
        header.tipBps = 5_000;
        header.maxTip = 100 ether;
        vm.expectEmit(address(executor));
        emit Settlement.Executed(OPERATOR, address(weth), 7 ether, 3 ether);
        _run(header, _wethGain());

        // (10 - 4) / 2
        _same(COINBASE.balance, 3 ether, "tip");
        _same(weth.balanceOf(TREASURY), 7 ether, "treasury");
        _empty();
    }

    function test_shareAboveTheMost_isTheMost() public {
        Header memory header = _wethHeader();
        header.tipBps = 5_000;
        header.maxTip = 1 ether;
        _run(header, _wethGain());
        _same(COINBASE.balance, 1 ether, "tip");
    }

    function test_shareBelowTheLeast_isTheLeast() public {
        Header memory header = _wethHeader();
        header.tipBps = 1;
        header.minTip = 2 ether;
        header.maxTip = 3 ether;
        _run(header, _wethGain());
        _same(COINBASE.balance, 2 ether, "tip");
    }

    function test_tipThatEatsTheFloor_reverts() public {
        Header memory header = _wethHeader();
        header.minProfit = 9 ether;
        header.minTip = 2 ether;
        header.maxTip = 2 ether;
        _refuse(header, _wethGain(), abi.encodeWithSelector(Settlement.NotEnoughProfit.selector, 8 ether, 9 ether));
    }

    function test_fixedTipOfAnotherProfitToken_comesFromTheWrappedGain() public {
        Header memory header = _header();
        header.minTip = 1 ether;
        header.maxTip = 1 ether;
        _run(header, bytes.concat(Ops.watch(address(weth)), _wethGain(), _gainOne()));

        _same(COINBASE.balance, 1 ether, "tip");
        _same(weth.balanceOf(TREASURY), 9 ether, "kept");
        _same(usd.balanceOf(TREASURY), 1e6, "profit");
    }

    function test_tipFromTheValueSent_leavesTheRestToTheTreasury() public {
        Header memory header = _header();
        header.minTip = 1 ether;
        header.maxTip = 1 ether;
        bytes memory program = _gainOne();
        vm.prank(OPERATOR);
        executor.execute{value: 3 ether}(header, program);

        _same(COINBASE.balance, 1 ether, "tip");
        _same(TREASURY.balance, 2 ether, "rest");
    }

    function test_tipNotCovered_isLeftOut() public {
        Header memory header = _header();
        header.minTip = 1;
        header.maxTip = 1;
        vm.expectEmit(address(executor));
        emit Settlement.Executed(OPERATOR, address(usd), 1e6, 0);
        _run(header, _gainOne());
    }

    function test_tipNotCoveredButRequired_reverts() public {
        Header memory header = _header();
        header.minTip = 1;
        header.maxTip = 1;
        header.flags = 2;
        _refuse(header, _gainOne(), abi.encodeWithSelector(Settlement.TipFailed.selector, COINBASE, 1));
    }

    function testFuzz_tip_isClampedAndTheFloorHolds(
        uint64 gain,
        uint64 minProfit,
        uint16 bps,
        uint64 minTip,
        uint64 maxTip
    ) public {
        vm.assume(gain > 0 && minProfit > 0);
        Header memory header = _wethHeader();
        header.minProfit = minProfit;
        header.tipBps = bps;
        header.minTip = minTip;
        header.maxTip = maxTip;
        uint256 tip = gain > minProfit ? uint256(gain - minProfit) * bps / 10_000 : 0;
        tip = tip < minTip ? minTip : tip;
        tip = tip > maxTip ? maxTip : tip;
        tip = tip > gain ? 0 : tip; // more than there is: not paid
        bytes memory program = Ops.call(address(wethLender), abi.encodeCall(Polyglot.give, (gain)));
        vm.prank(OPERATOR);
        (bool success,) = address(executor).call(abi.encodeCall(executor.execute, (header, program)));

        _true(success == (gain - tip >= minProfit), "floor");
        _same(COINBASE.balance, success ? tip : 0, "tip");
        _same(weth.balanceOf(TREASURY), success ? gain - tip : 0, "treasury");
    }

    function _wethHeader() private view returns (Header memory header) {
        header = _header();
        header.profitToken = address(weth);
    }

    function _wethGain() private view returns (bytes memory) {
        return Ops.call(address(wethLender), abi.encodeCall(Polyglot.give, (10 ether)));
    }
}

/// Takes its caller's tokens without an allowance, as a market that burns its own shares does.
contract Burner {
    MockToken private immutable token;

    constructor(MockToken token_) {
        token = token_;
    }

    function redeem(uint256 amount) external {
        token.burn(msg.sender, amount);
    }
}
