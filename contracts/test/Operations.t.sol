// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Allowlist, Kind} from "../src/Allowlist.sol";
import {Amounts} from "../src/Amounts.sol";
import {Calls} from "../src/Calls.sol";
import {Frame} from "../src/Frame.sol";
import {Interpreter} from "../src/Interpreter.sol";
import {Program} from "../src/Program.sol";
import {Header} from "../src/Settlement.sol";
import {Tokens} from "../src/Tokens.sol";
import {ICallbacks, Polyglot} from "./support/MockLenders.sol";
import {MockToken, MockWrapped, SilentToken} from "./support/MockTokens.sol";
import {Ops} from "./support/Ops.sol";
import {Setup} from "./support/Setup.sol";

/// What each operation does, and what it refuses.
contract OperationsTest is Setup {
    using Ops for Ops.Extras;

    // CALL

    function test_callOfAnUnlistedSelector_reverts() public {
        bytes memory data = abi.encodeCall(MockToken.mint, (STRANGER, 1));
        bytes memory reason =
            abi.encodeWithSelector(Allowlist.NotAllowed.selector, address(usd), MockToken.mint.selector);
        _refuse(Ops.call(address(usd), data), reason);
    }

    function test_callOfAListedSelectorOnAnotherTarget_reverts() public {
        bytes memory reason =
            abi.encodeWithSelector(Allowlist.NotAllowed.selector, address(usd), Polyglot.give.selector);
        _refuse(Ops.call(address(usd), abi.encodeCall(Polyglot.give, (1))), reason);
    }

    function test_callWithoutASelector_reverts() public {
        _refuse(Ops.call(address(lender), hex"010203"), Calls.NoSelector.selector);
    }

    function test_callOfAListedTargetWithoutCode_reverts() public {
        _rule(address(0xdead), Polyglot.give.selector, address(0));
        bytes memory program = Ops.call(address(0xdead), abi.encodeCall(Polyglot.give, (1)));
        _refuse(program, abi.encodeWithSelector(Calls.NoCode.selector, address(0xdead)));
    }

    function test_callThatReverts_passesItsReasonOn() public {
        bytes memory program = Ops.call(address(lender), abi.encodeCall(Polyglot.useHope, ()));
        _refuse(program, abi.encodeWithSignature("Error(string)", "not allowed"));
    }

    function test_valueToARuleWithoutValue_reverts() public {
        Ops.Extras memory x = Ops.none().patch(Program.VALUE, Ops.exact(1));
        bytes memory program = Ops.call(address(lender), abi.encodeCall(Polyglot.silent, ()), x);
        _refuse(program, Allowlist.NotAllowed.selector);
    }

    // Patches

    function test_patch_writesTheAmountIntoTheCall() public {
        Ops.Extras memory x = Ops.none().patch(4, Ops.exact(77));
        _run(bytes.concat(_gainOne(), Ops.call(address(lender), abi.encodeCall(Polyglot.take, (0)), x)));

        _same(lender.seen(), 77, "seen");
    }

    function test_patchOfAGain_leavesOutWhatWasThereBefore() public {
        usd.mint(address(executor), 5);
        Ops.Extras memory x = Ops.none().patch(4, Ops.gainOf(address(usd)));
        _run(bytes.concat(_gainOne(), Ops.call(address(lender), abi.encodeCall(Polyglot.take, (0)), x)));

        _same(lender.seen(), 1e6, "seen");
        _same(usd.balanceOf(address(executor)), 5, "left alone");
    }

    function test_patchOfTheValue_sendsNative() public {
        Ops.Extras memory x = Ops.none().patch(Program.VALUE, Ops.gainOf(address(0)));
        bytes memory program =
            bytes.concat(_gainOne(), Ops.call(address(lender), abi.encodeCall(Polyglot.take, (1)), x));
        Header memory header = _header();
        vm.prank(OPERATOR);
        executor.execute{value: 3 ether}(header, program);

        _same(lender.paid(), 3 ether, "paid");
        _empty();
    }

    function test_patchOutsideTheCall_reverts() public {
        bytes memory data = abi.encodeCall(Polyglot.take, (0));
        bytes memory program = Ops.call(address(lender), data, Ops.none().patch(5, Ops.exact(1)));
        _refuse(program, abi.encodeWithSelector(Calls.PatchOutOfRange.selector, 5));
    }

    function test_keptWords_areWhatTheCallReturned() public {
        _same(_seen(_answers(41), Ops.returned(0)), 41, "first");
        _same(_seen(_answers(41), Ops.returned(1)), 42, "second");
        _same(_seen(_answers(41), Ops.returned(2)), 0, "missing");
    }

    function test_keptWords_areThoseOfTheLastCallThatKept() public {
        bytes memory program = bytes.concat(
            _answers(41),
            Ops.call(address(lender), abi.encodeCall(Polyglot.silent, ()), Ops.none().keep()),
            _take(Ops.returned(0))
        );
        _run(bytes.concat(_gainOne(), program));

        _same(lender.seen(), 0, "seen");
    }

    function test_wordsBeyondTheFourth_areNotKept() public {
        bytes memory many = Ops.call(address(lender), abi.encodeCall(Polyglot.many, ()), Ops.none().keep());
        _same(_seen(many, Ops.returned(3)), 4, "fourth");
        _refuse(bytes.concat(many, _take(Ops.returned(4))), abi.encodeWithSelector(Amounts.NothingKept.selector, 4));
    }

    function test_gainOfATokenNotWatched_reverts() public {
        bytes memory program = _take(Ops.gainOf(address(weth)));
        _refuse(program, abi.encodeWithSelector(Frame.NotWatched.selector, address(weth)));
    }

    function test_nothingKept_reverts() public {
        _refuse(_take(Ops.returned(0)), abi.encodeWithSelector(Amounts.NothingKept.selector, 0));
        bytes memory program = bytes.concat(_answers(1), _take(Ops.returned(4)));
        _refuse(program, abi.encodeWithSelector(Amounts.NothingKept.selector, 4));
    }

    function test_scaledAmount_isDividedByAPowerOfTen() public {
        _same(_seen(_answers(1_999), abi.encodePacked(uint8(0x14), uint8(0), uint8(3))), 1, "down");
        _same(_seen(_answers(1_001), abi.encodePacked(uint8(0x34), uint8(0), uint8(3))), 2, "up");
        _same(_seen(_answers(2_000), abi.encodePacked(uint8(0x34), uint8(0), uint8(3))), 2, "even");
        _same(_seen(_answers(2_000), abi.encodePacked(uint8(0x54), uint8(0), uint8(3))), uint256(-int256(2)), "negated");
    }

    function testFuzz_scaledAmount_isDividedByAPowerOfTen(uint256 value, uint8 power, bool up) public {
        value = value % (1 << 255);
        power = power % 78;
        uint256 unit = 10 ** power;
        uint256 expected = value / unit + (up && value % unit != 0 ? 1 : 0);
        bytes memory amount = abi.encodePacked(uint8(up ? 0x34 : 0x14), uint8(0), power);
        _same(_seen(_answers(value), amount), expected, "scaled");
    }

    function test_unknownAmount_reverts() public {
        _refuse(_take(hex"0f"), abi.encodeWithSelector(Amounts.UnknownOperation.selector, 0x0f));
    }

    function test_argumentOutsideACallback_reverts() public {
        _refuse(_take(Ops.argument(0)), Amounts.NotInCallback.selector);
    }

    // Allowances

    function test_allowance_isExactAndGoneAfterwards() public {
        Ops.Extras memory x = Ops.none().allow(address(usd), Ops.exact(100));
        bytes memory program =
            bytes.concat(_gainOne(), Ops.call(address(lender), abi.encodeCall(Polyglot.pull, (60)), x));
        _run(program);

        _same(usd.balanceOf(TREASURY), 1e6 - 60, "treasury");
        _same(usd.allowance(address(executor), address(lender)), 0, "allowance");
    }

    function test_pullOfMoreThanAllowed_reverts() public {
        Ops.Extras memory x = Ops.none().allow(address(usd), Ops.exact(100));
        vm.expectRevert();
        vm.prank(OPERATOR);
        executor.execute(
            _header(), bytes.concat(_gainOne(), Ops.call(address(lender), abi.encodeCall(Polyglot.pull, (101)), x))
        );
    }

    function test_secondAllowance_addsToWhatIsLeft() public {
        bytes memory pull = abi.encodeCall(Polyglot.pull, (60));
        Ops.Extras memory first = Ops.none().allow(address(usd), Ops.exact(100));
        Ops.Extras memory second = Ops.none().allow(address(usd), Ops.exact(20));
        _run(bytes.concat(_gainOne(), Ops.call(address(lender), pull, first), Ops.call(address(lender), pull, second)));

        _same(usd.balanceOf(TREASURY), 1e6 - 120, "treasury");
    }

    function test_allowanceOfATokenThatChangesItFromZeroOnly_isRaisedByWayOfZero() public {
        SilentToken silent = new SilentToken();
        Polyglot other = new Polyglot(MockToken(address(silent)));
        silent.mint(address(other), 1e6);
        _rule(address(other), Polyglot.pull.selector, address(other));
        _rule(address(other), Polyglot.silent.selector, address(other));
        Ops.Extras memory ten = Ops.none().allow(address(silent), Ops.exact(10));
        Ops.Extras memory five = Ops.none().allow(address(silent), Ops.exact(5));
        _run(
            bytes.concat(
                Ops.watch(address(silent)),
                _gainOne(),
                Ops.call(address(other), abi.encodeCall(Polyglot.silent, ()), ten),
                Ops.call(address(other), abi.encodeCall(Polyglot.silent, ()), five)
            )
        );

        _same(silent.allowance(address(executor), address(other)), 0, "allowance");
    }

    function test_allowanceWithoutAListedSpender_reverts() public {
        Ops.Extras memory x = Ops.none().allow(address(usd), Ops.exact(1));
        bytes memory program = Ops.call(address(lender), abi.encodeCall(Polyglot.silent, ()), x);
        _refuse(
            program, abi.encodeWithSelector(Allowlist.NoSpender.selector, address(lender), Polyglot.silent.selector)
        );
    }

    function test_allowanceOfATokenNotWatched_reverts() public {
        Ops.Extras memory x = Ops.none().allow(address(weth), Ops.exact(1));
        bytes memory program = Ops.call(address(lender), abi.encodeCall(Polyglot.pull, (0)), x);
        _refuse(program, abi.encodeWithSelector(Frame.NotWatched.selector, address(weth)));
    }

    // TRANSFER and PAY

    function test_transferToAListedRecipient_arrives() public {
        _rule(address(0x9001), 0, Kind.RECIPIENT, 0, address(0));
        _run(bytes.concat(_gainOne(), Ops.transfer(address(usd), address(0x9001), Ops.exact(3))));

        _same(usd.balanceOf(address(0x9001)), 3, "recipient");
    }

    function test_transferOfTheGain_sendsAllOfIt() public {
        _rule(address(0x9001), 0, Kind.RECIPIENT, 0, address(0));
        bytes memory program =
            bytes.concat(_gain(5), Ops.transfer(address(usd), address(0x9001), Ops.gain()), _gainOne());
        _run(program);

        _same(usd.balanceOf(address(0x9001)), 5, "recipient");
    }

    function test_transferToAnybodyElse_reverts() public {
        bytes memory reason = abi.encodeWithSelector(Allowlist.NotAllowed.selector, STRANGER, bytes4(0));
        _refuse(bytes.concat(_gainOne(), Ops.transfer(address(usd), STRANGER, Ops.exact(1))), reason);
    }

    function test_transferOfATokenNotWatched_reverts() public {
        _rule(address(0x9001), 0, Kind.RECIPIENT, 0, address(0));
        weth.mint(address(executor), 1);
        bytes memory program = Ops.transfer(address(weth), address(0x9001), Ops.exact(1));
        _refuse(program, abi.encodeWithSelector(Frame.NotWatched.selector, address(weth)));
    }

    function test_payOutsideACallback_reverts() public {
        _refuse(bytes.concat(_gainOne(), Ops.pay(address(usd), Ops.exact(1))), Amounts.NotInCallback.selector);
    }

    // UNWRAP, WATCH, GRANT

    function test_unwrap_turnsTheGainIntoNative() public {
        bytes memory deposit = Ops.call(
            address(weth),
            abi.encodeCall(MockWrapped.deposit, ()),
            Ops.none().patch(Program.VALUE, Ops.gainOf(address(0)))
        );
        bytes memory program = bytes.concat(Ops.watch(address(weth)), deposit, Ops.unwrap(Ops.gain()), _gainOne());
        Header memory header = _header();
        vm.prank(OPERATOR);
        executor.execute{value: 2 ether}(header, program);

        _same(TREASURY.balance, 2 ether, "native of the treasury");
        _empty();
    }

    function test_unwrapNotWatched_reverts() public {
        weth.mint(address(executor), 1);
        _refuse(Ops.unwrap(Ops.exact(1)), abi.encodeWithSelector(Frame.NotWatched.selector, address(weth)));
    }

    function test_unwrapOfMoreThanThereIs_reverts() public {
        bytes memory program = bytes.concat(Ops.watch(address(weth)), Ops.unwrap(Ops.exact(1)));
        _refuse(program, abi.encodeWithSelector(Tokens.TransferFailed.selector, address(weth), address(executor), 1));
    }

    function test_watchedTwice_countsOnce() public {
        _run(bytes.concat(Ops.watch(address(weth)), Ops.watch(address(weth)), Ops.watch(address(usd)), _gainOne()));
    }

    function test_watchAfterAnotherOperation_reverts() public {
        bytes memory program = bytes.concat(_gainOne(), Ops.watch(address(weth)));
        _refuse(program, abi.encodeWithSelector(Amounts.UnknownOperation.selector, Program.WATCH));
    }

    function test_watchedTokenKept_goesToTheTreasuryToo() public {
        bytes memory deposit = Ops.call(
            address(weth), abi.encodeCall(MockWrapped.deposit, ()), Ops.none().patch(Program.VALUE, Ops.exact(1 ether))
        );
        bytes memory program = bytes.concat(Ops.watch(address(weth)), deposit, _gainOne());
        Header memory header = _header();
        vm.prank(OPERATOR);
        executor.execute{value: 1 ether}(header, program);

        _same(weth.balanceOf(TREASURY), 1 ether, "treasury");
    }

    function test_grant_holdsWithinTheFrameOnly() public {
        bytes memory use = abi.encodeCall(Polyglot.useHope, ());
        bytes4 called = Polyglot.useHope.selector;
        bytes memory grant = Ops.grant(address(lender), Polyglot.hope.selector, address(lender), called);
        _run(bytes.concat(grant, Ops.call(address(lender), use), grant, _gainOne()));

        _true(!lender.can(address(executor), address(lender)), "still granted");
    }

    function test_grantOfACallThatIsNone_reverts() public {
        bytes memory program =
            Ops.grant(address(lender), Polyglot.give.selector, address(lender), Polyglot.give.selector);
        _refuse(program, Allowlist.NotAllowed.selector);
        program = Ops.call(address(lender), abi.encodeCall(Polyglot.hope, (STRANGER)));
        _refuse(program, Allowlist.NotAllowed.selector);
    }

    function test_grantForACallWithoutSpender_reverts() public {
        bytes memory program =
            Ops.grant(address(lender), Polyglot.hope.selector, address(lender), Polyglot.silent.selector);
        _refuse(program, Allowlist.NoSpender.selector);
    }

    // The program itself

    function test_unknownOperation_reverts() public {
        _refuse(hex"ff", abi.encodeWithSelector(Amounts.UnknownOperation.selector, 0xff));
        _refuse(hex"00", abi.encodeWithSelector(Amounts.UnknownOperation.selector, 0));
    }

    function test_programCutOff_reverts() public {
        bytes memory program = _gainOne();
        assembly ("memory-safe") {
            mstore(program, sub(mload(program), 1))
        }
        _refuse(program, Interpreter.ProgramOverrun.selector);
    }

    function test_emptyProgram_hasNoProfit() public {
        vm.expectRevert();
        vm.prank(OPERATOR);
        executor.execute(_header(), "");
    }

    function test_itemCalledByAnybodyElse_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(Interpreter.NotSelf.selector, OPERATOR));
        vm.prank(OPERATOR);
        executor.item();
    }

    // TRY

    function test_failedItem_isSkippedWithItsReason() public {
        vm.expectEmit(address(executor));
        emit Interpreter.ItemFailed(1, abi.encodeWithSignature("Error(string)", "not allowed"));
        _run(_skip(), bytes.concat(_item(_gainOne()), _item(_failing()), _item(_gainOne())));

        _same(usd.balanceOf(TREASURY), 2e6, "treasury");
    }

    function test_failedItemWithoutTheFlag_failsAll() public {
        bytes memory program = bytes.concat(_item(_gainOne()), _item(_failing()));
        _refuse(program, abi.encodeWithSignature("Error(string)", "not allowed"));
    }

    function test_itemsWithoutTheFlag_runInOrder() public {
        _run(bytes.concat(_item(_gainOne()), _item(_gainOne())));
        _same(usd.balanceOf(TREASURY), 2e6, "treasury");
    }

    function test_conditionInAnItem_skipsIt() public {
        bytes memory condition = Ops.below(address(aave), abi.encodeWithSignature("health()"), 0, 1);
        _run(_skip(), bytes.concat(_item(bytes.concat(condition, _gainOne())), _item(_gainOne())));

        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
    }

    function test_tipInAnItem_countsIfItSucceeds() public {
        Header memory header = _skip();
        header.maxTip = 10;
        bytes memory good = bytes.concat(Ops.tip(3), _gainOne());
        bytes memory bad = bytes.concat(Ops.tip(4), _failing());
        bytes memory program = bytes.concat(_item(good), _item(bad));
        vm.prank(OPERATOR);
        executor.execute{value: 10}(header, program);

        _same(COINBASE.balance, 3, "tip");
        _same(TREASURY.balance, 7, "rest");
    }

    function test_sharedLoan_isRepaidInFullThoughAnItemFails() public {
        bytes memory inner = bytes.concat(_item(_gainOne()), _item(_failing()));
        _run(_skip(), _flash(100e6, inner, 0));

        _same(usd.balanceOf(TREASURY), 1e6 - 0.05e6, "treasury");
    }

    function test_itemThatLeavesAnExpectation_failsAlone() public {
        Ops.Extras memory x = Ops.none().expect(ICallbacks.onPlainCallback.selector, 1, 36, 0, 0);
        bytes memory data = abi.encodeWithSelector(Polyglot.give.selector, uint256(1e6), uint256(0));
        bytes memory bad = Ops.call(address(lender), data, x);
        vm.expectEmit(address(executor));
        emit Interpreter.ItemFailed(0, abi.encodeWithSelector(Interpreter.ExpectationsLeft.selector, 1));
        _run(_skip(), bytes.concat(_item(bad), _item(_gainOne())));
    }

    function _item(bytes memory program) private pure returns (bytes memory) {
        return Ops.attempt(500_000, program);
    }

    function _skip() private view returns (Header memory header) {
        header = _header();
        header.flags = 1;
    }

    function _failing() private view returns (bytes memory) {
        return Ops.call(address(lender), abi.encodeCall(Polyglot.useHope, ()));
    }

    function _answers(uint256 value) private view returns (bytes memory) {
        return Ops.call(address(lender), abi.encodeCall(Polyglot.answers, (value)), Ops.none().keep());
    }

    function _take(bytes memory amount) private view returns (bytes memory) {
        return Ops.call(address(lender), abi.encodeCall(Polyglot.take, (9)), Ops.none().patch(4, amount));
    }

    /// Runs a call that keeps what it returns, and what an amount then makes of it.
    function _seen(bytes memory first, bytes memory amount) private returns (uint256) {
        _run(bytes.concat(_gainOne(), first, _take(amount)));
        return lender.seen();
    }
}
