// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Interpreter} from "../../src/Interpreter.sol";
import {Polyglot} from "../support/MockLenders.sol";
import {MockToken} from "../support/MockTokens.sol";
import {Ops} from "../support/Ops.sol";
import {Setup} from "../support/Setup.sol";

/// Attack 14: items of a batch that fail half-way, or cost the others their gas.
contract ItemsTest is Setup {
    function test_attack14_itemThatFailsWithAllowancesSet_leavesNone() public {
        bytes memory pull = Ops.call(
            address(lender),
            abi.encodeCall(Polyglot.pull, (10)),
            Ops.allow(Ops.none(), address(usd), Ops.exact(1_000e6))
        );
        bytes memory half = Ops.attempt(500_000, bytes.concat(pull, _fail()));
        _runSkipping(bytes.concat(_gainOne(), half));

        _same(usd.allowance(address(executor), address(lender)), 0, "allowance");
        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
    }

    function test_attack14_itemThatFailsInsideALoan_leavesTheLoanToBeRepaid() public {
        bytes memory half = Ops.attempt(500_000, bytes.concat(_borrow(7e6, ""), _fail()));
        _runSkipping(_borrow(1e6, bytes.concat(half, _gainOne())));

        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
    }

    function test_attack14_itemThatBurnsItsGas_leavesTheOthersTheirs() public {
        Glutton glutton = new Glutton();
        _rule(address(glutton), Glutton.eat.selector, address(0));
        bytes memory bad = Ops.attempt(300_000, Ops.call(address(glutton), abi.encodeCall(Glutton.eat, ())));
        uint256 start = gasleft();
        _runSkipping(bytes.concat(bad, Ops.attempt(300_000, _gainOne())));

        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
        _true(start - gasleft() < 600_000, "burnt");
    }

    function test_attack14_itemThatRevertsWithMuch_isQuotedShort() public {
        Glutton glutton = new Glutton();
        _rule(address(glutton), Glutton.shout.selector, address(0));
        bytes memory bad = Ops.attempt(500_000, Ops.call(address(glutton), abi.encodeCall(Glutton.shout, ())));
        vm.expectEmit(address(executor));
        emit Interpreter.ItemFailed(0, new bytes(132));
        _runSkipping(bytes.concat(bad, _gainOne()));
    }

    function test_attack14_gasTooShortForTheItem_failsTheFrameNotTheItem() public {
        bytes memory program = bytes.concat(Ops.attempt(2_000_000, _gainOne()), _gainOne());
        bytes memory call = abi.encodeCall(executor.execute, (_skipHeader(), program));
        vm.prank(OPERATOR);
        (bool success, bytes memory reason) = address(executor).call{gas: 1_000_000}(call);

        _true(!success, "ran");
        _same(uint256(uint32(bytes4(reason))), uint256(uint32(Interpreter.NotEnoughGas.selector)), "reason");
    }

    function test_attack14_itemCannotPayTheOuterCaller() public {
        bytes memory item = Ops.attempt(500_000, Ops.pay(address(usd), Ops.exact(1)));
        bytes memory inner = bytes.concat(item, Ops.pay(address(usd), Ops.argument(1)));
        bytes memory data = abi.encodeCall(Polyglot.pair, (1e6, address(executor), inner));
        bytes4 selector = bytes4(keccak256("uniswapV2Call(address,uint256,uint256,bytes)"));
        Ops.Extras memory x = Ops.expectFrom(Ops.none(), selector, 3, 0, Ops.offsetOf(data, 2), 1e6, 0);
        _runSkipping(bytes.concat(Ops.call(address(lender), data, x), _gainOne()));

        _same(usd.balanceOf(TREASURY), 1e6, "treasury");
    }

    function testFuzz_attack14_anyGasCap_leavesNoTrace(uint32 gasCap, uint8 failing) public {
        gasCap = gasCap % 400_000;
        bytes memory program = _gainOne();

        for (uint256 i; i < 3; ++i) {
            bytes memory body = failing & (1 << i) == 0 ? _borrow(1e6, _gainOne()) : _borrow(1e6, _fail());
            program = bytes.concat(program, Ops.attempt(gasCap, body));
        }

        _runSkipping(program);
        _empty();
        _same(usd.allowance(address(executor), address(lender)), 0, "allowance");
        _true(usd.balanceOf(TREASURY) % 1e6 == 0 && usd.balanceOf(TREASURY) >= 1e6, "half an item");
    }

    function _fail() private view returns (bytes memory) {
        return Ops.call(address(lender), abi.encodeCall(Polyglot.useHope, ()));
    }

    function _runSkipping(bytes memory program) private {
        vm.prank(OPERATOR);
        executor.execute(_skipHeader(), program);
    }
}

contract Glutton {
    uint256 private sink;

    function eat() external {
        while (true) ++sink;
    }

    function shout() external pure {
        assembly {
            mstore(0x40, 0)
            revert(0, 50000)
        }
    }
}
